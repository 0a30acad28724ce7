//! The shape of a rule's own tests: what stands under `tests:` in the rule's file, and in `NAME.test.yaml` beside it.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::one_or_many::OneOrMany;
use crate::rule::file::{ScopeFile, TargetFile};
use crate::text_or::TextOr;

/// Tests of the rule beside this file: `deploy-failed.test.yaml` tests `deploy-failed.yaml`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Tests")]
pub struct TestsFile {
    /// The tests, one after the other.
    #[schemars(
        with = "Vec<CaseFile>",
        length(min = 1),
        extend("examples" = [[{
            "name": "a staging deploy is nobody's business",
            "given": { "sample": "samples/github/deployment_status.failure.json", "with": { "event.deployment.environment": "staging" } },
            "expect": { "sent_to": [] },
        }]])
    )]
    pub tests: Vec<Value>,
}

/// One test: what happens, and what the rule should make of it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Test", extend("required" = ["name"]))]
pub struct CaseFile {
    /// What the test shows, in a sentence.
    #[schemars(length(min = 1), extend("examples" = ["a failed production deploy tells the person on call"]))]
    pub name: String,
    /// What happens: the path of a sample, or a sample with changes, or an event written here.
    #[schemars(extend("examples" = [
        "samples/github/deployment_status.failure.json",
        { "sample": "samples/github/deployment_status.failure.json", "with": { "event.deployment.environment": "staging" } },
    ]))]
    pub given: Option<TextOr<GivenFile>>,
    /// Instead of `given`: several things that happen one after the other, with time between them.
    #[schemars(length(min = 1), extend("examples" = [[
        { "given": "samples/github/deployment_status.failure.json", "expect": { "messages": 2 } },
        { "wait": "10 minutes" },
        { "given": "samples/github/deployment_status.failure.json" },
    ]]))]
    pub story: Option<Vec<StepFile>>,
    /// When it begins, by the clock of the rule's time zone. Default: Monday, 5 January 2026 at nine.
    #[schemars(extend("examples" = ["2026-03-09 09:00"]))]
    pub at: Option<String>,
    /// Who is in a team or group chat that the rule tells one by one: the name of the place, and its members.
    #[schemars(extend("examples" = [{ "Berlin Office": ["anna", "omar"] }]))]
    pub members: Option<IndexMap<String, Vec<String>>>,
    /// What people have chosen before: what they stopped or started, their language. Whoever is not named chose nothing.
    #[schemars(extend("examples" = [{ "anna": { "stopped": "deployments" } }]))]
    pub choices: Option<IndexMap<String, ChoicesFile>>,
    /// Names that Herald does not know in this test. Everything else that is written like an address, an alias or
    /// `Team / Channel` is taken to exist.
    #[schemars(extend("examples" = [["omar", "Platform / Releases"]]))]
    pub unknown: Option<OneOrMany<String>>,
    /// What other programs answer when a step of the rule calls them: by the name under which the call keeps it. A list is
    /// given one after the other.
    #[schemars(extend("examples" = [{ "ticket": { "status": 201, "body": { "id": 4711 } } }]))]
    pub answers: Option<IndexMap<String, OneOrMany<AnswerFile>>>,
    /// What the rule should have made of it, in the end.
    #[schemars(extend("examples" = [{ "sent_to": ["on-call", "Platform / Releases"], "card_shows": "deploy failed" }]))]
    pub expect: Option<ExpectFile>,
}

/// What somebody chose.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Choices")]
pub struct ChoicesFile {
    /// Topics and rules that they stopped, or `everything`.
    #[schemars(extend("examples" = ["deployments", ["deployments", "announce"]]))]
    pub stopped: Option<OneOrMany<String>>,
    /// Topics and rules that they started, though they begin stopped or everything else is stopped.
    #[schemars(extend("examples" = ["canteen"]))]
    pub started: Option<OneOrMany<String>>,
    /// Their language.
    #[schemars(extend("examples" = ["ar"]))]
    pub language: Option<String>,
    /// Their time zone.
    #[schemars(extend("examples" = ["Asia/Dubai"]))]
    pub time_zone: Option<String>,
    /// When they want to be left alone.
    #[schemars(extend("examples" = ["22:00-07:00"]))]
    pub quiet_hours: Option<String>,
}

