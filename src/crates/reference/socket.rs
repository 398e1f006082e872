//! The connection under an exchange, and how a transport fault takes it over.
//!
//! Hyper sends no broken framing and cannot reset a connection. So the bytes of such a reply go past it: the exchange
//! takes the connection away and plays a [`Step`] after the other on it; hyper finds the connection gone.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::server::TlsStream;

/// A connection as hyper uses it: plain TCP, or what lies on top of it.
pub(super) trait Stream: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {
    /// The TCP connection at the bottom.
    fn tcp(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// A connection that hyper reads and writes until an exchange on it takes it over.
#[derive(Debug, Clone)]
pub(super) struct Socket(Arc<Mutex<Option<Box<dyn Stream>>>>);

/// What goes out on a connection that was taken over. After the last step it is closed.
#[derive(Debug)]
pub(super) enum Step {
    /// These bytes, that long after the request was read.
    Send(Duration, Vec<u8>),
    /// The same bytes so many times, or until the client leaves.
    Repeat(u64, Vec<u8>),
    /// Nothing, until the client leaves or [`LONGEST_STALL`] has passed.
    Stall,
    /// The end of our half; the client's stays open.
    HalfClose,
    /// A reset (RST) in the place of a proper end, that long after the request was read.
    Reset(Duration),
}

/// What a script says instead of hyper.
pub(super) type Script = Vec<Step>;

/// Longest that a stalled connection is held for a client that does not leave.
const LONGEST_STALL: Duration = Duration::from_secs(60);

impl Socket {
    pub(super) fn new(stream: impl Stream + 'static) -> Socket {
        Socket(Arc::new(Mutex::new(Some(Box::new(stream)))))
    }

    /// Takes the connection over and plays a script on it, until its end or until the client has left; then it is
    /// closed by being dropped. Another exchange on the same connection (HTTP/2) may have taken it before, and there is
    /// nothing to say.
    pub(super) async fn play(&self, script: Script, began: Instant) -> Option<Box<dyn Stream>> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        for step in script {
            if perform(&mut *stream, step, began).await.is_err() {
                break;
            }
        }
        Some(stream)
    }

    /// Does something with the connection while hyper still has it.
    fn with<T>(&self, work: impl FnOnce(Pin<&mut dyn Stream>) -> T) -> Option<T> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stream.as_deref_mut().map(|stream| work(Pin::new(stream)))
    }
}

async fn perform(stream: &mut dyn Stream, step: Step, began: Instant) -> io::Result<()> {
    match step {
        Step::Send(at, bytes) => {
            sleep_until(began + at).await;
            stream.write_all(&bytes).await
        }
        Step::Repeat(times, bytes) => {
            for _ in 0..times {
                stream.write_all(&bytes).await?;
            }
            Ok(())
        }
        Step::Stall => timeout(LONGEST_STALL, left(stream)).await.unwrap_or(Ok(())),
        Step::HalfClose => stream.shutdown().await,
        Step::Reset(at) => {
            sleep_until(began + at).await;
            stream.tcp().set_zero_linger()
        }
    }
}

/// Reads what the client still says until it has left.
async fn left(stream: &mut dyn Stream) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// What hyper is told once the connection is no longer its own.
fn taken<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // Nothing more is to be read while the script plays; its end wakes the task, and the next write fails.
        self.with(|stream| stream.poll_read(context, buffer)).unwrap_or(Poll::Pending)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(context, bytes)).unwrap_or_else(taken)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write_vectored(context, slices)).unwrap_or_else(taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.with(|stream| stream.is_write_vectored()).unwrap_or(false)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(context)).unwrap_or(Poll::Ready(Ok(())))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(context)).unwrap_or(Poll::Ready(Ok(())))
    }
}
