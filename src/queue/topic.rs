//! A topic of a broker that speaks Kafka's protocol, and what one of its messages means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::file::{QueueFile, QueueKindFile};
use super::{event, missing, suggested};
use crate::diagnostic::Fault;
use crate::event::{Event, EventId};
use crate::hook::format;
use crate::secret_name::SecretName;

/// The user name that Event Hubs wants beside a connection string.
const CONNECTION_STRING: &str = "$ConnectionString";
/// Brokers that can be named.
const MOST_BROKERS: usize = 20;

/// A declared topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Where to begin asking: host and port.
    pub brokers: Vec<(String, u16)>,
    /// The topic; of Event Hubs the event hub.
    pub name: String,
    /// The connection is encrypted and the broker's certificate checked.
    pub tls: bool,
    /// Who asks (SASL PLAIN); nobody in particular without it.
    pub login: Option<Login>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// What the password is called.
    pub secret: SecretName,
}

/// Where a message stood.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The partition of the topic.
    pub partition: i32,
    /// The number of the message within it.
    pub offset: i64,
    /// When it was written, in milliseconds since 1970; negative if the broker does not say.
    pub written_at: i64,
}

/// What `file` says of a topic; whatever is wrong with it is added to `faults`.
pub(super) fn compile(
    name: &str,
    file: &QueueFile,
    secret: Option<SecretName>,
    faults: &mut Vec<Fault>,
) -> Option<Topic> {
    let of_azure = file.kind == QueueKindFile::EventHubs;
    let mut brokers = Vec::new();
    let written = file.brokers.as_ref().map_or(&[][..], |brokers| &brokers.0);
    let single = written.len() == 1;
    if written.is_empty() {
        let example = if of_azure {
            "contoso.servicebus.windows.net"
        } else {
            "kafka-1.contoso.example:9092"
        };
        faults.push(missing(file, "brokers", example));
    }
    for (index, written) in written.iter().enumerate() {
        match address(written, if of_azure { 9093 } else { 9092 }) {
            Some(broker) => brokers.push(broker),
            None => {
                // What was written may be a connection string, with the key in it.
                let fault = Fault::error("queue::broker", "this is no host with a port")
                    .help("write `kafka-1.contoso.example:9092`, without `https://`");
                let fault = if single { fault } else { fault.under(index) };
                faults.push(fault.under("brokers"));
            }
        }
    }
    if brokers.len() > MOST_BROKERS {
        let fault = Fault::error(
            "queue::broker",
            format!("{MOST_BROKERS} brokers are enough to begin with"),
        );
        faults.push(
            fault
                .help("one or two do: the others are heard of from them")
                .under("brokers"),
        );
    }
    let topic = file.topic.as_deref().map(str::trim);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_none() {
        faults.push(missing(file, "topic", "orders"));
    }
    if let Some(topic) = topic.filter(|topic| topic.is_empty() || topic.len() > 249 || !topic.chars().all(plain)) {
        let fault = Fault::error("queue::topic", format!("`{topic}` cannot be the name of a topic"));
        faults.push(
            fault
                .help("a topic has letters, digits, `.`, `_` and `-`")
                .under("topic"),
        );
    }
    let user = match (of_azure, &file.user) {
        (true, Some(_)) => {
            let fault = Fault::error(
                "queue::secret",
                "Event Hubs knows no users: its connection string is all it asks for",
            );
            faults.push(fault.help("leave `user` out").on_key().under("user"));
            None
        }
        (true, None) => Some(CONNECTION_STRING.to_owned()),
        (false, user) => user.clone(),
    };
    let login = match (user, secret) {
        (Some(user), Some(secret)) => Some(Login { user, secret }),
        (Some(_), None) if file.secret.is_none() => {
            let (what, place) = match of_azure {
                true => (
                    "Event Hubs asks for a connection string, and its name is missing",
                    "kind",
                ),
                false => ("a user has a password, and its name is missing", "user"),
            };
            let help = format!("add `secret: {}` (a name; the value stays outside)", suggested(name));
            faults.push(Fault::error("queue::secret", what).help(help).under(place));
            None
        }
        (None, Some(_)) if !of_azure => {
            let fault = Fault::error("queue::secret", "a password belongs to a user, and there is none");
            faults.push(
                fault
                    .help("add `user:`, or leave `secret` out")
                    .on_key()
                    .under("secret"),
            );
            None
        }
        _ => None,
    };
    if of_azure && file.tls == Some(false) {
        let fault = Fault::error("queue::tls", "Event Hubs talks over TLS only");
        faults.push(fault.help("leave `tls` out").under("tls"));
    }
    Some(Topic {
        brokers,
        name: topic?.to_owned(),
        tls: file.tls.unwrap_or(true),
        login,
    })
}

fn address(written: &str, port: u16) -> Option<(String, u16)> {
    let written = written.trim();
    let (host, port) = match written.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)?),
        None => (written, port),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!host.is_empty() && host.len() <= 253 && host.chars().all(plain)).then(|| (host.to_owned(), port))
}

