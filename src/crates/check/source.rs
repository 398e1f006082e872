//! Where a rule comes from, in words that a user can read and with an address.

use std::fmt;

/// One source of a rule, with a short note where it needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    origin: Origin,
    /// What the source says, or which part of it; empty where nothing is to be added.
    note: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A published document of an API.
    Document(Document),
    /// An RFC by its number, and the section; empty for the whole.
    Rfc(u16, &'static str),
    /// The section of the HTML standard on server-sent events.
    Html(Events),
    /// An issue of a public repository.
    Issue(&'static str, u32),
    /// A pull request of a public repository.
    Pull(&'static str, u32),
    /// The code or the tests of a public project.
    Project(&'static str),
    /// A client that breaks; the note says how.
    Client(&'static str),
    /// Nothing published: the note is our reason.
    Ours,
}

/// The published documents that rules come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Document {
    Seed,
    PulzeOpenApi,
    PulzeReference,
    PulzeSdks,
    PulzeHeaders,
    OpenAi,
    OpenAiErrors,
    OpenAiKeys,
    OpenRouter,
    Fetch,
}

/// Sections of the HTML standard on server-sent events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Events {
    /// 9.2, the whole.
    Whole,
    /// 9.2.5, how a stream is parsed.
    Parsing,
    /// 9.2.6, how its lines are interpreted.
    Interpretation,
}

impl Document {
    /// What it is called, the kind in JSON, and its address.
    fn facts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Document::Seed => {
                ("Pulze's seed page", "seed", "https://docs.pulze.ai/api-reference/chat/chat-completions")
            }
            Document::PulzeOpenApi => {
                ("Pulze's OpenAPI text", "pulze", "https://pulze.ai/docs/api-reference/chat/chat-completions.md")
            }
            Document::PulzeReference => ("Pulze's rendered reference", "pulze", "https://docs.pulze.ai"),
            Document::PulzeSdks => (
                "Pulze's Konfig SDKs",
                "pulze",
                "https://github.com/konfig-sdks/pulze-ai-java-sdk/blob/98b83e8/api/openapi.yaml",
            ),
            Document::PulzeHeaders => ("Pulze's pages on headers", "pulze", "https://docs.pulze.ai"),
            Document::OpenAi => {
                ("OpenAI's published file", "openai", "https://github.com/openai/openai-openapi/tree/f85dbe2")
            }
            Document::OpenAiErrors => {
                ("OpenAI's page on error codes", "openai", "https://platform.openai.com/docs/guides/error-codes")
            }
            Document::OpenAiKeys => (
                "OpenAI's page on authentication",
                "openai",
                "https://platform.openai.com/docs/api-reference/authentication",
            ),
            Document::OpenRouter => {
                ("OpenRouter's API reference", "page", "https://openrouter.ai/docs/api-reference/overview")
            }
            Document::Fetch => ("the Fetch standard", "page", "https://fetch.spec.whatwg.org/#http-cors-protocol"),
        }
    }
}

impl Events {
    fn section(self) -> (&'static str, &'static str) {
        match self {
            Events::Whole => ("9.2", "server-sent-events"),
            Events::Parsing => ("9.2.5", "parsing-an-event-stream"),
            Events::Interpretation => ("9.2.6", "event-stream-interpretation"),
        }
    }
}

impl Source {
    /// Pulze's reference page of the endpoint, which the pulze dialect follows.
    pub(crate) const SEED: Source = Source::document(Document::Seed);
    /// The beginning of Pulze's own `OpenAPI` text of the endpoint.
    pub(crate) const PULZE_OPENAPI: Source = Source::document(Document::PulzeOpenApi);
    /// Other pages of Pulze's reference.
    pub(crate) const PULZE_REFERENCE: Source = Source::document(Document::PulzeReference);
    /// The generated clients of Pulze's API, and the file they are generated from.
    pub(crate) const PULZE_SDKS: Source = Source::document(Document::PulzeSdks);
    /// Pulze's pages on its headers.
    pub(crate) const PULZE_HEADERS: Source = Source::document(Document::PulzeHeaders);
    /// The `OpenAPI` file that OpenAI publishes.
    pub(crate) const OPENAI: Source = Source::document(Document::OpenAi);
    /// OpenAI's guide to error codes.
    pub(crate) const OPENAI_ERRORS: Source = Source::document(Document::OpenAiErrors);
    /// OpenAI's page on authentication.
    pub(crate) const OPENAI_KEYS: Source = Source::document(Document::OpenAiKeys);
    /// The documentation of `OpenRouter`.
    pub(crate) const OPENROUTER: Source = Source::document(Document::OpenRouter);
    /// The Fetch standard.
    pub(crate) const FETCH: Source = Source::document(Document::Fetch);

    const fn of(origin: Origin) -> Source {
        Source { origin, note: "" }
    }

    const fn document(document: Document) -> Source {
        Source::of(Origin::Document(document))
    }

    /// A section of an RFC.
    pub(crate) const fn rfc(number: u16, section: &'static str) -> Source {
        Source::of(Origin::Rfc(number, section))
    }

    /// An RFC as a whole.
    pub(crate) const fn whole_rfc(number: u16) -> Source {
        Source::of(Origin::Rfc(number, ""))
    }

    /// A section of the HTML standard on server-sent events.
    pub(crate) const fn html(section: Events) -> Source {
        Source::of(Origin::Html(section))
    }

    /// An issue of a public repository, which is named as `owner/name`.
    pub(crate) const fn issue(repository: &'static str, number: u32) -> Source {
        Source::of(Origin::Issue(repository, number))
    }

