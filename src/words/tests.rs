use super::*;

fn holes(words: &str) -> Vec<&str> {
    let mut holes: Vec<&str> = words
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .collect();
    holes.sort_unstable();
    holes
}

#[test]
fn every_language_says_everything_and_leaves_nothing_out_that_is_filled_in() {
    for phrase in Phrase::ALL {
        let english = say(Language::English, phrase);
        for language in Language::ALL {
            let words = say(language, phrase);
            assert!(!words.trim().is_empty(), "{language:?} {phrase:?}");
            assert_eq!(holes(words), holes(english), "{language:?} {phrase:?}: {words}");
            assert!(
                language == Language::English || words != english || phrase == Phrase::Topics,
                "{phrase:?} is not translated"
            );
        }
    }
}

#[test]
fn every_form_of_a_number_has_words_with_the_number_or_says_it() {
    for language in Language::ALL {
        for counted in Counted::ALL {
            for number in [0, 1, 2, 5, 11, 100] {
                let words = count(language, counted, number);
                let said = words.contains(&number.to_string());
                assert!(said || number <= 2, "{language:?} {counted:?} {number}: {words}");
                assert!(!words.contains('{'), "{words}");
            }
        }
    }
    assert_eq!(count(Language::English, Counted::Notifications, 1), "1 notification");
    assert_eq!(count(Language::German, Counted::More, 3), "und 3 weitere");
}

#[test]
fn no_word_for_the_bot_means_two_things() {
    let mut all: Vec<(&str, Word)> = Vec::new();
    for language in Language::ALL {
        for word in Word::ALL {
            for written in written(language, word) {
                assert_eq!(*written, crate::event::plain(written), "as messages are compared");
                let other = all.iter().find(|(known, meant)| known == written && *meant != word);
                assert_eq!(other, None, "{written} in {language:?}");
                all.push((written, word));
            }
        }
    }
}

#[test]
fn tags_name_languages_whatever_their_region_and_case() {
    assert_eq!(Language::of("de-CH"), Some(Language::German));
    assert_eq!(Language::of("AR_eg"), Some(Language::Arabic));
    assert_eq!(Language::of("it-IT"), None);
    assert!(is_right_to_left("ar-EG") && is_right_to_left("he") && !is_right_to_left("de"));
}

#[test]
fn what_is_filled_in_is_not_filled_in_again() {
    let filled = fill(Language::English, Phrase::DidYouMean, &[("near", "{near} {x")]);
    assert_eq!(filled, "Did you mean “{near} {x”?");
}
