//! A tiny HTTP server that answers as it is told and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// As it was sent, percent signs and all.
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }
}

/// What is answered.
pub struct Said {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
    after: Duration,
}

impl Said {
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string()).header("content-type", "application/json")
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::from(body.to_owned()),
            after: Duration::ZERO,
        }
    }

    /// A body that never ends.
    pub fn endless() -> Self {
        let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 64 * 1024]));
        Self {
            body: Body::from_stream(chunks),
            ..Self::text(200, "")
        }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }
}

type Script = Box<dyn FnMut(&Asked, usize) -> Said + Send>;

/// The server; it stops when this is dropped.
pub struct Stub {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _serving: JoinSet<()>,
}

#[derive(Clone)]
struct Shared {
    asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Mutex<Script>>,
}

impl Stub {
    /// Answers each request by `script`, which is told how many came before.
    pub async fn start(script: impl FnMut(&Asked, usize) -> Said + Send + 'static) -> Stub {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = Shared {
            asked: asked.clone(),
            script: Arc::new(Mutex::new(Box::new(script))),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let routes = Router::new().fallback(answer).with_state(shared);
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, routes).await.expect("serving") });
        Stub {
            address,
            asked,
            _serving: serving,
        }
    }

    /// Answers every request with this status and an empty object.
    pub async fn always(status: u16) -> Stub {
        Self::start(move |_, _| Said::json(status, &json!({}))).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("the body arrives");
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).expect("the body is text"),
    };
    let said = {
        let mut all = shared.asked.lock().unwrap();
        let said = shared.script.lock().unwrap()(&asked, all.len());
        all.push(asked);
        said
    };
    tokio::time::sleep(said.after).await;
    let mut response = Response::new(said.body);
    *response.status_mut() = said.status.try_into().expect("a status");
    for (name, value) in said.headers {
        let value = HeaderValue::from_str(&value).expect("a header value");
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}

/// An address at which nobody listens.
pub async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    format!("http://{}/", listener.local_addr().expect("it is bound"))
}
