//! Senders that close their half of the connection, or all of it, as soon as they have posted.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::connector::{Connector, Fate};
use super::load::ONE_RULE;
use super::place::{Herald, Place};

async fn connected(herald: &Herald) -> TcpStream {
    let address = herald.url.trim_start_matches("http://");
    TcpStream::connect(address).await.expect("it listens")
}

fn request(text: &str) -> String {
    let body = format!(r#"{{"first":"p0@contoso.example","text":"{text}"}}"#);
    format!(
        "POST /hooks/load HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_closes_its_half_is_answered_and_one_that_went_away_leaves_nothing_half_taken() {
    let connector = Connector::start(|_| Fate::Taken { after: 0 }).await;
    let mut place = Place::new(&connector, &[("one", ONE_RULE)], "").await;
    let herald = place.start().await;

    let mut stream = connected(&herald).await;
    stream.write_all(request("half").as_bytes()).await.expect("sent");
    stream.shutdown().await.expect("our half is closed");
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(30), stream.read_to_string(&mut answer))
        .await
        .expect("an answer, or an end")
        .expect("text");
    assert!(
        answer.starts_with("HTTP/1.1 202"),
        "a sender such as `nc -N` wants its answer: {answer:?}"
    );

    // Gone without waiting: the event may be taken or not, and the server goes on.
    for number in 0..20 {
        let mut stream = connected(&herald).await;
        let whole = request(&format!("gone{number}"));
        let sent = if number % 2 == 0 { whole.len() } else { whole.len() - 5 };
        stream.write_all(&whole.as_bytes()[..sent]).await.expect("sent");
        if number % 4 < 2 {
            stream.set_zero_linger().expect("a reset");
        }
        drop(stream);
    }
    let mut stream = connected(&herald).await;
    stream.write_all(request("afterwards").as_bytes()).await.expect("sent");
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.expect("an answer");
    assert_eq!(&start, b"HTTP/1.1 202");
    let deliveries = herald.settled(Duration::from_secs(60)).await;
    let taken = connector.taken(deliveries.len(), Duration::from_secs(60)).await;
    assert_eq!(taken.len(), deliveries.len(), "what was taken is sent, once");
    let halves = taken
        .iter()
        .filter(|seen| {
            seen.text
                .trim_start_matches("gone")
                .parse::<u64>()
                .is_ok_and(|n| n % 2 == 1)
        })
        .count();
    assert_eq!(halves, 0, "half a body is no event");
    println!("of 10 senders that went away {} were taken", taken.len() - 2);
    assert!(place.panics().is_empty(), "{:?}", place.panics());
    herald.stop().await;
}
