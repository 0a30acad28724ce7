//! Moments, in the zone of whoever reads about them.

use std::fmt::Write;

use chrono::format::{Fixed, Item, Numeric, StrftimeItems};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use super::{Arguments, Datum, cut, written};
use crate::card::scope::Frame;
use crate::card::syntax::{Call, Expression};
use crate::diagnostic::did_you_mean;
use crate::words::Language;
use crate::words::moments::{self, Shape, Unit};

const WORDS: [&str; 5] = ["short", "long", "day", "time", "relative"];

/// Finds fault with a format or zone that the author wrote out.
pub(super) fn check(call: &Call) -> Option<String> {
    if let Some(format) = written(call, 1)
        && let Err(complaint) = Format::read(format)
    {
        return Some(complaint);
    }
    match call.named.iter().find(|(name, _)| name == "zone") {
        Some((_, Expression::Literal(Value::String(zone)))) => zone_named(zone).err().map(|complaint| {
            let known = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
            match did_you_mean(zone, known) {
                Some(near) if zone.len() <= 64 => format!("there is no time zone `{zone}`; did you mean `{near}`?"),
                _ => complaint,
            }
        }),
        _ => None,
    }
}

pub(super) fn date<'v>(arguments: &mut Arguments<'v, '_>) -> Result<Datum<'v>, String> {
    let moment = moment(arguments.datum(0))?;
    let format = match arguments.datum(1) {
        Datum::Missing => Format::Short,
        given => Format::read(&given.text())?,
    };
    let zone = match arguments.named("zone") {
        Some(named) => zone_named(&named.text())?,
        None => zone_of(arguments.frame),
    };
    let now = arguments
        .frame
        .fixed(&["now"])
        .and_then(Value::as_str)
        .and_then(|now| DateTime::parse_from_rfc3339(now).ok())
        .map_or(moment, |now| now.to_utc());
    let language = language_of(arguments.frame);
    Ok(Datum::owned(format.write(moment, now, zone, language)?))
}

enum Format {
    Short,
    Long,
    Day,
    Time,
    Relative,
    Pattern(String),
}

impl Format {
    fn read(text: &str) -> Result<Format, String> {
        match text {
            "short" => Ok(Format::Short),
            "long" => Ok(Format::Long),
            "day" => Ok(Format::Day),
            "time" => Ok(Format::Time),
            "relative" => Ok(Format::Relative),
            pattern if pattern.contains('%') && pattern.len() <= 200 => {
                if StrftimeItems::new(pattern).any(|item| matches!(item, Item::Error)) {
                    return Err(format!(
                        "`{}` is no date pattern; `%d.%m.%Y %H:%M` is one",
                        cut(pattern)
                    ));
                }
                Ok(Format::Pattern(pattern.to_owned()))
            }
            other => Err(match did_you_mean(&cut(other), WORDS) {
                Some(near) => format!("there is no date format `{}`; did you mean `{near}`?", cut(other)),
                None => format!(
                    "there is no date format `{}`; take `{}`, or a pattern such as `%d.%m.%Y %H:%M`",
                    cut(other),
                    WORDS.join("`, `")
                ),
            }),
        }
    }

    fn write(
        &self,
        moment: DateTime<Utc>,
        now: DateTime<Utc>,
        zone: Tz,
        language: Language,
    ) -> Result<String, String> {
        let local = moment.with_timezone(&zone);
        let (pattern, behind) = match self {
            Format::Relative => return Ok(relative(moment, now, language)),
            // Whoever has no zone of their own is told which one this is.
            Format::Short if zone == Tz::UTC => (moments::pattern(language, Shape::Short), " UTC"),
            Format::Short => (moments::pattern(language, Shape::Short), ""),
            Format::Long => (moments::pattern(language, Shape::Long), ""),
            Format::Day => (moments::pattern(language, Shape::Day), ""),
            Format::Time if zone == Tz::UTC => ("%H:%M", " UTC"),
            Format::Time => ("%H:%M", ""),
            Format::Pattern(pattern) => (pattern.as_str(), ""),
        };
        let own = !matches!(self, Format::Pattern(_));
        let items = StrftimeItems::new(pattern).map(|item| named(item, &local, own, language));
        let mut out = String::new();
        // `to_string` would panic on what `write!` reports.
        write!(out, "{}", local.format_with_items(items))
            .map_err(|_| format!("`{}` is no date pattern", cut(pattern)))?;
        out.push_str(behind);
        Ok(out)
    }
}

