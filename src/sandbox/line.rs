//! The listening socket and its connections, which a script can cut: before the first byte, half way, or all at once.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Accepts connections while the sandbox is reachable; while it is not, the port is closed.
pub(super) struct Doorway {
    listener: Option<TcpListener>,
    address: SocketAddr,
    reachable: watch::Receiver<bool>,
}

impl Doorway {
    pub(super) fn new(listener: TcpListener, address: SocketAddr, reachable: watch::Receiver<bool>) -> Self {
        Self {
            listener: Some(listener),
            address,
            reachable,
        }
    }

    async fn open(&mut self) -> TcpListener {
        loop {
            if self.reachable.wait_for(|reachable| *reachable).await.is_err() {
                std::future::pending::<()>().await;
            }
            match TcpListener::bind(self.address).await {
                Ok(listener) => return listener,
                // The port may take a moment to become free again.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
    }
}

impl Listener for Doorway {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            let listener = match self.listener.take() {
                Some(listener) => listener,
                None => self.open().await,
            };
            if !*self.reachable.borrow_and_update() {
                continue;
            }
            let accepted = tokio::select! {
                accepted = listener.accept() => Some(accepted),
                changed = self.reachable.changed() => {
                    if changed.is_err() {
                        std::future::pending::<()>().await;
                    }
                    None
                }
            };
            match accepted {
                Some(Ok((stream, peer))) => {
                    self.listener = Some(listener);
                    return (Wire::new(stream, self.reachable.clone()), peer);
                }
                Some(Err(_)) => {
                    self.listener = Some(listener);
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                None => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection that can break.
pub(super) struct Wire {
    stream: TcpStream,
    line: Line,
    unreachable: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// A handle by which the handler of a request cuts its connection.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<AtomicBool>);

impl Line {
    /// Nothing more is written: the caller sees the connection close without another byte.
    pub(super) fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Wire {
    fn new(stream: TcpStream, mut reachable: watch::Receiver<bool>) -> Self {
        // Small answers over loopback must not wait for the peer's delayed acknowledgement.
        stream.set_nodelay(true).ok();
        Self {
            stream,
            line: Line(Arc::default()),
            unreachable: Box::pin(async move {
                reachable.wait_for(|reachable| !reachable).await.ok();
            }),
        }
    }

    fn broken(&mut self, context: &mut Context<'_>) -> Option<io::Error> {
        let cut = self.line.0.load(Ordering::SeqCst) || self.unreachable.as_mut().poll(context).is_ready();
        if cut {
            self.line.cut();
        }
        cut.then(|| io::ErrorKind::ConnectionReset.into())
    }
}

impl Connected<IncomingStream<'_, Doorway>> for Line {
    fn connect_info(stream: IncomingStream<'_, Doorway>) -> Self {
        stream.io().line.clone()
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.broken(cx) {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut self.stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.broken(cx) {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut self.stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.broken(cx) {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut self.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
