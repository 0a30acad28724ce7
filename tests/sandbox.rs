//! Teams in a box answers as Teams does, and tells the bot what Teams tells.

mod acting;
mod connector;
mod page;
mod scripts;
mod sign_in;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use herald::sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(10);

/// A client that holds a token, as the engine's connector does.
struct Bot {
    http: reqwest::Client,
    sandbox: Sandbox,
    token: String,
}

struct Answer {
    status: u16,
    body: Value,
    retry_after: Option<u64>,
}

impl Bot {
    async fn of(sandbox: &Sandbox) -> Bot {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let mut bot = Bot {
            http,
            sandbox: sandbox.clone(),
            token: String::new(),
        };
        let answer = bot.ask_token(&bot.form()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        bot.token = answer.body["access_token"].as_str().unwrap().to_owned();
        bot
    }

    fn form(&self) -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", self.sandbox.app_id().to_owned()),
            ("client_secret", self.sandbox.secret().to_owned()),
            ("scope", "https://api.botframework.com/.default".to_owned()),
        ]
    }

    async fn ask_token(&self, form: &[(&'static str, String)]) -> Answer {
        read(self.http.post(self.sandbox.token_url()).form(form)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.service_url())
    }

    async fn get(&self, path: &str) -> Answer {
        read(self.http.get(self.url(path)).bearer_auth(&self.token)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        read(self.http.post(self.url(path)).bearer_auth(&self.token).json(body)).await
    }

    async fn send(&self, conversation: &str, body: &Value) -> Answer {
        self.post(&format!("v3/conversations/{}/activities", segment(conversation)), body)
            .await
    }

    async fn create(&self, body: &Value) -> Answer {
        self.post("v3/conversations", body).await
    }
}

async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get("retry-after")
        .map(|value| value.to_str().unwrap().parse().unwrap());
    let text = response.text().await.unwrap();
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap_or(json!(text))
    };
    Answer {
        status,
        body,
        retry_after,
    }
}

/// An id as one segment of a path.
fn segment(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn hello() -> Value {
    json!({"type": "message", "text": "hello"})
}

fn refused(answer: &Answer, status: u16, code: &str, message: &str) {
    assert_eq!(answer.body, json!({"error": {"code": code, "message": message}}));
    assert_eq!(answer.status, status);
}

/// A bot endpoint that remembers what it was told and answers what it is set to.
struct Endpoint {
    heard: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    answer: watch::Sender<(u16, Value)>,
    url: String,
    _task: JoinSet<()>,
}

impl Endpoint {
    async fn start() -> Endpoint {
        type App = (Arc<Mutex<Vec<(HeaderMap, Value)>>>, watch::Receiver<(u16, Value)>);
        async fn messages(
            State((heard, answer)): State<App>,
            headers: HeaderMap,
            body: String,
        ) -> (axum::http::StatusCode, String) {
            heard.lock().await.push((headers, serde_json::from_str(&body).unwrap()));
            let (status, body) = answer.borrow().clone();
            (
                axum::http::StatusCode::from_u16(status).unwrap(),
                if body.is_null() {
                    String::new()
                } else {
                    body.to_string()
                },
            )
        }
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (answer, current) = watch::channel((200, Value::Null));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/messages", listener.local_addr().unwrap());
        let app = Router::new()
            .route("/api/messages", post(messages))
            .with_state((heard.clone(), current));
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Endpoint {
            heard,
            answer,
            url,
            _task: task,
        }
    }

    async fn take(&self) -> Vec<Value> {
        self.heard
            .lock()
            .await
            .drain(..)
            .map(|(_, activity)| activity)
            .collect()
    }
}

async fn sandbox_with_bot() -> (Sandbox, Endpoint) {
    let endpoint = Endpoint::start().await;
    let options = Options {
        bot_endpoint: Some(endpoint.url.clone()),
        ..Options::default()
    };
    (
        Sandbox::start(([127, 0, 0, 1], 0).into(), options).await.unwrap(),
        endpoint,
    )
}