/// The name of a month or a day in this language, where a pattern asks for it; in patterns of `own`, also what a language
/// writes in another way.
fn named<'p>(item: Item<'p>, local: &DateTime<Tz>, own: bool, language: Language) -> Item<'p> {
    let month = |short| moments::month(language, local.month0() as usize, short);
    let day = |short| moments::weekday(language, local.weekday().num_days_from_monday() as usize, short);
    match item {
        Item::Fixed(Fixed::LongMonthName) => Item::Literal(month(false)),
        Item::Fixed(Fixed::ShortMonthName) => Item::Literal(month(true)),
        Item::Fixed(Fixed::LongWeekdayName) => Item::Literal(day(false)),
        Item::Fixed(Fixed::ShortWeekdayName) => Item::Literal(day(true)),
        Item::Numeric(Numeric::Day, _) if own && language == Language::French && local.day() == 1 => {
            Item::Literal("1er")
        }
        other => other,
    }
}

/// A timestamp as people read it, in the zone of the workspace; none for any other text.
pub(crate) fn of_timestamp(text: &str, zone: Option<&str>) -> Option<String> {
    if !text.contains('T') || text.len() > 40 {
        return None;
    }
    let moment = DateTime::parse_from_rfc3339(text.trim()).ok()?.to_utc();
    let zone = zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
    Format::Short.write(moment, moment, zone, Language::English).ok()
}

/// The language of the words around it, if Herald speaks it.
fn language_of(frame: &Frame<'_>) -> Language {
    let named = |name| frame.fixed(&[name]).and_then(Value::as_array);
    let languages = named("dates_in").or_else(|| named("languages"));
    let mut tags = languages.into_iter().flatten().filter_map(Value::as_str);
    tags.find_map(Language::of).unwrap_or(Language::English)
}

/// The recipient's zone, else the workspace's, else UTC.
fn zone_of(frame: &Frame<'_>) -> Tz {
    [&["recipient", "time_zone"][..], &["time_zone"][..]]
        .into_iter()
        .find_map(|name| frame.fixed(name)?.as_str()?.parse().ok())
        .unwrap_or(Tz::UTC)
}

fn zone_named(name: &str) -> Result<Tz, String> {
    name.parse()
        .map_err(|_| format!("there is no time zone `{}`; `Europe/Berlin` is one", cut(name)))
}

/// Reads the ways in which senders write moments.
fn moment(datum: &Datum<'_>) -> Result<DateTime<Utc>, String> {
    let text = datum.text();
    let text = text.trim();
    let fail = || format!("`{}` is no date", cut(text));
    if let Ok(number) = text.parse::<f64>() {
        // Seconds until the year 5000; what is larger counts milliseconds.
        let milliseconds = if number.abs() < 1e11 { number * 1_000.0 } else { number };
        if milliseconds.abs() > 1e15 {
            return Err(fail());
        }
        return DateTime::from_timestamp_millis(milliseconds as i64).ok_or_else(fail);
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(moment.to_utc());
    }
    if let Ok(moment) = DateTime::parse_from_rfc2822(text) {
        return Ok(moment.to_utc());
    }
    if let Ok(moment) = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f %z") {
        return Ok(moment.to_utc());
    }
    for pattern in [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ] {
        if let Ok(naive) = NaiveDateTime::parse_from_str(text, pattern) {
            return Ok(naive.and_utc());
        }
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| fail())?;
    Ok(day.and_time(chrono::NaiveTime::MIN).and_utc())
}

