//! Sends the orders of a conformance suite: single requests, some of them wrong on purpose, each on its own clock.
//!
//! The load's client sends them, by the HTTP library, since they say of their own what goes out. What no HTTP client would
//! send goes out on a raw socket (`raw`). A reply that says to come back later is asked for again, since it says
//! nothing of the contract; the last try is what counts.

use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Body, Method, Request};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::client::{Client, Job, Message, Parting};
use super::clock::Clock;
use super::preflight::{Kind, Surroundings, look_around};
use super::raw;
use super::{Halt, RunError, Stage};
use crate::check::probe::{HeaderChange, Way};
use crate::exchange::{Exchange, Outcome};
use crate::plan::order::Order;
use crate::plan::target::Target;

/// How often an order is sent at most, where the endpoint says to come back later.
const TRIES: u32 = 4;
/// How long to wait before the next try where the endpoint does not say, doubled each time.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest wait that an endpoint is granted.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How long what is in flight may take to finish once the user has asked to stop. A request that says something of the
/// contract seldom takes longer.
pub const GRACE: Duration = Duration::from_secs(10);

/// Sends orders to one target, on one clock.
#[derive(Debug)]
pub struct Prober {
    client: Arc<Client>,
    target: Target,
    runtime: Runtime,
    clock: Clock,
}

impl Prober {
    /// A prober of this target; its clock starts now.
    ///
    /// # Errors
    /// If the client cannot be made or a thread cannot be started.
    pub fn new(target: &Target) -> Result<Prober, RunError> {
        Ok(Prober {
            client: Arc::new(Client::new(target)?),
            target: target.clone(),
            runtime: Builder::new_multi_thread().thread_name("probe").enable_all().build()?,
            clock: Clock::start_in(Duration::ZERO),
        })
    }

    /// Sends orders, so many at once, and returns an exchange for each, in the order of the orders; only those that
    /// ended where `halt` said to stop before. `ended` hears of each as it ends, and says whether to go on.
    pub fn carry_out(
        &self,
        orders: Vec<Order>,
        at_once: usize,
        halt: &Halt,
        mut ended: impl FnMut(&Exchange) -> bool,
    ) -> Vec<Exchange> {
        let next_order = futures_util::stream::iter(orders).take_while(|_| ready(!halt.is_stopping()));
        let sending = next_order.map(|order| self.insist(order, halt));
        self.runtime.block_on(async {
            let mut exchanges = Vec::new();
            let mut running = pin!(sending.buffer_unordered(at_once.max(1)));
            let mut given_up = pin!(given_up(halt));
            loop {
                let next = tokio::select! { next = running.next() => next, () = &mut given_up => None };
                let Some(exchange) = next else { break };
                let Some(exchange) = exchange else { continue };
                let go_on = ended(&exchange);
                exchanges.push(exchange);
                if !go_on {
                    break;
                }
            }
            exchanges.sort_by_key(|exchange| exchange.ticket.seq);
            exchanges
        })
    }

    /// Whether the endpoint answers an order at all, in so much time and before `halt` says to stop.
    pub fn is_answered(&self, order: Order, within: Duration, halt: &Halt) -> bool {
        self.runtime.block_on(async {
            tokio::select! {
                exchange = self.send(order) => exchange.head.is_some(),
                () = tokio::time::sleep(within) => false,
                () = halt.reaches(Stage::Stopping) => false,
            }
        })
    }

    /// Looks for what helps against a refusal of that kind; nothing where that cannot be done, or `halt` says to stop.
    pub fn look_around(&self, kind: Kind, halt: &Halt) -> Surroundings {
        self.runtime.block_on(async {
            tokio::select! {
                found = look_around(&self.target, kind) => found.unwrap_or_default(),
                () = halt.reaches(Stage::Stopping) => Surroundings::default(),
            }
        })
    }

    /// Sends an order until there is an answer that says something; none where `halt` says to stop before.
    async fn insist(&self, order: Order, halt: &Halt) -> Option<Exchange> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            let in_flight = halt.count();
            let exchange = self.send(order.clone()).await;
            drop(in_flight);
            if order.provoked || !is_put_off(&exchange) {
                return Some(exchange);
            }
            tokio::select! {
                () = tokio::time::sleep(exchange.asked_pause().unwrap_or(pause).min(LONGEST_PAUSE)) => {}
                () = halt.reaches(Stage::Stopping) => return None,
            }
            pause *= 2;
        }
        let _in_flight = halt.count();
        Some(self.send(order).await)
    }

    async fn send(&self, order: Order) -> Exchange {
        let mut exchange = self.exchange(order).await;
        exchange.decode(self.target.max_reply);
        exchange
    }

    async fn exchange(&self, mut order: Order) -> Exchange {
        order.ticket.due = self.clock.now();
        let due = order.ticket.due;
        match &order.way {
            Way::Raw(steps) => {
                let steps = steps.clone();
                raw::exchange(&self.target, order, &steps, self.clock).await
            }
            Way::Usual | Way::Chunked | Way::Leaving(_) => {
                let message = Message::Library(self.request(&order));
                let parting =
                    if let Way::Leaving(arrivals) = order.way { Parting::After(arrivals) } else { Parting::AtEnd };
                let job = Box::new(Job { ticket: order.ticket, asked: order.asked, message: Some(message), parting });
                let (_keep, mut never) = watch::channel(None);
                self.client.send(job, due, self.clock, &mut never).await
            }
        }
    }

    fn request(&self, order: &Order) -> Request {
        let method = Method::from_bytes(order.method.as_bytes()).unwrap_or(Method::POST);
        let mut request = Request::new(method, order.address(&self.target));
        *request.headers_mut() = self.client.headers().clone();
        for change in &order.headers {
            let (HeaderChange::Set(name, _) | HeaderChange::Add(name, _) | HeaderChange::Without(name)) = change;
            let name = HeaderName::from_static(name);
            match change {
                HeaderChange::Without(_) => _ = request.headers_mut().remove(name),
                HeaderChange::Set(_, value) => {
                    if let Ok(value) = HeaderValue::from_str(value.expose()) {
                        request.headers_mut().insert(name, value);
                    }
                }
                HeaderChange::Add(_, value) => {
                    if let Ok(value) = HeaderValue::from_str(value.expose()) {
                        request.headers_mut().append(name, value);
                    }
                }
            }
        }
        let bytes = order.asked.body.clone();
        *request.body_mut() = match order.way {
            Way::Chunked => {
                Some(Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::convert::Infallible>(bytes)])))
            }
            _ if order.is_bodiless() => None,
            Way::Usual | Way::Leaving(_) | Way::Raw(_) => Some(bytes.into()),
        };
        request
    }
}

/// Waits until what is in flight is not to be waited for any more.
async fn given_up(halt: &Halt) {
    halt.reaches(Stage::Stopping).await;
    tokio::select! {
        () = tokio::time::sleep(GRACE) => {}
        () = halt.reaches(Stage::Cutting) => {}
    }
}

/// Whether the endpoint, or something before it, was not ready to say anything about the request.
pub fn is_put_off(exchange: &Exchange) -> bool {
    matches!(exchange.status(), Some(429 | 502 | 503 | 504))
        || matches!(exchange.outcome, Outcome::Connect | Outcome::Reset | Outcome::Protocol | Outcome::Tls)
}