impl Topic {
    /// Under what the place is remembered up to which a partition was taken in.
    pub fn note(&self, queue: &str, partition: i32) -> String {
        format!("queue/{queue}/{}/{partition}", self.name)
    }

    /// The event of a message. JSON is itself; other text is `event.text`, bytes are `event.data_base64`, nothing is `{}`.
    pub fn event(
        &self,
        queue: &str,
        place: Place,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(String, Vec<u8>)],
        now: chrono::DateTime<chrono::Utc>,
    ) -> Event {
        let data = match value {
            None | Some([]) => json!({}),
            Some(bytes) => match format::text(bytes) {
                Ok(text) => format::json(text).unwrap_or_else(|_| json!({ "text": text })),
                Err(_) => json!({ "data_base64": STANDARD.encode(bytes) }),
            },
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers: Map<String, Value> = headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), Value::from(text(value))))
            .collect();
        let written_at = chrono::DateTime::from_timestamp_millis(place.written_at).filter(|_| place.written_at >= 0);
        let parts = [place.partition.to_string(), place.offset.to_string()];
        let id = EventId::derived(&["queue", queue, &self.name, &parts[0], &parts[1]]);
        let request = json!({
            "queue": queue, "topic": self.name, "partition": place.partition, "offset": place.offset,
            "key": key.map(text), "headers": headers,
            "written_at": written_at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
        });
        event(queue, id, data, request, now)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::super::{Queue, Source, Start, queue};
    use super::*;
    use crate::diagnostic::Step;

    fn one(declared: Value) -> Result<Queue, Vec<Fault>> {
        queue("orders", &serde_json::from_value(declared).unwrap())
    }

    fn topic(queue: Queue) -> Topic {
        match queue.source {
            Source::Topic(topic) => topic,
            Source::Container(_) => panic!("a topic is declared"),
        }
    }

    #[test]
    fn an_event_hub_needs_its_namespace_name_and_connection_string() {
        let queue = one(json!({
            "kind": "event_hubs", "brokers": "contoso.servicebus.windows.net", "topic": "orders", "secret": "ORDERS_CONNECTION",
        }))
        .unwrap();
        assert_eq!(queue.start, Start::Newest);
        let topic = topic(queue);
        assert_eq!(topic.brokers, [("contoso.servicebus.windows.net".to_owned(), 9093)]);
        assert_eq!(topic.login.unwrap().user, "$ConnectionString");
        assert!(topic.tls);
    }

    #[test]
    fn all_that_is_wrong_with_a_queue_is_said_at_once() {
        let faults = one(json!({
            "kind": "event_hubs", "brokers": ["Endpoint=sb://x/;SharedAccessKey=s3cr3t", "a:0"], "topic": "a b", "user": "me", "tls": false, "secret": "s3cr3t/=",
        }))
        .unwrap_err();
        let places: Vec<&Step> = faults.iter().map(|fault| &fault.path[0]).collect();
        let expected = ["secret", "brokers", "brokers", "topic", "user", "tls"].map(Step::from);
        assert_eq!(places, expected.iter().collect::<Vec<_>>());
        assert!(!format!("{faults:?}").contains("s3cr3t"), "{faults:?}");
        let missing = one(json!({ "kind": "kafka", "brokers": "k", "topic": "t", "user": "me" })).unwrap_err();
        assert!(
            missing[0]
                .help
                .as_deref()
                .is_some_and(|help| help.contains("ORDERS_SECRET"))
        );
        assert!(one(json!({ "kind": "kafka", "brokers": "k", "topic": "t", "secret": "A" })).is_err());
    }

    #[test]
    fn a_message_of_any_kind_is_an_event_and_the_same_one_has_the_same_id() {
        let topic = topic(one(json!({ "kind": "kafka", "brokers": "k", "topic": "t", "tls": false })).unwrap());
        let place = Place {
            partition: 3,
            offset: 17,
            written_at: 0,
        };
        let event = |value: Option<&[u8]>| {
            topic.event(
                "orders",
                place,
                Some(b"k"),
                value,
                &[("A".to_owned(), b"b".to_vec())],
                DateTime::UNIX_EPOCH,
            )
        };
        assert_eq!(event(Some(br#"{"a": 1}"#)).data, json!({ "a": 1 }));
        assert_eq!(event(Some(b"hello")).data, json!({ "text": "hello" }));
        assert_eq!(event(Some(b"\xff")).data, json!({ "data_base64": "/w==" }));
        assert_eq!(event(None).data, json!({}));
        assert_eq!(event(None).id, event(Some(b"x")).id);
        assert_eq!(
            event(None).request,
            json!({
                "queue": "orders", "topic": "t", "partition": 3, "offset": 17, "key": "k", "headers": { "a": "b" },
                "written_at": "1970-01-01T00:00:00Z",
            })
        );
    }
}
