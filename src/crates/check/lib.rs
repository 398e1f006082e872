//! The rules of the contract, and the judge that applies them to replies. It does no I/O: what a client received is
//! given to it as bytes, so that other tools can use it.
//!
//! ```
//! use proofload_check::exchange::{Asked, Exchange, Reading};
//! use proofload_check::{Verdict, judge};
//! use proofload_check::wire::Contract;
//!
//! // The contract is data: here the one of OpenAI's API, from the schemas of this repository.
//! let schemas = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../schemas");
//! let read = |file: &str| std::fs::read_to_string(format!("{schemas}/{file}")).ok().map(Into::into);
//! let contracts = Contract::read_all(&["openai"], read).unwrap();
//!
//! let request = br#"{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}"#;
//! let reply = br#"{"id": "c1", "object": "chat.completion", "created": 1700000000, "model": "m", "choices":
//!     [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "because"}]}"#;
//! let asked = Asked::of(&contracts[0], request.as_slice());
//! let exchange = Exchange::received(asked, 200, [("Content-Type", "application/json")], reply.as_slice());
//!
//! let reading = Reading::of(&exchange);
//! let broken: Vec<&str> = judge(&reading)
//!     .filter(|(_, verdict)| matches!(verdict, Verdict::Broken { .. }))
//!     .map(|(check, _)| check.id)
//!     .collect();
//! assert!(broken.contains(&"resp-finish-reason-known"), "{broken:?}");
//! ```
//!
//! Each rule is one [`Check`] with the id it has in the catalogue, in the folder of its area. A rule that any reply can
//! break is judged on every reply of a load run and of the conformance suite alike; one that spans the run also says
//! what it remembers of each exchange ([`Across`]), and the summary keeps that, bounded and mergeable. A rule that needs
//! certain requests names the [probes](probe) that send them and is judged on the [`Book`] of their replies.

mod auth;
mod basic;
pub mod book;
mod catalogue;
mod error;
pub mod exchange;
pub mod explain;
mod fault;
mod finding;
pub mod follows;
mod format;
mod http;
mod load;
mod logprobs;
mod markup;
mod metadata;
mod negative;
pub mod pointed;
pub mod probe;
mod request;
mod rule;
mod said;
mod sampling;
pub mod secret;
mod shown;
mod since;
mod skipped;
mod source;
mod stream;
mod tools;
mod usage;
mod verdict;

pub use crate::wire::contract::Level;
pub use book::{Book, Facts};
pub use catalogue::{ALL, AREAS, all, catalogue, find, judge};
pub use fault::Fault;
pub use finding::{Finding, Signature};
pub use proofload_wire as wire;
pub use rule::{Across, Check, Depth, Judge, Tier};
pub use skipped::is_of_another_kind;
pub use source::Source;
pub use stream::probed::REPEATED;
pub use tools::CITY;
pub use verdict::{DISTINCT, Verdict};

use rule::{levels, tier};
use shown::shown;
use skipped::{INCOMPLETE, NO_COMPLETION, NO_STREAM};
