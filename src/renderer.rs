//! Adaptive Cards in a browser: the one renderer of Teams in a box and of `herald preview`.
//!
//! Modules without a build step. `card.js` has `renderCard`; everything a card says becomes text nodes, never markup.

/// Its files: path, content type, content.
pub const FILES: [(&str, &str, &str); 6] = [
    ("/action.js", SCRIPT, include_str!("renderer/action.js")),
    ("/card.css", STYLE, include_str!("renderer/card.css")),
    ("/card.js", SCRIPT, include_str!("renderer/card.js")),
    ("/input.js", SCRIPT, include_str!("renderer/input.js")),
    ("/text.js", SCRIPT, include_str!("renderer/text.js")),
    ("/theme.css", STYLE, include_str!("renderer/theme.css")),
];

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