/// `3 minutes ago`, `in 2 hours`
fn relative(moment: DateTime<Utc>, now: DateTime<Utc>, language: Language) -> String {
    let seconds = now.signed_duration_since(moment).num_seconds();
    let distance = seconds.unsigned_abs();
    let (count, unit) = match distance {
        0..45 => return moments::just_now(language).to_owned(),
        45..5_400 => ((distance + 30) / 60, Unit::Minute),
        5_400..129_600 => ((distance + 1_800) / 3_600, Unit::Hour),
        129_600..5_184_000 => ((distance + 43_200) / 86_400, Unit::Day),
        5_184_000..63_072_000 => (distance / 2_592_000, Unit::Month),
        _ => (distance / 31_536_000, Unit::Year),
    };
    moments::distance(language, count, unit, seconds >= 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::card::template::Partials;
    use crate::card::text::{Text, Warnings};

    fn shown(template: &str, at: serde_json::Value) -> (String, Vec<String>) {
        let scope = json!({
            "event": { "at": at }, "now": "2026-03-29T12:00:00Z", "recipient": { "time_zone": "Europe/Berlin" },
        });
        let mut seen = Warnings::new();
        let text = Text::compile(template, &Partials::none()).expect("a readable text");
        (text.shown(&scope, &mut seen), seen.into_vec())
    }

    #[test]
    fn every_way_of_writing_a_moment_is_read() {
        for at in [
            json!("2026-03-29T00:59:00Z"),
            json!("2026-03-29T01:59:00+01:00"),
            json!("2026-03-29 00:59:00"),
            json!("2026-03-29T00:59"),
            json!("2026-03-29 00:59:00 +0000"),
            json!("Sun, 29 Mar 2026 00:59:00 GMT"),
            json!(1_774_745_940),
            json!("1774745940"),
            json!(1_774_745_940_000_i64),
        ] {
            assert_eq!(shown("{{date event.at}}", at.clone()).0, "29 Mar 2026, 01:59", "{at}");
        }
        assert_eq!(
            shown("{{date event.at \"day\"}}", json!("2026-03-29")).0,
            "29 March 2026"
        );
    }

    #[test]
    fn months_and_days_are_named_in_the_language_of_whoever_reads() {
        let of = |language: &str, template: &str| {
            let scope = json!({
                "event": { "at": "2026-03-01T10:30:00Z" }, "now": "2026-03-01T12:00:00Z",
                "recipient": { "time_zone": "Europe/Berlin" }, "languages": [language, "en"],
            });
            let text = Text::compile(template, &Partials::none()).expect("a readable text");
            text.shown(&scope, &mut Warnings::new())
        };
        let all = "x {{date event.at}} | {{date event.at 'long'}} | {{date event.at 'day'}}";
        for (language, expected) in [
            (
                "it",
                "1 Mar 2026, 11:30 | Sunday, 1 March 2026 at 11:30 CET | 1 March 2026",
            ),
            (
                "de-ch",
                "1. März 2026, 11:30 | Sonntag, 1. März 2026 um 11:30 CET | 1. März 2026",
            ),
            (
                "es",
                "1 mar 2026, 11:30 | domingo, 1 de marzo de 2026, 11:30 CET | 1 de marzo de 2026",
            ),
            (
                "fr",
                "1er mars 2026, 11:30 | dimanche 1er mars 2026 à 11:30 CET | 1er mars 2026",
            ),
            ("ja", "2026年3月1日 11:30 | 2026年3月1日日曜日 11:30 CET | 2026年3月1日"),
            (
                "ar",
                "1 مارس 2026، 11:30 | الأحد، 1 مارس 2026 في 11:30 CET | 1 مارس 2026",
            ),
        ] {
            assert_eq!(of(language, all), format!("x {expected}"), "{language}");
        }
        assert_eq!(
            of("de", "{{date event.at '%a %-d. %b'}}, {{date event.at 'relative'}}"),
            "So. 1. März, vor 2 Stunden"
        );
        assert_eq!(
            of("fr", "{{date event.at '%-d/%-m'}}"),
            "1/3",
            "a pattern is the author's"
        );
    }

    #[test]
    fn summer_time_is_that_of_the_moment_and_not_of_today() {
        let long = "{{date event.at \"long\"}}";
        assert_eq!(
            shown(long, json!("2026-03-29T00:59:00Z")).0,
            "Sunday, 29 March 2026 at 01:59 CET"
        );
        assert_eq!(
            shown(long, json!("2026-03-29T01:00:00Z")).0,
            "Sunday, 29 March 2026 at 03:00 CEST"
        );
        let elsewhere =
            "{{date event.at \"time\" zone=\"America/New_York\"}} {{date event.at \"time\" zone=\"UTC\"}}";
        assert_eq!(shown(elsewhere, json!("2026-03-29T01:00:00Z")).0, "21:00 01:00 UTC");
    }

    #[test]
    fn relative_moments_are_told_in_the_largest_fitting_unit() {
        for (at, expected) in [
            ("2026-03-29T11:59:30Z", "just now"),
            ("2026-03-29T11:58:50Z", "1 minute ago"),
            ("2026-03-29T11:00:00Z", "60 minutes ago"),
            ("2026-03-29T09:00:00Z", "3 hours ago"),
            ("2026-03-29T14:00:00Z", "in 2 hours"),
            ("2026-03-26T12:00:00Z", "3 days ago"),
            ("2025-12-29T12:00:00Z", "3 months ago"),
            ("2020-03-29T12:00:00Z", "6 years ago"),
        ] {
            assert_eq!(shown("{{date event.at \"relative\"}}", json!(at)).0, expected, "{at}");
        }
    }

    #[test]
    fn what_is_no_date_is_a_dash_with_a_reason() {
        let (text, warnings) = shown("{{date event.at}}", json!("soon"));
        assert_eq!(
            (text.as_str(), warnings),
            ("–", vec!["`date`: `soon` is no date".to_owned()])
        );
        assert_eq!(shown("{{date event.at}}", json!(1e300)).0, "–");
        assert_eq!(shown("{{date event.at}}", json!("99999999999999999999")).0, "–");
        assert_eq!(shown("{{date \"2026-01-01\" event.at}}", json!("%Q%Q")).0, "–");
        assert_eq!(
            shown("{{date \"2026-01-01\" zone=event.at}}", json!("Mars/Base")).0,
            "–"
        );
    }
}
