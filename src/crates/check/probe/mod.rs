//! Probes: requests that are chosen so that rules apply, each sent once for all rules that look at its replies.

mod capability;
mod context;
mod kind;
mod request;
mod table;

pub use capability::Capability;
pub use context::{ProbeContext, streamed, with};
pub use kind::{Kind, Probe, Turn};
pub use request::{Content, HeaderChange, Path, Request, Step, Way};
pub use table::{all, gate, named, needed, plain, wrong_key, wrong_path};
