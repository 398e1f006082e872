//! The only place that speaks HTTP outwards.
//!
//! Redirects are not followed, nothing is retried, and neither a proxy nor compression is used unless the profile
//! asks: they are facts to report. Between sent and the last byte nothing is parsed or formatted but the head, once, and
//! the framing that HTTP puts around the body; bytes are kept as they come, with the instant they came. Of a stream the
//! last bytes of an arrival are looked at, for `[DONE]`: behind it the end of the body is waited for a second and no more.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Version};
use tokio::sync::watch;

mod direct;
mod ending;
mod fault;
mod intake;
mod library;
mod lookup;
mod proxy;
mod seldom;

use direct::{Direct, Talk, Written};
use ending::End;
use fault::Fault;
use intake::Received;
use proxy::Proxy;
use seldom::Seldom;

use super::clock::Clock;
use super::failure::{Exhausted, Stage, TlsTerms, causes, classify_chain, tls_fault};
use super::preflight::has_content;
use crate::exchange::{Asked, Cutoff, Dial, Exchange, Head, Outcome, Ticket, Transfer, decode_text};
use crate::plan::target::{Target, Timeouts};

/// How long the end of a body is waited for behind `[DONE]`.
const LINGER: Duration = Duration::from_secs(1);

/// Says that what is in flight is to be given up, and why.
pub(super) type CutoffSignal = watch::Receiver<Option<Cutoff>>;

/// What we call ourselves.
const USER: &str = concat!("proofload/", env!("CARGO_PKG_VERSION"));

/// Speaks HTTP with one target.
#[derive(Debug)]
pub(super) struct Client {
    /// Sends a load where the target asks for no more than it can.
    direct: Option<Direct>,
    library: reqwest::Client,
    url: reqwest::Url,
    headers: HeaderMap,
    proxy: Option<Proxy>,
    tls: TlsTerms,
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
    /// In the form in which it is sent, until it is.
    pub(super) message: Option<Message>,
    /// How long we stay.
    pub(super) parting: Parting,
}

/// How long we stay at a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parting {
    /// Until its end.
    AtEnd,
    /// Until this many arrivals of the body have come.
    After(usize),
    /// Until a stream has brought its first content; what is no stream has its end awaited.
    WithContent,
}

impl Parting {
    fn is_now(self, received: &Received) -> bool {
        match self {
            Parting::AtEnd => false,
            Parting::After(arrivals) => received.arrivals() >= arrivals,
            Parting::WithContent => received.is_stream() && has_content(&received.so_far()),
        }
    }
}

/// A request in the form of the way that it takes.
#[derive(Debug)]
pub(super) enum Message {
    /// On a connection of ours.
    Direct(Written),
    /// By the HTTP library.
    Library(Request),
}

