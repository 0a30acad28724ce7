//! Audiences that contain themselves.

use std::collections::HashMap;

/// Circles that are told; who has that many mends these first.
const MOST_CIRCLES: usize = 20;
/// Members of one circle that are told, and names that a sentence has.
const MOST_NAMES: usize = 12;

/// For each name that leads back to itself, by the names it leads to: the way, `a > b > a`. Takes time in proportion to the
/// number of names, however they are tangled.
pub(super) fn circles(leads_to: &[(String, Vec<String>)]) -> HashMap<String, String> {
    let place: HashMap<&str, usize> = leads_to
        .iter()
        .enumerate()
        .map(|(at, (name, _))| (name.as_str(), at))
        .collect();
    let mut next: Vec<Vec<usize>> = leads_to
        .iter()
        .map(|(_, names)| {
            names
                .iter()
                .filter_map(|name| place.get(name.as_str()).copied())
                .collect()
        })
        .collect();
    let mut found = HashMap::new();
    for _ in 0..MOST_CIRCLES {
        without_ends(&mut next);
        // Whoever is left leads on to somebody who is left: walking on must come round.
        let Some(start) = next.iter().position(|names| !names.is_empty()) else {
            break;
        };
        let mut way: Vec<usize> = Vec::new();
        let mut seen: HashMap<usize, usize> = HashMap::new();
        let mut here = start;
        while !seen.contains_key(&here) {
            seen.insert(here, way.len());
            way.push(here);
            here = next[here][0];
        }
        let circle = &way[seen[&here]..];
        for turn in 0..circle.len().min(MOST_NAMES) {
            let mut names: Vec<&str> = (0..=circle.len())
                .take(MOST_NAMES)
                .map(|step| leads_to[circle[(turn + step) % circle.len()]].0.as_str())
                .collect();
            let own = names[0];
            if circle.len() >= MOST_NAMES {
                names.extend(["…", own]);
            }
            found.insert(own.to_owned(), names.join(" > "));
        }
        circle.iter().for_each(|member| next[*member].clear());
    }
    found
}

/// Takes out whatever leads nowhere, again and again.
fn without_ends(next: &mut [Vec<usize>]) {
    let mut from: Vec<Vec<usize>> = vec![Vec::new(); next.len()];
    for (at, names) in next.iter().enumerate() {
        names.iter().for_each(|name| from[*name].push(at));
    }
    let mut left: Vec<usize> = next.iter().map(Vec::len).collect();
    let mut gone = vec![false; next.len()];
    let mut ends: Vec<usize> = (0..next.len()).filter(|at| left[*at] == 0).collect();
    while let Some(end) = ends.pop() {
        gone[end] = true;
        for at in &from[end] {
            left[*at] -= 1;
            if left[*at] == 0 {
                ends.push(*at);
            }
        }
    }
    for at in 0..next.len() {
        if gone[at] {
            next[at].clear();
        } else {
            next[at].retain(|name| !gone[*name]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[(&str, &[&str])]) -> Vec<String> {
        let names: Vec<(String, Vec<String>)> = names
            .iter()
            .map(|(name, leads)| ((*name).to_owned(), leads.iter().map(|to| (*to).to_owned()).collect()))
            .collect();
        let mut found: Vec<String> = circles(&names).into_values().collect();
        found.sort();
        found
    }

    #[test]
    fn every_name_that_leads_back_to_itself_is_found_with_the_way() {
        assert_eq!(told(&[("a", &["b"]), ("b", &["c", "x"]), ("c", &[])]), [""; 0]);
        assert_eq!(told(&[("s", &["s"]), ("t", &["s"])]), ["s > s"]);
        assert_eq!(
            told(&[
                ("in", &["a"]),
                ("a", &["b"]),
                ("b", &["a", "out"]),
                ("out", &["u"]),
                ("u", &["out"])
            ]),
            ["a > b > a", "b > a > b", "out > u > out", "u > out > u"]
        );
        // A diamond is no circle.
        assert_eq!(
            told(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])]),
            [""; 0]
        );
    }

    #[test]
    fn chains_and_circles_of_thousands_take_no_time() {
        let names = |round: bool| -> Vec<(String, Vec<String>)> {
            (0..20_000)
                .map(|n| {
                    (
                        format!("a{n}"),
                        vec![if round {
                            format!("a{}", (n + 1) % 20_000)
                        } else {
                            format!("a{}", n + 1)
                        }],
                    )
                })
                .collect()
        };
        assert!(circles(&names(false)).is_empty());
        let found = circles(&names(true));
        assert_eq!(found.len(), MOST_NAMES);
        assert!(found.values().all(|way| way.len() < 200));
    }
}
