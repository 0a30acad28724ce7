//! Words that are not ours, or not yet: whoever writes one deserves a better answer than "unknown".

/// The keys, by the title of the mapping they would stand in.
const LATER: [(&str, &[&str]); 2] = [("Rule", &["time_zone"]), ("Step", &["delivered"])];

/// Is `key` a word of a later version in the mapping with this title?
pub(super) fn is_later(title: &str, key: &str) -> bool {
    LATER
        .iter()
        .any(|(mapping, keys)| *mapping == title && keys.contains(&key))
}

/// What people write who know another tool, by the title of the mapping.
const SYNONYMS: [(&str, &str, &str); 25] = [
    ("Rule", "on", "when"),
    ("Rule", "trigger", "when"),
    ("Rule", "triggers", "when"),
    ("Rule", "event", "when"),
    ("Rule", "condition", "if"),
    ("Rule", "conditions", "if"),
    ("Rule", "where", "if"),
    ("Rule", "filter", "if"),
    ("Rule", "to", "notify"),
    ("Rule", "targets", "notify"),
    ("Rule", "recipients", "notify"),
    ("Rule", "send_to", "notify"),
    ("Rule", "unless", "if"),
    ("Rule", "name", "description"),
    ("Trigger", "webhook", "hook"),
    ("Trigger", "schedule", "cron"),
    ("Trigger", "files", "file"),
    ("Trigger", "timezone", "time_zone"),
    ("Trigger", "events", "event_type"),
    ("Settings", "timezone", "time_zone"),
    ("Settings", "webhooks", "hooks"),
    ("Hook", "auth", "signature"),
    ("Hook", "rate", "limit"),
    ("Hook", "rate_limit", "limit"),
    ("Hook", "throttle", "limit"),
];

/// Our word for `key`, if it is another tool's.
pub(super) fn ours(title: &str, key: &str) -> Option<&'static str> {
    let lower = key.to_lowercase();
    let found = SYNONYMS
        .iter()
        .find(|(mapping, other, _)| *mapping == title && *other == lower);
    found.map(|(_, _, ours)| *ours)
}

/// The words of later versions in the mapping with this title.
pub(super) fn words(title: &str) -> impl Iterator<Item = &'static str> {
    LATER
        .iter()
        .filter(move |(mapping, _)| *mapping == title)
        .flat_map(|(_, keys)| keys.iter().copied())
}

/// What other tools call our `key`.
pub(super) fn others_words_for(title: &str, key: &str) -> impl Iterator<Item = &'static str> {
    SYNONYMS
        .iter()
        .filter(move |(mapping, _, ours)| *mapping == title && *ours == key)
        .map(|(_, other, _)| *other)
}