    /// A pull request of a public repository.
    pub(crate) const fn pull(repository: &'static str, number: u32) -> Source {
        Source::of(Origin::Pull(repository, number))
    }

    /// The code or the tests of a public project.
    pub(crate) const fn project(repository: &'static str) -> Source {
        Source::of(Origin::Project(repository))
    }

    /// A client that breaks, and how, as in "raises on it".
    pub(crate) const fn client(repository: &'static str, breaks: &'static str) -> Source {
        Source { origin: Origin::Client(repository), note: breaks }
    }

    /// Our own reason, where nothing is published.
    pub(crate) const fn ours(reason: &'static str) -> Source {
        Source { origin: Origin::Ours, note: reason }
    }

    /// The same with a note: what the source says, or which part of it.
    #[must_use]
    pub(crate) const fn note(self, note: &'static str) -> Source {
        Source { note, ..self }
    }

    /// What kind of source it is, by its name in files.
    pub fn kind(&self) -> &'static str {
        match self.origin {
            Origin::Document(document) => document.facts().1,
            Origin::Rfc(..) => "rfc",
            Origin::Html(_) => "html",
            Origin::Issue(..) => "issue",
            Origin::Pull(..) => "pull",
            Origin::Project(_) => "project",
            Origin::Client(_) => "client",
            Origin::Ours => "ours",
        }
    }

    /// Whether it is published by somebody else, or is a client that breaks: what a MUST has to rest on.
    pub fn is_of_others(&self) -> bool {
        self.origin != Origin::Ours
    }

    /// Its address; `None` for a reason of our own.
    pub fn url(&self) -> Option<String> {
        Some(match self.origin {
            Origin::Document(document) => document.facts().2.to_owned(),
            Origin::Rfc(number, "") => format!("https://www.rfc-editor.org/rfc/rfc{number}"),
            Origin::Rfc(number, section) => {
                format!("https://www.rfc-editor.org/rfc/rfc{number}#section-{section}")
            }
            Origin::Html(events) => {
                format!("https://html.spec.whatwg.org/multipage/server-sent-events.html#{}", events.section().1)
            }
            Origin::Issue(repository, number) => {
                format!("https://github.com/{repository}/issues/{number}")
            }
            Origin::Pull(repository, number) => {
                format!("https://github.com/{repository}/pull/{number}")
            }
            Origin::Project(repository) | Origin::Client(repository) => {
                format!("https://github.com/{repository}")
            }
            Origin::Ours => return None,
        })
    }
}

/// In words, without the address.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let note = self.note;
        match self.origin {
            Origin::Document(document) => f.write_str(document.facts().0)?,
            Origin::Rfc(number, "") => write!(f, "RFC {number}")?,
            Origin::Rfc(number, section) => write!(f, "RFC {number}, section {section}")?,
            Origin::Html(events) => write!(f, "HTML standard, section {}", events.section().0)?,
            Origin::Issue(repository, number) => write!(f, "{repository} #{number}")?,
            Origin::Pull(repository, number) => write!(f, "{repository} PR #{number}")?,
            Origin::Project(repository) => f.write_str(repository)?,
            Origin::Client(repository) => {
                let name = repository.split('/').next_back().unwrap_or(repository);
                return write!(f, "{name} {note}");
            }
            Origin::Ours => return write!(f, "our own rule ({note})"),
        }
        match (self.origin, note) {
            (_, "") => Ok(()),
            (Origin::Issue(..) | Origin::Pull(..), note) => write!(f, " ({note})"),
            (_, note) => write!(f, ": {note}"),
        }
    }
}

/// Several sources on one line.
pub(super) fn words(sources: &[Source]) -> String {
    sources.iter().map(Source::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_told_in_words_with_its_address() {
        let expected = [
            (Source::SEED, "Pulze's seed page", "https://docs.pulze.ai/api-reference/chat/chat-completions"),
            (
                Source::OPENAI.note("0..20"),
                "OpenAI's published file: 0..20",
                "https://github.com/openai/openai-openapi/tree/f85dbe2",
            ),
            (Source::rfc(9112, "9.3"), "RFC 9112, section 9.3", "https://www.rfc-editor.org/rfc/rfc9112#section-9.3"),
            (Source::whole_rfc(9113), "RFC 9113", "https://www.rfc-editor.org/rfc/rfc9113"),
            (
                Source::html(Events::Parsing).note("UTF-8 always"),
                "HTML standard, section 9.2.5: UTF-8 always",
                "https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream",
            ),
            (
                Source::issue("ggml-org/llama.cpp", 14566),
                "ggml-org/llama.cpp #14566",
                "https://github.com/ggml-org/llama.cpp/issues/14566",
            ),
            (
                Source::pull("jundot/omlx", 1997).note("refused"),
                "jundot/omlx PR #1997 (refused)",
                "https://github.com/jundot/omlx/pull/1997",
            ),
            (
                Source::client("openai/openai-python", "raises on it"),
                "openai-python raises on it",
                "https://github.com/openai/openai-python",
            ),
        ];
        for (source, words, url) in expected {
            assert_eq!((source.to_string().as_str(), source.url().as_deref()), (words, Some(url)));
        }
        let ours = Source::ours("arithmetic");
        assert_eq!((ours.to_string().as_str(), ours.url()), ("our own rule (arithmetic)", None));
        assert_eq!(words(&[Source::SEED, ours]), "Pulze's seed page; our own rule (arithmetic)");
    }
}
