//! What the tests of this room have in common.

use std::sync::Arc;

use crate::rule::Rule;
use crate::workspace::{self, SourceFile, Sources};

/// The rule of this text, in a workspace with a hook `ci` and somebody called `anna`.
pub(super) fn rule(text: &str) -> Arc<Rule> {
    let file = |path: &str, text: &str| SourceFile {
        path: path.to_owned(),
        bytes: Ok(text.as_bytes().to_vec()),
    };
    let sources = Sources {
        files: vec![
            file(
                "herald.yaml",
                "hooks:\n  ci: { path: ci, signature: none, anyone_can_post: true }\n",
            ),
            file("directory.yaml", "people: { anna: anna.berg@contoso.example }\n"),
            file("rules/incident.yaml", text),
        ],
        ..Sources::default()
    };
    let compiled = workspace::compile(&sources, None);
    assert!(!compiled.has_errors(), "{:#?}", compiled.diagnostics);
    compiled.workspace.ruleset.rules[0].clone()
}
