//! Where requests go, and what is the same in all of them.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::scrape::Scrape;
use super::secret::{Redactor, Secret, secrets_of, shown};
use crate::wire::Contract;
use crate::wire::api::request::PATH;
use crate::wire::plain;

/// The endpoint.
#[derive(Debug, Clone)]
pub struct Target {
    /// Address of the endpoint itself; may hold secrets, so print [`Target::shown`].
    pub url: Url,
    /// Whether the built-in reference endpoint is to be started for it.
    pub builtin: bool,
    /// Whose contract it is held to.
    pub contract: Arc<Contract>,
    /// The model asked for by cases that name none.
    pub model: Option<String>,
    /// Headers of every request, the content type and the bearer among them.
    pub headers: Vec<Header>,
    /// Limits on waiting.
    pub timeouts: Timeouts,
    /// What goes out alone before a load.
    pub preflight: Preflight,
    /// Certificates.
    pub tls: Tls,
    /// Which HTTP is spoken.
    pub http: HttpVersion,
    /// Whether connections are used again.
    pub keep_alive: bool,
    /// A proxy to go through; none unless asked.
    pub proxy: Option<Url>,
    /// Whether compressed replies are asked for.
    pub gzip: bool,
    /// Longest reply that is read, in bytes.
    pub max_reply: usize,
    /// The server's own page of metrics, where it is to be read beside the load.
    pub scrape: Option<Scrape>,
    /// What else is a secret: values of variables in headers and prompts.
    pub secrets: Vec<Secret>,
}

/// A request header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Secret,
    /// What may be shown of the value: itself, `***`, or the variable it came from as `${NAME}`.
    pub shown: String,
}

impl Header {
    /// Whether its value is not to be shown.
    pub fn is_secret(&self) -> bool {
        self.shown != self.value.expose()
    }
}

/// Limits on waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Opening of a connection.
    pub connect: Duration,
    /// Handed to the client -> status and headers.
    pub first_byte: Duration,
    /// Handed to the client -> end of the body.
    pub total: Duration,
}

/// What goes out alone before a load, to see whether the load would be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preflight {
    /// One request of the first case.
    Request,
    /// A question for the list of models.
    Models,
    /// Nothing.
    Off,
}

/// Certificates, as PEM.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Authorities to trust beside the system's.
    pub ca: Option<Vec<u8>>,
    /// Our certificate and its key.
    pub identity: Option<Secret>,
    /// Whether certificates are not verified at all.
    pub insecure: bool,
}

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    Auto,
    /// HTTP/1.1 only.
    One,
    /// HTTP/2 from the first byte, without negotiation.
    Two,
}

/// Longest body that stands in a command line.
const CURL_BODY: usize = 16_384;

impl Target {
    /// The address of the endpoint from what a user writes: a base address gets `/chat/completions`, a full path is
    /// taken as it is, and a query string stays.
    pub fn endpoint(address: &Url) -> Url {
        let mut url = address.clone();
        let path = url.path().trim_end_matches('/');
        if !path.ends_with(PATH) {
            let path = format!("{path}{PATH}");
            url.set_path(&path);
        }
        url.set_fragment(None);
        url
    }

    /// The sibling of the endpoint that lists models.
    pub fn models(&self) -> Url {
        self.beside("/models")
    }

    /// What stands at this path in the place of `/chat/completions`.
    pub fn beside(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let own = url.path().trim_end_matches('/');
        let path = format!("{}{path}", own.strip_suffix(PATH).unwrap_or(own));
        url.set_path(&path);
        url
    }

