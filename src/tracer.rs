//! Hands spans to a collector, beside the work: whoever records one never waits, and a collector that is away costs spans,
//! nothing else.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::metric::Metrics;
use crate::secret::Secrets;
use crate::secret_name::SecretName;
use crate::settings::Traces;
use crate::trace::{Span, TraceContext, otlp};

/// Spans that wait to be handed over; further ones are dropped. About 2 MB.
const WAITING: usize = 4096;
/// Spans in one post, and for how long they gather.
const BATCH: usize = 512;
const GATHER: Duration = Duration::from_secs(1);
/// How long a post may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is said that spans are lost.
const SAY_EVERY: Duration = Duration::from_secs(300);
/// The variable, or secret, with further headers for the collector, as OpenTelemetry calls it.
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

tokio::task_local! {
    /// The span below which what this task asks of others is recorded.
    static MADE_FOR: TraceContext;
}

/// Does `work`; what it asks of others on the way is recorded below `span`, if there is one.
pub async fn made_for<T>(span: Option<TraceContext>, work: impl Future<Output = T>) -> T {
    match span {
        Some(span) => MADE_FOR.scope(span, work).await,
        None => work.await,
    }
}

/// The span that [`made_for`] named. What is handed to another task takes it along.
pub fn below() -> Option<TraceContext> {
    MADE_FOR.try_with(|span| *span).ok()
}

/// Where spans are recorded.
#[derive(Debug, Clone)]
pub struct Tracer {
    queue: Option<(mpsc::Sender<Span>, Arc<Metrics>)>,
}

impl Tracer {
    /// Records nothing.
    pub fn off() -> Self {
        Self { queue: None }
    }

    /// What the settings ask for; the exporter is to be run as a task, and ends when the last tracer is dropped.
    pub fn new(settings: &Traces, secrets: &Secrets, metrics: Arc<Metrics>) -> (Self, Option<Exporter>) {
        let Some(endpoint) = &settings.endpoint else {
            return (Self::off(), None);
        };
        let Some(client) = client(secrets) else {
            warn!(%endpoint, "no HTTP client can be set up for traces, none are recorded");
            return (Self::off(), None);
        };
        info!(%endpoint, "traces are handed to a collector");
        let (sender, inbox) = mpsc::channel(WAITING);
        let exporter = Exporter {
            inbox,
            client,
            url: format!("{endpoint}/v1/traces"),
            service: settings.service_name.clone(),
            metrics: metrics.clone(),
            said: None,
            lost: 0,
        };
        let queue = Some((sender, metrics));
        (Self { queue }, Some(exporter))
    }

    /// Whether anything is recorded.
    pub fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Records a span, unless whoever began its trace does not want it. Never waits.
    pub fn record(&self, span: Span) {
        if let Some((queue, metrics)) = &self.queue
            && span.context.sampled
            && queue.try_send(span).is_err()
        {
            metrics.spans("dropped", 1);
        }
    }
}

fn client(secrets: &Secrets) -> Option<reqwest::Client> {
    let headers = SecretName::new(HEADERS)
        .ok()
        .filter(|name| secrets.has(name))
        .and_then(|name| secrets.read(&name).ok())
        .map(|text| headers(&String::from_utf8_lossy(text.expose_secret())))
        .unwrap_or_default();
    let builder = || {
        reqwest::Client::builder()
            .connect_timeout(PATIENCE)
            .timeout(PATIENCE)
            .default_headers(headers.clone())
            .redirect(reqwest::redirect::Policy::none())
    };
    // Without certificate authorities there is no https; a collector next door needs none.
    builder().build().or_else(|_| builder().tls_certs_only([]).build()).ok()
}

/// `key=value,key=value`, percent-encoded. What is no header is left out.
fn headers(text: &str) -> HeaderMap {
    let decoded = |text: &str| percent_decode_str(text.trim()).decode_utf8_lossy().into_owned();
    text.split(',')
        .filter_map(|pair| pair.split_once('='))
        .filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(decoded(name).as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(&decoded(value)).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        })
        .collect()
}

/// Posts spans to the collector.
pub struct Exporter {
    inbox: mpsc::Receiver<Span>,
    client: reqwest::Client,
    url: String,
    service: String,
    metrics: Arc<Metrics>,
    /// When it was last said that spans are lost, and how many were since.
    said: Option<Instant>,
    lost: usize,
}

impl Exporter {
    /// Runs until the last [`Tracer`] is gone and its spans are handed over.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.inbox.recv_many(&mut batch, BATCH).await > 0 {
            let gathered = tokio::time::sleep(GATHER);
            tokio::pin!(gathered);
            while batch.len() < BATCH {
                let room = BATCH - batch.len();
                tokio::select! {
                    () = &mut gathered => break,
                    count = self.inbox.recv_many(&mut batch, room) => if count == 0 { break },
                }
            }
            self.hand_over(&batch).await;
            batch.clear();
        }
    }

    async fn hand_over(&mut self, batch: &[Span]) {
        let post = self.client.post(&self.url).json(&otlp::body(&self.service, batch));
        let problem = match post.send().await {
            Ok(answer) if answer.status().is_success() => {
                self.metrics.spans("exported", batch.len());
                if self.lost > 0 {
                    info!(lost = self.lost, "traces are taken again");
                    (self.lost, self.said) = (0, None);
                }
                return;
            }
            Ok(answer) => format!("it answered {}", answer.status()),
            Err(problem) => problem.without_url().to_string(),
        };
        // Not tried again: what is newer is worth more, and the queue must move on.
        self.metrics.spans("dropped", batch.len());
        self.lost += batch.len();
        if self.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            warn!(
                collector = %self.url, %problem, lost = self.lost,
                "traces are lost: the collector does not take them; deliveries are not affected"
            );
            self.said = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_for_the_collector_are_read_and_never_shown() {
        let found = headers("Authorization=Bearer%20abc, x-tenant = acme,nonsense,=x");
        assert_eq!(found.len(), 2);
        assert_eq!(found["authorization"], "Bearer abc");
        assert_eq!(found["x-tenant"], "acme");
        assert!(!format!("{found:?}").contains("abc"));
    }
}
