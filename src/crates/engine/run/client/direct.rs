//! HTTP/1.1 over plain TCP, on sockets of our own: it is what most loads on a deployment speak, and thousands of streams
//! at once are mostly what an HTTP library keeps of each.
//!
//! A connection is read and written by the task of the request that is on it, and what comes goes through one buffer of
//! the thread. Nothing looks at a connection while it lies idle; what the server did to it meanwhile is seen when it is
//! taken up again.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::buf::Chain;
use bytes::{Buf as _, Bytes};
use hyper::Uri;
use hyper::header::{
    ACCEPT, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tower::Service as _;
use url::{Position, Url};

use super::super::clock::Clock;
use super::super::http1::{Lines, Piece, Reader};
use super::fault::Fault;
use super::intake::Received;
use super::lookup::SystemLookup;
use super::{ClientError, USER};
use crate::exchange::Dial;
use crate::plan::target::{HttpVersion, Target};

/// Bytes that are read at once, at most.
const ROOM: usize = 64 << 10;

thread_local! {
    /// What is read is taken apart at once, so that all connections of a thread read into the same.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; ROOM].into());
}

/// Speaks with one server.
pub(super) struct Direct {
    connector: HttpConnector<SystemLookup>,
    server: Uri,
    /// What every request begins with; secrets are in it.
    head: Vec<u8>,
    connect_within: Duration,
    keep_alive: bool,
    /// The one used last is taken first.
    idle: Mutex<Vec<TcpStream>>,
    dials: Arc<AtomicU64>,
}

/// A request, ready to be written: head and body.
pub(in super::super) struct Written(Chain<Bytes, Bytes>);

/// A request on its connection, and the reply to it.
#[derive(Debug)]
pub(super) struct Talk<'d> {
    direct: &'d Direct,
    stream: TcpStream,
    /// Gone once it is written.
    request: Option<Written>,
    /// Why the server takes nothing any more.
    deaf: Option<io::Error>,
    reader: Reader,
}

impl Direct {
    /// What speaks with this target, if it asks for nothing but HTTP/1.1 over plain TCP, and says nothing of its own about
    /// connections and the framing of messages.
    ///
    /// # Errors
    /// If its address is none that HTTP allows.
    pub(super) fn new(
        target: &Target,
        headers: &HeaderMap,
        dials: &Arc<AtomicU64>,
    ) -> Result<Option<Direct>, ClientError> {
        let plain = target.url.scheme() == "http" && target.proxy.is_none();
        let framed = [CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING, UPGRADE];
        let usual = !framed.iter().any(|name| headers.contains_key(name));
        if !plain || !usual || target.http == HttpVersion::Two {
            return Ok(None);
        }
        let mut connector = HttpConnector::new_with_resolver(SystemLookup);
        connector.set_nodelay(true);
        Ok(Some(Direct {
            connector,
            server: address(&target.url)?,
            head: head(&target.url, headers),
            connect_within: target.timeouts.connect,
            keep_alive: target.keep_alive,
            idle: Mutex::default(),
            dials: Arc::clone(dials),
        }))
    }

    /// The request with this body.
    pub(super) fn prepare(&self, body: Bytes) -> Written {
        let length = format!("content-length: {}\r\n\r\n", body.len());
        Written(Bytes::from([self.head.as_slice(), length.as_bytes()].concat()).chain(body))
    }

    /// Sends a request, on a connection that lies idle where there is one, until the head of its reply has come.
    pub(super) async fn send(
        &self,
        request: Written,
        clock: Clock,
        dialled: &OnceLock<Dial>,
        received: &mut Received,
    ) -> Result<Talk<'_>, Fault> {
        let stream = match self.take_up() {
            Some(stream) => stream,
            None => Box::pin(self.dial(clock, dialled)).await?,
        };
        let mut talk = Talk { direct: self, stream, request: Some(request), deaf: None, reader: Reader::default() };
        while received.status().is_none() {
            talk.more(clock, received).await?;
        }
        Ok(talk)
    }

    async fn dial(&self, clock: Clock, dialled: &OnceLock<Dial>) -> Result<TcpStream, Fault> {
        let began = clock.now();
        let connecting = self.connector.clone().call(self.server.clone());
        let stream = match tokio::time::timeout(self.connect_within, connecting).await {
            Ok(connected) => connected.map_err(Fault::connecting)?,
            Err(_) => return Err(Fault::Slow),
        };
        self.dials.fetch_add(1, Ordering::Relaxed);
        let _ = dialled.set(Dial { began, ended: clock.now() });
        Ok(stream.into_inner())
    }

    /// A connection that lies idle and was neither closed nor written to. The kernel is asked: the runtime knows only
    /// what it has been told, and between two requests of one task it has been told nothing.
    fn take_up(&self) -> Option<TcpStream> {
        let is_quiet = |stream: &TcpStream| recv(stream, &mut [0], RecvFlags::PEEK) == Err(Errno::AGAIN);
        let mut idle = self.idle();
        std::iter::from_fn(|| idle.pop()).find(is_quiet)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").field("server", &self.server).finish_non_exhaustive()
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").finish_non_exhaustive()
    }
}

