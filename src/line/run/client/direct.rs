//! HTTP/1.1 over plain TCP, on connections of our own: it is what most loads on a deployment speak, and the layers of a
//! whole HTTP library would be most of what a short request costs.
//!
//! A connection is driven by the task of the request that is on it, so that nothing of a request wakes another task, nor
//! that task itself: the two halves of hyper's connection wake each other for all that they hand over, and both are
//! polled anyway. Nothing drives it while it lies idle; what the server did to it meanwhile is seen when it is taken up again.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service as _;
use url::{Position, Url};

use super::super::clock::Clock;
use super::bell::Bell;
use super::fault::Fault;
use super::lookup::SystemLookup;
use super::{ClientError, USER};
use crate::exchange::Dial;
use crate::plan::target::{HttpVersion, Target};

/// Speaks with one server.
#[derive(Debug)]
pub(super) struct Direct {
    connector: HttpConnector<SystemLookup>,
    server: Uri,
    message: Request<()>,
    connect_within: Duration,
    keep_alive: bool,
    /// The one used last is taken first.
    idle: Mutex<Vec<Connection>>,
    dials: Arc<AtomicU64>,
}

/// An open connection.
#[derive(Debug)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driving: Driving,
}

/// What has to be polled for anything to come over a connection.
#[derive(Debug)]
struct Driving {
    /// Gone when the connection is.
    driver: Option<Driver>,
    bell: Arc<Bell>,
    waker: Waker,
}

type Driver = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

/// A reply whose head has come.
#[derive(Debug)]
pub(super) struct Reply<'d> {
    direct: &'d Direct,
    /// Until the end of the reply.
    connection: Option<Connection>,
    pub(super) response: Response<Incoming>,
}

impl Direct {
    /// What speaks with this target, if it asks for nothing but HTTP/1.1 over plain TCP.
    ///
    /// # Errors
    /// If its address is none that HTTP allows.
    pub(super) fn new(
        target: &Target,
        headers: &HeaderMap,
        dials: &Arc<AtomicU64>,
    ) -> Result<Option<Direct>, ClientError> {
        let plain = target.url.scheme() == "http" && target.proxy.is_none();
        if !plain || target.http == HttpVersion::Two || target.gzip {
            return Ok(None);
        }
        let mut connector = HttpConnector::new_with_resolver(SystemLookup);
        connector.set_nodelay(true);
        Ok(Some(Direct {
            connector,
            server: address(&target.url[..Position::BeforePath])?,
            message: message(&target.url, headers)?,
            connect_within: target.timeouts.connect,
            keep_alive: target.keep_alive,
            idle: Mutex::default(),
            dials: Arc::clone(dials),
        }))
    }

    /// The request with this body.
    pub(super) fn prepare(&self, body: Bytes) -> Request<Full<Bytes>> {
        self.message.clone().map(|()| Full::new(body))
    }

    /// Sends a request, on a connection that lies idle where there is one, until the head of its reply has come.
    pub(super) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        clock: Clock,
        dialled: &OnceLock<Dial>,
    ) -> Result<Reply<'_>, Fault> {
        loop {
            let idle = self.take_up();
            let fresh = idle.is_none();
            let mut connection = match idle {
                Some(connection) => connection,
                None => Box::pin(self.dial(clock, dialled)).await?,
            };
            match connection.ask(request).await {
                Ok(response) => return Ok(Reply { direct: self, connection: Some(connection), response }),
                // The server had closed the connection before any of the request went out.
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !fresh => request = unsent,
                    Some(_) | None => return Err(Fault::new(error.into_error())),
                },
            }
        }
    }

    async fn dial(&self, clock: Clock, dialled: &OnceLock<Dial>) -> Result<Connection, Fault> {
        self.dials.fetch_add(1, Ordering::Relaxed);
        let began = clock.now();
        let connecting = self.connector.clone().call(self.server.clone());
        let stream = match tokio::time::timeout(self.connect_within, connecting).await {
            Ok(connected) => connected.map_err(Fault::connecting)?,
            Err(_) => return Err(Fault::Slow),
        };
        let _ = dialled.set(Dial { began, ended: clock.now() });
        let (sender, driver) = http1::handshake(stream).await.map_err(Fault::connecting)?;
        Ok(Connection { sender, driving: Driving::new(driver) })
    }

    /// A connection that lies idle and can still be used.
    fn take_up(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut connection = idle.pop()?;
            if connection.is_usable() {
                return Some(connection);
            }
        }
    }

    fn lay_down(&self, mut connection: Connection) {
        if self.keep_alive && connection.is_usable() {
            connection.driving.bell.wakes_nobody();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

impl Connection {
    async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        let answer = self.sender.try_send_request(request);
        self.driving.until(answer).await
    }

    /// Whether it takes another request, as far as is known without waiting.
    fn is_usable(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let open = go_on(&mut self.driving.driver, &mut context);
        open && self.sender.is_ready()
    }
}

impl Reply<'_> {
    /// The bytes that come next, none at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        let Some(connection) = &mut self.connection else { return Ok(None) };
        loop {
            match connection.driving.until(self.response.body_mut().frame()).await {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(error)) => return Err(Fault::new(error)),
                None => break,
            }
        }
        self.connection.take().into_iter().for_each(|connection| self.direct.lay_down(connection));
        Ok(None)
    }
}

impl Driving {
    fn new(driver: Driver) -> Driving {
        let bell = Bell::rung();
        Driving { driver: Some(driver), waker: Waker::from(Arc::clone(&bell)), bell }
    }

    /// Waits for something that comes over the connection, and drives the connection meanwhile. What ends it reaches
    /// those who wait, by way of what they wait for.
    async fn until<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let Driving { driver, bell, waker } = self;
        poll_fn(|context| {
            bell.attend(waker, context, |inner| {
                go_on(driver, inner);
                work.as_mut().poll(inner)
            })
        })
        .await
    }
}

/// Does what can be done on a connection without waiting. Returns whether it is still open.
fn go_on(driver: &mut Option<Driver>, context: &mut Context<'_>) -> bool {
    if driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(context).is_ready()) {
        *driver = None;
    }
    driver.is_some()
}

fn address(text: &str) -> Result<Uri, ClientError> {
    text.parse().map_err(|error| ClientError::Library(format!("{text}: {error}")))
}

/// What is the same in every request.
fn message(url: &Url, headers: &HeaderMap) -> Result<Request<()>, ClientError> {
    let mut message = Request::new(());
    *message.method_mut() = Method::POST;
    *message.uri_mut() = address(&url[Position::BeforePath..Position::AfterQuery])?;
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort])
        .map_err(|_| ClientError::Header("host".to_owned()))?;
    let own = message.headers_mut();
    own.extend([(HOST, host), (USER_AGENT, HeaderValue::from_static(USER)), (ACCEPT, HeaderValue::from_static("*/*"))]);
    // Those of the target take the place of ours.
    for name in headers.keys() {
        own.remove(name);
    }
    own.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(message)
}
