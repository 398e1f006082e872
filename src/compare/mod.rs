//! Two runs or more side by side: what changed, how sure that is, and whether it is better or worse.
//!
//! A comparison knows summaries only. It is between sides of equal plans ([`likeness`]), each a run or the repetitions
//! of one ([`side`]). Each figure ([`quantity`]) gets its change with an interval: of repetitions from how they vary
//! ([`interval`]), of one run against one from blocks of its time (`blocks.rs`). What the number of runs allows
//! to say is a [`Basis`]; at most six figures get a verdict, and of equal systems at most 5 % of the comparisons call
//! any of them better or worse, which `tests/rates.rs` simulates. What a comparison could have found is worked out in
//! [`power`]; what was broken on one side only is listed too ([`violations`]).

mod basis;
mod blocks;
mod change;
mod comparison;
mod figure;
pub mod interval;
pub mod likeness;
mod notes;
pub mod power;
pub mod quantity;
pub mod side;
pub mod violations;

pub use basis::Basis;
pub use change::{Change, Conclusion, Sight};
pub use comparison::{Column, Comparison, Terms, compare, schema};
pub use figure::{Figure, Verdict};

#[cfg(test)]
pub(crate) mod tests;
