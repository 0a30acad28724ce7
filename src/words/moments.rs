//! Days, months and lengths of time as people write them, in every language that Herald speaks.

use super::Language;
use super::plural::{Form, form};

/// How much of a moment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The day with a short month, and the time.
    Short,
    /// The day of the week, the day and the time with its zone.
    Long,
    /// The day alone.
    Day,
}

/// In what a distance is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Days.
    Day,
    /// Months.
    Month,
    /// Years.
    Year,
}

/// The pattern of a moment, as `strftime` spells it; the names in it are those of [`month`] and [`weekday`].
pub fn pattern(language: Language, shape: Shape) -> &'static str {
    match (language, shape) {
        (Language::English | Language::Spanish | Language::French, Shape::Short) => "%-d %b %Y, %H:%M",
        (Language::English, Shape::Long) => "%A, %-d %B %Y at %H:%M %Z",
        (Language::English | Language::French | Language::Arabic, Shape::Day) => "%-d %B %Y",
        (Language::German, Shape::Short) => "%-d. %b %Y, %H:%M",
        (Language::German, Shape::Long) => "%A, %-d. %B %Y um %H:%M %Z",
        (Language::German, Shape::Day) => "%-d. %B %Y",
        (Language::Spanish, Shape::Long) => "%A, %-d de %B de %Y, %H:%M %Z",
        (Language::Spanish, Shape::Day) => "%-d de %B de %Y",
        (Language::French, Shape::Long) => "%A %-d %B %Y à %H:%M %Z",
        (Language::Japanese, Shape::Short) => "%Y年%-m月%-d日 %H:%M",
        (Language::Japanese, Shape::Long) => "%Y年%-m月%-d日%A %H:%M %Z",
        (Language::Japanese, Shape::Day) => "%Y年%-m月%-d日",
        (Language::Arabic, Shape::Short) => "%-d %b %Y، %H:%M",
        (Language::Arabic, Shape::Long) => "%A، %-d %B %Y في %H:%M %Z",
    }
}

/// The name of a month, from 0 for January; `short` as calendars shorten it.
pub fn month(language: Language, month: usize, short: bool) -> &'static str {
    let names = match (language, short) {
        (Language::English, false) => [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        (Language::English, true) => [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ],
        (Language::German, false) => [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
        (Language::German, true) => [
            "Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez.",
        ],
        (Language::Spanish, false) => [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ],
        (Language::Spanish, true) => [
            "ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic",
        ],
        (Language::French, false) => [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        (Language::French, true) => [
            "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.",
        ],
        (Language::Japanese, _) => [
            "1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月",
        ],
        (Language::Arabic, _) => [
            "يناير",
            "فبراير",
            "مارس",
            "أبريل",
            "مايو",
            "يونيو",
            "يوليو",
            "أغسطس",
            "سبتمبر",
            "أكتوبر",
            "نوفمبر",
            "ديسمبر",
        ],
    };
    names[month % names.len()]
}

/// The name of a day of the week, from 0 for Monday; `short` as calendars shorten it.
pub fn weekday(language: Language, day: usize, short: bool) -> &'static str {
    let names = match (language, short) {
        (Language::English, false) => [
            "Monday",
            "Tuesday",
            "Wednesday",
            "Thursday",
            "Friday",
            "Saturday",
            "Sunday",
        ],
        (Language::English, true) => ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        (Language::German, false) => [
            "Montag",
            "Dienstag",
            "Mittwoch",
            "Donnerstag",
            "Freitag",
            "Samstag",
            "Sonntag",
        ],
        (Language::German, true) => ["Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa.", "So."],
        (Language::Spanish, false) => ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
        (Language::Spanish, true) => ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"],
        (Language::French, false) => ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
        (Language::French, true) => ["lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."],
        (Language::Japanese, false) => ["月曜日", "火曜日", "水曜日", "木曜日", "金曜日", "土曜日", "日曜日"],
        (Language::Japanese, true) => ["月", "火", "水", "木", "金", "土", "日"],
        (Language::Arabic, _) => ["الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"],
    };
    names[day % names.len()]
}

/// What is less than a minute away.
pub fn just_now(language: Language) -> &'static str {
    match language {
        Language::English => "just now",
        Language::German => "gerade eben",
        Language::Spanish => "ahora mismo",
        Language::French => "à l’instant",
        Language::Japanese => "たった今",
        Language::Arabic => "الآن",
    }
}

