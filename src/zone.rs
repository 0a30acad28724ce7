//! Time zones by their IANA names.

use chrono_tz::{TZ_VARIANTS, Tz};

use crate::diagnostic::{Fault, did_you_mean};

pub mod windows;

/// Reads a zone's name (`Europe/Berlin`); upper and lower case do not matter.
///
/// # Errors
/// `zone::unknown`, with the nearest name: by spelling, or by city when only that was written.
pub fn parse(text: &str) -> Result<Tz, Fault> {
    let text = text.trim();
    let exact = text.parse().ok();
    let found = exact.or_else(|| {
        TZ_VARIANTS
            .into_iter()
            .find(|zone| zone.name().eq_ignore_ascii_case(text))
    });
    if let Some(zone) = found {
        return Ok(zone);
    }
    let fault = Fault::error("zone::unknown", format!("there is no time zone `{text}`"));
    Err(match nearest(text) {
        Some(zone) => fault.help(format!("did you mean `{zone}`?")),
        None => fault.help("write the IANA name, such as `Europe/Berlin`, `America/New_York` or `UTC`"),
    })
}

fn nearest(text: &str) -> Option<&'static str> {
    let city = text.to_lowercase().replace([' ', '-'], "_");
    let by_city = TZ_VARIANTS
        .iter()
        .map(|zone| zone.name())
        .find(|name| name.rsplit('/').next().is_some_and(|last| last.to_lowercase() == city));
    by_city
        .or_else(|| did_you_mean(text, TZ_VARIANTS.iter().map(|zone| zone.name())))
        .or_else(|| {
            let cities = TZ_VARIANTS.iter().filter_map(|zone| zone.name().rsplit('/').next());
            let city = did_you_mean(&city, cities)?;
            TZ_VARIANTS
                .iter()
                .map(|zone| zone.name())
                .find(|name| name.ends_with(city))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_found_whatever_its_case() {
        assert_eq!(parse("europe/berlin").unwrap(), Tz::Europe__Berlin);
        assert_eq!(parse("UTC").unwrap(), Tz::UTC);
    }

    #[test]
    fn a_misspelt_zone_or_a_bare_city_gets_a_suggestion() {
        for (written, meant) in [
            ("Europe/Berln", "Europe/Berlin"),
            ("Berlin", "Europe/Berlin"),
            ("new york", "America/New_York"),
            ("Asia/Dubay", "Asia/Dubai"),
        ] {
            let fault = parse(written).unwrap_err();
            assert_eq!(
                fault.help.as_deref(),
                Some(format!("did you mean `{meant}`?").as_str()),
                "{written}"
            );
        }
        let fault = parse("W. Europe Standard Time").unwrap_err();
        assert!(fault.help.unwrap().contains("IANA"));
    }
}
