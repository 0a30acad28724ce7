//! The preview's page: its files, what there is to see, one card, and a word whenever something has changed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use futures::Stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::shown::{self, Choice, Shown};
use super::stage::Subject;
use super::watch::{Extra, Scene};
use crate::clock::Clock;
use crate::http::own_page::{self, HTML, SCRIPT, STYLE};
use crate::renderer;
use crate::zone;

/// Path, content type, content. The renderer's files stand beside them.
pub(super) const FILES: [(&str, &str, &str); 5] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/face.js", SCRIPT, include_str!("page/face.js")),
    ("/preview.js", SCRIPT, include_str!("page/preview.js")),
    ("/gallery.js", SCRIPT, include_str!("page/gallery.js")),
    ("/preview.css", STYLE, include_str!("page/preview.css")),
];

/// What runs behind the page.
#[derive(Debug, Clone)]
pub struct Preview {
    scene: watch::Sender<Arc<Scene>>,
    clock: Clock,
}

impl Preview {
    /// A preview that begins with `scene`.
    pub fn new(scene: Scene, clock: Clock) -> Preview {
        Preview {
            scene: watch::Sender::new(Arc::new(scene)),
            clock,
        }
    }

    /// Follows the files below `root`, and answers browsers at `listener`, until it is dropped.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn run(self, root: PathBuf, extra: Option<Extra>, listener: TcpListener) -> std::io::Result<()> {
        let address = listener.local_addr()?;
        let following = super::watch::run(root, extra, self.scene.clone());
        tokio::select! {
            () = following => Ok(()),
            ended = async { axum::serve(listener, routes(self, address)).await } => ended,
        }
    }
}

fn routes(preview: Preview, address: SocketAddr) -> Router {
    own_page::files(FILES.into_iter().chain(renderer::FILES))
        .route("/preview/index", get(index))
        .route("/preview/card", get(card))
        .route("/preview/events", get(events))
        .with_state(preview)
        .layer(middleware::from_fn(move |request, next| {
            own_page::guard(address, request, next)
        }))
}

async fn index(State(preview): State<Preview>) -> Json<Value> {
    let scene = preview.scene.borrow().clone();
    Json(contents(&scene))
}

/// What there is to see.
pub(super) fn contents(scene: &Scene) -> Value {
    let stage = scene.stage();
    let rules = &stage.workspace.ruleset.rules;
    let rule = |rule: &Arc<crate::rule::Rule>| json!({ "name": rule.name, "file": rule.file, "description": rule.description });
    json!({
        "version": scene.version,
        "rules": rules.iter().map(rule).collect::<Vec<_>>(),
        "templates": stage.workspace.templates.keys().collect::<Vec<_>>(),
        "samples": stage.samples.iter().map(|sample| &sample.file).collect::<Vec<_>>(),
        "broken": scene.broken(),
        "problems": scene.problems(&[]),
    })
}

/// What a browser asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    rule: Option<String>,
    template: Option<String>,
    sample: Option<String>,
    recipient: Option<String>,
    zone: Option<String>,
}

async fn card(State(preview): State<Preview>, Query(asked): Query<Asked>) -> Response {
    let scene = preview.scene.borrow().clone();
    let now = preview.clock.now();
    // A card can take a while to fill; the page stays alive meanwhile.
    let answer = tokio::task::spawn_blocking(move || answer(&scene, asked, now)).await;
    match answer {
        Ok((status, answer)) => (status, Json(answer)).into_response(),
        Err(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            Json(json!({ "error": "this card cannot be made; that is a mistake of Herald, not yours" })),
        )
            .into_response(),
    }
}

fn answer(scene: &Scene, asked: Asked, now: chrono::DateTime<chrono::Utc>) -> (StatusCode, Value) {
    let full = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let subject = match (full(&asked.rule), full(&asked.template)) {
        (Some(rule), _) => Subject::Rule(rule),
        (None, Some(template)) => Subject::Template(template),
        (None, None) => return refused(scene, &[], "name a rule or a template".to_owned()),
    };
    let files: Vec<String> = scene.file_of(&subject).into_iter().collect();
    let time_zone = match full(&asked.zone).map(|written| zone::parse(&written)) {
        None => None,
        Some(Ok(zone)) => Some(zone),
        Some(Err(fault)) => {
            let help = fault.help.map(|help| format!("; {help}")).unwrap_or_default();
            return refused(scene, &files, format!("{}{help}", fault.message));
        }
    };
    let choice = Choice {
        subject,
        sample: full(&asked.sample),
        recipient: full(&asked.recipient),
        time_zone,
    };
    match shown::show(&scene.stage(), &choice, now) {
        Ok(shown) => (StatusCode::OK, with_problems(scene, &shown)),
        Err(sentence) => refused(scene, &files, sentence),
    }
}

/// A card, with what is wrong in the files it is made of.
pub fn with_problems(scene: &Scene, shown: &Shown) -> Value {
    let mut answer = json!(shown);
    answer["version"] = json!(scene.version);
    answer["problems"] = json!(scene.problems(&scene.files_of(shown)));
    answer
}

fn refused(scene: &Scene, files: &[String], sentence: String) -> (StatusCode, Value) {
    let answer = json!({ "error": sentence, "problems": scene.problems(files), "version": scene.version });
    (StatusCode::NOT_FOUND, answer)
}

async fn events(State(preview): State<Preview>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // What is there at the beginning is a change for whoever has just connected (again).
    let mut changes = preview.scene.subscribe();
    changes.mark_changed();
    let stream = futures::stream::unfold(changes, |mut changes| async move {
        changes.changed().await.ok()?;
        let version = changes.borrow_and_update().version;
        Some((Ok(Event::default().event("changed").data(version.to_string())), changes))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
