//! A refusal that every other request would meet, too: what came, what it means, what to do.

use url::Url;

use super::surroundings::Surroundings;
use crate::exchange::{Exchange, Outcome, Reading};
use crate::plan::secret::{is_secret, shown};
use crate::plan::target::{Header, Target};
use crate::summary::evidence::Evidence;
use crate::wire::api::error::error_text;
use crate::wire::api::request::PATH;
use crate::wire::json::{At as _, Value};

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no connection.
    Unreachable,
    /// The name of the host has no address.
    NoSuchHost,
    /// There is no connection, and no word that there is none.
    Silent,
    /// The proxy refuses, or is not there.
    Proxy,
    /// There is no TLS session.
    Tls,
    /// TLS was spoken to a server that speaks none.
    PlainServer,
    /// What came is not HTTP, or plain HTTP was spoken to a server that wants TLS.
    NotHttp,
    /// 401, or 403 where no key was sent.
    Key,
    /// 403.
    Forbidden,
    /// There is no such model.
    Model,
    /// There is nothing at that path.
    Path,
    /// A page for people came.
    Page,
    /// Another address is named; redirects are not followed.
    Redirect,
}

/// Beginning of what the client says where a name has no address.
const NO_ADDRESS: &str = "no address for";
/// What rustls says of a first record that is none of TLS.
const NO_RECORD: &str = "InvalidContentType";
/// What nginx says on a port with TLS that is spoken to without, with status 400.
const TO_TLS_PORT: &str = "HTTPS port";

impl Kind {
    /// The refusal that came of a request; none where it was let in, or where what came need not come again.
    pub fn of(exchange: &Exchange, target: &Target) -> Option<Kind> {
        match exchange.status() {
            None => Kind::without_reply(exchange, target),
            Some(status) => Kind::of_status(status, exchange, target),
        }
    }

    /// The same where the request was a plain one, in which nothing but the model can be what a 400 is about.
    pub fn of_plain(exchange: &Exchange, target: &Target) -> Option<Kind> {
        let no_model = || match exchange.status() {
            Some(400 | 422) => body_of(exchange, denies_model).then_some(Kind::Model),
            Some(_) | None => None,
        };
        Kind::of(exchange, target).or_else(no_model)
    }

    fn without_reply(exchange: &Exchange, target: &Target) -> Option<Kind> {
        let cause = exchange.cause.as_deref().unwrap_or_default();
        let outcome = exchange.outcome;
        let unconnected = outcome == Outcome::Connect || (outcome == Outcome::Timeout && exchange.dial.is_none());
        let kinds = [
            (unconnected && target.proxy.is_some(), Kind::Proxy),
            (outcome == Outcome::Connect && cause.starts_with(NO_ADDRESS), Kind::NoSuchHost),
            (outcome == Outcome::Connect, Kind::Unreachable),
            (unconnected, Kind::Silent),
            (outcome == Outcome::Tls && cause.contains(NO_RECORD), Kind::PlainServer),
            (outcome == Outcome::Tls, Kind::Tls),
            (outcome == Outcome::Protocol, Kind::NotHttp),
        ];
        kinds.into_iter().find(|(applies, _)| *applies).map(|(_, kind)| kind)
    }

    fn of_status(status: u16, exchange: &Exchange, target: &Target) -> Option<Kind> {
        match status {
            300..=399 => Some(Kind::Redirect),
            401 => Some(Kind::Key),
            403 if key(target).is_none() => Some(Kind::Key),
            403 => Some(Kind::Forbidden),
            404 if body_of(exchange, names_model) => Some(Kind::Model),
            404 => Some(Kind::Path),
            407 => Some(Kind::Proxy),
            429 | 500..=599 => None,
            400 if is_page(exchange) && text_of(exchange).contains(TO_TLS_PORT) => Some(Kind::NotHttp),
            _ => is_page(exchange).then_some(Kind::Page),
        }
    }
}

/// A refusal in words that hold no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What came.
    pub came: String,
    /// What it means.
    pub means: String,
    /// What to do.
    pub cure: String,
}

impl Refusal {
    /// A refusal of that kind, with what was found around the endpoint.
    pub fn new(kind: Kind, exchange: &Exchange, target: &Target, around: &Surroundings) -> Refusal {
        let told = Told { exchange, target, around };
        let (means, cure) = told.of(kind);
        let clean = |text: String| Evidence::of(target).clean(&text);
        Refusal { came: clean(told.came()), means: clean(means), cure: clean(cure) }
    }

    /// The three lines.
    pub fn lines(&self) -> [String; 3] {
        let Refusal { came, means, cure } = self;
        [came.clone(), format!("what it means: {means}"), format!("what to do: {cure}")]
    }
}

/// Characters of what the endpoint says.
const QUOTED: usize = 160;
/// Models that are listed.
const LISTED: usize = 12;

/// What is told of a refusal.
struct Told<'t> {
    exchange: &'t Exchange,
    target: &'t Target,
    around: &'t Surroundings,
}

