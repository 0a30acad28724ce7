//! Herald's own page in a real browser: each event and each delivery says why. See `tests/browser/README.md`.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::engine::Workspace;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_tells_why_a_card_came_or_did_not() {
    if std::env::var_os("HERALD_SKIP_BROWSER").is_some_and(|skip| skip == "1") {
        eprintln!("HERALD_SKIP_BROWSER=1: Herald's page was not looked at");
        return;
    }
    let engine = Workspace::new()
        .rule(
            "r",
            "when: { hook: ci }\nif: { event.state: failure }\nnotify: [{ person: Anna Berg }]\ncard: { message: failed }\n",
        )
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    engine.post("/hooks/ci", &json!({ "state": "<b>fine</b>" })).await;
    engine.post("/hooks/ci", &json!({ "state": "failure" })).await;
    engine.messages(1).await;
    engine.settled().await;
    let mut node = Command::new("node");
    node.arg("why.mjs")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser"))
        .env("HERALD_URL", engine.url("/"))
        .stdin(Stdio::null());
    // It ends by itself: the script gives up after three minutes.
    let looked = tokio::task::spawn_blocking(move || node.output().expect("`node` runs"));
    let looked = looked.await.expect("the browser ends");
    let said = String::from_utf8_lossy(&looked.stderr);
    assert!(
        looked.status.success(),
        "{said}\n(install what is missing, tests/browser/README.md, or set HERALD_SKIP_BROWSER=1 to go without)"
    );
}
