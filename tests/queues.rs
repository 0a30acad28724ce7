//! Messages of a broker are events: none is lost, none is told twice. The broker is the one inside librdkafka, which speaks
//! Kafka's protocol over TCP; `kcat` starts it, and writes the messages as any other program would.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::support::certificate::Authority;
use crate::support::engine::{Engine, PATIENCE, Workspace, texts};
use crate::support::served::Site;

/// A broker of its own process.
struct Broker {
    kcat: Child,
    address: SocketAddr,
}

impl Broker {
    fn start() -> Self {
        let mut kcat = Command::new("kcat")
            .args([
                "-P",
                "-q",
                "-X",
                "test.mock.num.brokers=1",
                "-b",
                "none",
                "-t",
                "unused",
                "-d",
                "mock",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kcat is missing: install it (Debian's package `kcat`), or run ./test");
        let mut lines = BufReader::new(kcat.stderr.take().expect("piped")).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split("bootstrap.servers=").nth(1).map(str::to_owned))
            .and_then(|address| address.trim().parse().ok())
            .expect("the broker says where it is");
        // It goes on talking; a full pipe would stop it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { kcat, address }
    }

    /// Writes messages, one a line, to a partition of `orders`.
    fn write(&self, partition: u8, more: &[&str], lines: &str) {
        let mut kcat = Command::new("kcat")
            .args([
                "-P",
                "-q",
                "-b",
                &self.address.to_string(),
                "-t",
                "orders",
                "-p",
                &partition.to_string(),
            ])
            .args(more)
            .stdin(Stdio::piped())
            .spawn()
            .expect("kcat runs");
        kcat.stdin
            .take()
            .expect("piped")
            .write_all(lines.as_bytes())
            .expect("it reads");
        assert!(kcat.wait().expect("it ends").success());
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.kcat.kill();
        let _ = self.kcat.wait();
    }
}

const RULE: &str = r#"
when: { queue: orders }
notify: [{ person: Anna Berg }]
card:
  title: "{{default event.number event.text}}"
  text: "{{request.key}} {{request.headers.region}}"
"#;

async fn engine(address: SocketAddr, more: &str) -> Engine {
    let engine = Workspace::new()
        .settings(&format!(
            "queues: {{ orders: {{ kind: kafka, brokers: \"{address}\", topic: orders, tls: false, start: oldest{more} }} }}\n"
        ))
        .secret("ORDERS_PASSWORD", "open sesame")
        .rule("orders", RULE)
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    engine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_a_queue_are_events_and_a_restart_neither_loses_nor_repeats_one() {
    let broker = Broker::start();
    let mut engine = engine(broker.address, "").await;
    broker.write(0, &["-k", "shop-1", "-H", "region=eu"], "{\"number\": \"A-1\"}\n");
    broker.write(1, &[], "plain words\n");
    let sent = engine.messages(2).await;
    let all: Vec<String> = sent.iter().map(|received| texts(&received.activity)).collect();
    assert!(
        all.iter()
            .any(|text| text.contains("A-1") && text.contains("shop-1 eu")),
        "{all:?}"
    );
    assert!(all.iter().any(|text| text.contains("plain words")), "{all:?}");

    engine.settled().await;
    engine.stop().await;
    broker.write(0, &["-z", "gzip"], "{\"number\": \"A-2\"}\n{\"number\": \"A-3\"}\n");
    broker.write(3, &["-z", "snappy"], "{\"number\": \"A-4\"}\n");
    engine.start_server().await;
    let sent = engine.messages(5).await;
    let all: Vec<String> = sent.iter().map(|received| texts(&received.activity)).collect();
    for number in ["A-1", "A-2", "A-3", "A-4"] {
        assert_eq!(
            all.iter().filter(|text| text.contains(number)).count(),
            1,
            "{number}: {all:?}"
        );
    }
    // Once more over a restart without anything new: what was told stays told.
    engine.settled().await;
    engine.restart().await;
    broker.write(0, &[], "{\"number\": \"A-5\"}\n");
    engine.messages(6).await;
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_asks_who_we_are_is_told_user_and_password() {
    let broker = Broker::start();
    let mut doors = JoinSet::new();
    let door = door(broker.address, None, &mut doors).await;
    let engine = engine(door, ", user: herald, secret: ORDERS_PASSWORD").await;
    broker.write(2, &[], "{\"number\": \"B-1\"}\n");
    let sent = engine.messages(1).await;
    assert!(texts(&sent[0].activity).contains("B-1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_not_there_stops_nothing_else_and_is_counted() {
    // Nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = nobody.local_addr().expect("an address");
    drop(nobody);
    let engine = engine(address, "").await;
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (_, metrics) = engine.get("/metrics").await;
        let metrics = metrics.as_str().unwrap_or_default().to_owned();
        if !metrics.contains("herald_queue_troubles_total 0") && metrics.contains("herald_queue_troubles_total") {
            break;
        }
        assert!(tokio::time::Instant::now() < ends, "{metrics}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (status, _) = engine.post("/hooks/ci", &serde_json::json!({})).await;
    assert_eq!(status, 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_a_broker_is_believed_that_an_authority_of_the_system_vouches_for_and_no_other() {
    let broker = Broker::start();
    let mut doors = JoinSet::new();
    let (known, unknown) = (Authority::new(), Authority::new());
    let [trusted, stranger] = [&known, &unknown].map(acceptor);
    let trusted = door(broker.address, Some(trusted), &mut doors).await;
    let stranger = door(broker.address, Some(stranger), &mut doors).await;
    let queue = |address| {
        format!(
            "{{ kind: kafka, brokers: \"{address}\", topic: orders, user: herald, secret: ORDERS_PASSWORD, start: oldest }}"
        )
    };
    let settings = format!(
        "queues:\n  orders: {}\n  strange: {}\n",
        queue(trusted),
        queue(stranger)
    );
    let site = Site::new("  ci: { signature: none, anyone_can_post: true }\n", &settings)
        .await
        .set("ORDERS_PASSWORD", "open sesame")
        .set("SSL_CERT_FILE", &known.file().display().to_string())
        .rule("orders", RULE)
        .rule("strange", &RULE.replace("queue: orders", "queue: strange"));
    let served = site.start(4096).await;
    site.meet(&served, "Anna Berg").await;
    broker.write(1, &[], "{\"number\": \"T-1\"}\n");
    let sent = site.teams.wait_for(1, PATIENCE).await.expect("it is told");
    assert!(texts(&sent[0].activity).contains("T-1"));
    let ends = tokio::time::Instant::now() + PATIENCE;
    while served.metric("herald_queue_troubles_total{queue=\"strange\"}").await == 0
        && served.metric("herald_queue_troubles_total").await == 0
    {
        assert!(tokio::time::Instant::now() < ends, "{}", served.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = served.log();
    let told = log
        .lines()
        .find(|line| line.contains("strange") && line.contains("certificate"));
    assert!(told.is_some(), "{log}");
    assert!(!log.contains("open sesame"));
    assert_eq!(site.teams.received().len(), 1, "nothing came from the stranger");
    assert!(served.stop().await);
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let certificates = CertificateDer::pem_slice_iter(authority.certificate().as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .expect("openssl made it");
    let key = PrivateKeyDer::from_pem_slice(authority.key().as_bytes()).expect("openssl made it");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .expect("they belong together");
    TlsAcceptor::from(Arc::new(config))
}

/// A broker's front that asks for a login (SASL PLAIN), and then lets the other broker speak.
async fn door(broker: SocketAddr, tls: Option<TlsAcceptor>, doors: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let own = listener.local_addr().expect("an address");
    doors.spawn(async move {
        let mut visitors = JoinSet::new();
        loop {
            let (visitor, _) = listener.accept().await.expect("a visitor");
            let tls = tls.clone();
            visitors.spawn(async move {
                let _ = match tls {
                    Some(tls) => match tls.accept(visitor).await {
                        Ok(visitor) => lead(visitor, broker, own.port()).await,
                        Err(refused) => Err(refused),
                    },
                    None => lead(visitor, broker, own.port()).await,
                };
            });
        }
    });
    own
}

async fn lead(mut visitor: impl AsyncRead + AsyncWrite + Unpin, broker: SocketAddr, own: u16) -> std::io::Result<()> {
    let mut upstream = TcpStream::connect(broker).await?;
    let mut known = false;
    loop {
        let asked = frame(&mut visitor).await?;
        let number = i16::from_be_bytes([asked[0], asked[1]]);
        let answer = match (number, known) {
            // The mechanisms: one, PLAIN.
            (17, _) => [&asked[4..8], &[0, 0, 0, 0, 0, 1, 0, 5], b"PLAIN"].concat(),
            (36, _) => {
                known = asked.ends_with(b"\0herald\0open sesame");
                let code: i16 = if known { 0 } else { 58 };
                [&asked[4..8], &code.to_be_bytes(), &(-1_i16).to_be_bytes(), &[0; 4]].concat()
            }
            (number, false) if number != 18 => return Ok(()),
            (number, _) => {
                send(&mut upstream, &asked).await?;
                let mut answer = frame(&mut upstream).await?;
                if number == 3 {
                    // Of the metadata: the count of brokers, the first one's id, its host, and its port. From version 3 on,
                    // how long to wait stands before them.
                    let begin = if asked[3] >= 3 { 16 } else { 12 };
                    let host = usize::from(u16::from_be_bytes([answer[begin], answer[begin + 1]]));
                    let port = begin + 2 + host;
                    answer[port..port + 4].copy_from_slice(&u32::from(own).to_be_bytes());
                }
                answer
            }
        };
        send(&mut visitor, &answer).await?;
    }
}

async fn frame(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    let mut frame = vec![0; length as usize];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> std::io::Result<()> {
    stream.write_u32(frame.len() as u32).await?;
    stream.write_all(frame).await
}
