//! A plain HTTP/1.1 client for tests that look at single replies: one request a connection, read to its end.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use proofload::reference::Settings;
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::harness::{self, Endpoint};

/// A reply as it came.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub status: u16,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The data payloads of a stream that ends in `[DONE]`.
    pub(crate) fn chunks(&self) -> Vec<Value> {
        let text = self.text();
        let mut events: Vec<&str> = text.split("\n\n").filter(|event| !event.is_empty()).collect();
        assert_eq!(events.pop(), Some("data: [DONE]"), "{text}");
        let data = events.iter().map(|event| event.strip_prefix("data: ").expect("a data line"));
        data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
    }
}

/// A correct endpoint that is as fast as it can be.
pub(crate) fn endpoint(dialect: Dialect) -> Endpoint {
    with(dialect, |_| {})
}

/// The same with other settings.
pub(crate) fn with(dialect: Dialect, change: impl FnOnce(&mut Settings)) -> Endpoint {
    let mut settings = harness::settings(dialect, 0, 0, Vec::new());
    change(&mut settings);
    Endpoint::start(settings)
}

/// A body with one message of the user and further members.
pub(crate) fn body(message: &str, more: Value) -> Value {
    let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": message}]});
    let Value::Object(more) = more else { panic!("an object is expected") };
    for (name, value) in more {
        body[name] = value;
    }
    body
}

/// Posts a body for a completion.
pub(crate) fn post(endpoint: &Endpoint, body: &Value) -> Reply {
    post_with(endpoint, body, &[])
}

/// The same with further headers.
pub(crate) fn post_with(endpoint: &Endpoint, body: &Value, headers: &[(&str, &str)]) -> Reply {
    let common = [("authorization", "Bearer any"), ("content-type", "application/json")];
    let headers: Vec<(&str, &str)> = common.into_iter().chain(headers.iter().copied()).collect();
    send(endpoint.address, "POST", "/v1/chat/completions", &headers, body.to_string().as_bytes())
}

/// Gets a page with a bearer.
pub(crate) fn get(endpoint: &Endpoint, path: &str) -> Reply {
    send(endpoint.address, "GET", path, &[("authorization", "Bearer any")], b"")
}

/// Sends a request and reads the reply to its end.
pub(crate) fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let lines = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{lines}\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("a reply");
    parsed(&bytes)
}

fn parsed(bytes: &[u8]) -> Reply {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = std::str::from_utf8(&bytes[..end]).expect("UTF-8");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: Vec<(String, String)> = lines.filter_map(pair).collect();
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = &bytes[end + 4..];
    Reply { status, headers, body: if chunked { joined(body) } else { body.to_vec() } }
}

/// The content of a chunked body.
fn joined(mut body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    loop {
        let line = body.windows(2).position(|window| window == b"\r\n").expect("the length of a chunk");
        let length = std::str::from_utf8(&body[..line]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let length = length.expect("a length in hexadecimal");
        if length == 0 {
            return content;
        }
        content.extend_from_slice(&body[line + 2..line + 2 + length]);
        body = &body[line + 2 + length + 2..];
    }
}