impl Talk<'_> {
    /// Takes in what comes next. Returns false at the end of the reply.
    pub(super) async fn more(&mut self, clock: Clock, received: &mut Received) -> Result<bool, Fault> {
        if self.reader.is_over() {
            return Ok(false);
        }
        poll_fn(|context| self.poll_more(context, clock, received)).await?;
        Ok(true)
    }

    /// Leaves the connection to the next request, if it can be used again.
    pub(super) fn lay_down(self) {
        if self.direct.keep_alive && self.reader.is_reusable() && self.request.is_none() && self.deaf.is_none() {
            self.direct.idle().push(self.stream);
        }
    }

    fn poll_more(
        &mut self,
        context: &mut Context<'_>,
        clock: Clock,
        received: &mut Received,
    ) -> Poll<Result<(), Fault>> {
        self.write(context);
        READ.with_borrow_mut(|room| {
            let mut into = ReadBuf::new(room);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut into)).map_err(Fault::new)?;
            let done = if into.filled().is_empty() {
                // Who was cut off while writing does not know whether all had come before.
                if let Some(error) = self.deaf.take() {
                    return Poll::Ready(Err(Fault::new(error)));
                }
                self.reader.end()
            } else {
                let at = clock.now();
                self.reader.push(at, into.filled(), |piece| match piece {
                    Piece::Head(head, lines) => {
                        received.begin(head);
                        received.folded = lines == Lines::Folded;
                    }
                    Piece::Body(bytes) => received.take(at, bytes),
                })
            };
            Poll::Ready(done.map_err(Fault::new))
        })
    }

    /// Writes what can be written without waiting. A server may answer, and close, before it has read all; so that it
    /// takes no more is no fault before there is no answer either.
    fn write(&mut self, context: &mut Context<'_>) {
        let Some(Written(request)) = &mut self.request else { return };
        while request.has_remaining() && self.deaf.is_none() {
            let mut slices = [IoSlice::new(&[]); 2];
            let count = request.chunks_vectored(&mut slices);
            match Pin::new(&mut self.stream).poll_write_vectored(context, &slices[..count]) {
                Poll::Ready(Ok(written)) if written > 0 => request.advance(written),
                Poll::Ready(Ok(_)) => self.deaf = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Err(error)) => self.deaf = Some(error),
                Poll::Pending => return,
            }
        }
        self.request = None;
    }
}

/// Where to connect to; a password in front of it stays behind.
fn address(url: &Url) -> Result<Uri, ClientError> {
    let text = format!("{}://{}", url.scheme(), &url[Position::BeforeHost..Position::AfterPort]);
    text.parse().map_err(|error| ClientError::Library(format!("{text}: {error}")))
}

/// The request line and headers, each line with its end; those of the target take the place of ours.
fn head(url: &Url, headers: &HeaderMap) -> Vec<u8> {
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let line = format!("POST {} HTTP/1.1\r\n", &url[Position::BeforePath..Position::AfterQuery]);
    let ours = [(HOST, host), (USER_AGENT, USER), (ACCEPT, "*/*")];
    let ours =
        ours.iter().filter(|(name, _)| !headers.contains_key(name)).map(|(name, value)| (name, value.as_bytes()));
    let theirs = headers.iter().map(|(name, value)| (name, value.as_bytes()));
    let headers = ours.chain(theirs).flat_map(|(name, value)| [name.as_str().as_bytes(), b": ", value, b"\r\n"]);
    std::iter::once(line.as_bytes()).chain(headers).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// Both ends of a connection on which a byte has been read, so that the runtime takes it for quiet.
    async fn connected() -> (TcpStream, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let mut ours = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("connects");
        let (mut theirs, _) = listener.accept().expect("accepts");
        theirs.write_all(b"a").expect("writes");
        assert_eq!(ours.read(&mut [0; 64]).await.expect("reads"), 1);
        (ours, theirs)
    }

    /// Waits until the kernel has something to tell, with which the runtime is not told.
    fn told(ours: TcpStream) -> TcpStream {
        while recv(&ours, &mut [0], RecvFlags::PEEK) == Err(Errno::AGAIN) {
            std::thread::yield_now();
        }
        ours
    }

    #[tokio::test]
    async fn what_happened_to_an_idle_connection_is_seen_at_once() {
        let direct = Direct {
            connector: HttpConnector::new_with_resolver(SystemLookup),
            server: Uri::from_static("http://127.0.0.1"),
            head: Vec::new(),
            connect_within: Duration::ZERO,
            keep_alive: true,
            idle: Mutex::default(),
            dials: Arc::default(),
        };
        let (ours, theirs) = connected().await;
        drop(theirs);
        direct.idle().push(told(ours));
        assert!(direct.take_up().is_none(), "it was closed");
        let (ours, mut theirs) = connected().await;
        theirs.write_all(b"b").expect("writes");
        direct.idle().push(told(ours));
        assert!(direct.take_up().is_none(), "something was sent that belongs to no request");
        let (ours, _theirs) = connected().await;
        direct.idle().push(ours);
        assert!(direct.take_up().is_some());
    }
}
