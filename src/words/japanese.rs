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
        Phrase::WhyThisRule => "この通知はルール「{rule}」から届きました。",
        Phrase::WhyTarget => "宛先：{target}",
        Phrase::WhyOwner => "担当：{owner}",
        Phrase::WhyStop => "停止するには「{command}」と書いてください。",
        Phrase::WhyNothing => "まだ通知をお送りしていません。",
        Phrase::WhyRuleGone => "そのルールはもうありません。",
        Phrase::WhyCardGone => "そのメッセージが届いた理由は、もう分かりません。",
        Phrase::HelpIntro => "次の言葉を書いてください：",
        Phrase::HelpSettings => "届くものを表示し、変更できます",
        Phrase::HelpStop => "すべて、または一つのトピックを停止します：{example}",
        Phrase::HelpStart => "再開します：{example}",
        Phrase::HelpWhy => "最後の通知が届いた理由を説明します",
        Phrase::NotUnderstood => "わかりませんでした。",
        Phrase::InPersonalChat => "個人チャットで書いてください。届くものはそこで選べます。",
        Phrase::SettingsBelow => "設定は下のメッセージにあります。",
        Phrase::Acknowledge => "確認",
        Phrase::AcknowledgedBy => "{name}さんが担当しています",
        Phrase::Snooze => "{length}後に再通知",
        Phrase::Open => "開く",
        Phrase::Close => "閉じる",
        Phrase::ClosedBy => "{name}さんが閉じました",
        Phrase::Closed => "完了",
        Phrase::NotForYou => "何も起きませんでした。このボタンは他の人のためのものです。",
        Phrase::Reminder => "リマインダー",
        Phrase::WhileQuiet => "不在の間の通知",
        Phrase::Somebody => "誰か",
        Phrase::Acknowledged => "対応中",
        Phrase::PutOff => "保留中",
        Phrase::PutOffUntil => "{until}まで保留中",
        Phrase::WhatAndWhen => "{what}（{when}）",
        Phrase::ClosedSummary => "完了：{summary}",
        Phrase::YouTookIt => "あなたが担当になりました。このカードを持つ全員に表示されます。",
        Phrase::YouClosedIt => "あなたが閉じました。このカードを持つ全員に表示されます。",
        Phrase::TookItAt => "{name}さんが{time}に担当になりました。",
        Phrase::TakenAt => "{time}に担当が決まりました。",
        Phrase::ClosedItAt => "{name}さんが{time}に閉じました。",
        Phrase::OverSince => "{time}に完了しました。",
        Phrase::ComesBackAt => "{time}に再び通知します。",
        Phrase::UnknownButton => "何も起きませんでした。Heraldはこのボタンを知りません。",
        Phrase::CardGone => "何も起きませんでした。Heraldはこのカードをもう管理していません。",
        Phrase::NoRule => "何も起きませんでした。ルール「{rule}」はもうありません。",
        Phrase::BeganAnew => "これは完了し、その後新しいものが始まりました。そのためのカードがあります。",
        Phrase::NoRuleForButton => "何も起きませんでした。ボタン「{button}」を待っているルールはありません。",
        Phrase::ButtonNotNow => "何も起きませんでした。今はこのボタンの条件がそろっていません。",
        Phrase::PassedOn => "完了しました。ありがとうございます。",
        Phrase::WaitsForTeams => "ありがとうございます。対象者を Teams に確認でき次第、お知らせします。",
        Phrase::ToldAlready => "ありがとうございます。少し前に、すでに全員に知らせてあります。",
        Phrase::NobodyToTell => "何も起きませんでした。知らせる相手がいません。",
        Phrase::RenewedByItself => "カードは Herald が自動で更新します。このカードはそのままです。",
        Phrase::GatheredTitle => "ほか{count}件：{about}",
        Phrase::QuietTitle => "おやすみ時間中に{count}件：{about}",
        Phrase::OnlyCounted => "これ以前の{count}件は件数のみです。",
        Phrase::About => "対象",
        Phrase::Was => "届いています",
        Phrase::Were => "届きました",
        Phrase::StormTitle => "一時停止：{about}",
        Phrase::StormSummary => "多すぎるため一時停止：{about}",
        Phrase::StormText => {
            "{rate}を超えたため、一件ごとのカードは送られません。{since}以降、さらに{count}件{were}。最新：{last}"
        }
        Phrase::StormRate => "{length}に{count}件",
        Phrase::StormWaits => {
            "まとめられ、このカードが数えています。落ち着いたらすべてお知らせします。次の確認は{until}です。"
        }
        Phrase::StormOver => "収まりました：{about}",
        Phrase::StormOverSummary => "収まりました（{count}件）：{about}",
        Phrase::StormOverText => "カードは再び一件ずつ送られます。{since}から{until}までに{count}件{were}：",
    }
}

pub(super) fn counted(counted: Counted, form: Form) -> &'static str {
    // Japanese has one form for all numbers.
    let _: Form = form;
    match counted {
        Counted::Notifications => "{count}件の通知",
        Counted::More => "ほか{count}件",
        Counted::People => "{count}人",
        Counted::Days => "{count}日",
        Counted::Hours => "{count}時間",
        Counted::Minutes => "{count}分",
        Counted::Seconds => "{count}秒",
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
