//! Scripts in `tests/browser`, which look at pages as a person would.

use std::process::{Command, Stdio};

/// Is the browser not to be used? Then `undone` says what was not looked at.
pub fn is_skipped(undone: &str) -> bool {
    let skipped = std::env::var_os("HERALD_SKIP_BROWSER").is_some_and(|skip| skip == "1");
    if skipped {
        eprintln!("HERALD_SKIP_BROWSER=1: {undone}");
    }
    skipped
}

/// Runs a script with these variables until it ends; it gives up by itself after some minutes.
pub async fn look(script: &str, environment: &[(&str, &str)]) {
    let mut node = Command::new("node");
    node.arg(script)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser"))
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    let looked = tokio::task::spawn_blocking(move || node.output().expect("`node` runs"));
    let looked = looked.await.expect("the browser ends");
    let said = String::from_utf8_lossy(&looked.stderr);
    assert!(
        looked.status.success(),
        "{said}\n(install what is missing, tests/browser/README.md, or set HERALD_SKIP_BROWSER=1 to go without)"
    );
}
