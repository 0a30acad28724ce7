//! The shape of a rotation in `directory.yaml`: the only home of its serde and schemars attributes.

use schemars::JsonSchema;
use serde::Deserialize;

/// People who take turns: who is on call, who is on duty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Rotation", extend("required" = ["people", "hand_over"]))]
pub struct RotationFile {
    /// Who takes turns, in this order: aliases of `people:`, mail addresses, names.
    #[schemars(length(min = 1), extend("examples" = [["anna", "omar"]]))]
    pub people: Vec<String>,
    /// When the next one takes over: a weekday and a time for turns of a week, `daily 09:00`, `every 2 weeks Monday 09:00`,
    /// `every 3 days 09:00`.
    #[schemars(extend("examples" = ["Monday 09:00", "daily 08:30", "every 2 weeks Friday 17:00"]))]
    pub hand_over: String,
    /// The time zone of the hand-over (an IANA name). Default: the one of `herald.yaml`.
    #[schemars(extend("examples" = ["Europe/Berlin"]))]
    pub time_zone: Option<String>,
    /// The day on which the first of the people takes over, as `YYYY-MM-DD`. Before it nobody is on call. Without it, turns
    /// are counted from the first days of 2024.
    #[schemars(extend("examples" = ["2026-01-05"]))]
    pub starts: Option<String>,
    /// Who stands in: holidays, swapped nights. Where two overlap, the first counts.
    #[schemars(extend("examples" = [[{ "from": "2026-12-24 09:00", "to": "2026-12-27 09:00", "person": "omar" }]]))]
    pub overrides: Vec<OverrideFile>,
}

/// Somebody stands in for whoever would be on call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Override", extend("required" = ["from", "to", "person"]))]
pub struct OverrideFile {
    /// Since when, by the rotation's clock.
    #[schemars(extend("examples" = ["2026-12-24 09:00"]))]
    pub from: String,
    /// Until when.
    #[schemars(extend("examples" = ["2026-12-27 09:00"]))]
    pub to: String,
    /// Who.
    #[schemars(extend("examples" = ["omar"]))]
    pub person: String,
}
