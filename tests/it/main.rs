//! The integration tests: one binary, a module for each behaviour.

mod ask;
mod behaviour;
mod conformance;
mod contract;
mod defects;
mod deviations;
mod dialects;
mod endings;
mod faults;
mod harness;
mod layers;
mod load_rules;
mod matrix;
mod parameters;
mod probed;
mod probes;
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
