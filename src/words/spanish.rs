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
        Phrase::WhyThisRule => "Esta notificación vino de la regla «{rule}».",
        Phrase::WhyTarget => "Va dirigida a {target}.",
        Phrase::WhyOwner => "{owner} se encarga de ella.",
        Phrase::WhyStop => "Escriba «{command}» para no recibirla más.",
        Phrase::WhyNothing => "Todavía no le he enviado ninguna notificación.",
        Phrase::WhyRuleGone => "Su regla ya no existe.",
        Phrase::WhyCardGone => "Ya no sé por qué llegó ese mensaje.",
        Phrase::HelpIntro => "Puede escribirme:",
        Phrase::HelpSettings => "muestra lo que le llega y permite cambiarlo",
        Phrase::HelpStop => "detiene todo o un tema: {example}",
        Phrase::HelpStart => "lo recupera: {example}",
        Phrase::HelpWhy => "dice por qué recibió la última notificación",
        Phrase::NotUnderstood => "No lo he entendido.",
        Phrase::InPersonalChat => "Escríbame en nuestro chat personal: allí elige lo que le llega.",
        Phrase::SettingsBelow => "Sus ajustes están en el mensaje de abajo.",
        Phrase::Acknowledge => "Confirmar",
        Phrase::AcknowledgedBy => "{name} se ha hecho cargo",
        Phrase::Snooze => "Posponer {length}",
        Phrase::Open => "Abrir",
        Phrase::Close => "Cerrar",
        Phrase::ClosedBy => "Cerrado por {name}",
        Phrase::Closed => "Cerrado",
        Phrase::NotForYou => "No ha pasado nada: este botón es para otras personas.",
        Phrase::Reminder => "Recordatorio",
        Phrase::WhileQuiet => "Mientras no estaba",
        Phrase::Somebody => "Alguien",
        Phrase::Acknowledged => "Asumido",
        Phrase::PutOff => "Pospuesto",
        Phrase::PutOffUntil => "Pospuesto hasta {until}",
        Phrase::WhatAndWhen => "{what} ({when})",
        Phrase::ClosedSummary => "Cerrado: {summary}",
        Phrase::YouTookIt => "Usted se ha hecho cargo. Lo ven todos los que tienen esta tarjeta.",
        Phrase::YouClosedIt => "Usted lo ha cerrado. Lo ven todos los que tienen esta tarjeta.",
        Phrase::TookItAt => "{name} se hizo cargo a las {time}.",
        Phrase::TakenAt => "Ya se asumió a las {time}.",
        Phrase::ClosedItAt => "{name} lo cerró a las {time}.",
        Phrase::OverSince => "Terminó a las {time}.",
        Phrase::ComesBackAt => "Vuelve a las {time}.",
        Phrase::UnknownButton => "No ha pasado nada: Herald no conoce este botón.",
        Phrase::CardGone => "No ha pasado nada: Herald ya no conserva esta tarjeta.",
        Phrase::NoRule => "No ha pasado nada: la regla «{rule}» ya no existe.",
        Phrase::BeganAnew => "Ya terminó, y desde entonces empezó algo nuevo: hay otra tarjeta para eso.",
        Phrase::NoRuleForButton => "No ha pasado nada: ninguna regla espera el botón «{button}».",
        Phrase::ButtonNotNow => "No ha pasado nada: ahora no se da lo que el botón necesita.",
        Phrase::PassedOn => "Hecho, gracias.",
        Phrase::WaitsForTeams => "Gracias. Se transmitirá en cuanto Teams diga a quién concierne.",
        Phrase::ToldAlready => "Gracias. Todos lo supieron ya hace un momento.",
        Phrase::NobodyToTell => "No ha pasado nada: no hay nadie a quien avisar.",
        Phrase::RenewedByItself => "Herald renueva sus tarjetas por sí mismo; la tarjeta queda como está.",
        Phrase::GatheredTitle => "{count} más: {about}",
        Phrase::QuietTitle => "{count} en horas de silencio: {about}",
        Phrase::OnlyCounted => "{count} anteriores solo se cuentan aquí.",
        Phrase::About => "Para",
        Phrase::Was => "llegó",
        Phrase::Were => "llegaron",
        Phrase::StormTitle => "En pausa: {about}",
        Phrase::StormSummary => "En pausa, hay demasiadas: {about}",
        Phrase::StormText => {
            "Hubo más de {rate}, así que ahora no se envía una tarjeta por cada una. Desde las {since} {were} {count} más; la última decía: {last}"
        }
        Phrase::StormRate => "{count} tarjetas en {length}",
        Phrase::StormWaits => {
            "Se reúnen, y esta tarjeta las cuenta. Sabrá de todas cuando se calme; se vuelve a mirar a las {until}."
        }
        Phrase::StormOver => "Ha terminado: {about}",
        Phrase::StormOverSummary => "Ha terminado; reunidas: {count}: {about}",
        Phrase::StormOverText => {
            "Las tarjetas vuelven a enviarse una a una. Entre las {since} y las {until} {were} {count}:"
        }
    }
}

pub(super) fn counted(counted: Counted, form: Form) -> &'static str {
    match counted {
        Counted::Notifications => one_or(form, "{count} notificación", "{count} notificaciones"),
        Counted::More => "y {count} más",
        Counted::People => one_or(form, "{count} persona", "{count} personas"),
        Counted::Days => one_or(form, "{count} día", "{count} días"),
        Counted::Hours => one_or(form, "{count} hora", "{count} horas"),
        Counted::Minutes => one_or(form, "{count} minuto", "{count} minutos"),
        Counted::Seconds => one_or(form, "{count} segundo", "{count} segundos"),
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
