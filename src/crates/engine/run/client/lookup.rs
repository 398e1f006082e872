//! The system's name lookup, with a typed error, as each of the two ways to send wants it.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower::Service;

use super::super::failure::NoSuchName;

/// Asks the system.
#[derive(Debug, Clone)]
pub(super) struct SystemLookup;

type Addresses = std::vec::IntoIter<SocketAddr>;

async fn look_up(name: String) -> Result<Addresses, NoSuchName> {
    let found = tokio::net::lookup_host((name.as_str(), 0)).await.map(Iterator::collect::<Vec<_>>);
    found.map(Vec::into_iter).map_err(|cause| NoSuchName { name, cause })
}

impl Resolve for SystemLookup {
    fn resolve(&self, name: Name) -> Resolving {
        let looking = look_up(name.as_str().to_owned());
        Box::pin(async move { Ok(Box::new(looking.await?) as Addrs) })
    }
}

impl Service<dns::Name> for SystemLookup {
    type Response = Addresses;
    type Error = NoSuchName;
    type Future = Pin<Box<dyn Future<Output = Result<Addresses, NoSuchName>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NoSuchName>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: dns::Name) -> Self::Future {
        Box::pin(look_up(name.as_str().to_owned()))
    }
}
