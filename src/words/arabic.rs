//! Arabic, written from right to left.

use super::plural::Form;
use super::{Counted, Phrase, Word};

pub(super) fn say(phrase: Phrase) -> &'static str {
    match phrase {
        Phrase::WhyYouGotThis => "لماذا وصلك هذا: {reason}",
        Phrase::TheRule => "القاعدة «{rule}»",
        Phrase::Required => "هذا إلزامي ولا يمكن إيقافه.",
        Phrase::RequiredAsk => "هذا إلزامي؛ اسأل {owner}.",
        Phrase::StopThese => "أوقف هذه",
        Phrase::Settings => "الإعدادات",
        Phrase::SettingsTitle => "إشعاراتك",
        Phrase::SettingsIntro => "اختر ما يصلك في هذه المحادثة.",
        Phrase::Topics => "المواضيع",
        Phrase::AllNotifications => "كل الإشعارات التي يمكن إيقافها",
        Phrase::QuietHours => "ساعات الهدوء",
        Phrase::QuietHoursHint => "من–إلى، مثلًا 22:00-07:00. اتركه فارغًا إن لم تُرد.",
        Phrase::TimeZone => "المنطقة الزمنية",
        Phrase::TimeZoneHint => "مثلًا Asia/Dubai. اتركه فارغًا لاتباع Teams.",
        Phrase::LanguageLabel => "اللغة",
        Phrase::AsInTeams => "كما في Teams",
        Phrase::Save => "حفظ",
        Phrase::Saved => "تم الحفظ.",
        Phrase::NotSaved => "لم يُحفظ شيء.",
        Phrase::NoQuietHours => "لا يمكن فهم «{written}» كساعات هدوء. اكتب مثلًا 22:00-07:00.",
        Phrase::NoTimeZone => "«{written}» ليست منطقة زمنية. اكتب مثلًا Asia/Dubai.",
        Phrase::Stopped => "لن يصلك «{what}» بعد الآن. اكتب «{command}» ليصلك من جديد.",
        Phrase::Started => "سيصلك «{what}» من جديد.",
        Phrase::StoppedAll => "لن تصلك إشعارات مني بعد الآن إلا الإلزامية. اكتب «{command}» لتصلك من جديد.",
        Phrase::StartedAll => "ستصلك كل الإشعارات من جديد.",
        Phrase::CannotStop => "«{what}» إلزامي ولا يمكن إيقافه.",
        Phrase::CannotStopAsk => "«{what}» إلزامي؛ اسأل {owner}.",
        Phrase::NoSuchTopic => "لا أعرف شيئًا اسمه «{what}».",
        Phrase::DidYouMean => "هل تقصد «{near}»؟",
        Phrase::CanStop => "يمكنك إيقاف: {list}.",
        Phrase::NothingToStop => "لا يوجد هنا ما يمكن إيقافه باسمه.",
        Phrase::WhyRule => "جاء آخر إشعار من القاعدة «{rule}».",
        Phrase::WhyTarget => "وهو موجه إلى {target}.",
        Phrase::WhyOwner => "{owner} مسؤول عنها.",
        Phrase::WhyStop => "اكتب «{command}» لإيقافها.",
        Phrase::WhyNothing => "لم أرسل إليك أي إشعار بعد.",
        Phrase::WhyRuleGone => "قاعدته لم تعد موجودة.",
        Phrase::HelpIntro => "يمكنك أن تكتب لي:",
        Phrase::HelpSettings => "يعرض ما يصلك ويتيح تغييره",
        Phrase::HelpStop => "يوقف كل شيء أو موضوعًا واحدًا: {example}",
        Phrase::HelpStart => "يعيدها: {example}",
        Phrase::HelpWhy => "يخبرك لماذا وصلك آخر إشعار",
        Phrase::NotUnderstood => "لم أفهم ذلك.",
        Phrase::InPersonalChat => "اكتب لي في محادثتنا الشخصية: هناك تختار ما يصلك.",
        Phrase::SettingsBelow => "إعداداتك في الرسالة أدناه.",
        Phrase::Acknowledge => "تأكيد الاستلام",
        Phrase::AcknowledgedBy => "أكد {name} الاستلام",
        Phrase::Snooze => "تأجيل {length}",
        Phrase::SnoozedBy => "أجّل {name} هذا حتى {until}",
        Phrase::Open => "فتح",
        Phrase::Close => "إغلاق",
        Phrase::ClosedBy => "أغلق {name} هذا",
        Phrase::Closed => "مغلق",
        Phrase::NotForYou => "لم يحدث شيء: هذا الزر لغيرك.",
        Phrase::Reminder => "تذكير",
        Phrase::DigestTitle => "ما حدث: {rule}",
        Phrase::WhileQuiet => "أثناء غيابك",
        Phrase::Storm => "«{rule}» ترسل الكثير الآن. ما يلي يصل ملخصًا.",
    }
}

pub(super) fn counted(counted: Counted, form: Form) -> &'static str {
    match (counted, form) {
        (Counted::Notifications, Form::Zero) => "لا إشعارات",
        (Counted::Notifications, Form::One) => "إشعار واحد",
        (Counted::Notifications, Form::Two) => "إشعاران",
        (Counted::Notifications, Form::Few) => "{count} إشعارات",
        (Counted::Notifications, Form::Many) => "{count} إشعارًا",
        (Counted::Notifications, Form::Other) => "{count} إشعار",
        (Counted::More, Form::Zero) => "ولا شيء آخر",
        (Counted::More, Form::One) => "وواحد آخر",
        (Counted::More, Form::Two) => "واثنان آخران",
        (Counted::More, Form::Few) => "و{count} أخرى",
        (Counted::More, Form::Many | Form::Other) => "و{count} غيرها",
        (Counted::People, Form::Zero) => "لا أحد",
        (Counted::People, Form::One) => "شخص واحد",
        (Counted::People, Form::Two) => "شخصان",
        (Counted::People, Form::Few) => "{count} أشخاص",
        (Counted::People, Form::Many) => "{count} شخصًا",
        (Counted::People, Form::Other) => "{count} شخص",
    }
}

pub(super) fn written(word: Word) -> &'static [&'static str] {
    match word {
        Word::Settings => &["الإعدادات", "إعدادات", "اعدادات"],
        Word::Stop => &["إيقاف", "ايقاف", "أوقف", "اوقف"],
        Word::Start => &["استئناف", "ابدأ"],
        Word::Why => &["لماذا"],
        Word::Help => &["مساعدة"],
    }
}