/// Who posts to a hook.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Caller")]
pub struct CallerFile {
    /// For `signature: entra`: the client id of the app.
    #[schemars(extend("examples" = ["0f1f62ac-7f0d-45a0-9d2e-3b60f1a2c3d4"]))]
    pub app: Option<String>,
    /// For `signature: entra`: the app roles it has.
    #[schemars(extend("examples" = ["Events.Send"]))]
    pub roles: Option<OneOrMany<String>>,
    /// For `signature: client-certificate`: the line of `clients` that fits.
    #[schemars(extend("examples" = ["CN=erp.contoso.example,O=Contoso"]))]
    pub certificate: Option<String>,
}

/// What another program answers.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Answer")]
pub struct AnswerFile {
    /// The HTTP status. Default: 200.
    #[schemars(range(min = 100, max = 599), extend("examples" = [201]))]
    pub status: Option<u16>,
    /// What it says.
    #[schemars(with = "Option<EventFile>", extend("examples" = [{ "id": 4711 }]))]
    pub body: Option<Value>,
    /// Instead of `status`: there is no answer.
    #[schemars(extend("examples" = [true]))]
    pub silent: Option<bool>,
}

/// Something that happens.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Given")]
pub struct GivenFile {
    /// The path of a recorded event.
    #[schemars(extend("examples" = ["samples/github/deployment_status.failure.json"]))]
    pub sample: Option<String>,
    /// Instead of `sample`: the event itself, as the rule sees it.
    #[schemars(with = "Option<EventFile>")]
    #[schemars(extend("examples" = [{ "text": "The lift is repaired." }]))]
    pub event: Option<Value>,
    /// The sender's event type. Default: the one in the sample's name, or the one that the rule waits for.
    #[schemars(extend("examples" = ["deployment_status"]))]
    pub event_type: Option<String>,
    /// For a rule that waits for a file: the file that changes.
    #[schemars(extend("examples" = ["prices/2026-spring.csv"]))]
    pub file: Option<String>,
    /// What happens to the file. Default: `modified`.
    #[schemars(extend("examples" = ["created"]))]
    pub change: Option<crate::rule::file::FileChangeFile>,
    /// For an event of Teams: where it happens. Default: the first place that the rule waits for.
    #[schemars(extend("examples" = ["person"]))]
    pub scope: Option<ScopeFile>,
    /// For an event of Teams: nobody had the bot there before. Default: `true`.
    #[schemars(extend("examples" = [false]))]
    pub first_time: Option<bool>,
    /// Fields that are different from the sample, with their values.
    #[schemars(extend("examples" = [{ "event.deployment.environment": "staging" }]))]
    pub with: Option<IndexMap<String, Value>>,
    /// Fields of the sample that are not there.
    #[schemars(extend("examples" = ["event.commonLabels.alertname"]))]
    pub without: Option<OneOrMany<String>>,
    /// Headers of the request.
    #[schemars(extend("examples" = [{ "X-Priority": "high" }]))]
    pub headers: Option<IndexMap<String, String>>,
    /// What stands behind the `?` of the address.
    #[schemars(extend("examples" = [{ "team": "platform" }]))]
    pub query: Option<IndexMap<String, String>>,
    /// Who posts, to a hook whose callers show a token or a certificate: what rules see as `request.caller`.
    #[schemars(extend("examples" = [{ "app": "0f1f62ac-7f0d-45a0-9d2e-3b60f1a2c3d4", "roles": "Events.Send" }]))]
    pub caller: Option<CallerFile>,
    /// When it happens, by the clock of the rule's time zone. A schedule's moment is told by its time alone.
    #[schemars(extend("examples" = ["2026-03-09 09:00"]))]
    pub at: Option<String>,
    /// How many times it happens, all at once. Default: 1.
    #[schemars(range(min = 1, max = 1000), extend("examples" = [20]))]
    pub times: Option<usize>,
}

/// An event written in a test.
#[derive(Debug, Clone)]
pub struct EventFile;

impl JsonSchema for EventFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Event".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["object", "array", "string", "number", "boolean"] })
    }
}

