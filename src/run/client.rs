//! The only place that speaks HTTP outwards.
//!
//! Redirects are not followed, nothing is retried, and neither a proxy nor compression is used unless the profile
//! asks: they are facts to report. Between sent and the last byte nothing is parsed or formatted; bytes are kept as
//! they come, with the instant they came.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Identity, Method, Proxy, Request, Response, Version};
use tokio::sync::watch;
use tower::{Layer, Service};

use super::clock::Clock;
use super::failure::{Exhausted, NoSuchName, Stage, causes, classify_chain, innermost};
use crate::exchange::{Arrival, Asked, Body, Dial, Exchange, Head, Outcome, Ticket};
use crate::plan::target::{HttpVersion, Target, Timeouts};

/// Speaks HTTP with one target.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    url: reqwest::Url,
    headers: HeaderMap,
    timeouts: Timeouts,
    max_reply: usize,
    dials: Arc<AtomicU64>,
    exhausted: Arc<Exhausted>,
}

/// Why a client could not be made: what the profile says does not fit.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A certificate or key is not what it should be.
    #[error("certificate: {0}")]
    Certificate(String),
    /// A header has bytes that no header may have.
    #[error("header {0:?} has a name or value that HTTP does not allow")]
    Header(String),
    /// Anything else the HTTP library refuses.
    #[error("HTTP client: {0}")]
    Library(String),
}

/// A request that is ready to go.
#[derive(Debug)]
pub(super) struct Job {
    /// Leave to send it.
    pub(super) ticket: Ticket,
    /// What it asks.
    pub(super) asked: Asked,
    /// As the HTTP library takes it.
    pub(super) request: Request,
    /// After how many arrivals of the body we leave, where we are not to stay until its end.
    pub(super) leave_after: Option<usize>,
}

tokio::task_local! {
    /// Where a connection opened on behalf of the current request leaves its times.
    static DIAL: Arc<OnceLock<Dial>>;
    static CLOCK: Clock;
}

impl Client {
    /// A client of this target.
    ///
    /// # Errors
    /// If certificates, headers or the proxy are not usable.
    pub(super) fn new(target: &Target) -> Result<Client, ClientError> {
        Client::counting(target, Arc::default(), Arc::default())
    }

