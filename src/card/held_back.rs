//! The line that tells of cards which the rule's limit held back.

use std::sync::LazyLock;

use serde_json::Value;

use crate::card::partial::Partials;
use crate::card::text::{Text, Warnings};

/// `And 12 more like this since 14:02. This rule sends one card in 10 minutes at most.` None when there were none.
pub(crate) fn sentence(scope: &Value) -> Option<String> {
    let limit = scope.get("limit")?;
    let held_back = limit.get("held_back")?.as_u64().filter(|count| *count > 0)?;
    let once_per = limit.get("once_per")?.as_str()?;
    Some(format!(
        "And {held_back} more like this since {}. This rule sends one card in {once_per} at most.",
        since(scope)
    ))
}

/// The beginning, on the clock of whoever reads it; the day only where it is another.
fn since(scope: &Value) -> String {
    static WRITTEN: LazyLock<[Text; 4]> = LazyLock::new(|| {
        let hole = |source: &str| Text::compile(source, &Partials::default()).expect("our own text compiles");
        [
            hole("{{date limit.since \"day\"}}"),
            hole("{{date now \"day\"}}"),
            hole("{{date limit.since \"time\"}}"),
            hole("{{date limit.since}}"),
        ]
    });
    let [day, today, time, moment] = &*WRITTEN;
    let filled = |text: &Text| text.plain(scope, &mut Warnings::new());
    if filled(day) == filled(today) {
        filled(time)
    } else {
        filled(moment)
    }
}