/// A reply whose head has come.
enum Reply<'c> {
    Direct(Talk<'c>),
    Library(reqwest::Response),
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
        let headers = headers(target)?;
        Ok(Client {
            direct: Direct::new(target, &headers, &dials)?,
            library: library::client(target, &dials)?,
            url: target.url.clone(),
            headers,
            proxy: target.proxy.as_ref().map(Proxy::new),
            tls: TlsTerms::of(&target.tls),
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
    pub(super) fn prepare(&self, ticket: Ticket, asked: Asked) -> Box<Job> {
        let body = asked.body.clone();
        let message = if let Some(direct) = &self.direct {
            Message::Direct(direct.prepare(body))
        } else {
            let mut request = Request::new(Method::POST, self.url.clone());
            *request.headers_mut() = self.headers.clone();
            *request.body_mut() = Some(body.into());
            Message::Library(request)
        };
        Box::new(Job { ticket, asked, message: Some(message), parting: Parting::AtEnd })
    }

    /// A request without a body for something beside the endpoint, whose reply is kept as an exchange.
    pub(super) fn prepare_beside(&self, ticket: Ticket, asked: Asked, method: Method, url: reqwest::Url) -> Box<Job> {
        let mut request = Request::new(method, url);
        *request.headers_mut() = self.headers.clone();
        Box::new(Job { ticket, asked, message: Some(Message::Library(request)), parting: Parting::AtEnd })
    }

    /// Sends a request and takes in what comes back, until its end, a limit, or `cut`.
    pub(super) async fn send(
        &self,
        mut job: Box<Job>,
        eligible: Duration,
        clock: Clock,
        cut: &mut CutoffSignal,
    ) -> Exchange {
        let dial = Arc::new(OnceLock::new());
        let asked_coding = self.asks_coding(&job);
        let sent = clock.now();
        let mut received = Received::default();
        let end = {
            // In place: thousands of these wait at once, and a future that is moved into another takes room in both.
            let mut work = pin!(self.perform(&mut job, clock, &dial, &mut received));
            // However much comes, and however fast, the limits hold: they do not wait for the budget of the task.
            let mut stopped = pin!(tokio::task::unconstrained(self.stopped(cut)));
            tokio::select! {
                biased;
                end = &mut work => end,
                end = Seldom::new(stopped.as_mut()) => end,
            }
        };
        let ended = clock.now();
        let end = end.unless_done(&received).explained(ended.saturating_sub(sent), &dial, &received);
        let mut end = if end.outcome == Outcome::Ok { end.with_status(received.status()) } else { end };
        let done = end.body.is_lingering().then(|| received.was_done()).flatten();
        let (ended, freed) = (done.unwrap_or(ended), done.map(|_| ended));
        if let Some(cause) = self.turned_away(&received) {
            received = Received::default();
            end = End::new(Outcome::Connect, cause);
        }
        let transfer = Transfer {
            end: end.body,
            asked_coding,
            folded: received.folded,
            freed,
            tls: end.tls,
            ..Transfer::default()
        };
        let (head, body) = received.finish(self.max_reply);
        Exchange {
            ticket: job.ticket,
            asked: job.asked,
            epoch: clock.epoch(),
            eligible,
            sent: Some(sent),
            dial: dial.get().copied(),
            head,
            body,
            ended,
            outcome: end.outcome,
            cause: end.cause,
            transfer,
            unjudged: false,
        }
    }

    /// Waits until the request is to end, whatever has come of it.
    async fn stopped(&self, cut: &mut CutoffSignal) -> End {
        tokio::select! {
            () = tokio::time::sleep(self.timeouts.total) => {
                End::new(Outcome::Timeout, format!("no end within {:?}", self.timeouts.total))
            }
            cut = cut.wait_for(Option::is_some) => {
                let cutoff = cut.ok().and_then(|cut| *cut).unwrap_or(Cutoff::Stopped);
                End::silent(Outcome::Unfinished(cutoff))
            }
        }
    }

    fn asks_coding(&self, job: &Job) -> bool {
        match &job.message {
            Some(Message::Library(request)) => request.headers().contains_key(ACCEPT_ENCODING),
            Some(Message::Direct(_)) | None => self.headers.contains_key(ACCEPT_ENCODING),
        }
    }

    /// Why a reply is that of the proxy, where it is: it says nothing of the endpoint.
    fn turned_away(&self, received: &Received) -> Option<String> {
        self.proxy.as_ref()?.turned_away(received.head()?)
    }

    async fn perform(&self, job: &mut Job, clock: Clock, dial: &Arc<OnceLock<Dial>>, received: &mut Received) -> End {
        let limit = self.timeouts.first_byte;
        let mut reply = match tokio::time::timeout(limit, self.hand_out(job, clock, dial, received)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(fault)) => return self.classify(fault, received),
            Err(_) => return End::new(Outcome::Timeout, format!("no status within {limit:?}")),
        };
        let streamed = job.asked.wanted.stream && received.is_success();
        loop {
            if job.parting.is_now(received) {
                return End::silent(Outcome::Unfinished(Cutoff::Stopped));
            }
            if received.len() > self.max_reply {
                return End::new(Outcome::TooLarge, format!("the reply is longer than {} bytes", self.max_reply));
            }
            let done = if streamed { received.done() } else { None };
            let Some(more) = reply.more_within(done.map(|done| done + LINGER), clock, received).await else {
                return End::lingering();
            };
            match more {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => return self.classify(fault, received),
            }
        }
        if let Reply::Direct(talk) = reply {
            talk.lay_down();
        }
        End::silent(Outcome::Ok)
    }

    /// Sends a request its way until the head of the reply has come.
    async fn hand_out(
        &self,
        job: &mut Job,
        clock: Clock,
        dial: &Arc<OnceLock<Dial>>,
        received: &mut Received,
    ) -> Result<Reply<'_>, Fault> {
        match (job.message.take(), &self.direct) {
            (Some(Message::Direct(request)), Some(direct)) => {
                Ok(Reply::Direct(direct.send(request, clock, dial, received).await?))
            }
            (Some(Message::Direct(_)) | None, _) => Err(Fault::new(OfAnother)),
            (Some(Message::Library(request)), _) => {
                let sending = library::DIAL.scope(Arc::clone(dial), self.library.execute(request));
                let response = Box::pin(library::CLOCK.scope(clock, sending)).await?;
                received.begin(head_of(&response, clock.now()));
                Ok(Reply::Library(response))
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
            let mut response =
                self.library.execute(request).await.map_err(|error| self.explain(error.into(), Stage::Head))?;
            let mut bytes = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|error| self.explain(error.into(), Stage::Body))? {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > self.max_reply {
                    return Err(End::new(Outcome::TooLarge, "the reply is too long".to_owned()));
                }
            }
            let head = head_of(&response, Duration::ZERO);
            if let Some(cause) = self.proxy.as_ref().and_then(|proxy| proxy.turned_away(&head)) {
                return Err(End::new(Outcome::Connect, cause));
            }
            let bytes = decode_text(&head, bytes, self.max_reply);
            Ok((head.status, bytes.map_err(|cause| End::new(Outcome::Protocol, cause))?))
        };
        match tokio::time::timeout(self.timeouts.first_byte, work).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(end)) => Err(Failure { cause: end.cause.unwrap_or_else(|| end.outcome.to_string()) }),
            Err(_) => Err(Failure { cause: format!("no answer within {:?}", self.timeouts.first_byte) }),
        }
    }

    fn classify(&self, fault: Fault, received: &Received) -> End {
        self.explain(fault, if received.status().is_some() { Stage::Body } else { Stage::Head })
    }

    /// What went wrong, by the chain of sources: the libraries' own kinds are too coarse.
    fn explain(&self, fault: Fault, stage: Stage) -> End {
        let (error, connecting) = match fault {
            Fault::Slow => {
                let whom = self.proxy.as_ref().map_or(String::new(), |proxy| format!(" through {proxy}"));
                let cause = format!("no connection{whom} within {:?}", self.timeouts.connect);
                return End::new(Outcome::Timeout, cause);
            }
            Fault::Failed { error, connecting } => (error, connecting),
        };
        let chain = causes(error.as_ref());
        self.exhausted.note(&chain);
        let outcome = classify_chain(&chain, stage, connecting, self.url.scheme() == "https");
        let fallback = if connecting { Outcome::Connect } else { Outcome::Protocol };
        let outcome = outcome.unwrap_or(fallback);
        let cause = chain.last().map_or_else(String::new, ToString::to_string);
        match (&self.proxy, tls_fault(&chain, self.tls)) {
            (Some(proxy), tls) if proxy.is_at_fault(outcome, &self.url) => {
                End { tls, ..End::new(Outcome::Connect, proxy.failed(&cause)) }
            }
            (_, Some(fault)) => End { tls: Some(fault), ..End::new(outcome, fault.explain(&cause)) },
            (_, None) => End::new(outcome, cause),
        }
    }
}

