//! Rules: what the author wrote, as meaning.

pub mod comparison;
pub mod condition;
pub mod courtesy;
pub mod digest;
pub mod expression;
pub mod feed;
pub mod field;
pub mod file;
pub mod living;
pub mod local_moment;
pub mod moment;
pub mod ruleset;
pub mod schedule;
pub mod sending;
pub mod settling;
pub mod sieve;
pub mod split;
pub mod target;
pub mod tests_file;
pub mod then;
pub mod trigger;
pub mod wording;

use std::sync::Arc;

use crate::card::source::CardSource;
use crate::limit::Limit;
use crate::quiet::policy::QuietTime;
use crate::rate::Rate;
use crate::rotation::OnCall;
use condition::Condition;
use courtesy::Courtesy;
use digest::Digest;
use feed::Feed;
use living::Living;
use sending::Sending;
use split::Split;
use target::Target;
use then::Then;
use trigger::Trigger;

/// One rule: when something happens, if it matters, notify somebody with a card. Nothing in it is looked up by text
/// any more, and nothing in it can be wrong.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The file's path below `rules/`, without its ending: `github/deploy-failed`.
    pub name: String,
    /// The file, as seen from the workspace.
    pub file: String,
    /// What it is for: recipients see it as the reason why they got the card.
    pub description: Option<String>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// What it waits for; any of them will do. Never empty.
    pub triggers: Vec<Trigger>,
    /// What must be true of the event.
    pub condition: Condition,
    /// Who is told. Never empty.
    pub notify: Vec<Target>,
    /// Who is not told, although `notify` names them.
    pub except: Vec<Target>,
    /// What they get.
    pub card: Arc<CardSource>,
    /// What notifications in activity feeds say; there is one if a target is an activity feed.
    pub feed: Option<Arc<Feed>>,
    /// How often somebody is told.
    pub limit: Option<Limit>,
    /// When everything gathered is told, and how.
    pub digest: Option<Digest>,
    /// Cards to one recipient before the storm breaker trips; `None` if there is none.
    pub storm: Option<Rate>,
    /// The list whose items are taken one by one.
    pub split: Option<Split>,
    /// How it is sent.
    pub sending: Sending,
    /// How it deals with people.
    pub courtesy: Courtesy,
    /// When its cards wait.
    pub quiet: QuietTime,
    /// Who takes turns, for its texts.
    pub on_call: Arc<OnCall>,
    /// What follows the first message.
    pub then: Option<Arc<Then>>,
    /// What keeps its cards alive after they are sent.
    pub living: Arc<Living>,
}

impl Rule {
    /// It keeps something going about what it told: its cards change, or something follows.
    pub fn lives(&self) -> bool {
        self.living.is_some() || self.then.is_some()
    }
}