impl Told<'_> {
    fn came(&self) -> String {
        let address = self.target.shown();
        match self.exchange.status() {
            None => {
                let cause = self.exchange.cause.clone().unwrap_or_else(|| self.exchange.outcome.to_string());
                format!("no answer from {address}: {cause}")
            }
            Some(status) => {
                let said = said(self.exchange, self.target).map(|said| format!(": {said}")).unwrap_or_default();
                format!("status {status} from {address}{said}")
            }
        }
    }

    /// What a refusal means, and what to do.
    fn of(&self, kind: Kind) -> (String, String) {
        match kind {
            Kind::Unreachable => self.of_unreachable(),
            Kind::NoSuchHost => self.of_name(),
            Kind::Silent => self.of_silence(),
            Kind::Proxy => self.of_proxy(),
            Kind::Tls => Told::of_tls(),
            Kind::PlainServer => self.of_plain_server(),
            Kind::NotHttp => self.of_protocol(),
            Kind::Key => self.of_key(),
            Kind::Forbidden => self.of_right(),
            Kind::Model => self.of_model(),
            Kind::Path => {
                let path = self.target.url.path();
                self.of_address(format!(
                    "there is nothing at {path}: the base address is not complete, or it is another server's"
                ))
            }
            Kind::Page => {
                let path = self.target.url.path();
                self.of_address(format!("a page for people is at {path}, not an API: a web site, a login or a gateway"))
            }
            Kind::Redirect => self.of_address("another address is named, and redirects are not followed".to_owned()),
        }
    }

    fn place(&self) -> &str {
        &self.target.url[url::Position::BeforeHost..url::Position::AfterPort]
    }

    /// The base address with another scheme.
    fn with_scheme(&self, scheme: &str) -> String {
        let mut url = base(self.target);
        let _ = url.set_scheme(scheme);
        shown(&url)
    }

    fn of_unreachable(&self) -> (String, String) {
        let means = format!("nothing listens at {}, or a firewall refuses", self.place());
        (means, "start the server, or give its address with --url; --wait 5m waits until it is ready".to_owned())
    }

    fn of_name(&self) -> (String, String) {
        let means = format!("no address is known for the name {}", self.target.url.host_str().unwrap_or_default());
        (means, "look at the spelling of the name in --url, and whether this machine can resolve it".to_owned())
    }

    fn of_silence(&self) -> (String, String) {
        let place = self.place();
        let means =
            format!("{place} does not answer: the address is wrong, the machine is down, or a firewall drops it");
        (means, "look at host and port in --url; target.timeouts.connect gives it more time".to_owned())
    }

    fn of_proxy(&self) -> (String, String) {
        let proxy = self.target.proxy.as_ref().map_or_else(|| "in between".to_owned(), shown);
        let means = format!("the proxy {proxy} gave no way to the endpoint");
        (means, "look at target.proxy, and whether the proxy wants a name and a password in it".to_owned())
    }

    fn of_tls() -> (String, String) {
        let means = "there is no TLS session: the server's certificate is not trusted, or it speaks no TLS".to_owned();
        let cure = "name the authority that signed its certificate in target.ca, or set target.insecure = true for a \
                    test; for a server without TLS write http for https";
        (means, cure.to_owned())
    }

    fn of_plain_server(&self) -> (String, String) {
        let means = "the server speaks plain HTTP, and the address says https".to_owned();
        (means, format!("write http for https: --url {}", self.with_scheme("http")))
    }

    fn of_protocol(&self) -> (String, String) {
        let means = "what answers does not speak the HTTP that was spoken to it";
        if self.target.url.scheme() == "http" {
            let cure = format!("write https for http: --url {}; or set target.http", self.with_scheme("https"));
            return (format!("{means}; it may want TLS"), cure);
        }
        (means.to_owned(), "look at the port in --url, and at target.http".to_owned())
    }

    /// The key in words; none where none was sent.
    fn key(&self) -> Option<String> {
        let header = key(self.target)?;
        Some(match variable(&header.shown) {
            Some(name) => format!("the key in the environment variable {name}"),
            None => format!("the key in the header {}", header.name),
        })
    }

    fn of_key(&self) -> (String, String) {
        match self.key() {
            Some(key) => (
                format!("{key} is not accepted"),
                "look at what it holds, and whether it is a key of this endpoint (--key-env, --url)".to_owned(),
            ),
            None => (
                "the endpoint asks for a key, and none was sent".to_owned(),
                "name the environment variable that holds the key, as in --key-env OPENAI_API_KEY".to_owned(),
            ),
        }
    }

    fn of_right(&self) -> (String, String) {
        let key = self.key().unwrap_or_else(|| "who sends no key".to_owned());
        let model = self.target.model.as_ref().map_or_else(|| "this".to_owned(), |model| format!("model {model:?}"));
        let has = self.listed().map(|models| format!("; the models are {models}")).unwrap_or_default();
        (
            format!("{key} has no right to {model}, or a firewall in front of the endpoint refuses"),
            format!("use a key that has the right (--key-env), or a model that it may use (--model){has}"),
        )
    }

    fn of_model(&self) -> (String, String) {
        let means = match &self.target.model {
            Some(model) => format!("the endpoint has no model {model:?}"),
            None => "the endpoint has no such model, or wants one to be named".to_owned(),
        };
        let cure = match self.listed() {
            Some(models) => format!("choose one that it has with --model: {models}"),
            None => "choose one that it has with --model".to_owned(),
        };
        (means, cure)
    }

    fn of_address(&self, means: String) -> (String, String) {
        let cure = match (&self.around.base, self.elsewhere()) {
            (Some(base), _) => format!("there is an API below another base address: --url {}", shown(base)),
            (None, Some(base)) => format!("write the address that it names: --url {}", shown(&base)),
            (None, None) => self.likely(),
        };
        (means, cure)
    }

    /// What most often helps against a wrong path.
    fn likely(&self) -> String {
        let mut url = base(self.target);
        let own = url.path().trim_end_matches('/').to_owned();
        if own.ends_with("/v1") {
            return "give the base address that /chat/completions goes behind, or the endpoint's full path, with --url"
                .to_owned();
        }
        url.set_path(&format!("{own}/v1"));
        format!("most base addresses end in /v1: --url {}", shown(&url))
    }

    /// The base address that a redirect names.
    fn elsewhere(&self) -> Option<Url> {
        let to = self.exchange.head.as_ref().filter(|head| (300..400).contains(&head.status))?.header("location")?;
        Some(base_of(&self.target.url.join(to).ok()?))
    }

    fn listed(&self) -> Option<String> {
        let models = &self.around.models;
        let shown = models.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
        let more = models.len().saturating_sub(LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!models.is_empty()).then(|| format!("{shown}{more}"))
    }
}