    /// The page of metrics that servers have at their root.
    pub fn metrics(&self) -> Url {
        let mut url = self.url.clone();
        url.set_path("/metrics");
        url.set_query(None);
        url
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The header that holds the key, where one is sent.
    pub fn authorization(&self) -> Option<&Header> {
        self.headers.iter().find(|header| header.name == "authorization")
    }

    /// The address without passwords and secret parameters.
    pub fn shown(&self) -> String {
        shown(&self.url)
    }

    /// Knows everything secret about the target.
    pub fn redactor(&self) -> Redactor {
        let headers = self.headers.iter().filter(|header| header.is_secret());
        let headers = headers.flat_map(|header| header.value.with_parts(&header.name));
        let page = self.scrape.as_ref().and_then(|scrape| scrape.url.as_ref());
        let addresses = [Some(&self.url), self.proxy.as_ref(), page].into_iter().flatten().flat_map(secrets_of);
        let secrets = headers.chain(addresses).chain(self.secrets.iter().cloned());
        Redactor::new(secrets, &[Arc::clone(&self.contract)])
    }

    /// A runnable command line that sends this body, with secrets left as the variables they came from.
    pub fn curl(&self, body: &[u8], stream: bool) -> String {
        let headers = self.headers.iter().map(|header| (header.name.as_str(), header.shown.as_str()));
        let mut line = format!("curl -sS{} {}", if stream { "N" } else { "" }, quoted(&self.shown()));
        line += &curl_headers(headers);
        line += &curl_body(body);
        line
    }
}

/// The headers of a command line.
pub(super) fn curl_headers<'h>(headers: impl Iterator<Item = (&'h str, &'h str)>) -> String {
    let mut line = String::new();
    for (name, shown) in headers {
        line.push_str(" -H ");
        line.push_str(&quoted(&format!("{name}: {shown}")));
    }
    line
}

/// The body of a command line.
pub(super) fn curl_body(body: &[u8]) -> String {
    if body.len() > CURL_BODY {
        return format!(" --data-binary @body.json # {} bytes, too long to show", body.len());
    }
    match std::str::from_utf8(body) {
        Ok(text) => format!(" --data-raw {}", literal(&plain::escaped(text))),
        Err(_) => format!(" --data-binary @body # {} bytes that are no text", body.len()),
    }
}

/// For the shell, with `${NAME}` left to be filled in.
pub(super) fn quoted(text: &str) -> String {
    if !text.contains("${") {
        return literal(text);
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// A word for the shell, in quotes only where it needs them.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { literal(text) }
}

/// For the shell, as it is.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(address: &str) -> Target {
        let url = Target::endpoint(&Url::parse(address).expect("a URL"));
        Target {
            url,
            builtin: false,
            contract: crate::samples::openai(),
            model: None,
            headers: Vec::new(),
            timeouts: Timeouts { connect: Duration::ZERO, first_byte: Duration::ZERO, total: Duration::ZERO },
            preflight: Preflight::Request,
            tls: Tls::default(),
            http: HttpVersion::Auto,
            keep_alive: true,
            proxy: None,
            gzip: false,
            max_reply: 0,
            scrape: None,
            secrets: Vec::new(),
        }
    }

    #[test]
    fn a_base_gets_the_path_and_a_full_path_stays() {
        for (address, endpoint) in [
            ("http://h:8000/v1", "http://h:8000/v1/chat/completions"),
            ("http://h/v1/", "http://h/v1/chat/completions"),
            ("http://h", "http://h/chat/completions"),
            ("https://h/x/chat/completions?api-version=1", "https://h/x/chat/completions?api-version=1"),
            ("https://h/v1?v=1#top", "https://h/v1/chat/completions?v=1"),
        ] {
            assert_eq!(target(address).url.as_str(), endpoint);
        }
        assert_eq!(target("http://h/v1").models().as_str(), "http://h/v1/models");
    }

    #[test]
    fn the_shown_address_has_no_secret() {
        let target = target("https://me:hunter22@h/v1?api-key=s3cret&v=1");
        assert_eq!(target.shown(), "https://***@h/v1/chat/completions?api-key=***&v=1");
        assert_eq!(
            target.redactor().clean("hunter22 s3cret"),
            "*** s3cret",
            "short ones are masked at their place only"
        );
    }

    #[test]
    fn curl_names_variables_and_quotes_the_rest() {
        let mut target = target("http://h/v1");
        target.headers = vec![
            Header {
                name: "authorization".into(),
                value: Secret::new("Bearer sk-123456"),
                shown: "Bearer ${KEY}".into(),
            },
            Header { name: "x-team".into(), value: Secret::new("it's"), shown: "it's".into() },
        ];
        let line = target.curl(b"{\"a\":\"it's\"}", true);
        assert_eq!(
            line,
            r#"curl -sSN 'http://h/v1/chat/completions' -H "authorization: Bearer ${KEY}" -H 'x-team: it'\''s' --data-raw '{"a":"it'\''s"}'"#
        );
        assert_eq!(target.redactor().clean("Bearer sk-123456 / sk-123456 / it's"), "*** / *** / it's");
    }
}
