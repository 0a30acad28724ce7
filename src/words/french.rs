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
        Phrase::WhyThisRule => "Cette notification venait de la règle « {rule} ».",
        Phrase::WhyTarget => "Elle est destinée à {target}.",
        Phrase::WhyOwner => "{owner} s’en occupe.",
        Phrase::WhyStop => "Écrivez « {command} » pour ne plus la recevoir.",
        Phrase::WhyNothing => "Je ne vous ai encore envoyé aucune notification.",
        Phrase::WhyRuleGone => "Sa règle n’existe plus.",
        Phrase::WhyCardGone => "Je ne sais plus pourquoi ce message est arrivé.",
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
        Phrase::AcknowledgedBy => "{name} s’en charge",
        Phrase::Snooze => "Reporter de {length}",
        Phrase::Open => "Ouvrir",
        Phrase::Close => "Fermer",
        Phrase::ClosedBy => "Fermé par {name}",
        Phrase::Closed => "Fermé",
        Phrase::NotForYou => "Rien ne s’est passé : ce bouton est destiné à d’autres.",
        Phrase::Reminder => "Rappel",
        Phrase::WhileQuiet => "Pendant votre absence",
        Phrase::Somebody => "Quelqu’un",
        Phrase::Acknowledged => "Pris en charge",
        Phrase::PutOff => "Reporté",
        Phrase::PutOffUntil => "Reporté jusqu’au {until}",
        Phrase::WhatAndWhen => "{what}, le {when}",
        Phrase::ClosedSummary => "Fermé : {summary}",
        Phrase::YouTookIt => "Vous l’avez pris en charge. Tous ceux qui ont cette carte le voient.",
        Phrase::YouClosedIt => "Vous l’avez fermé. Tous ceux qui ont cette carte le voient.",
        Phrase::TookItAt => "{name} l’a pris en charge à {time}.",
        Phrase::TakenAt => "Cela a été pris en charge à {time}.",
        Phrase::ClosedItAt => "{name} l’a fermé à {time}.",
        Phrase::OverSince => "C’est terminé depuis {time}.",
        Phrase::ComesBackAt => "Cela revient à {time}.",
        Phrase::UnknownButton => "Rien ne s’est passé : Herald ne connaît pas ce bouton.",
        Phrase::CardGone => "Rien ne s’est passé : Herald ne conserve plus cette carte.",
        Phrase::NoRule => "Rien ne s’est passé : la règle « {rule} » n’existe plus.",
        Phrase::BeganAnew => {
            "C’est terminé, et quelque chose de nouveau a commencé depuis : il y a une carte pour cela."
        }
        Phrase::NoRuleForButton => "Rien ne s’est passé : aucune règle n’attend le bouton « {button} ».",
        Phrase::ButtonNotNow => "Rien ne s’est passé : ce dont le bouton a besoin n’est pas réuni pour l’instant.",
        Phrase::PassedOn => "C’est fait, merci.",
        Phrase::WaitsForTeams => "Merci. Ce sera transmis dès que Teams aura dit qui est concerné.",
        Phrase::ToldAlready => "Merci. Tout le monde a déjà été prévenu il y a peu.",
        Phrase::NobodyToTell => "Rien ne s’est passé : il n’y a personne à prévenir.",
        Phrase::RenewedByItself => "Herald renouvelle ses cartes lui-même ; la carte reste telle quelle.",
        Phrase::GatheredTitle => "{count} de plus : {about}",
        Phrase::QuietTitle => "{count} pendant les heures calmes : {about}",
        Phrase::OnlyCounted => "{count} avant celles-ci sont seulement comptées ici.",
        Phrase::About => "Pour",
        Phrase::Was => "est arrivée",
        Phrase::Were => "sont arrivées",
        Phrase::StormTitle => "En pause : {about}",
        Phrase::StormSummary => "En pause, il y en a trop : {about}",
        Phrase::StormText => {
            "Il y en a eu plus de {rate} : il n’y a donc plus une carte pour chacune. Depuis {since}, {count} de plus {were} ; la dernière disait : {last}"
        }
        Phrase::StormRate => "{count} cartes en {length}",
        Phrase::StormWaits => {
            "Elles sont rassemblées, et cette carte les compte. Vous saurez tout une fois le calme revenu ; prochain contrôle à {until}."
        }
        Phrase::StormOver => "C’est terminé : {about}",
        Phrase::StormOverSummary => "C’est terminé ; rassemblées : {count} : {about}",
        Phrase::StormOverText => {
            "Les cartes arrivent de nouveau une à une. Entre {since} et {until}, {count} {were} :"
        }
    }
}

pub(super) fn counted(counted: Counted, form: Form) -> &'static str {
    match counted {
        Counted::Notifications => one_or(form, "{count} notification", "{count} notifications"),
        Counted::More => "et {count} de plus",
        Counted::People => one_or(form, "{count} personne", "{count} personnes"),
        Counted::Days => one_or(form, "{count} jour", "{count} jours"),
        Counted::Hours => one_or(form, "{count} heure", "{count} heures"),
        Counted::Minutes => one_or(form, "{count} minute", "{count} minutes"),
        Counted::Seconds => one_or(form, "{count} seconde", "{count} secondes"),
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