/// The address that `/chat/completions` goes behind.
pub(super) fn base(target: &Target) -> Url {
    base_of(&target.url)
}

fn base_of(url: &Url) -> Url {
    let mut url = url.clone();
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix(PATH).unwrap_or(path).to_owned();
    url.set_path(&path);
    url
}

/// The header in which a key is sent.
fn key(target: &Target) -> Option<&Header> {
    target.headers.iter().find(|header| is_secret(&header.name) && !header.name.eq_ignore_ascii_case("cookie"))
}

/// The variable that what is shown of a value names.
fn variable(shown: &str) -> Option<&str> {
    shown.split_once("${")?.1.split_once('}').map(|(name, _)| name)
}

/// What a reply says: its error, the title of a page, or its first words. A secret may straddle the cut, so it is taken
/// out before the text is cut.
fn said(exchange: &Exchange, target: &Target) -> Option<String> {
    let reading = Reading::of(exchange);
    let error = reading.json().and_then(|document| error_text(&document.value)).map(str::to_owned);
    let text = text_of(exchange);
    let title = || text.split_once("<title>")?.1.split_once("</title>").map(|(title, _)| title.trim().to_owned());
    let page = || title().map(|title| format!("a page titled {title:?}"));
    let words = || Some(text.trim().to_owned()).filter(|words| !words.is_empty());
    let said = error.or_else(|| if is_page(exchange) { page().or_else(|| Some("a page".to_owned())) } else { words() });
    said.map(|said| Evidence::of(target).clean(&said).chars().take(QUOTED).collect())
}

fn text_of(exchange: &Exchange) -> String {
    const LOOKED_AT: usize = 4096;
    let bytes = &exchange.body.bytes;
    String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]).into_owned()
}

/// Whether a page for people came.
fn is_page(exchange: &Exchange) -> bool {
    let named = exchange.head.as_ref().and_then(crate::exchange::Head::media_type);
    if matches!(named.as_deref(), Some("text/html" | "application/xhtml+xml")) {
        return true;
    }
    let start = text_of(exchange).trim_start().chars().take(15).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

fn body_of(exchange: &Exchange, is: impl Fn(&Value) -> bool) -> bool {
    Reading::of(exchange).json().is_some_and(|document| is(&document.value))
}

/// Whether an error is about the model, which a 404 is not if it is about the path.
fn names_model(body: &Value) -> bool {
    let by_code = body.at("/error/code").and_then(Value::as_str).is_some_and(|code| code.contains("model"));
    let by_param = body.at("/error/param").and_then(Value::as_str) == Some("model");
    let words = error_text(body).unwrap_or_default().to_lowercase();
    by_code || by_param || words.contains("model") || words.contains("deployment")
}

/// Whether an error says that there is no such model.
fn denies_model(body: &Value) -> bool {
    const DENIALS: [&str; 7] =
        ["not found", "not exist", "unknown model", "invalid model", "no such model", "not available", "no model"];
    let by_code = body.at("/error/code").and_then(Value::as_str) == Some("model_not_found");
    let words = error_text(body).unwrap_or_default().to_lowercase();
    by_code || words.contains("model") && DENIALS.iter().any(|denial| words.contains(denial))
}

#[cfg(test)]
mod tests;
