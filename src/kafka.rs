//! A connection to a Kafka broker: asks for the partitions of a topic, and for the messages in them.
//!
//! The protocol's messages are those of the crate `kafka-protocol`, each in a version that every broker since Kafka 1.0, and
//! Event Hubs, knows. There is no consumer group: up to where a topic was taken in is in our own store, because only
//! there it can be written after the events are on disk.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, BrokerId, FetchRequest, FetchResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse, RequestHeader, ResponseHeader, SaslAuthenticateRequest,
    SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use kafka_protocol::records::{Record, RecordBatchDecoder};
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::queue::Start;
use crate::queue::topic::Topic;

/// How long a broker may take to be reached, and to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a broker waits for a message before it answers that there is none, in milliseconds.
const WAIT: i32 = 2_000;
/// How much of one partition is asked for at a time, in bytes.
const MUCH: i32 = 1 << 20;
/// The largest answer that is read: one message may be larger than what was asked for.
const LARGEST: usize = 16 << 20;
/// Messages in one batch that are read: more than fit into [`LARGEST`] uncompressed.
const MOST_RECORDS: usize = 2_000_000;
/// Partitions of a topic that are read.
pub const MOST_PARTITIONS: usize = 256;

/// Why a broker could not be asked. The sentence holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It cannot be reached, or the connection broke.
    #[error("{0}")]
    Wire(String),
    /// It does not let us in.
    #[error("the broker does not let us in: {0}")]
    Login(String),
    /// It says that something is wrong.
    #[error("the broker says: {0}")]
    Broker(String),
    /// The place that was asked for is not there any more, or not yet.
    #[error("the broker has no such place any more")]
    OutOfRange,
    /// It speaks another language.
    #[error("the broker answered something that is no Kafka: {0}")]
    Language(String),
}

fn wire(problem: io::Error) -> Trouble {
    Trouble::Wire(problem.to_string())
}

fn language(problem: impl ToString) -> Trouble {
    Trouble::Language(problem.to_string())
}

/// Something that can be spoken through.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A request and what answers it.
trait Question: Encodable + HeaderVersion {
    const KEY: ApiKey;
    type Answer: Decodable + HeaderVersion;
}

impl Question for ApiVersionsRequest {
    const KEY: ApiKey = ApiKey::ApiVersions;
    type Answer = ApiVersionsResponse;
}

impl Question for SaslHandshakeRequest {
    const KEY: ApiKey = ApiKey::SaslHandshake;
    type Answer = SaslHandshakeResponse;
}

impl Question for SaslAuthenticateRequest {
    const KEY: ApiKey = ApiKey::SaslAuthenticate;
    type Answer = SaslAuthenticateResponse;
}

impl Question for MetadataRequest {
    const KEY: ApiKey = ApiKey::Metadata;
    type Answer = MetadataResponse;
}

impl Question for ListOffsetsRequest {
    const KEY: ApiKey = ApiKey::ListOffsets;
    type Answer = ListOffsetsResponse;
}

impl Question for FetchRequest {
    const KEY: ApiKey = ApiKey::Fetch;
    type Answer = FetchResponse;
}

/// A connection to one broker.
pub struct Connection {
    stream: Box<dyn Stream>,
    asked: i32,
    /// The version in which it is asked for partitions.
    metadata: i16,
}

/// A partition and the broker that leads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its number.
    pub number: i32,
    /// Host and port of its leader.
    pub leader: (String, u16),
}

/// What was fetched of a partition.
#[derive(Debug)]
pub struct Fetched {
    /// The messages, in order.
    pub records: Vec<Record>,
    /// Where to go on.
    pub next: i64,
    /// What could not be read and was passed over: where it stood, and why.
    pub broken: Option<(i64, String)>,
}

