//! Why a request failed, by the chain of what an error wraps: the HTTP library's own kinds are too coarse.

use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::http1::Malformed;
use crate::exchange::{Cut, Outcome, TlsFault};
use crate::plan::target::Tls;

/// How far an exchange had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// No status yet.
    Head,
    /// The status has come.
    Body,
}

/// Text of the error that the others wrap; the outer ones repeat the address.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}

/// An error and all that it wraps. An I/O error is asked for what it wraps, which it hides from its sources.
pub(super) fn causes<'e>(error: &'e (dyn Error + 'static)) -> Vec<&'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| wrapped(*error)).collect()
}

fn wrapped<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// The most telling cause decides: a name without address, then TLS, then HTTP, then the socket.
pub(super) fn classify_chain(
    chain: &[&(dyn Error + 'static)],
    stage: Stage,
    connecting: bool,
    secure: bool,
) -> Option<Outcome> {
    if chain.iter().any(|error| error.is::<NoSuchName>()) {
        return Some(Outcome::Connect);
    }
    if chain.iter().any(|error| error.is::<rustls::Error>()) {
        return Some(Outcome::Tls);
    }
    let ours = || chain.iter().find_map(|error| Some(classify_ours(error.downcast_ref::<Malformed>()?, stage)));
    let http = || chain.iter().find_map(|error| classify_http(error.downcast_ref::<hyper::Error>()?, stage));
    let socket = || {
        chain.iter().rev().find_map(|error| classify_io(error.downcast_ref::<io::Error>()?, stage, connecting, secure))
    };
    ours().or_else(http).or_else(socket)
}

fn classify_ours(error: &Malformed, stage: Stage) -> Outcome {
    match error {
        Malformed::Ended => cut(stage),
        Malformed::Head(_) | Malformed::LongHead | Malformed::Length(_) | Malformed::Chunk(_) => Outcome::Protocol,
    }
}

fn cut(stage: Stage) -> Outcome {
    if stage == Stage::Body { Outcome::Truncated(Cut::ShortBody) } else { Outcome::Reset }
}

fn classify_http(error: &hyper::Error, stage: Stage) -> Option<Outcome> {
    if error.is_parse() || error.is_parse_status() || error.is_parse_too_large() {
        return Some(Outcome::Protocol);
    }
    let ended = error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    ended.then(|| cut(stage))
}

fn classify_io(error: &io::Error, stage: Stage, connecting: bool, secure: bool) -> Option<Outcome> {
    match (stage, error.kind()) {
        (Stage::Head, io::ErrorKind::UnexpectedEof) if connecting && secure => Some(Outcome::Tls),
        (Stage::Head, _) if connecting => Some(Outcome::Connect),
        (Stage::Body, io::ErrorKind::UnexpectedEof) => Some(Outcome::Truncated(Cut::ShortBody)),
        (Stage::Head, io::ErrorKind::UnexpectedEof)
        | (
            _,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
            | io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown,
        ) => Some(Outcome::Reset),
        _ => None,
    }
}

/// What a profile says of TLS, as far as that may be why there is no session.
#[derive(Debug, Clone, Copy)]
pub(super) struct TlsTerms {
    own_authorities: bool,
    own_certificate: bool,
}

impl TlsTerms {
    pub(super) fn of(tls: &Tls) -> TlsTerms {
        TlsTerms { own_authorities: tls.ca.is_some(), own_certificate: tls.identity.is_some() }
    }

    fn refused(self) -> TlsFault {
        if self.own_certificate { TlsFault::ClientRefused } else { TlsFault::ClientWanted }
    }
}

/// Why there is no TLS session, where a chain of causes says so.
pub(super) fn tls_fault(chain: &[&(dyn Error + 'static)], terms: TlsTerms) -> Option<TlsFault> {
    use rustls::{AlertDescription as Alert, CertificateError, Error as Tls, InvalidMessage};
    let error = chain.iter().find_map(|error| error.downcast_ref::<Tls>())?;
    let refused = |alert: Alert| {
        let about_ours = [
            Alert::CertificateRequired,
            Alert::NoCertificate,
            Alert::BadCertificate,
            Alert::UnsupportedCertificate,
            Alert::CertificateRevoked,
            Alert::CertificateExpired,
            Alert::CertificateUnknown,
            Alert::UnknownCA,
            Alert::AccessDenied,
        ];
        about_ours.contains(&alert)
    };
    // An authority of the same name and another key has not issued it either.
    let unknown =
        matches!(error, Tls::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature));
    if unknown && terms.own_authorities {
        return Some(TlsFault::OwnAuthority);
    }
    if matches!(error, Tls::InvalidCertificate(_) | Tls::NoCertificatesPresented) {
        return Some(TlsFault::Certificate);
    }
    if matches!(error, Tls::AlertReceived(alert) if refused(*alert)) {
        return Some(terms.refused());
    }
    let no_tls = matches!(error, Tls::InvalidMessage(InvalidMessage::InvalidContentType));
    Some(if no_tls { TlsFault::NoTls } else { TlsFault::Other })
}

/// A host name that no address is known for.
#[derive(Debug, thiserror::Error)]
#[error("no address for {name:?}: {cause}")]
pub(super) struct NoSuchName {
    pub(super) name: String,
    pub(super) cause: io::Error,
}

/// What we ran out of, by the requests that failed for it: a fault of this machine, never of the endpoint.
#[derive(Debug, Default)]
pub(super) struct Exhausted {
    descriptors: AtomicU64,
    ports: AtomicU64,
}

impl Exhausted {
    /// Counts a failure whose cause is a lack of ours.
    pub(super) fn note(&self, chain: &[&(dyn Error + 'static)]) {
        const DESCRIPTORS: [rustix::io::Errno; 2] = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
        let errors = chain.iter().filter_map(|error| error.downcast_ref::<io::Error>()?.raw_os_error());
        for errno in errors.map(rustix::io::Errno::from_raw_os_error) {
            if DESCRIPTORS.contains(&errno) {
                self.descriptors.fetch_add(1, Ordering::Relaxed);
            } else if errno == rustix::io::Errno::ADDRNOTAVAIL {
                self.ports.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Requests that failed because this process may open no more files.
    pub(super) fn descriptors(&self) -> u64 {
        self.descriptors.load(Ordering::Relaxed)
    }

    /// Requests that failed because the system has no port left.
    pub(super) fn ports(&self) -> u64 {
        self.ports.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, CertificateError, Error as Tls, InvalidMessage};

    use super::*;

    #[test]
    fn who_is_at_fault_for_want_of_tls_follows_from_the_profile() {
        let own = TlsTerms { own_authorities: true, own_certificate: true };
        let none = TlsTerms { own_authorities: false, own_certificate: false };
        let unknown = || Tls::InvalidCertificate(CertificateError::UnknownIssuer);
        for (error, terms, fault) in [
            (unknown(), own, TlsFault::OwnAuthority),
            (unknown(), none, TlsFault::Certificate),
            (Tls::InvalidCertificate(CertificateError::Expired), own, TlsFault::Certificate),
            (Tls::AlertReceived(AlertDescription::CertificateRequired), none, TlsFault::ClientWanted),
            (Tls::AlertReceived(AlertDescription::UnknownCA), own, TlsFault::ClientRefused),
            (Tls::AlertReceived(AlertDescription::ProtocolVersion), own, TlsFault::Other),
            (Tls::InvalidMessage(InvalidMessage::InvalidContentType), none, TlsFault::NoTls),
        ] {
            assert_eq!(tls_fault(&causes(&error), terms), Some(fault), "{error}");
        }
        assert_eq!(tls_fault(&causes(&io::Error::from(io::ErrorKind::ConnectionReset)), own), None);
    }
}
