//! German.

use super::plural::Form;
use super::{Counted, Phrase, Word, one_or};

pub(super) fn say(phrase: Phrase) -> &'static str {
    match phrase {
        Phrase::WhyYouGotThis => "Warum Sie das bekommen: {reason}",
        Phrase::TheRule => "die Regel „{rule}“",
        Phrase::Required => "Das ist vorgeschrieben und kann nicht abbestellt werden.",
        Phrase::RequiredAsk => "Das ist vorgeschrieben; fragen Sie {owner}.",
        Phrase::StopThese => "Abbestellen",
        Phrase::Settings => "Einstellungen",
        Phrase::SettingsTitle => "Ihre Benachrichtigungen",
        Phrase::SettingsIntro => "Wählen Sie, was Sie in diesem Chat erreicht.",
        Phrase::Topics => "Themen",
        Phrase::AllNotifications => "Alle Benachrichtigungen, die man abbestellen kann",
        Phrase::QuietHours => "Ruhezeit",
        Phrase::QuietHoursHint => "Von–bis, zum Beispiel 22:00-07:00. Leer lassen für keine.",
        Phrase::TimeZone => "Zeitzone",
        Phrase::TimeZoneHint => "Zum Beispiel Europe/Berlin. Leer lassen, um Teams zu folgen.",
        Phrase::LanguageLabel => "Sprache",
        Phrase::AsInTeams => "Wie in Teams",
        Phrase::Save => "Speichern",
        Phrase::Saved => "Gespeichert.",
        Phrase::NotSaved => "Es wurde nichts gespeichert.",
        Phrase::NoQuietHours => "„{written}“ ist keine Ruhezeit. Schreiben Sie zum Beispiel 22:00-07:00.",
        Phrase::NoTimeZone => "„{written}“ ist keine Zeitzone. Schreiben Sie zum Beispiel Europe/Berlin.",
        Phrase::Stopped => "Sie bekommen nichts mehr von „{what}“. Mit „{command}“ kommt es wieder.",
        Phrase::Started => "Sie bekommen „{what}“ wieder.",
        Phrase::StoppedAll => {
            "Sie bekommen keine Benachrichtigungen mehr von mir, außer vorgeschriebenen. Mit „{command}“ kommen sie wieder."
        }
        Phrase::StartedAll => "Sie bekommen wieder alle Benachrichtigungen.",
        Phrase::CannotStop => "„{what}“ ist vorgeschrieben und kann nicht abbestellt werden.",
        Phrase::CannotStopAsk => "„{what}“ ist vorgeschrieben; fragen Sie {owner}.",
        Phrase::NoSuchTopic => "Ich kenne nichts, das „{what}“ heißt.",
        Phrase::DidYouMean => "Meinten Sie „{near}“?",
        Phrase::CanStop => "Abbestellen können Sie: {list}.",
        Phrase::NothingToStop => "Hier gibt es nichts, was man einzeln abbestellen kann.",
        Phrase::WhyRule => "Die letzte Benachrichtigung kam von der Regel „{rule}“.",
        Phrase::WhyTarget => "Sie geht an {target}.",
        Phrase::WhyOwner => "{owner} kümmert sich darum.",
        Phrase::WhyStop => "Mit „{command}“ bestellen Sie das ab.",
        Phrase::WhyNothing => "Ich habe Ihnen noch keine Benachrichtigung geschickt.",
        Phrase::WhyRuleGone => "Ihre Regel gibt es nicht mehr.",
        Phrase::HelpIntro => "Das können Sie mir schreiben:",
        Phrase::HelpSettings => "zeigt, was Sie erreicht, und lässt es ändern",
        Phrase::HelpStop => "bestellt alles ab oder ein Thema: {example}",
        Phrase::HelpStart => "bringt es zurück: {example}",
        Phrase::HelpWhy => "sagt, warum Sie die letzte Benachrichtigung bekamen",
        Phrase::NotUnderstood => "Das habe ich nicht verstanden.",
        Phrase::InPersonalChat => {
            "Schreiben Sie mir in unserem persönlichen Chat: Dort wählen Sie, was Sie erreicht."
        }
        Phrase::SettingsBelow => "Ihre Einstellungen stehen in der Nachricht darunter.",
        Phrase::Acknowledge => "Bestätigen",
        Phrase::AcknowledgedBy => "{name} hat das bestätigt",
        Phrase::Snooze => "{length} zurückstellen",
        Phrase::SnoozedBy => "{name} hat das bis {until} zurückgestellt",
        Phrase::Open => "Öffnen",
        Phrase::Close => "Schließen",
        Phrase::ClosedBy => "{name} hat das geschlossen",
        Phrase::Closed => "Geschlossen",
        Phrase::NotForYou => "Nichts ist passiert: Dieser Knopf ist für andere.",
        Phrase::Reminder => "Erinnerung",
        Phrase::DigestTitle => "Was geschah: {rule}",
        Phrase::WhileQuiet => "Während Sie weg waren",
        Phrase::Storm => "„{rule}“ schickt gerade sehr viel. Was folgt, kommt zusammengefasst.",
    }
}

pub(super) fn counted(counted: Counted, form: Form) -> &'static str {
    match counted {
        Counted::Notifications => one_or(form, "{count} Benachrichtigung", "{count} Benachrichtigungen"),
        Counted::More => "und {count} weitere",
        Counted::People => one_or(form, "{count} Person", "{count} Personen"),
    }
}

pub(super) fn written(word: Word) -> &'static [&'static str] {
    match word {
        Word::Settings => &["einstellungen"],
        Word::Stop => &["stopp", "abbestellen"],
        Word::Start => &["starten", "abonnieren"],
        Word::Why => &["warum"],
        Word::Help => &["hilfe"],
    }
}
