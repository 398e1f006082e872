//! A probe: a request, or several, chosen so that rules apply.

use super::{Capability, ProbeContext, Request};

/// A named group of requests.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// Its name, in reports and captures.
    pub name: &'static str,
    /// What it asks for.
    pub kind: Kind,
    /// Whether the server may well refuse it before the API sees it, in words of its own.
    pub below_api: bool,
    /// What the endpoint must be able to do for it. If the endpoint says that it cannot, rules on the probe are skipped.
    pub needs: &'static [Capability],
    /// Probes whose replies it is made from.
    pub after: &'static [&'static Probe],
    /// When it is sent.
    pub turn: Turn,
    /// The requests.
    pub requests: fn(&ProbeContext<'_>) -> Vec<Request>,
}

/// What a probe asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A completion.
    Completion,
    /// Another method or path. The contract says what an error looks like, not what a success does.
    Page,
    /// A completion, by a request with a defect, or what such requests have left of the endpoint. A refusal is no sign
    /// of a lacking capability, and a lost connection at every try is a result.
    Defect,
}

/// When a probe is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// Before all others: if it fails, nothing else says anything.
    Gate,
    /// At the same time as others.
    Any,
    /// Alone, because it would disturb others or they it.
    Alone,
    /// Alone, after all others.
    Last,
}

impl Probe {
    /// A probe that asks for a completion, at the same time as others.
    pub(crate) const fn new(name: &'static str, requests: fn(&ProbeContext<'_>) -> Vec<Request>) -> Probe {
        Probe { name, kind: Kind::Completion, below_api: false, needs: &[], after: &[], turn: Turn::Any, requests }
    }

    /// One with another method or path.
    pub(crate) const fn page(name: &'static str, requests: fn(&ProbeContext<'_>) -> Vec<Request>) -> Probe {
        Probe { kind: Kind::Page, ..Probe::new(name, requests) }
    }

    /// One with a defect.
    pub(crate) const fn defect(name: &'static str, requests: fn(&ProbeContext<'_>) -> Vec<Request>) -> Probe {
        Probe { kind: Kind::Defect, ..Probe::new(name, requests) }
    }

    /// The server may well refuse it before the API sees it.
    pub(crate) const fn below_api(self) -> Probe {
        Probe { below_api: true, ..self }
    }

    /// The endpoint must be able to do this.
    pub(crate) const fn needs(self, needs: &'static [Capability]) -> Probe {
        Probe { needs, ..self }
    }

    /// It is made from the replies to these.
    pub(crate) const fn after(self, after: &'static [&'static Probe]) -> Probe {
        Probe { after, ..self }
    }

    /// When it is sent.
    pub(crate) const fn turn(self, turn: Turn) -> Probe {
        Probe { turn, ..self }
    }
}

impl PartialEq for Probe {
    fn eq(&self, other: &Probe) -> bool {
        self.name == other.name
    }
}
