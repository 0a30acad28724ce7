//! `themeColor` -> the nearest colour that reads well in light, dark and high contrast.

/// The style of a band of about this colour; none for black, white and grey.
pub(super) fn style(written: &str) -> Option<&'static str> {
    let written = written.trim();
    let named = match written.to_ascii_lowercase().as_str() {
        "good" | "green" | "success" => Some("good"),
        "warning" | "orange" | "yellow" => Some("warning"),
        "danger" | "attention" | "error" | "red" => Some("attention"),
        "accent" | "blue" => Some("accent"),
        _ => None,
    };
    named.or_else(|| of_rgb(rgb(written.trim_start_matches('#').trim_start_matches("0x"))?))
}

fn rgb(digits: &str) -> Option<[u8; 3]> {
    if !digits.is_ascii() {
        return None;
    }
    let doubled: String;
    let six = match digits.len() {
        3 => {
            doubled = digits.chars().flat_map(|digit| [digit, digit]).collect();
            &doubled
        }
        6 => digits,
        // Opacity, first or last, is not ours to show; most write it last.
        8 => &digits[..6],
        _ => return None,
    };
    let part = |at: usize| u8::from_str_radix(&six[at..at + 2], 16).ok();
    Some([part(0)?, part(2)?, part(4)?])
}

fn of_rgb([red, green, blue]: [u8; 3]) -> Option<&'static str> {
    let [red, green, blue] = [red, green, blue].map(f64::from);
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let spread = most - least;
    if most < 40.0 || spread / most < 0.2 {
        return None;
    }
    let hue = if most == red {
        60.0 * ((green - blue) / spread).rem_euclid(6.0)
    } else if most == green {
        60.0 * ((blue - red) / spread + 2.0)
    } else {
        60.0 * ((red - green) / spread + 4.0)
    };
    Some(match hue {
        hue if !(22.0..335.0).contains(&hue) => "attention",
        hue if hue < 68.0 => "warning",
        hue if hue < 170.0 => "good",
        _ => "accent",
    })
}

#[cfg(test)]
mod tests {
    use super::style;

    #[test]
    fn the_colours_that_senders_use_mean_what_they_meant() {
        for (written, expected) in [
            ("d70000", Some("attention")),
            ("#FF0000", Some("attention")),
            ("8C1A1A", Some("attention")),
            ("FFA500", Some("warning")),
            ("ffcc00", Some("warning")),
            ("2DC72D", Some("good")),
            ("#36a64f", Some("good")),
            ("0076D7", Some("accent")),
            ("0078d7", Some("accent")),
            ("#f00", Some("attention")),
            ("Good", Some("good")),
            ("808080", None),
            ("000000", None),
            ("ffffff", None),
            ("", None),
            ("müde12", None),
            ("not a colour", None),
        ] {
            assert_eq!(style(written), expected, "{written}");
        }
    }
}
