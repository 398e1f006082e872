//! Rules about Pulze's `metadata`: hidden retries, model switches, costs and in-band errors, which a latency
//! histogram hides.

use crate::exchange::Reading;
use crate::wire::json::{Members, Value};

pub(super) mod block;
pub(super) mod costs;
pub(super) mod headers;
pub(crate) mod probes;
pub(super) mod routing;
pub(super) mod stored;

const ABSENT: &str = "metadata, or this member of it, is absent or null";

/// A member of metadata that is not null.
fn member<'r>(reading: &'r Reading<'_>, name: &str) -> Option<&'r Value> {
    reading.metadata()?.get(name).filter(|value| !value.is_null())
}

fn namespace<'r>(reading: &'r Reading<'_>) -> Option<&'r str> {
    member(reading, "model")?.member("namespace")?.as_str()
}