    /// Another client of the same target, with connections of its own; both count together.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub(super) fn twin(&self, target: &Target) -> Result<Client, ClientError> {
        Client::counting(target, Arc::clone(&self.dials), Arc::clone(&self.exhausted))
    }

    fn counting(target: &Target, dials: Arc<AtomicU64>, exhausted: Arc<Exhausted>) -> Result<Client, ClientError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("proofload/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .gzip(target.gzip)
            .connect_timeout(target.timeouts.connect)
            .pool_max_idle_per_host(if target.keep_alive { usize::MAX } else { 0 })
            .tcp_nodelay(true)
            .dns_resolver(SystemResolver)
            .connector_layer(Stopwatch { dials: Arc::clone(&dials) });
        builder = match target.http {
            HttpVersion::Auto => builder,
            HttpVersion::One => builder.http1_only(),
            HttpVersion::Two => builder.http2_prior_knowledge(),
        };
        if let Some(proxy) = &target.proxy {
            let proxy = Proxy::all(proxy.clone()).map_err(|error| ClientError::Library(innermost(&error)))?;
            builder = builder.proxy(proxy);
        }
        let builder = with_certificates(builder, target)?;
        let http = builder.build().map_err(|error| ClientError::Library(innermost(&error)))?;
        Ok(Client {
            http,
            url: target.url.clone(),
            headers: headers(target)?,
            timeouts: target.timeouts,
            max_reply: target.max_reply,
            dials,
            exhausted,
        })
    }

    /// The headers of every request.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Connections opened so far.
    pub(super) fn dials(&self) -> u64 {
        self.dials.load(Ordering::Relaxed)
    }

    /// What we ran out of.
    pub(super) fn exhausted(&self) -> &Exhausted {
        &self.exhausted
    }

    /// Makes a request ready, so that nothing is left to build when it is due.
    pub(super) fn prepare(&self, ticket: Ticket, asked: Asked) -> Job {
        let mut request = Request::new(Method::POST, self.url.clone());
        *request.headers_mut() = self.headers.clone();
        *request.body_mut() = Some(asked.body.clone().into());
        Job { ticket, asked, request, leave_after: None }
    }

    /// Sends a request and takes in what comes back, until its end, a limit, or `cut`.
    pub(super) async fn send(
        &self,
        job: Job,
        eligible: Duration,
        clock: Clock,
        mut cut: watch::Receiver<bool>,
    ) -> Exchange {
        let dial = Arc::new(OnceLock::new());
        let sent = clock.now();
        let mut received = Received::default();
        let work = CLOCK.scope(
            clock,
            DIAL.scope(Arc::clone(&dial), self.perform(job.request, job.leave_after, clock, &mut received)),
        );
        let end = tokio::select! {
            end = work => end,
            () = tokio::time::sleep(self.timeouts.total) => {
                End::new(Outcome::Timeout, format!("no end within {:?}", self.timeouts.total))
            }
            _ = cut.wait_for(|cut| *cut) => End { outcome: Outcome::Unfinished, cause: None },
        };
        let ended = clock.now();
        let end = end.explained(&dial, &received);
        let status = received.head.as_ref().map(|head| Outcome::of_status(head.status));
        let outcome = if end.outcome == Outcome::Ok { status.unwrap_or(Outcome::Protocol) } else { end.outcome };
        Exchange {
            ticket: job.ticket,
            asked: job.asked,
            epoch: clock.epoch(),
            eligible,
            sent: Some(sent),
            dial: dial.get().copied(),
            head: received.head.map(RawHead::read),
            body: received.body,
            ended,
            outcome,
            cause: end.cause,
            unjudged: false,
        }
    }

    async fn perform(
        &self,
        request: Request,
        leave_after: Option<usize>,
        clock: Clock,
        received: &mut Received,
    ) -> End {
        let limit = self.timeouts.first_byte;
        let mut response = match tokio::time::timeout(limit, self.http.execute(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return self.classify(&error, Stage::Head),
            Err(_) => return End::new(Outcome::Timeout, format!("no status within {limit:?}")),
        };
        received.head = Some(RawHead::take(clock.now(), &mut response));
        received.body.bytes.reserve(4096);
        loop {
            match response.chunk().await {
                Ok(Some(bytes)) => received.take(clock.now(), &bytes),
                Ok(None) => return End { outcome: Outcome::Ok, cause: None },
                Err(error) => return self.classify(&error, Stage::Body),
            }
            if leave_after.is_some_and(|arrivals| received.body.arrivals.len() >= arrivals) {
                return End { outcome: Outcome::Unfinished, cause: None };
            }
            if received.body.bytes.len() > self.max_reply {
                received.body.bytes.truncate(KEPT_OF_TOO_LARGE);
                received.body.arrivals.retain(|arrival| arrival.end <= KEPT_OF_TOO_LARGE);
                return End::new(Outcome::TooLarge, format!("the reply is longer than {} bytes", self.max_reply));
            }
        }
    }

    /// Asks for something beside the load, such as the list of models: status and body, or what went wrong.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: reqwest::Url,
        body: Option<Vec<u8>>,
    ) -> Result<(u16, Vec<u8>), Failure> {
        let mut request = Request::new(method, url);
        *request.headers_mut() = self.headers.clone();
        *request.body_mut() = body.map(Into::into);
        let work = async {
            let mut response = self.http.execute(request).await.map_err(|error| self.classify(&error, Stage::Head))?;
            let mut bytes = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|error| self.classify(&error, Stage::Body))? {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > self.max_reply {
                    return Err(End::new(Outcome::TooLarge, "the reply is too long".to_owned()));
                }
            }
            Ok((response.status().as_u16(), bytes))
        };
        match tokio::time::timeout(self.timeouts.first_byte, work).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(end)) => Err(Failure { cause: end.cause.unwrap_or_else(|| end.outcome.to_string()) }),
            Err(_) => Err(Failure { cause: format!("no answer within {:?}", self.timeouts.first_byte) }),
        }
    }

    /// What went wrong, by the chain of sources: the library's own kinds are too coarse.
    fn classify(&self, error: &reqwest::Error, stage: Stage) -> End {
        let cause = innermost(error);
        if error.is_timeout() && error.is_connect() {
            return End::new(Outcome::Timeout, format!("no connection within {:?}", self.timeouts.connect));
        }
        let chain = causes(error);
        self.exhausted.note(&chain);
        let outcome = classify_chain(&chain, stage, error.is_connect(), self.url.scheme() == "https");
        let fallback = if error.is_connect() { Outcome::Connect } else { Outcome::Protocol };
        End::new(outcome.unwrap_or(fallback), cause)
    }
}

/// What of a reply that is too long is kept as evidence.
const KEPT_OF_TOO_LARGE: usize = 65_536;

/// Why an answer beside the load did not come.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub(super) struct Failure {
    cause: String,
}

/// How an exchange ended.
struct End {
    outcome: Outcome,
    cause: Option<String>,
}

impl End {
    fn new(outcome: Outcome, cause: String) -> End {
        End { outcome, cause: Some(cause) }
    }
}

impl End {
    /// A kept-alive connection that ends as a request goes out on it was closed without a word, which a report of
    /// plain resets would not tell.
    fn explained(self, dial: &OnceLock<Dial>, received: &Received) -> End {
        if self.outcome != Outcome::Reset || dial.get().is_some() || received.head.is_some() {
            return self;
        }
        let cause = "the server closed a kept-alive connection without announcing it (Connection: close); \
                     target.keep_alive = false opens one for each request";
        End::new(Outcome::Reset, cause.to_owned())
    }
}

