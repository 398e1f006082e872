//! One connection: TLS where it is asked for, then HTTP/1.1 or HTTP/2, whichever the client begins to speak.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::exchange::exchange;
use super::socket::{Socket, Stream};
use super::{State, spoil};

/// Streams of one HTTP/2 connection; hyper's own limit of 200 would be the limit of a measurement.
const STREAMS: u32 = 10_000;

/// Carries a connection until it ends. Once `closed`, it finishes what is open within the grace period, and no more.
///
/// Nagle's algorithm is off: with it, small events wait for acknowledgements and token gaps of 40 ms appear.
pub(super) async fn carry(stream: TcpStream, state: Arc<State>, mut closed: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let number = state.connections.fetch_add(1, Ordering::Relaxed);
    let quirks = spoil::acting(&state.settings, number, state.metrics.in_flight() + 1);
    for pause in quirks.iter().filter_map(|quirk| quirk.pause()) {
        tokio::time::sleep(pause).await;
    }
    let Some(tls) = state.settings.tls.clone() else {
        // What lets quirks take a connection over costs a lock a read, so it stands between it and hyper for them only.
        if state.settings.quirks.is_empty() {
            return speak(stream, None, state, closed).await;
        }
        return lend(stream, state, closed).await;
    };
    let secured = tokio::select! {
        secured = TlsAcceptor::from(tls).accept(stream) => secured,
        _ = closed.wait_for(|closed| *closed) => return,
    };
    // A client that does not like the certificate is its own affair.
    if let Ok(stream) = secured {
        lend(stream, state, closed).await;
    }
}

/// Speaks on a connection that an exchange can take over. TLS always does: beside it a lock is nothing.
async fn lend(stream: impl Stream + 'static, state: Arc<State>, closed: watch::Receiver<bool>) {
    let socket = Socket::new(stream);
    speak(socket.clone(), Some(socket), state, closed).await;
}

async fn speak<S>(stream: S, socket: Option<Socket>, state: Arc<State>, mut closed: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let grace = state.settings.grace;
    let service = service_fn(move |request| {
        let (state, socket) = (Arc::clone(&state), socket.clone());
        async move { Ok::<_, Infallible>(exchange(request, &state, socket.as_ref()).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(STREAMS);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        _ = connection.as_mut() => true,
        _ = closed.wait_for(|closed| *closed) => false,
    };
    if !ended {
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(grace, connection).await;
    }
}
