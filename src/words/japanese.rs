//! Japanese.

use super::plural::Form;
use super::{Counted, Phrase, Word};

pub(super) fn say(phrase: Phrase) -> &'static str {
    match phrase {
        Phrase::WhyYouGotThis => "この通知が届いた理由：{reason}",
        Phrase::TheRule => "ルール「{rule}」",
        Phrase::Required => "この通知は必須のため、停止できません。",
        Phrase::RequiredAsk => "この通知は必須です。{owner}にお問い合わせください。",
        Phrase::StopThese => "この通知を停止",
        Phrase::Settings => "設定",
        Phrase::SettingsTitle => "通知の設定",
        Phrase::SettingsIntro => "このチャットに届くものを選べます。",
        Phrase::Topics => "トピック",
        Phrase::AllNotifications => "停止できるすべての通知",
        Phrase::QuietHours => "通知しない時間帯",
        Phrase::QuietHoursHint => "開始と終了。例：22:00-07:00。空欄ならなし。",
        Phrase::TimeZone => "タイムゾーン",
        Phrase::TimeZoneHint => "例：Asia/Tokyo。空欄ならTeamsに従います。",
        Phrase::LanguageLabel => "言語",
        Phrase::AsInTeams => "Teamsと同じ",
        Phrase::Save => "保存",
        Phrase::Saved => "保存しました。",
        Phrase::NotSaved => "何も保存されませんでした。",
        Phrase::NoQuietHours => "「{written}」は時間帯として読み取れません。例：22:00-07:00",
        Phrase::NoTimeZone => "「{written}」というタイムゾーンはありません。例：Asia/Tokyo",
        Phrase::Stopped => "「{what}」は届かなくなります。再開するには「{command}」と書いてください。",
        Phrase::Started => "「{what}」が再び届きます。",
        Phrase::StoppedAll => "必須のものを除き、通知は届かなくなります。再開するには「{command}」と書いてください。",
        Phrase::StartedAll => "すべての通知が再び届きます。",
        Phrase::CannotStop => "「{what}」は必須のため、停止できません。",
        Phrase::CannotStopAsk => "「{what}」は必須です。{owner}にお問い合わせください。",
        Phrase::NoSuchTopic => "「{what}」というものはありません。",
        Phrase::DidYouMean => "「{near}」のことですか？",
        Phrase::CanStop => "停止できるもの：{list}",
        Phrase::NothingToStop => "名前を指定して停止できるものはありません。",
        Phrase::WhyRule => "最後の通知はルール「{rule}」によるものです。",
        Phrase::WhyTarget => "宛先：{target}",
        Phrase::WhyOwner => "担当：{owner}",
        Phrase::WhyStop => "停止するには「{command}」と書いてください。",
        Phrase::WhyNothing => "まだ通知をお送りしていません。",
        Phrase::WhyRuleGone => "そのルールはもうありません。",
        Phrase::HelpIntro => "次の言葉を書いてください：",
        Phrase::HelpSettings => "届くものを表示し、変更できます",
        Phrase::HelpStop => "すべて、または一つのトピックを停止します：{example}",
        Phrase::HelpStart => "再開します：{example}",
        Phrase::HelpWhy => "最後の通知が届いた理由を説明します",
        Phrase::NotUnderstood => "わかりませんでした。",
        Phrase::InPersonalChat => "個人チャットで書いてください。届くものはそこで選べます。",
        Phrase::SettingsBelow => "設定は下のメッセージにあります。",
        Phrase::Acknowledge => "確認",
        Phrase::AcknowledgedBy => "{name}さんが確認しました",
        Phrase::Snooze => "{length}後に再通知",
        Phrase::SnoozedBy => "{name}さんが{until}まで保留しました",
        Phrase::Open => "開く",
        Phrase::Close => "閉じる",
        Phrase::ClosedBy => "{name}さんが閉じました",
        Phrase::Closed => "完了",
        Phrase::NotForYou => "何も起きませんでした。このボタンは他の人のためのものです。",
        Phrase::Reminder => "リマインダー",
        Phrase::DigestTitle => "まとめ：{rule}",
        Phrase::WhileQuiet => "不在の間の通知",
        Phrase::Storm => "「{rule}」から大量の通知が来ています。以降はまとめてお届けします。",
    }
}

pub(super) fn counted(counted: Counted, form: Form) -> &'static str {
    // Japanese has one form for all numbers.
    let _: Form = form;
    match counted {
        Counted::Notifications => "{count}件の通知",
        Counted::More => "ほか{count}件",
        Counted::People => "{count}人",
    }
}

pub(super) fn written(word: Word) -> &'static [&'static str] {
    match word {
        Word::Settings => &["設定"],
        Word::Stop => &["停止", "止める"],
        Word::Start => &["再開", "開始"],
        Word::Why => &["なぜ", "理由"],
        Word::Help => &["ヘルプ"],
    }
}
