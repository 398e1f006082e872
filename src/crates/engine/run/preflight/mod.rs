//! What is asked of the endpoint before the clock starts: whether it is ready, which model it serves, how it counts
//! tokens, and whether it lets a request of the load in at all.

mod asking;
mod content;
mod lone;
mod refusal;
mod surroundings;

pub use asking::{Models, calibrate, models, wait};
pub(super) use content::has_content;
pub use lone::{Answer, ask_alone, ask_for_models};
pub use refusal::{Kind, Refusal};
pub use surroundings::{Surroundings, look_around};
