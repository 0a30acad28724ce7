//! The shape of a step under `then:`: the only home of its serde and schemars attributes.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::call::file::CallFile;
use crate::one_or_many::OneOrMany;
use crate::rule::file::{CardFile, ConditionFile, TargetFile, UrgencyFile};
use crate::text_or::TextOr;

/// One step after the first message: somebody is reminded, somebody else is told, another program is asked. Steps come one
/// after the other, in the order written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Then", extend("minProperties" = 1))]
pub struct ThenFile {
    /// What it is called where its story is told.
    #[schemars(extend("examples" = ["call the lead"]))]
    pub name: Option<String>,
    /// How long after the first message it comes. Without `after` and `at` it comes right after the step before it.
    #[schemars(extend("examples" = ["15 minutes", "1 day"]))]
    pub after: Option<String>,
    /// At what time of day it comes: the next such time after the first message, or after `after`. In quotes.
    #[schemars(extend("examples" = ["09:00"]))]
    pub at: Option<String>,
    /// What makes it needless: `acknowledged`. When the matter is closed, no further step comes, whatever is written here.
    #[schemars(extend("examples" = ["acknowledged", ["acknowledged", "closed"]]))]
    pub unless: Option<OneOrMany<String>>,
    /// What must be true as well, as in `if` of the rule. `steps.NAME` is what an earlier call brought.
    #[serde(rename = "if")]
    #[schemars(with = "Option<ConditionFile>", extend("examples" = [{ "steps.ticket.status": 201 }]))]
    pub condition: Option<Value>,
    /// Who is told. Without it, those whom the rule tells; in a channel below the first card.
    #[schemars(with = "Option<Vec<TargetFile>>", length(min = 1), extend("examples" = [[{ "person": "on-call.next" }]]))]
    pub notify: Option<Vec<Value>>,
    /// Who is not told, although `notify` names them.
    #[schemars(with = "Option<Vec<TargetFile>>", extend("examples" = [[{ "person": "anna" }]]))]
    pub except: Option<Vec<Value>>,
    /// What they get. Without it, the card of the rule.
    #[schemars(with = "Option<TextOr<CardFile>>", extend("examples" = [{ "title": "Nobody has taken this yet" }]))]
    pub card: Option<Value>,
    /// How urgent its cards are. Default: as in the rule.
    #[schemars(with = "Option<UrgencyFile>", extend("examples" = ["critical"]))]
    pub urgency: Option<Value>,
    /// What becomes of it when Herald was not running and it would come too late. Default: `send`.
    #[schemars(extend("examples" = ["skip"]))]
    pub if_late: Option<IfLateFile>,
    /// Instead of telling somebody: asks another program. What it answers is there for later steps.
    #[schemars(with = "Option<CallFile>", extend("examples" = [{ "url": "https://tickets.contoso.example/api/issues", "body": { "title": "{{event.title}}" }, "secret": "TICKETS_TOKEN", "save_as": "ticket" }]))]
    pub call: Option<Value>,
}

/// What becomes of a step that comes too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IfLateFile {
    /// It comes all the same.
    Send,
    /// It is left out.
    Skip,
}
