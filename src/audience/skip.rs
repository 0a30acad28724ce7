//! Why somebody is not told, in one word: for counting. The sentence for people is beside it, in `reason`.

/// One of a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// Nobody and nothing is known by this name or address.
    NotFound,
    /// The place is named exactly, and the app is not installed there.
    NotInstalled,
    /// Several are meant by what was written.
    Ambiguous,
    /// The channel was deleted, the team archived.
    Gone,
    /// It names nobody: an alias nobody defined, a template that came to nothing.
    Nobody,
    /// More than a rule may tell at once.
    TooMany,
    /// Teams does not let a bot write there.
    NotWritable,
    /// Teams was asked who is there and gave no answer.
    NoAnswer,
    /// The rule's limit, or its digest.
    Limit,
    /// Quiet hours, in a rule that drops what comes meanwhile or whose cards are not worth waiting.
    Quiet,
    /// They stopped the rule or its topic.
    Stopped,
    /// The storm breaker.
    Storm,
}

impl Skip {
    /// All of them.
    pub const ALL: [Skip; 12] = [
        Skip::NotFound,
        Skip::NotInstalled,
        Skip::Ambiguous,
        Skip::Gone,
        Skip::Nobody,
        Skip::TooMany,
        Skip::NotWritable,
        Skip::NoAnswer,
        Skip::Limit,
        Skip::Quiet,
        Skip::Stopped,
        Skip::Storm,
    ];

    /// The word used in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Skip::NotFound => "not_found",
            Skip::NotInstalled => "not_installed",
            Skip::Ambiguous => "ambiguous",
            Skip::Gone => "gone",
            Skip::Nobody => "nobody",
            Skip::TooMany => "too_many",
            Skip::NotWritable => "not_writable",
            Skip::NoAnswer => "no_answer",
            Skip::Limit => "limit",
            Skip::Quiet => "quiet_hours",
            Skip::Stopped => "stopped",
            Skip::Storm => "storm",
        }
    }
}