/// One step of a story. Time passes first, then something happens, then it is compared with what is expected.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Step", extend("minProperties" = 1))]
pub struct StepFile {
    /// How much time passes. Schedules run meanwhile, and changed files come to rest.
    #[schemars(extend("examples" = ["10 minutes"]))]
    pub wait: Option<String>,
    /// Until when time passes, by the clock of the rule's time zone.
    #[schemars(extend("examples" = ["2026-03-09 09:00"]))]
    pub at: Option<String>,
    /// What happens: the path of a sample, or a sample with changes, or an event written here.
    #[schemars(extend("examples" = ["samples/github/deployment_status.failure.json"]))]
    pub given: Option<TextOr<GivenFile>>,
    /// Somebody writes this to the bot. To say who and where, write `{ text, by, in }`.
    #[schemars(extend("examples" = ["status", { "text": "status platform", "by": "anna", "in": "Platform / Releases" }]))]
    pub message: Option<TextOr<MessageFile>>,
    /// Somebody presses a button: its name or what stands on it, on a card that the rule sent before in this story or on
    /// any other. To say who, where and what was filled in, write `{ button, by, in, inputs }`.
    #[schemars(extend("examples" = ["on-it", { "button": "on-it", "by": "anna", "inputs": { "note": "I look at it" } }]))]
    pub press: Option<TextOr<PressFile>>,
    /// What the rule should have made of this step alone.
    #[schemars(extend("examples" = [{ "messages": 1 }]))]
    pub expect: Option<ExpectFile>,
}

/// A message that somebody writes to the bot.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Message", extend("required" = ["text"]))]
pub struct MessageFile {
    /// What they write, without the mention of the bot.
    #[schemars(extend("examples" = ["status platform"]))]
    pub text: String,
    /// Who writes, named as under `person:`. Default: the first one of the trigger's `from`, else somebody.
    #[schemars(extend("examples" = ["anna"]))]
    pub by: Option<String>,
    /// Where: a channel or group chat by its name. Default: the personal chat.
    #[serde(rename = "in")]
    #[schemars(extend("examples" = ["Platform / Releases"]))]
    pub place: Option<String>,
}

/// A button that somebody presses.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Press", extend("required" = ["button"]))]
pub struct PressFile {
    /// Its name, or what stands on it.
    #[schemars(extend("examples" = ["on-it"]))]
    pub button: String,
    /// Who presses it, named as under `person:`. Default: the first one of the trigger's `from`, else somebody.
    #[schemars(extend("examples" = ["anna"]))]
    pub by: Option<String>,
    /// Where the card is: a channel or group chat by its name. Default: the personal chat.
    #[serde(rename = "in")]
    #[schemars(extend("examples" = ["Platform / Releases"]))]
    pub place: Option<String>,
    /// What was filled in, and what else comes with the button when no card of this story has it.
    #[schemars(extend("examples" = [{ "note": "I look at it" }]))]
    pub inputs: Option<IndexMap<String, Value>>,
}

/// What is expected. Each line is compared on its own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Expect", extend("minProperties" = 1))]
pub struct ExpectFile {
    /// Who gets a card, in any order: names as in `notify`, or targets such as `{ members_of: Platform }`. An empty
    /// list means nobody.
    #[schemars(
        with = "Option<Vec<TextOr<TargetFile>>>",
        extend("examples" = [["on-call", "Platform / Releases"], []])
    )]
    pub sent_to: Option<Vec<Value>>,
    /// Words that stand in the reason why a card was not sent: a line of `if`, or why somebody cannot be told.
    #[schemars(extend("examples" = ["event.deployment.environment"]))]
    pub not_sent_because: Option<OneOrMany<String>>,
    /// How many cards are sent.
    #[schemars(extend("examples" = [2]))]
    pub messages: Option<usize>,
    /// Texts that a card shows.
    #[schemars(extend("examples" = ["webshop: deploy failed", ["production", "Open the log"]]))]
    pub card_shows: Option<OneOrMany<String>>,
    /// Texts that no card shows.
    #[schemars(extend("examples" = ["–"]))]
    pub card_does_not_show: Option<OneOrMany<String>>,
    /// How many cards `limit` held back.
    #[schemars(extend("examples" = [19]))]
    pub held_back: Option<usize>,
    /// How many cards changed in their place: what they show then is compared with `card_shows`, too.
    #[schemars(extend("examples" = [1]))]
    pub updated: Option<usize>,
    /// Words of what whoever pressed one of the rule's `buttons` is told.
    #[schemars(extend("examples" = ["Omar Haddad took it"]))]
    pub answer: Option<OneOrMany<String>>,
    /// When the schedule runs next, by its own clock: as many times as are written here.
    #[schemars(extend("examples" = [["2026-03-30 09:00", "2026-04-13 09:00"]]))]
    pub next_runs: Option<OneOrMany<String>>,
    /// Words of the warnings that come with the cards: a missing field, somebody who cannot be mentioned. An empty list
    /// means none.
    #[schemars(extend("examples" = [["event.review.body"], []]))]
    pub warnings: Option<Vec<String>>,
}
