//! Spanish.

use super::plural::Form;
use super::{Counted, Phrase, Word, one_or};

pub(super) fn say(phrase: Phrase) -> &'static str {
    match phrase {
        Phrase::WhyYouGotThis => "Por qué recibe esto: {reason}",
        Phrase::TheRule => "la regla «{rule}»",
        Phrase::Required => "Es obligatorio y no se puede detener.",
        Phrase::RequiredAsk => "Es obligatorio; pregunte a {owner}.",
        Phrase::StopThese => "No recibir más",
        Phrase::Settings => "Ajustes",
        Phrase::SettingsTitle => "Sus notificaciones",
        Phrase::SettingsIntro => "Elija lo que le llega en este chat.",
        Phrase::Topics => "Temas",
        Phrase::AllNotifications => "Todas las notificaciones que se pueden detener",
        Phrase::QuietHours => "Horas de silencio",
        Phrase::QuietHoursHint => "De–a, por ejemplo 22:00-07:00. Déjelo vacío si no quiere ninguna.",
        Phrase::TimeZone => "Zona horaria",
        Phrase::TimeZoneHint => "Por ejemplo Europe/Madrid. Déjelo vacío para seguir a Teams.",
        Phrase::LanguageLabel => "Idioma",
        Phrase::AsInTeams => "Como en Teams",
        Phrase::Save => "Guardar",
        Phrase::Saved => "Guardado.",
        Phrase::NotSaved => "No se ha guardado nada.",
        Phrase::NoQuietHours => "«{written}» no es un horario de silencio. Escriba por ejemplo 22:00-07:00.",
        Phrase::NoTimeZone => "«{written}» no es una zona horaria. Escriba por ejemplo Europe/Madrid.",
        Phrase::Stopped => "Ya no recibirá «{what}». Escriba «{command}» para recibirlo de nuevo.",
        Phrase::Started => "Vuelve a recibir «{what}».",
        Phrase::StoppedAll => {
            "Ya no recibirá notificaciones mías, salvo las obligatorias. Escriba «{command}» para recibirlas de nuevo."
        }
        Phrase::StartedAll => "Vuelve a recibir todas las notificaciones.",
        Phrase::CannotStop => "«{what}» es obligatorio y no se puede detener.",
        Phrase::CannotStopAsk => "«{what}» es obligatorio; pregunte a {owner}.",
        Phrase::NoSuchTopic => "No conozco nada que se llame «{what}».",
        Phrase::DidYouMean => "¿Quería decir «{near}»?",
        Phrase::CanStop => "Puede detener: {list}.",
        Phrase::NothingToStop => "Aquí no hay nada que se pueda detener por su nombre.",
        Phrase::WhyRule => "La última notificación vino de la regla «{rule}».",
        Phrase::WhyTarget => "Va dirigida a {target}.",
        Phrase::WhyOwner => "{owner} se encarga de ella.",
        Phrase::WhyStop => "Escriba «{command}» para no recibirla más.",
        Phrase::WhyNothing => "Todavía no le he enviado ninguna notificación.",
        Phrase::WhyRuleGone => "Su regla ya no existe.",
        Phrase::HelpIntro => "Puede escribirme:",
        Phrase::HelpSettings => "muestra lo que le llega y permite cambiarlo",
        Phrase::HelpStop => "detiene todo o un tema: {example}",
        Phrase::HelpStart => "lo recupera: {example}",
        Phrase::HelpWhy => "dice por qué recibió la última notificación",
        Phrase::NotUnderstood => "No lo he entendido.",
        Phrase::InPersonalChat => "Escríbame en nuestro chat personal: allí elige lo que le llega.",
        Phrase::SettingsBelow => "Sus ajustes están en el mensaje de abajo.",
        Phrase::Acknowledge => "Confirmar",
        Phrase::AcknowledgedBy => "{name} lo ha confirmado",
        Phrase::Snooze => "Posponer {length}",
        Phrase::SnoozedBy => "{name} lo ha pospuesto hasta {until}",
        Phrase::Open => "Abrir",
        Phrase::Close => "Cerrar",
        Phrase::ClosedBy => "{name} lo ha cerrado",
        Phrase::Closed => "Cerrado",
        Phrase::NotForYou => "No ha pasado nada: este botón es para otras personas.",
        Phrase::Reminder => "Recordatorio",
        Phrase::DigestTitle => "Lo que pasó: {rule}",
        Phrase::WhileQuiet => "Mientras no estaba",
        Phrase::Storm => "«{rule}» está enviando muchísimo. Lo que sigue llega resumido.",
    }
}

pub(super) fn counted(counted: Counted, form: Form) -> &'static str {
    match counted {
        Counted::Notifications => one_or(form, "{count} notificación", "{count} notificaciones"),
        Counted::More => "y {count} más",
        Counted::People => one_or(form, "{count} persona", "{count} personas"),
    }
}

pub(super) fn written(word: Word) -> &'static [&'static str] {
    match word {
        Word::Settings => &["ajustes", "configuración", "configuracion"],
        Word::Stop => &["parar", "detener"],
        Word::Start => &["reanudar", "iniciar"],
        Word::Why => &["por qué", "por que", "porqué"],
        Word::Help => &["ayuda"],
    }
}
