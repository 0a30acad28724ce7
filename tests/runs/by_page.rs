//! Herald's own page in a real browser: the buttons of a run. See `tests/browser/README.md`.

use std::process::{Command, Stdio};

use super::{announce, engine, until};
use herald::run::Run;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_paused_resumed_and_cancelled_on_the_page() {
    if std::env::var_os("HERALD_SKIP_BROWSER").is_some_and(|skip| skip == "1") {
        eprintln!("HERALD_SKIP_BROWSER=1: the runs of Herald's page were not looked at");
        return;
    }
    // Teams does not take any, so that the run stays under way however slow the browser is.
    let engine = engine(50).await;
    let busy = herald::sandbox::Script::throttled().retry_after(600).always();
    engine.teams.answer_next(busy.on(herald::sandbox::Operation::Send));
    let run = announce(&engine, "on Friday").await;
    let mut node = Command::new("node");
    node.arg("runs.mjs")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser"))
        .env("HERALD_URL", engine.url("/"))
        .stdin(Stdio::null());
    // It ends by itself: the script gives up after some minutes.
    let looked = tokio::task::spawn_blocking(move || node.output().expect("`node` runs"));
    let looked = looked.await.expect("the browser ends");
    let said = String::from_utf8_lossy(&looked.stderr);
    assert!(
        looked.status.success(),
        "{said}\n(install what is missing, tests/browser/README.md, or set HERALD_SKIP_BROWSER=1 to go without)"
    );
    let over = until(&engine, &run.id, "it is cancelled", Run::is_over).await;
    assert_eq!(over.tally.cancelled, over.expected);
}
