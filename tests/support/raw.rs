//! HTTP as bytes: for callers that do what no library would.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::engine::PATIENCE;

/// An answer, as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The stable code of an error.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or("none").to_owned()
    }
}

pub async fn connect(address: SocketAddr) -> TcpStream {
    timeout(PATIENCE, TcpStream::connect(address))
        .await
        .expect("connected in time")
        .expect("connected")
}

/// Sends these bytes on a connection of their own and reads what comes back.
pub async fn send(address: SocketAddr, bytes: &[u8]) -> Option<Answer> {
    let mut stream = connect(address).await;
    // A server that has heard enough may close before it was told all.
    let _ = stream.write_all(bytes).await;
    answer(&mut stream).await
}

/// The next answer on this connection; `None` when it is closed instead.
pub async fn answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") {
        match timeout(PATIENCE, stream.read(&mut byte))
            .await
            .expect("an answer in time")
        {
            Ok(1) => seen.push(byte[0]),
            Ok(_) | Err(_) => return None,
        }
    }
    let head = String::from_utf8(seen).expect("a head is text");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status");
    let mut answer = Answer {
        status,
        head,
        body: String::new(),
    };
    let length: usize = answer
        .header("content-length")
        .map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    timeout(PATIENCE, stream.read_exact(&mut body))
        .await
        .expect("a body in time")
        .expect("a whole body");
    answer.body = String::from_utf8(body).expect("a body is text");
    Some(answer)
}

/// A whole post of JSON to this path.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: herald\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Waits until the other end closes this connection; says how long that took.
pub async fn closed(stream: &mut TcpStream) -> Duration {
    let began = tokio::time::Instant::now();
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .expect("closed in time");
    began.elapsed()
}
