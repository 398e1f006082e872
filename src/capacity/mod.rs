//! How much an endpoint can take, and how many of it are needed.
//!
//! The search is a pure state machine over what stages leave behind ([`search`]): it knows no clock and no endpoint, so
//! that a test plays it in virtual time, an interrupted one goes on from the stages it kept, and its cost is estimated
//! by playing it against an endpoint that is made up ([`estimate`]). Its answer can be run for longer ([`verification`]). The plan ([`planning`]) reads its record and a
//! demand, and works offline.

pub mod answer;
pub mod backlog;
pub mod comparing;
pub mod estimate;
pub mod judging;
pub mod planning;
pub mod record;
pub mod scaling;
pub mod search;
pub mod stage;
pub mod verification;