impl Connection {
    /// Reaches a broker and logs in where the topic says who asks.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn open(address: &(String, u16), topic: &Topic, password: Option<&[u8]>) -> Result<Self, Trouble> {
        let (host, port) = address;
        let reach = async {
            let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(wire)?;
            stream.set_nodelay(true).map_err(wire)?;
            if !topic.tls {
                return Ok::<Box<dyn Stream>, Trouble>(Box::new(stream));
            }
            let config =
                ClientConfig::with_platform_verifier().map_err(|problem| Trouble::Wire(problem.to_string()))?;
            let name = ServerName::try_from(host.clone()).map_err(|problem| Trouble::Wire(problem.to_string()))?;
            let stream = TlsConnector::from(Arc::new(config))
                .connect(name, stream)
                .await
                .map_err(wire)?;
            Ok(Box::new(stream))
        };
        let stream = timeout(PATIENCE, reach)
            .await
            .map_err(|_| Trouble::Wire(format!("{host}:{port} does not answer")))??;
        let mut connection = Self {
            stream,
            asked: 0,
            metadata: 1,
        };
        let known = connection.ask(&ApiVersionsRequest::default(), 0).await?;
        let newest = known
            .api_keys
            .iter()
            .find(|known| known.api_key == ApiKey::Metadata as i16);
        // From 4 on a question does not make the topic that it asks for.
        connection.metadata = newest.map_or(1, |known| known.max_version.clamp(1, 4));
        if let Some(login) = &topic.login {
            connection.log_in(&login.user, password.unwrap_or_default()).await?;
        }
        Ok(connection)
    }

    async fn log_in(&mut self, user: &str, password: &[u8]) -> Result<(), Trouble> {
        let plain = StrBytes::from_static_str("PLAIN");
        let answer = self
            .ask(&SaslHandshakeRequest::default().with_mechanism(plain), 1)
            .await?;
        if answer.error_code != 0 {
            let others: Vec<&str> = answer.mechanisms.iter().map(|name| name.as_str()).collect();
            return Err(Trouble::Login(format!(
                "it knows no SASL PLAIN, but {}",
                others.join(", ")
            )));
        }
        let mut proof = BytesMut::with_capacity(user.len() + password.len() + 2);
        for part in [user.as_bytes(), password] {
            proof.extend_from_slice(b"\0");
            proof.extend_from_slice(part);
        }
        let answer = self
            .ask(&SaslAuthenticateRequest::default().with_auth_bytes(proof.freeze()), 0)
            .await?;
        match answer.error_code {
            0 => Ok(()),
            code => Err(Trouble::Login(described(code))),
        }
    }

    /// The partitions of a topic, with their leaders.
    ///
    /// # Errors
    /// [`Trouble`]; among them that there is no such topic, or that a partition has no leader right now.
    pub async fn partitions(&mut self, topic: &str) -> Result<Vec<Partition>, Trouble> {
        let wanted = MetadataRequestTopic::default().with_name(Some(named(topic)));
        let request = MetadataRequest::default().with_topics(Some(vec![wanted]));
        // Earlier versions do not know this, and cannot be told.
        let request = request.with_allow_auto_topic_creation(self.metadata < 4);
        let answer = self.ask(&request, self.metadata).await?;
        let found = answer
            .topics
            .first()
            .ok_or_else(|| language("no topic in the answer"))?;
        if found.error_code != 0 {
            return Err(Trouble::Broker(format!(
                "topic {topic}: {}",
                described(found.error_code)
            )));
        }
        if found.partitions.len() > MOST_PARTITIONS {
            let count = found.partitions.len();
            return Err(Trouble::Broker(format!(
                "{count} partitions are more than the {MOST_PARTITIONS} that are read"
            )));
        }
        let leader = |id: BrokerId| {
            let broker = answer.brokers.iter().find(|broker| broker.node_id == id)?;
            Some((broker.host.to_string(), u16::try_from(broker.port).ok()?))
        };
        let partition = |partition: &kafka_protocol::messages::metadata_response::MetadataResponsePartition| {
            let number = partition.partition_index;
            let leader = leader(partition.leader_id)
                .ok_or_else(|| Trouble::Broker(format!("partition {number} has no leader right now")))?;
            Ok(Partition { number, leader })
        };
        found.partitions.iter().map(partition).collect()
    }

    /// The number of the message with which a first start begins, or goes on when the place it knew is gone.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn begin(&mut self, topic: &str, partition: i32, start: Start) -> Result<i64, Trouble> {
        let when = match start {
            Start::Newest => -1,
            Start::Oldest => -2,
        };
        let wanted = ListOffsetsPartition::default()
            .with_partition_index(partition)
            .with_timestamp(when);
        let topics = vec![
            ListOffsetsTopic::default()
                .with_name(named(topic))
                .with_partitions(vec![wanted]),
        ];
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_topics(topics);
        let answer = self.ask(&request, 1).await?;
        let found = answer.topics.first().and_then(|topic| topic.partitions.first());
        let found = found.ok_or_else(|| language("no partition in the answer"))?;
        match found.error_code {
            0 => Ok(found.offset.max(0)),
            code => Err(Trouble::Broker(described(code))),
        }
    }

    /// Waits a moment for messages from `offset` on.
    ///
    /// # Errors
    /// [`Trouble::OutOfRange`] if the broker does not keep that place, and the others.
    pub async fn fetch(&mut self, topic: &str, partition: i32, offset: i64) -> Result<Fetched, Trouble> {
        let wanted = FetchPartition::default()
            .with_partition(partition)
            .with_fetch_offset(offset)
            .with_partition_max_bytes(MUCH);
        let topics = vec![
            FetchTopic::default()
                .with_topic(named(topic))
                .with_partitions(vec![wanted]),
        ];
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(WAIT)
            .with_min_bytes(1)
            .with_max_bytes(MUCH)
            .with_isolation_level(1)
            .with_topics(topics);
        let answer = self.ask(&request, 4).await?;
        let found = answer.responses.first().and_then(|topic| topic.partitions.first());
        let found = found.ok_or_else(|| language("no partition in the answer"))?;
        match ResponseError::try_from_code(found.error_code) {
            None => Ok(read(found.records.clone().unwrap_or_default(), offset)),
            Some(ResponseError::OffsetOutOfRange) => Err(Trouble::OutOfRange),
            Some(problem) => Err(Trouble::Broker(problem.to_string())),
        }
    }

    async fn ask<R: Question>(&mut self, request: &R, version: i16) -> Result<R::Answer, Trouble> {
        self.asked = self.asked.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.asked)
            .with_client_id(Some(StrBytes::from_static_str("herald")));
        let mut body = BytesMut::new();
        header.encode(&mut body, R::header_version(version)).map_err(language)?;
        request.encode(&mut body, version).map_err(language)?;
        let length = i32::try_from(body.len()).map_err(language)?;
        let exchange = async {
            self.stream.write_all(&length.to_be_bytes()).await.map_err(wire)?;
            self.stream.write_all(&body).await.map_err(wire)?;
            self.stream.flush().await.map_err(wire)?;
            let mut length = [0; 4];
            self.stream.read_exact(&mut length).await.map_err(wire)?;
            let length = usize::try_from(i32::from_be_bytes(length)).map_err(language)?;
            if length > LARGEST {
                return Err(language(format!("an answer of {length} bytes, more than {LARGEST}")));
            }
            let mut answer = vec![0; length];
            self.stream.read_exact(&mut answer).await.map_err(wire)?;
            Ok(Bytes::from(answer))
        };
        let mut answer = timeout(PATIENCE, exchange)
            .await
            .map_err(|_| Trouble::Wire("the broker does not answer".to_owned()))??;
        let header = ResponseHeader::decode(&mut answer, R::Answer::header_version(version)).map_err(language)?;
        if header.correlation_id != self.asked {
            return Err(language("an answer to another question"));
        }
        R::Answer::decode(&mut answer, version).map_err(language)
    }
}

