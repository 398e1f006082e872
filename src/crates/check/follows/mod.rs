//! Which rules follow from which, so that one fault is told once.
//!
//! A broken rule follows from another, its root, only where the root is broken at least as bindingly and the very
//! exchange shows the root's fault: a rule that is broken on any other exchange is a fault of its own. What follows is
//! reported as such and decides nothing.

mod link;
mod shown;
mod table;

pub use link::{Known, Spot, consequences, root_of, roots_of};