/// How far away something is: `3 minutes ago`, `in 2 hours`.
pub fn distance(language: Language, count: u64, unit: Unit, past: bool) -> String {
    let form = form(language.tag(), count);
    let one = form == Form::One;
    let of = |one_of: &str, more: &str| format!("{count} {}", if one { one_of } else { more });
    match language {
        Language::English => {
            let words = match unit {
                Unit::Minute => of("minute", "minutes"),
                Unit::Hour => of("hour", "hours"),
                Unit::Day => of("day", "days"),
                Unit::Month => of("month", "months"),
                Unit::Year => of("year", "years"),
            };
            if past {
                format!("{words} ago")
            } else {
                format!("in {words}")
            }
        }
        Language::German => {
            let words = match unit {
                Unit::Minute => of("Minute", "Minuten"),
                Unit::Hour => of("Stunde", "Stunden"),
                Unit::Day => of("Tag", "Tagen"),
                Unit::Month => of("Monat", "Monaten"),
                Unit::Year => of("Jahr", "Jahren"),
            };
            format!("{} {words}", if past { "vor" } else { "in" })
        }
        Language::Spanish => {
            let words = match unit {
                Unit::Minute => of("minuto", "minutos"),
                Unit::Hour => of("hora", "horas"),
                Unit::Day => of("día", "días"),
                Unit::Month => of("mes", "meses"),
                Unit::Year => of("año", "años"),
            };
            format!("{} {words}", if past { "hace" } else { "dentro de" })
        }
        Language::French => {
            let words = match unit {
                Unit::Minute => of("minute", "minutes"),
                Unit::Hour => of("heure", "heures"),
                Unit::Day => of("jour", "jours"),
                Unit::Month => of("mois", "mois"),
                Unit::Year => of("an", "ans"),
            };
            format!("{} {words}", if past { "il y a" } else { "dans" })
        }
        Language::Japanese => {
            let unit = match unit {
                Unit::Minute => "分",
                Unit::Hour => "時間",
                Unit::Day => "日",
                Unit::Month => "か月",
                Unit::Year => "年",
            };
            format!("{count}{unit}{}", if past { "前" } else { "後" })
        }
        Language::Arabic => {
            let [single, pair, few, many, other] = match unit {
                Unit::Minute => ["دقيقة", "دقيقتين", "دقائق", "دقيقة", "دقيقة"],
                Unit::Hour => ["ساعة", "ساعتين", "ساعات", "ساعة", "ساعة"],
                Unit::Day => ["يوم", "يومين", "أيام", "يومًا", "يوم"],
                Unit::Month => ["شهر", "شهرين", "أشهر", "شهرًا", "شهر"],
                Unit::Year => ["سنة", "سنتين", "سنوات", "سنة", "سنة"],
            };
            let words = match form {
                Form::One => single.to_owned(),
                Form::Two => pair.to_owned(),
                Form::Few => format!("{count} {few}"),
                Form::Many => format!("{count} {many}"),
                Form::Zero | Form::Other => format!("{count} {other}"),
            };
            format!("{} {words}", if past { "قبل" } else { "خلال" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_told_in_the_form_that_each_language_has() {
        let told = |language, count, unit, past| distance(language, count, unit, past);
        assert_eq!(told(Language::English, 1, Unit::Minute, true), "1 minute ago");
        assert_eq!(told(Language::German, 3, Unit::Day, true), "vor 3 Tagen");
        assert_eq!(told(Language::German, 1, Unit::Month, false), "in 1 Monat");
        assert_eq!(told(Language::Spanish, 2, Unit::Hour, false), "dentro de 2 horas");
        assert_eq!(told(Language::French, 5, Unit::Year, true), "il y a 5 ans");
        assert_eq!(told(Language::Japanese, 3, Unit::Month, true), "3か月前");
        assert_eq!(told(Language::Arabic, 2, Unit::Hour, true), "قبل ساعتين");
        assert_eq!(told(Language::Arabic, 11, Unit::Day, false), "خلال 11 يومًا");
    }

    #[test]
    fn the_first_names_are_those_of_january_and_monday() {
        let first = Language::ALL.map(|language| (month(language, 0, false), weekday(language, 0, false)));
        assert_eq!(
            first,
            [
                ("January", "Monday"),
                ("Januar", "Montag"),
                ("enero", "lunes"),
                ("janvier", "lundi"),
                ("1月", "月曜日"),
                ("يناير", "الاثنين"),
            ]
        );
    }
}