impl Reply<'_> {
    /// Takes in what comes next, until an instant where there is one. Returns nothing where that has passed.
    async fn more_within(
        &mut self,
        until: Option<Duration>,
        clock: Clock,
        received: &mut Received,
    ) -> Option<Result<bool, Fault>> {
        let Some(until) = until else { return Some(self.more(clock, received).await) };
        let left = until.checked_sub(clock.now())?;
        // In few exchanges is anything waited for here, and all of them would have the room of the timer.
        Box::pin(tokio::time::timeout(left, self.more(clock, received))).await.ok()
    }

    /// Takes in what comes next. Returns false at the end.
    async fn more(&mut self, clock: Clock, received: &mut Received) -> Result<bool, Fault> {
        match self {
            Reply::Direct(talk) => talk.more(clock, received).await,
            Reply::Library(response) => {
                let Some(bytes) = response.chunk().await? else { return Ok(false) };
                received.take(clock.now(), &bytes);
                Ok(true)
            }
        }
    }
}

/// Status and headers as the library has them.
fn head_of(response: &reqwest::Response, at: Duration) -> Head {
    let version = match response.version() {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    };
    let headers = response.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    Head { at, status: response.status().as_u16(), version, headers }
}

/// Why an answer beside the load did not come.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub(super) struct Failure {
    cause: String,
}

/// A fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("the request was prepared for another target")]
struct OfAnother;

fn headers(target: &Target) -> Result<HeaderMap, ClientError> {
    let mut headers = HeaderMap::new();
    for header in &target.headers {
        let refused = || ClientError::Header(header.name.clone());
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| refused())?;
        let mut value = HeaderValue::from_str(header.value.expose()).map_err(|_| refused())?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    if target.gzip && !headers.contains_key(ACCEPT_ENCODING) {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(headers)
}
