use std::time::Duration;

use serde_json::json;

use super::*;
use crate::exchange::{Body, Head, Ticket};
use crate::plan::case::{Case, Setting};
use crate::plan::secret::Secret;
use crate::plan::target::{HttpVersion, Preflight, Timeouts, Tls};

const KEY: &str = "sk-secret-0123";

fn target(address: &str, key: bool) -> Target {
    let header = Header {
        name: "authorization".to_owned(),
        value: Secret::new(format!("Bearer {KEY}")),
        shown: "Bearer ${MY_KEY}".to_owned(),
    };
    Target {
        url: Target::endpoint(&Url::parse(address).expect("a URL")),
        builtin: false,
        contract: crate::samples::openai(),
        model: Some("gpt-9".to_owned()),
        headers: if key { vec![header] } else { Vec::new() },
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

fn sent() -> Exchange {
    let target = target("http://h/v1", false);
    let body = json!({"model": "gpt-9", "messages": [{"role": "user", "content": "hi"}], "stream": true});
    let ticket = Ticket::alone(0, 0, Duration::ZERO);
    let asked = Case::plain("c", &body, &Setting::of(&target, 1)).render(&ticket, 1);
    Exchange::never_sent(ticket, asked, Duration::ZERO, Outcome::Ok)
}

fn lost(outcome: Outcome, cause: &str) -> Exchange {
    Exchange { outcome, cause: Some(cause.to_owned()), ..sent() }
}

fn answered(status: u16, headers: &[(&str, &str)], body: &str) -> Exchange {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let head = Head { at: Duration::ZERO, status, version: "HTTP/1.1", headers };
    let body = Body { bytes: body.as_bytes().to_vec(), arrivals: Vec::new() };
    Exchange { head: Some(head), body, outcome: Outcome::of_status(status), ..sent() }
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const HTML: &[(&str, &str)] = &[("content-type", "text/html; charset=utf-8")];

/// The kind of a refusal, and its three lines.
fn refused(exchange: &Exchange, target: &Target, around: &Surroundings) -> (Kind, String) {
    let kind = Kind::of(exchange, target).expect("a refusal");
    (kind, Refusal::new(kind, exchange, target, around).lines().join("\n"))
}

#[test]
fn every_refusal_has_its_kind_and_its_cure() {
    let (open, keyed, secure) =
        (target("http://h:8000/v1", false), target("http://h/v1", true), target("https://h", true));
    let nothing = Surroundings::default();
    for (exchange, target, kind, parts) in [
        (
            lost(Outcome::Connect, "Connection refused"),
            &open,
            Kind::Unreachable,
            ["nothing listens at h:8000", "--wait"],
        ),
        (lost(Outcome::Connect, "no address for \"h\": x"), &open, Kind::NoSuchHost, ["the name h", "spelling"]),
        (lost(Outcome::Timeout, "no connection within 5s"), &open, Kind::Silent, ["h:8000 does not answer", "--url"]),
        (
            lost(Outcome::Tls, "received corrupt message of type InvalidContentType"),
            &secure,
            Kind::PlainServer,
            ["speaks plain HTTP", "write http for https: --url http://h/"],
        ),
        (
            lost(Outcome::Tls, "invalid peer certificate: UnknownIssuer"),
            &secure,
            Kind::Tls,
            ["UnknownIssuer", "target.ca"],
        ),
        (lost(Outcome::Protocol, "not HTTP"), &open, Kind::NotHttp, ["may want TLS", "--url https://h:8000/v1"]),
        (answered(401, JSON, r#"{"error":{"message":"no key"}}"#), &open, Kind::Key, ["no key", "--key-env"]),
        (answered(403, JSON, r#"{"detail":"Forbidden"}"#), &open, Kind::Key, ["Forbidden", "--key-env"]),
        (
            answered(401, JSON, &format!("{{\"error\":\"bad key {KEY}\"}}")),
            &keyed,
            Kind::Key,
            ["bad key ***", "the key in the environment variable MY_KEY is not accepted"],
        ),
        (answered(403, HTML, "<html>blocked"), &keyed, Kind::Forbidden, ["no right to model \"gpt-9\"", "firewall"]),
        (
            answered(404, JSON, r#"{"error":{"message":"The model `gpt-9` does not exist.","code":404}}"#),
            &keyed,
            Kind::Model,
            ["no model \"gpt-9\"", "--model"],
        ),
        (
            answered(404, JSON, r#"{"detail":"Not Found"}"#),
            &secure,
            Kind::Path,
            ["nothing at /chat", "--url https://h/v1"],
        ),
        (answered(404, &[], ""), &keyed, Kind::Path, ["nothing at /v1/chat/completions", "full path"]),
        (
            answered(200, HTML, "<!doctype html><title>Sign in</title>"),
            &secure,
            Kind::Page,
            ["a page titled \"Sign in\"", "a page for people is at"],
        ),
        (answered(200, &[], "\n<HTML><body>"), &keyed, Kind::Page, ["a page", "not an API"]),
        (
            answered(400, HTML, "<html><title>400 The plain HTTP request was sent to HTTPS port</title>"),
            &open,
            Kind::NotHttp,
            ["HTTPS port", "write https for http: --url https://h:8000/v1"],
        ),
        (
            answered(308, &[("location", "https://h:8000/v1/chat/completions")], ""),
            &open,
            Kind::Redirect,
            ["not followed", "--url https://h:8000/v1"],
        ),
        (answered(407, HTML, "<html>"), &open, Kind::Proxy, ["the proxy", "target.proxy"]),
    ] {
        let (came, lines) = refused(&exchange, target, &nothing);
        assert_eq!(came, kind, "{lines}");
        assert_eq!(lines.lines().count(), 3, "{lines}");
        assert!(parts.iter().all(|part| lines.contains(part)), "{parts:?}\n{lines}");
        assert!(!lines.contains(KEY), "{lines}");
    }
}

#[test]
fn what_need_not_come_again_is_no_refusal() {
    let target = target("http://h/v1", true);
    for exchange in [
        answered(200, JSON, "{}"),
        answered(400, JSON, r#"{"error":"too long"}"#),
        answered(429, HTML, "<html>slow down"),
        answered(502, HTML, "<html>bad gateway"),
        answered(503, JSON, "{}"),
        lost(Outcome::Reset, "connection reset by peer"),
        lost(Outcome::Unfinished(crate::exchange::Cutoff::Stopped), ""),
    ] {
        assert_eq!(Kind::of(&exchange, &target), None, "{exchange:?}");
    }
}

#[test]
fn a_connection_that_was_lost_behind_a_proxy_is_the_proxys() {
    let proxied = Target { proxy: Url::parse("http://me:hunter22@p:3128").ok(), ..target("https://h/v1", true) };
    let (kind, lines) = refused(&lost(Outcome::Connect, "refused"), &proxied, &Surroundings::default());
    assert!(
        kind == Kind::Proxy && lines.contains("the proxy http://***@p:3128/") && !lines.contains("hunter22"),
        "{lines}"
    );
}

#[test]
fn an_unknown_model_may_be_told_with_400_to_a_plain_request() {
    let target = target("http://h/v1", true);
    let told = answered(400, JSON, r#"{"error":{"message":"Invalid model name passed in model=gpt-9"}}"#);
    assert_eq!((Kind::of(&told, &target), Kind::of_plain(&told, &target)), (None, Some(Kind::Model)));
    let other = answered(400, JSON, r#"{"error":{"message":"temperature is not supported with this model"}}"#);
    assert_eq!(Kind::of_plain(&other, &target), None);
}

#[test]
fn what_is_around_gives_the_cure() {
    let target = target("http://h", true);
    let models: Vec<String> = (0..20).map(|number| format!("m{number}")).collect();
    let around = Surroundings { models, base: Url::parse("http://h/api/v1").ok() };
    let unknown = answered(404, JSON, r#"{"error":{"code":"model_not_found"}}"#);
    let (_, lines) = refused(&unknown, &target, &around);
    assert!(lines.contains("--model: m0, m1, m2") && lines.contains("m11 and 8 more"), "{lines}");
    let (_, lines) = refused(&answered(404, &[], ""), &target, &around);
    assert!(lines.contains("--url http://h/api/v1"), "{lines}");
}
