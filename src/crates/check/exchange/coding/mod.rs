//! Content codings of bodies (RFC 9110, section 8.4): a body that came in one is decoded before it is read, arrival by
//! arrival, so that what an arrival brought has the instant of its bytes. Judges do that, never the client.

mod body;
mod brotli;
mod inflate;
mod named;
mod room;
mod zstd;

pub use body::decode_text;
