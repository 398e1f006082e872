//! A request of a probe as it goes on the wire.

use serde_json::{Map, Value};

use crate::check::probe::{Content, HeaderChange, Request};
use crate::exchange::{Asked, Ticket};
use crate::plan::case::{Case, Setting};
use crate::plan::order::Order;

/// The request under this number; `name` is that of its probe.
pub(super) fn order(request: Request, name: &str, seq: u64, setting: &Setting) -> Order {
    let Request { method, path, headers, body, way, provoked } = request;
    let ticket = Ticket::alone(seq, 0, std::time::Duration::ZERO);
    let (json, bytes) = match body {
        Content::Json(body) => (body, None),
        Content::Bytes(bytes) => (Value::Object(Map::new()), Some(bytes)),
    };
    let own = headers.iter().find_map(HeaderChange::policies);
    let setting = Setting { policies: own.unwrap_or(setting.policies), ..setting.clone() };
    let rendered = Case::plain(name, &json, &setting).render(&ticket, setting.seed);
    let asked = match bytes {
        Some(body) => Asked { body, ..rendered },
        None => rendered,
    };
    Order { ticket, method, path, headers, asked, way, provoked }
}