fn named(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

fn described(code: i16) -> String {
    ResponseError::try_from_code(code).map_or_else(|| format!("error {code}"), |problem| problem.to_string())
}

/// Bytes of a batch before its records.
const HEAD: usize = 61;

/// The messages of an answer from `offset` on. A batch that cannot be read is passed over, the others are not.
fn read(mut batches: Bytes, offset: i64) -> Fetched {
    let mut fetched = Fetched {
        records: Vec::new(),
        next: offset,
        broken: None,
    };
    // The last batch may be cut off: it comes again whole.
    while batches.len() >= HEAD {
        let number = |at: usize| (&batches[at..]).get_i32();
        let (first, length) = ((&batches[..]).get_i64(), number(8));
        let (last, count) = (first.saturating_add(i64::from(number(23))), number(57));
        let Some(whole) = usize::try_from(length)
            .ok()
            .map(|length| length + 12)
            .filter(|whole| *whole <= batches.len())
        else {
            break;
        };
        let mut batch = batches.split_to(whole);
        let sound = usize::try_from(count).is_ok_and(|count| count <= MOST_RECORDS);
        let read = match sound {
            true => RecordBatchDecoder::decode(&mut batch).map_err(|problem| problem.to_string()),
            false => Err("the number of messages in it is out of bounds".to_owned()),
        };
        match read {
            Ok(set) => {
                // A batch begins before what was asked for if that stands within it; control records are the broker's own.
                let wanted = set
                    .records
                    .into_iter()
                    .filter(|record| record.offset >= offset && !record.control);
                fetched.records.extend(wanted);
            }
            Err(why) => {
                if fetched.broken.is_some() {
                    break;
                }
                fetched.broken = Some((first.max(offset), why));
            }
        }
        fetched.next = fetched.next.max(last.saturating_add(1));
    }
    fetched
}