/// What came so far.
#[derive(Default)]
struct Received {
    head: Option<RawHead>,
    body: Body,
}

/// Frames closer than this to the first one of an arrival belong to it: the library hands the frames of one read over
/// one by one, some microseconds apart, and a gap between tokens of that size would be made up.
const TOGETHER: Duration = Duration::from_micros(100);

impl Received {
    fn take(&mut self, at: Duration, bytes: &[u8]) {
        self.body.bytes.extend_from_slice(bytes);
        let end = self.body.bytes.len();
        match self.body.arrivals.last_mut() {
            Some(last) if at.saturating_sub(last.at) < TOGETHER => last.end = end,
            _ => self.body.arrivals.push(Arrival { at, end }),
        }
    }
}

/// Status and headers as they came, to be read once the exchange is over.
struct RawHead {
    at: Duration,
    status: u16,
    version: Version,
    headers: HeaderMap,
}

impl RawHead {
    fn take(at: Duration, response: &mut Response) -> RawHead {
        let headers = std::mem::take(response.headers_mut());
        RawHead { at, status: response.status().as_u16(), version: response.version(), headers }
    }

    fn read(self) -> Head {
        let version = match self.version {
            Version::HTTP_2 => "HTTP/2",
            Version::HTTP_10 => "HTTP/1.0",
            _ => "HTTP/1.1",
        };
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = self.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        Head { at: self.at, status: self.status, version, headers }
    }
}

fn headers(target: &Target) -> Result<HeaderMap, ClientError> {
    let mut headers = HeaderMap::new();
    for header in &target.headers {
        let refused = || ClientError::Header(header.name.clone());
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| refused())?;
        let mut value = HeaderValue::from_str(header.value.expose()).map_err(|_| refused())?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// System authorities are read for https alone: it takes longer than starting does otherwise.
fn with_certificates(builder: reqwest::ClientBuilder, target: &Target) -> Result<reqwest::ClientBuilder, ClientError> {
    if target.url.scheme() != "https" && target.proxy.is_none() {
        return Ok(builder.tls_certs_only([]));
    }
    let mut builder = builder;
    if let Some(pem) = &target.tls.ca {
        let certificates =
            Certificate::from_pem_bundle(pem).map_err(|error| ClientError::Certificate(innermost(&error)))?;
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(pem) = &target.tls.identity {
        let identity =
            Identity::from_pem(pem.expose().as_bytes()).map_err(|error| ClientError::Certificate(innermost(&error)))?;
        builder = builder.identity(identity);
    }
    Ok(builder.tls_danger_accept_invalid_certs(target.tls.insecure))
}

/// The system's name lookup, with a typed error.
struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            match tokio::net::lookup_host((name.as_str(), 0)).await {
                Ok(addresses) => Ok(Box::new(addresses.collect::<Vec<SocketAddr>>().into_iter()) as Addrs),
                Err(cause) => Err(NoSuchName { name: name.as_str().to_owned(), cause }.into()),
            }
        })
    }
}

/// Times the opening of connections. The connector is first polled in the task of the request that wants it; where an
/// idle connection turns up meanwhile, the dial goes on for a later request and its times are not this one's.
#[derive(Clone)]
struct Stopwatch {
    dials: Arc<AtomicU64>,
}

impl<S> Layer<S> for Stopwatch {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed { inner, dials: Arc::clone(&self.dials) }
    }
}

#[derive(Clone)]
struct Timed<S> {
    inner: S,
    dials: Arc<AtomicU64>,
}

impl<S, R> Service<R> for Timed<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.dials.fetch_add(1, Ordering::Relaxed);
        let watch = DIAL.try_with(Arc::clone).ok().zip(CLOCK.try_with(|clock| *clock).ok());
        let began = watch.as_ref().map(|(_, clock)| clock.now());
        let connecting = self.inner.call(request);
        Box::pin(async move {
            let connected = connecting.await;
            if let (Some((dial, clock)), Some(began), true) = (watch, began, connected.is_ok()) {
                let _ = dial.set(Dial { began, ended: clock.now() });
            }
            connected
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_one_read_are_one_arrival() {
        let mut received = Received::default();
        for (us, bytes) in [(1000, "a"), (1050, "b"), (1099, "c"), (1100, "d"), (5000, "e")] {
            received.take(Duration::from_micros(us), bytes.as_bytes());
        }
        let ends: Vec<(u128, usize)> = received.body.arrivals.iter().map(|a| (a.at.as_micros(), a.end)).collect();
        assert_eq!(ends, [(1000, 3), (1100, 4), (5000, 5)]);
    }
}
