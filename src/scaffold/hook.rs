//! A further hook in a `herald.yaml` that somebody wrote: their lines and comments stay as they are.

use serde_json::Value;

use crate::yaml;

/// The text with these lines below `hooks:`; they are indented by two blanks, the hook's name first. `None` when there
/// is no place where they surely belong.
pub fn insert(text: &str, name: &str, lines: &str) -> Option<String> {
    let before = value(text)?;
    let new = inserted(text, lines)?;
    // Whatever was written before must mean what it meant.
    let mut after = value(&new)?;
    let added = after.get_mut("hooks")?.as_object_mut()?.shift_remove(name)?;
    if !added.is_object() || before.get("hooks").and_then(|hooks| hooks.get(name)).is_some() {
        return None;
    }
    let same = match before.get("hooks") {
        Some(Value::Object(_)) => after == before,
        Some(_) | None => {
            let (mut left, mut right) = (before, after);
            for side in [&mut left, &mut right] {
                if let Some(map) = side.as_object_mut() {
                    map.shift_remove("hooks");
                }
            }
            // An empty file is nothing at all.
            left == right || (left.is_null() && right.as_object().is_some_and(serde_json::Map::is_empty))
        }
    };
    same.then_some(new)
}

fn value(text: &str) -> Option<Value> {
    let parsed = yaml::parse("herald.yaml", text);
    // The new lines are sound; a file that is broken already is not for us to touch.
    parsed.document.map(|document| document.value)
}

fn inserted(text: &str, lines: &str) -> Option<String> {
    let all: Vec<&str> = text.lines().collect();
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let join = |before: &[&str], new: &str, after: &[&str]| {
        let mut out = String::new();
        for line in before.iter().copied().chain(new.lines()).chain(after.iter().copied()) {
            out.push_str(line);
            out.push_str(end);
        }
        out
    };
    let key = all.iter().position(|line| {
        line.strip_prefix("hooks:")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
    });
    let Some(key) = key else {
        let gap = if all.last().is_none_or(|line| line.trim().is_empty()) {
            ""
        } else {
            "\n"
        };
        return Some(join(&all, &format!("{gap}hooks:\n{lines}"), &[]));
    };
    let behind = all[key]["hooks:".len()..].split('#').next().unwrap_or_default().trim();
    let (before, after) = all.split_at(key + 1);
    match behind {
        "" => {}
        "{}" | "null" | "~" => {
            let mut before = before.to_vec();
            before[key] = "hooks:";
            return Some(join(&before, lines, after));
        }
        // Written on one line, or with an anchor.
        _ => return None,
    }
    let is_content = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let below = after
        .iter()
        .position(|line| is_content(line) && !line.starts_with([' ', '\t']))
        .unwrap_or(after.len());
    let last = after[..below].iter().rposition(|line| is_content(line));
    let Some(last) = last else {
        return Some(join(before, lines, after));
    };
    let first = after[..below].iter().find(|line| is_content(line))?;
    let indent = &first[..first.len() - first.trim_start().len()];
    let indented: String = lines
        .lines()
        .map(|line| format!("{indent}{}\n", line.strip_prefix("  ").unwrap_or(line)))
        .collect();
    let mut above = before.to_vec();
    above.extend(&after[..=last]);
    Some(join(&above, &indented, &after[last + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "  shop:\n    path: shop\n    signature: bearer\n    secret: SHOP_TOKEN\n";

    fn with_shop(text: &str) -> Option<String> {
        insert(text, "shop", SHOP)
    }

    #[test]
    fn a_hook_is_added_below_the_others_and_comments_stay() {
        let text = "# mine\nhooks: # all of them\n    ci:\n        signature: none # for now\n        anyone_can_post: true\n\n    # the end\n\nstore: data/\n";
        let new = "# mine\nhooks: # all of them\n    ci:\n        signature: none # for now\n        anyone_can_post: true\n    shop:\n      path: shop\n      signature: bearer\n      secret: SHOP_TOKEN\n\n    # the end\n\nstore: data/\n";
        assert_eq!(with_shop(text).as_deref(), Some(new));
    }

    #[test]
    fn settings_without_hooks_get_some() {
        for text in [
            "",
            "time_zone: UTC\n",
            "time_zone: UTC",
            "# nothing\n",
            "hooks:\ntime_zone: UTC\n",
            "hooks: {} # none\n",
            "time_zone: UTC\r\n",
        ] {
            let new = with_shop(text).unwrap_or_else(|| panic!("{text:?}"));
            let value = value(&new).expect("it is YAML");
            assert_eq!(value["hooks"]["shop"]["secret"], "SHOP_TOKEN", "{new}");
            assert_eq!(new.contains("UTC"), text.contains("UTC"));
            assert_eq!(
                new.matches('\r').count(),
                if text.contains('\r') {
                    new.matches('\n').count()
                } else {
                    0
                }
            );
        }
    }

    #[test]
    fn what_cannot_be_done_safely_is_not_done() {
        for text in [
            "hooks: { ci: { signature: none, anyone_can_post: true } }\n",
            "{ hooks: {} }\n",
            "hooks:\n  shop: { signature: none, anyone_can_post: true }\n",
            "hooks: &all\n  ci: { signature: none, anyone_can_post: true }\n",
            "hooks: [\n",
            "hooks:\n- a\n",
        ] {
            assert_eq!(with_shop(text), None, "{text}");
        }
    }
}
