//! Fuzzing without a compiler of its own: see `README.md`. The reader of HTTP/1.1 is fuzzed where it is (`src/crates/engine/run/http1/`).

mod driver;
mod targets;

// The files of `src/cli` that a target includes name it so.
use proofload::wire;
