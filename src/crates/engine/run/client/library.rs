//! The HTTP library, for all that is more than HTTP/1.1 over plain TCP: TLS, HTTP/2, proxies.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use reqwest::{Certificate, Identity, Proxy};
use tower::{Layer, Service};

use super::super::clock::Clock;
use super::super::failure::innermost;
use super::lookup::SystemLookup;
use super::{ClientError, USER};
use crate::exchange::Dial;
use crate::plan::target::{HttpVersion, Target};

tokio::task_local! {
    /// Where a connection opened on behalf of the current request leaves its times.
    pub(super) static DIAL: Arc<OnceLock<Dial>>;
    pub(super) static CLOCK: Clock;
}

/// The library's client of this target.
///
/// # Errors
/// If certificates or the proxy are not usable.
pub(super) fn client(target: &Target, dials: &Arc<AtomicU64>) -> Result<reqwest::Client, ClientError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(USER)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        // Judges decode bodies, so that each arrival keeps its instant.
        .no_gzip()
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .connect_timeout(target.timeouts.connect)
        .pool_max_idle_per_host(if target.keep_alive { usize::MAX } else { 0 })
        .tcp_nodelay(true)
        .dns_resolver(SystemLookup)
        .connector_layer(Stopwatch { dials: Arc::clone(dials) });
    builder = match target.http {
        HttpVersion::Auto => builder,
        HttpVersion::One => builder.http1_only(),
        HttpVersion::Two => builder.http2_prior_knowledge(),
    };
    if let Some(proxy) = &target.proxy {
        let proxy = Proxy::all(proxy.clone()).map_err(|error| ClientError::Library(innermost(&error)))?;
        builder = builder.proxy(proxy);
    }
    with_certificates(builder, target)?.build().map_err(|error| ClientError::Library(innermost(&error)))
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
        let dials = Arc::clone(&self.dials);
        let watch = DIAL.try_with(Arc::clone).ok().zip(CLOCK.try_with(|clock| *clock).ok());
        let began = watch.as_ref().map(|(_, clock)| clock.now());
        let connecting = self.inner.call(request);
        Box::pin(async move {
            let connected = connecting.await;
            dials.fetch_add(u64::from(connected.is_ok()), Ordering::Relaxed);
            if let (Some((dial, clock)), Some(began), true) = (watch, began, connected.is_ok()) {
                let _ = dial.set(Dial { began, ended: clock.now() });
            }
            connected
        })
    }
}
