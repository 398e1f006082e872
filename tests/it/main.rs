//! The integration tests: one binary, a module for each behaviour.

mod contract;
mod deviations;
mod endings;
mod faults;
mod harness;
mod layers;
mod load_rules;
mod matrix;
mod probed;
mod profiles;
mod readme;
mod real;
mod reports;
mod run;
mod secrets;
mod serve;
mod stream;
mod tls;
mod truth;
