//! Words that a later version of Herald will know. Whoever writes one already deserves a better answer than "unknown".

/// The keys, by the title of the mapping they would stand in.
const LATER: [(&str, &[&str]); 8] = [
    (
        "Rule",
        &[
            "limit",
            "split",
            "quiet_hours",
            "time_zone",
            "language",
            "expires_after",
            "urgency",
            "can_opt_out",
            "topic",
            "send",
            "then",
            "track",
            "buttons",
            "on_acknowledge",
            "on_close",
            "tests",
        ],
    ),
    ("Trigger", &["button", "message", "queue", "from"]),
    (
        "Target",
        &["webhook", "activity_feed", "everyone", "channels_of", "where"],
    ),
    ("Card", &["language"]),
    ("Settings", &["quiet_hours", "topics"]),
    ("Bot", &["certificate", "managed_identity", "workload_identity"]),
    ("Hook", &["limit"]),
    ("Directory", &["rotations"]),
];

/// Is `key` a word of a later version in the mapping with this title?
pub(super) fn is_later(title: &str, key: &str) -> bool {
    LATER
        .iter()
        .any(|(mapping, keys)| *mapping == title && keys.contains(&key))
}
