//! Rules about pages and methods: what stands beside the endpoint, and what it does with methods other than POST.

use super::super::book::{Book, came, each};
use super::super::{Check, Finding, Judge, Verdict, levels, tier};
use crate::exchange::Reading;
use crate::http::probes::{
    PAGE_BREW, PAGE_DOUBLE, PAGE_GET, PAGE_HEAD, PAGE_METHODS, PAGE_MODELS, PAGE_OPTIONS, PAGE_SLASH, PAGE_UNKNOWN,
};
use crate::source::Source;
use crate::wire::contract::facts::ModelsPage;
use crate::wire::json::{Members, Value};

pub(crate) static PAGES: &[Check] = &[
    Check {
        id: "http-get-not-allowed",
        rule: "GET of the endpoint is not allowed",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[
            Source::rfc(9110, "15.5.6"),
            Source::project("schemathesis/schemathesis").note("unsupported_method"),
        ],
        judge: Judge::Probes(&[&PAGE_GET], get_not_allowed),
        across: None,
    },
    Check {
        id: "http-405-allow",
        rule: "a 405 has Allow, which lists POST",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[
            Source::rfc(9110, "15.5.6").note("a MUST"),
            Source::project("schemathesis/schemathesis").note("allow_header_conformance"),
        ],
        judge: Judge::Probes(&[&PAGE_GET, &PAGE_METHODS], allow),
        across: None,
    },
    Check {
        id: "http-put-delete-patch",
        rule: "PUT, DELETE and PATCH are refused with 404, 405 or 501",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(9110, "15.5.6")],
        judge: Judge::Probes(&[&PAGE_METHODS], |book| is_one_of(book.replies(&PAGE_METHODS), &[404, 405, 501])),
        across: None,
    },
    Check {
        id: "http-unknown-method",
        rule: "a method that does not exist is refused with a 4xx or 501",
        levels: levels("Y/Y"),
        tier: tier("X"),
        sources: &[Source::rfc(9110, "15.6.2")],
        judge: Judge::Probes(&[&PAGE_BREW], unknown_method),
        across: None,
    },
    Check {
        id: "http-options-cors",
        rule: "a browser's question before its request is answered, or not allowed",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::FETCH, Source::project("ggml-org/llama.cpp").note("test_security")],
        judge: Judge::Probes(&[&PAGE_OPTIONS], options),
        across: None,
    },
    Check {
        id: "http-head",
        rule: "HEAD of the endpoint is refused with 404 or 405, without a body",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::rfc(9110, "9.3.2")],
        judge: Judge::Probes(&[&PAGE_HEAD], |book| is_one_of(book.replies(&PAGE_HEAD), &[404, 405])),
        across: None,
    },
    Check {
        id: "http-unknown-path-404",
        rule: "a path that does not exist is a 404 with JSON",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::rfc(9110, "15.5.5"), Source::issue("ray-project/ray", 64833)],
        judge: Judge::Probes(&[&PAGE_UNKNOWN], unknown_path),
        across: None,
    },
    Check {
        id: "http-double-prefix-404",
        rule: "a prefix that stands twice in the path is a 404",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::ours("a common misconfiguration of base addresses")],
        judge: Judge::Probes(&[&PAGE_DOUBLE], |book| is_one_of(book.replies(&PAGE_DOUBLE), &[404])),
        across: None,
    },
    Check {
        id: "http-trailing-slash",
        rule: "a slash behind the path is the same, or a redirect to it, or a 404",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::ours("good practice; FastAPI redirects with 307")],
        judge: Judge::Probes(&[&PAGE_SLASH], trailing_slash),
        across: None,
    },
    Check {
        id: "http-models-list",
        rule: "the list of models has the dialect's shape, and the model in it",
        levels: levels("Y/S"),
        tier: tier("C"),
        sources: &[Source::OPENAI, Source::PULZE_REFERENCE.note("another shape")],
        judge: Judge::Probes(&[&PAGE_MODELS], models_list),
        across: None,
    },
];

/// Every reply is complete and has one of these statuses.
fn is_one_of(replies: &[Reading<'_>], statuses: &[u16]) -> Verdict {
    each(replies, |reading| {
        let right = reading.complete() && reading.exchange.status().is_some_and(|status| statuses.contains(&status));
        let wanted: Vec<String> = statuses.iter().map(u16::to_string).collect();
        Verdict::holds(right, "", || format!("expected {}, got {}", wanted.join(" or "), came(reading)))
    })
}

/// `OpenAI` itself lists stored completions on GET.
fn get_not_allowed(book: &Book<'_>) -> Verdict {
    let lists =
        |reading: &Reading<'_>| reading.success() && reading.json().is_some_and(|document| is_list(&document.value));
    if book.reply(&PAGE_GET).is_some_and(lists) {
        return Verdict::Skip("the endpoint lists stored completions");
    }
    is_one_of(book.replies(&PAGE_GET), &[405])
}

fn is_list(value: &Value) -> bool {
    value.member("object").and_then(Value::as_str) == Some("list") && value.member("data").is_some_and(Value::is_array)
}

fn allow(book: &Book<'_>) -> Verdict {
    let refused = [&PAGE_GET, &PAGE_METHODS].into_iter().flat_map(|probe| book.replies(probe));
    let refused: Vec<&Reading<'_>> = refused.filter(|reading| reading.exchange.status() == Some(405)).collect();
    if refused.is_empty() {
        return Verdict::Skip("no 405 was seen");
    }
    let allowed = |reading: &Reading<'_>| {
        let header = reading.exchange.head.as_ref()?.header("allow")?;
        Some(header.split(',').any(|method| method.trim() == "POST"))
    };
    let fault = |reading: &&Reading<'_>| {
        let detail = match allowed(reading) {
            Some(true) => return None,
            Some(false) => "Allow does not list POST",
            None => "the 405 has no Allow",
        };
        Some(Finding::new("", detail).at(reading))
    };
    Verdict::of(refused.iter().filter_map(fault).collect())
}

