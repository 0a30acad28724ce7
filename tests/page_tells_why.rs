//! Herald's own page in a real browser: each event and each delivery says why. See `tests/browser/README.md`.

use serde_json::json;

use crate::support::browser;
use crate::support::engine::Workspace;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_tells_why_a_card_came_or_did_not() {
    if browser::is_skipped("Herald's page was not looked at") {
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
    browser::look("why.mjs", &[("HERALD_URL", &engine.url("/"))]).await;
}
