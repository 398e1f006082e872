//! Reads the server's own page of metrics once a second, on a thread of its own, so that a long page delays nothing.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::{Method, Url};
use tokio::runtime::Builder;
use tokio::sync::watch;

use super::client::{Client, ClientError};
use super::clock::{Clock, micros};
use crate::plan::Plan;
use crate::plan::secret::shown;
use crate::plan::target::{HttpVersion, Target};
use crate::summary::evidence::Evidence;
use crate::summary::server::Server;
use crate::wire::exposition::samples;

/// Between two readings.
const EVERY: Duration = Duration::from_secs(1);
/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A page that is being read.
#[derive(Debug)]
pub(super) struct Scraping {
    stop: watch::Sender<bool>,
    thread: JoinHandle<Server>,
}

impl Scraping {
    /// Starts reading the page that the plan names, if it names one.
    pub(super) fn start(plan: &Arc<Plan>, clock: Clock) -> Result<Option<Scraping>, super::RunError> {
        let Some(scrape) = &plan.target.scrape else { return Ok(None) };
        let page = scrape.url.clone().unwrap_or_else(|| plan.target.metrics());
        let client = client(&plan.target, &page)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = watch::channel(false);
        let plan = Arc::clone(plan);
        let read = move || runtime.block_on(read(&plan, &page, &client, clock, stopped));
        let thread = std::thread::Builder::new().name("scrape".to_owned()).spawn(read)?;
        Ok(Some(Scraping { stop, thread }))
    }

    /// Reads the page once more, for what the counters have come to, and gives what was read.
    pub(super) fn finish(self) -> Server {
        let _ = self.stop.send(true);
        self.thread.join().unwrap_or_default()
    }
}

/// The target's key goes to the target only.
fn client(target: &Target, page: &Url) -> Result<Client, ClientError> {
    let ours = target.url.origin() == page.origin();
    let mut target = target.clone();
    target.timeouts.first_byte = PATIENCE;
    if !ours {
        target.headers.clear();
        target.http = HttpVersion::Auto;
    }
    Client::new(&target)
}

async fn read(plan: &Plan, page: &Url, client: &Client, clock: Clock, mut stopped: watch::Receiver<bool>) -> Server {
    let evidence = Evidence::of(&plan.target);
    let figures = plan.target.scrape.as_ref().map_or(&[][..], |scrape| &scrape.figures);
    let mut server = Server { page: Some(shown(page)), ..Server::default() };
    loop {
        let last = *stopped.borrow();
        let at = clock.now();
        match client.ask(Method::GET, page.clone(), None).await {
            Ok((200, page)) => server.record(micros(at), figures, &samples(&String::from_utf8_lossy(&page))),
            Ok((status, _)) => server.failures.add(&format!("status {status}"), server.read),
            Err(failure) => server.failures.add(&evidence.clean(&failure.to_string()), server.read),
        }
        if last {
            return server;
        }
        let next = (at + EVERY).saturating_sub(clock.now());
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    }
}