fn unknown_method(book: &Book<'_>) -> Verdict {
    each(book.replies(&PAGE_BREW), |reading| {
        let status = reading.exchange.status().filter(|_| reading.complete());
        let right = status.is_some_and(|status| (400..500).contains(&status) || status == 501);
        Verdict::holds(right, "", || format!("expected 4xx or 501, got {}", came(reading)))
    })
}

/// Whatever an endpoint says here is worth knowing for who calls it from a browser, and nothing of it is a fault.
fn options(book: &Book<'_>) -> Verdict {
    each(book.replies(&PAGE_OPTIONS), |reading| {
        let origin = reading.exchange.head.as_ref().and_then(|head| head.header("access-control-allow-origin"));
        match (reading.exchange.status(), origin) {
            (Some(200..=299), Some(origin)) => Verdict::Noted(format!("browsers may call it from {origin}")),
            (Some(200..=299 | 400..=499 | 501), _) => {
                Verdict::Noted("browsers may not call it from other sites".into())
            }
            (_, _) => Verdict::broken("", format!("expected 2xx or 405, got {}", came(reading))),
        }
    })
}

fn unknown_path(book: &Book<'_>) -> Verdict {
    each(book.replies(&PAGE_UNKNOWN), |reading| match reading.json() {
        None if reading.exchange.status() == Some(404) => Verdict::broken("", "the 404 has no JSON"),
        Some(_) | None => is_one_of(std::slice::from_ref(reading), &[404]),
    })
}

/// Where a redirect leads is judged by `http-redirect-same-origin`.
fn trailing_slash(book: &Book<'_>) -> Verdict {
    each(book.replies(&PAGE_SLASH), |reading| match reading.exchange.status() {
        Some(200) => Verdict::Noted("it is the same with a slash behind it".to_owned()),
        Some(status @ (307 | 308)) => Verdict::Noted(format!("a slash behind it is redirected with {status}")),
        Some(404) => Verdict::Noted("a slash behind it is a 404".to_owned()),
        Some(_) | None => Verdict::broken("", format!("expected 200, 307, 308 or 404, got {}", came(reading))),
    })
}

fn models_list(book: &Book<'_>) -> Verdict {
    let page = book.facts.contract.facts.models_page;
    let judge = match page {
        ModelsPage::Active => pulze_models,
        ModelsPage::List => openai_models,
    };
    each(book.replies(&PAGE_MODELS), |reading| match reading.exchange.status() {
        Some(404) if page == ModelsPage::Active => Verdict::Skip("there is no list of models"),
        Some(200) => judge(reading, &book.facts.model),
        Some(_) | None => Verdict::broken("", format!("expected a list of models, got {}", came(reading))),
    })
}

/// Pulze's array of `ModelParts` (`schemas/README.md#model-parts`).
fn pulze_models(reading: &Reading<'_>, _: &str) -> Verdict {
    let list = reading.json().and_then(|document| document.value.as_array());
    let Some(list) = list else { return Verdict::broken("", "expected an array of models") };
    let whole = |model: &Value| ["model", "namespace"].iter().all(|name| text(model, name).is_some());
    match list.iter().position(|model| !whole(model)) {
        Some(at) => Verdict::broken(format!("/{at}"), "no model and namespace"),
        None => Verdict::Pass,
    }
}

fn openai_models(reading: &Reading<'_>, model: &str) -> Verdict {
    let list = reading.json().map(|document| &document.value).filter(|list| is_list(list));
    let Some(list) = list.and_then(|list| list.member("data")?.as_array()) else {
        return Verdict::broken("", "expected {\"object\": \"list\", \"data\": [...]}");
    };
    let whole = |entry: &Value| {
        text(entry, "id").is_some()
            && text(entry, "object") == Some("model")
            && entry.member("created").is_some_and(Value::is_number)
            && text(entry, "owned_by").is_some()
    };
    if let Some(at) = list.iter().position(|entry| !whole(entry)) {
        return Verdict::broken(format!("/data/{at}"), "expected id, object \"model\", created and owned_by");
    }
    let ids: Vec<&str> = list.iter().filter_map(|entry| text(entry, "id")).collect();
    let known = model.is_empty() || ids.iter().any(|id| id.starts_with(model) || id.ends_with(model));
    Verdict::holds(known, "/data", || format!("{model:?} is not among {} models", ids.len()))
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}
