//! Which form of a word goes with a number, by the rules of Unicode's CLDR for whole numbers.

use super::base;

/// A form that a language has for some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// Arabic's nothing.
    Zero,
    /// One, and in some languages 21, 31 and so on.
    One,
    /// Arabic's pair.
    Two,
    /// A few: 2 to 4, or 3 to 10.
    Few,
    /// Many: 5 and more, or 11 to 99.
    Many,
    /// Everything else; every language has it.
    Other,
}

impl Form {
    /// All of them, in CLDR's order.
    pub const ALL: [Form; 6] = [Form::Zero, Form::One, Form::Two, Form::Few, Form::Many, Form::Other];

    /// CLDR's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Form::Zero => "zero",
            Form::One => "one",
            Form::Two => "two",
            Form::Few => "few",
            Form::Many => "many",
            Form::Other => "other",
        }
    }
}

/// The form for `count` in the language of this tag. A language that is not known is taken to tell one from many.
pub fn form(tag: &str, count: u64) -> Form {
    let (ten, hundred) = (count % 10, count % 100);
    match base(tag).as_str() {
        "ja" | "zh" | "ko" | "vi" | "th" | "id" | "ms" | "lo" | "my" | "km" => Form::Other,
        "fr" | "pt" | "hi" | "bn" | "fa" | "hy" | "am" | "gu" | "kn" | "zu" => match count {
            0 | 1 => Form::One,
            _ => Form::Other,
        },
        "ar" => match (count, hundred) {
            (0, _) => Form::Zero,
            (1, _) => Form::One,
            (2, _) => Form::Two,
            (_, 3..=10) => Form::Few,
            (_, 11..=99) => Form::Many,
            _ => Form::Other,
        },
        "ru" | "uk" | "be" => match (ten, hundred) {
            (1, hundred) if hundred != 11 => Form::One,
            (2..=4, hundred) if !(12..=14).contains(&hundred) => Form::Few,
            _ => Form::Many,
        },
        "sr" | "hr" | "bs" => match (ten, hundred) {
            (1, hundred) if hundred != 11 => Form::One,
            (2..=4, hundred) if !(12..=14).contains(&hundred) => Form::Few,
            _ => Form::Other,
        },
        "pl" => match (count, ten, hundred) {
            (1, ..) => Form::One,
            (_, 2..=4, hundred) if !(12..=14).contains(&hundred) => Form::Few,
            _ => Form::Many,
        },
        "cs" | "sk" => match count {
            1 => Form::One,
            2..=4 => Form::Few,
            _ => Form::Other,
        },
        "lt" => match (ten, hundred) {
            (1, hundred) if !(11..=19).contains(&hundred) => Form::One,
            (2..=9, hundred) if !(11..=19).contains(&hundred) => Form::Few,
            _ => Form::Other,
        },
        "lv" => match (ten, hundred) {
            (0, _) | (_, 11..=19) => Form::Zero,
            (1, _) => Form::One,
            _ => Form::Other,
        },
        "ro" => match (count, hundred) {
            (1, _) => Form::One,
            (0, _) | (_, 1..=19) => Form::Few,
            _ => Form::Other,
        },
        "sl" => match hundred {
            1 => Form::One,
            2 => Form::Two,
            3 | 4 => Form::Few,
            _ => Form::Other,
        },
        "he" | "iw" => match count {
            1 => Form::One,
            2 => Form::Two,
            _ => Form::Other,
        },
        _ => match count {
            1 => Form::One,
            _ => Form::Other,
        },
    }
}

/// The forms that whole numbers have in the language of this tag.
pub fn forms(tag: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = (0..=200).map(|count| form(tag, count)).collect();
    forms.push(Form::Other);
    forms.sort();
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_the_form_of_its_language() {
        for (tag, count, wanted) in [
            ("en", 1, Form::One),
            ("en", 0, Form::Other),
            ("de-CH", 2, Form::Other),
            ("fr", 0, Form::One),
            ("ja", 1, Form::Other),
            ("ar", 0, Form::Zero),
            ("ar", 2, Form::Two),
            ("ar", 103, Form::Few),
            ("ar", 11, Form::Many),
            ("ar", 100, Form::Other),
            ("pl", 22, Form::Few),
            ("pl", 12, Form::Many),
            ("ru", 21, Form::One),
            ("ru", 11, Form::Many),
        ] {
            assert_eq!(form(tag, count), wanted, "{count} in {tag}");
        }
        assert_eq!(forms("ja"), [Form::Other]);
        assert_eq!(forms("ar"), Form::ALL);
        assert_eq!(forms("en"), [Form::One, Form::Other]);
    }
}
