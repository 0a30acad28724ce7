//! French.

use super::plural::Form;
use super::{Counted, Phrase, Word, one_or};

pub(super) fn say(phrase: Phrase) -> &'static str {
    match phrase {
        Phrase::WhyYouGotThis => "Pourquoi vous recevez ceci : {reason}",
        Phrase::TheRule => "la règle « {rule} »",
        Phrase::Required => "Ceci est obligatoire et ne peut pas être arrêté.",
        Phrase::RequiredAsk => "Ceci est obligatoire ; adressez-vous à {owner}.",
        Phrase::StopThese => "Ne plus recevoir",
        Phrase::Settings => "Paramètres",
        Phrase::SettingsTitle => "Vos notifications",
        Phrase::SettingsIntro => "Choisissez ce qui vous parvient dans cette conversation.",
        Phrase::Topics => "Sujets",
        Phrase::AllNotifications => "Toutes les notifications qui peuvent être arrêtées",
        Phrase::QuietHours => "Heures calmes",
        Phrase::QuietHoursHint => "De–à, par exemple 22:00-07:00. Laissez vide pour n’en avoir aucune.",
        Phrase::TimeZone => "Fuseau horaire",
        Phrase::TimeZoneHint => "Par exemple Europe/Paris. Laissez vide pour suivre Teams.",
        Phrase::LanguageLabel => "Langue",
        Phrase::AsInTeams => "Comme dans Teams",
        Phrase::Save => "Enregistrer",
        Phrase::Saved => "Enregistré.",
        Phrase::NotSaved => "Rien n’a été enregistré.",
        Phrase::NoQuietHours => "« {written} » ne désigne pas des heures calmes. Écrivez par exemple 22:00-07:00.",
        Phrase::NoTimeZone => "« {written} » n’est pas un fuseau horaire. Écrivez par exemple Europe/Paris.",
        Phrase::Stopped => "Vous ne recevrez plus « {what} ». Écrivez « {command} » pour le recevoir à nouveau.",
        Phrase::Started => "Vous recevez à nouveau « {what} ».",
        Phrase::StoppedAll => {
            "Vous ne recevrez plus de notifications de ma part, sauf celles qui sont obligatoires. Écrivez « {command} » pour les recevoir à nouveau."
        }
        Phrase::StartedAll => "Vous recevez à nouveau toutes les notifications.",
        Phrase::CannotStop => "« {what} » est obligatoire et ne peut pas être arrêté.",
        Phrase::CannotStopAsk => "« {what} » est obligatoire ; adressez-vous à {owner}.",
        Phrase::NoSuchTopic => "Je ne connais rien qui s’appelle « {what} ».",
        Phrase::DidYouMean => "Vouliez-vous dire « {near} » ?",
        Phrase::CanStop => "Vous pouvez arrêter : {list}.",
        Phrase::NothingToStop => "Rien ici ne peut être arrêté par son nom.",
        Phrase::WhyRule => "La dernière notification venait de la règle « {rule} ».",
        Phrase::WhyTarget => "Elle est destinée à {target}.",
        Phrase::WhyOwner => "{owner} s’en occupe.",
        Phrase::WhyStop => "Écrivez « {command} » pour ne plus la recevoir.",
        Phrase::WhyNothing => "Je ne vous ai encore envoyé aucune notification.",
        Phrase::WhyRuleGone => "Sa règle n’existe plus.",
        Phrase::HelpIntro => "Vous pouvez m’écrire :",
        Phrase::HelpSettings => "montre ce qui vous parvient et permet de le changer",
        Phrase::HelpStop => "arrête tout, ou un sujet : {example}",
        Phrase::HelpStart => "le rétablit : {example}",
        Phrase::HelpWhy => "dit pourquoi vous avez reçu la dernière notification",
        Phrase::NotUnderstood => "Je n’ai pas compris.",
        Phrase::InPersonalChat => {
            "Écrivez-moi dans notre conversation personnelle : c’est là que vous choisissez ce qui vous parvient."
        }
        Phrase::SettingsBelow => "Vos paramètres sont dans le message ci-dessous.",
        Phrase::Acknowledge => "Confirmer",
        Phrase::AcknowledgedBy => "{name} a confirmé",
        Phrase::Snooze => "Reporter de {length}",
        Phrase::SnoozedBy => "{name} a reporté jusqu’à {until}",
        Phrase::Open => "Ouvrir",
        Phrase::Close => "Fermer",
        Phrase::ClosedBy => "{name} a fermé ceci",
        Phrase::Closed => "Fermé",
        Phrase::NotForYou => "Rien ne s’est passé : ce bouton est destiné à d’autres.",
        Phrase::Reminder => "Rappel",
        Phrase::DigestTitle => "Ce qui s’est passé : {rule}",
        Phrase::WhileQuiet => "Pendant votre absence",
        Phrase::Storm => "« {rule} » envoie énormément en ce moment. La suite arrive résumée.",
    }
}

pub(super) fn counted(counted: Counted, form: Form) -> &'static str {
    match counted {
        Counted::Notifications => one_or(form, "{count} notification", "{count} notifications"),
        Counted::More => "et {count} de plus",
        Counted::People => one_or(form, "{count} personne", "{count} personnes"),
    }
}

pub(super) fn written(word: Word) -> &'static [&'static str] {
    match word {
        Word::Settings => &["paramètres", "parametres", "réglages", "reglages"],
        Word::Stop => &["arrêter", "arreter"],
        Word::Start => &["reprendre", "démarrer", "demarrer"],
        Word::Why => &["pourquoi"],
        Word::Help => &["aide"],
    }
}
