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
        Phrase::WhyThisRule => "Diese Benachrichtigung kam von der Regel „{rule}“.",
        Phrase::WhyTarget => "Sie geht an {target}.",
        Phrase::WhyOwner => "{owner} kümmert sich darum.",
        Phrase::WhyStop => "Mit „{command}“ bestellen Sie das ab.",
        Phrase::WhyNothing => "Ich habe Ihnen noch keine Benachrichtigung geschickt.",
        Phrase::WhyRuleGone => "Ihre Regel gibt es nicht mehr.",
        Phrase::WhyCardGone => "Ich weiß nicht mehr, warum diese Nachricht kam.",
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
        Phrase::AcknowledgedBy => "{name} hat es übernommen",
        Phrase::Snooze => "{length} zurückstellen",
        Phrase::Open => "Öffnen",
        Phrase::Close => "Schließen",
        Phrase::ClosedBy => "Geschlossen von {name}",
        Phrase::Closed => "Geschlossen",
        Phrase::NotForYou => "Nichts ist passiert: Dieser Knopf ist für andere.",
        Phrase::Reminder => "Erinnerung",
        Phrase::WhileQuiet => "Während Sie weg waren",
        Phrase::Somebody => "Jemand",
        Phrase::Acknowledged => "Übernommen",
        Phrase::PutOff => "Zurückgestellt",
        Phrase::PutOffUntil => "Zurückgestellt bis {until}",
        Phrase::WhatAndWhen => "{what} am {when}",
        Phrase::ClosedSummary => "Geschlossen: {summary}",
        Phrase::YouTookIt => "Sie haben es übernommen. Alle, die diese Karte haben, sehen das.",
        Phrase::YouClosedIt => "Sie haben es geschlossen. Alle, die diese Karte haben, sehen das.",
        Phrase::TookItAt => "{name} hat es um {time} übernommen.",
        Phrase::TakenAt => "Es wurde um {time} übernommen.",
        Phrase::ClosedItAt => "{name} hat es um {time} geschlossen.",
        Phrase::OverSince => "Es ist seit {time} vorbei.",
        Phrase::ComesBackAt => "Es kommt um {time} wieder.",
        Phrase::UnknownButton => "Nichts ist passiert: Diesen Knopf kennt Herald nicht.",
        Phrase::CardGone => "Nichts ist passiert: Herald führt diese Karte nicht mehr.",
        Phrase::NoRule => "Nichts ist passiert: Die Regel „{rule}“ gibt es nicht mehr.",
        Phrase::BeganAnew => "Das ist vorbei, und seither begann etwas Neues: Dafür gibt es eine eigene Karte.",
        Phrase::NoRuleForButton => "Nichts ist passiert: Keine Regel wartet auf den Knopf „{button}“.",
        Phrase::ButtonNotNow => "Nichts ist passiert: Was der Knopf braucht, ist gerade nicht gegeben.",
        Phrase::PassedOn => "Erledigt, danke.",
        Phrase::WaitsForTeams => "Danke. Es wird weitergegeben, sobald Teams gesagt hat, wen es betrifft.",
        Phrase::ToldAlready => "Danke. Alle haben es vor Kurzem schon erfahren.",
        Phrase::NobodyToTell => "Nichts ist passiert: Es gibt niemanden, der es erfahren müsste.",
        Phrase::RenewedByItself => "Herald erneuert seine Karten selbst; die Karte bleibt, wie sie ist.",
        Phrase::GatheredTitle => "{count} weitere: {about}",
        Phrase::QuietTitle => "{count} in der Ruhezeit: {about}",
        Phrase::OnlyCounted => "{count} davor sind hier nur gezählt.",
        Phrase::About => "Für",
        Phrase::Was => "kam",
        Phrase::Were => "kamen",
        Phrase::StormTitle => "Angehalten: {about}",
        Phrase::StormSummary => "Angehalten, es sind zu viele: {about}",
        Phrase::StormText => {
            "Es waren mehr als {rate}, daher kommt jetzt nicht mehr für jedes eine Karte. Seit {since} {were} {count} weitere hinzu; zuletzt: {last}"
        }
        Phrase::StormRate => "{count} Karten (Zeitraum: {length})",
        Phrase::StormWaits => {
            "Sie werden gesammelt, und diese Karte zählt sie. Von allen hören Sie, sobald es sich beruhigt; um {until} wird wieder nachgesehen."
        }
        Phrase::StormOver => "Es ist vorbei: {about}",
        Phrase::StormOverSummary => "Es ist vorbei; gesammelt: {count}: {about}",
        Phrase::StormOverText => {
            "Karten kommen wieder einzeln. Zwischen {since} und {until} {were} {count} zusammen:"
        }
    }
}

pub(super) fn counted(counted: Counted, form: Form) -> &'static str {
    match counted {
        Counted::Notifications => one_or(form, "{count} Benachrichtigung", "{count} Benachrichtigungen"),
        Counted::More => "und {count} weitere",
        Counted::People => one_or(form, "{count} Person", "{count} Personen"),
        Counted::Days => one_or(form, "{count} Tag", "{count} Tage"),
        Counted::Hours => one_or(form, "{count} Stunde", "{count} Stunden"),
        Counted::Minutes => one_or(form, "{count} Minute", "{count} Minuten"),
        Counted::Seconds => one_or(form, "{count} Sekunde", "{count} Sekunden"),
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
