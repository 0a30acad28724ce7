//! Herald's own page in a real browser: the buttons of a run. See `tests/browser/README.md`.

use super::{announce, engine, until};
use crate::support::browser;
use herald::run::Run;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_paused_resumed_and_cancelled_on_the_page() {
    if browser::is_skipped("the runs of Herald's page were not looked at") {
        return;
    }
    // Teams does not take any, so that the run stays under way however slow the browser is.
    let engine = engine(50).await;
    let busy = herald::sandbox::Script::throttled().retry_after(600).always();
    engine.teams.answer_next(busy.on(herald::sandbox::Operation::Send));
    let run = announce(&engine, "on Friday").await;
    browser::look("runs.mjs", &[("HERALD_URL", &engine.url("/"))]).await;
    let over = until(&engine, &run.id, "it is cancelled", Run::is_over).await;
    assert_eq!(over.tally.cancelled, over.expected);
}
