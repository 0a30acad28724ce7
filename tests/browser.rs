//! The page of Teams in a box, looked at by a real browser. See `tests/browser/README.md` for what is needed.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use herald::sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(330);

#[derive(Clone)]
struct Bot {
    heard: Arc<Mutex<Vec<Value>>>,
    sandbox: Arc<Mutex<Option<Sandbox>>>,
}

/// Answers buttons as their verb says.
async fn messages(State(bot): State<Bot>, Json(activity): Json<Value>) -> (StatusCode, Json<Value>) {
    bot.heard.lock().unwrap().push(activity.clone());
    let action = &activity["value"]["action"];
    let answer = |kind: &str, value: Value| json!({"statusCode": 200, "type": kind, "value": value});
    match action["verb"].as_str() {
        Some("fail") => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({}))),
        Some("error") => {
            let value = json!({"code": "BadRequest", "message": "That went wrong"});
            (StatusCode::OK, Json(answer("application/vnd.microsoft.error", value)))
        }
        Some("card") => {
            let card = json!({"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "text": "Replaced"}]});
            (
                StatusCode::OK,
                Json(answer("application/vnd.microsoft.card.adaptive", card)),
            )
        }
        Some(_) => {
            let text = action["data"].to_string();
            (
                StatusCode::OK,
                Json(answer("application/vnd.microsoft.activity.message", json!(text))),
            )
        }
        None => (StatusCode::OK, Json(json!({}))),
    }
}

async fn heard(State(bot): State<Bot>) -> Json<Value> {
    Json(json!(*bot.heard.lock().unwrap()))
}

async fn blink(State(bot): State<Bot>) {
    let sandbox = bot.sandbox.lock().unwrap().clone().unwrap();
    sandbox.go_away();
    tokio::time::sleep(Duration::from_millis(500)).await;
    sandbox.come_back();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_cards_safely_live_and_lets_a_visitor_act() {
    if std::env::var_os("HERALD_SKIP_BROWSER").is_some_and(|skip| skip == "1") {
        eprintln!("HERALD_SKIP_BROWSER=1: the page of Teams in a box was not looked at");
        return;
    }
    let bot = Bot {
        heard: Arc::default(),
        sandbox: Arc::default(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bot_url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new()
        .route("/api/messages", post(messages))
        .route("/heard", get(heard))
        .route("/blink", post(blink))
        .with_state(bot.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });

    let options = Options {
        bot_endpoint: Some(format!("{bot_url}/api/messages")),
        hint: Some("curl -d @samples/github/deployment.json http://127.0.0.1:3978/hooks/github".to_owned()),
        ..Options::default()
    };
    let sandbox = Sandbox::start(([127, 0, 0, 1], 0).into(), options).await.unwrap();
    *bot.sandbox.lock().unwrap() = Some(sandbox.clone());
    sandbox.settle_in(Duration::from_secs(10)).await.unwrap();

    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser");
    let mut node = Command::new("node")
        .arg("check.mjs")
        .current_dir(folder)
        .env("SANDBOX_URL", sandbox.url())
        .env("SANDBOX_SERVICE", sandbox.service_url())
        .env("SANDBOX_TOKEN", sandbox.token_url())
        .env("SANDBOX_APP", sandbox.app_id())
        .env("SANDBOX_SECRET", sandbox.secret())
        .env("SANDBOX_BOT", bot_url)
        .stdin(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("the browser checks need `node` ({error}); {SKIP}"));
    let ended = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        loop {
            if let Some(status) = node.try_wait().unwrap() {
                return Some(status);
            }
            if began.elapsed() > PATIENCE {
                node.kill().unwrap();
                return None;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let status = ended.await.unwrap().expect("the browser checks end by themselves");
    match status.code() {
        Some(0) => {}
        Some(3) => panic!("the browser checks could not run: the line above says what is missing; {SKIP}"),
        code => panic!("the browser checks failed ({code:?}): the lines above say which"),
    }
}

const SKIP: &str = "install it (tests/browser/README.md), or set HERALD_SKIP_BROWSER=1 to go without";
