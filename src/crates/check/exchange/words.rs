//! What a body is that is not the JSON or the stream it should be, in words: a page of a proxy, plain text, nothing.

use super::Exchange;

/// Most characters of a text that are quoted.
const QUOTED: usize = 120;
/// How much of a body is searched for the marks of a page.
const SEARCHED: usize = 4096;

/// The body in words, where these say more than a parser's message does: `an HTML page: 502 Bad Gateway`.
///
/// None where the body looks like JSON, so that only the parser can say what is wrong with it.
pub fn in_words(exchange: &Exchange) -> Option<String> {
    let head = exchange.head.as_ref()?;
    let bytes = exchange.body.bytes.as_slice();
    let coding = head.header("content-encoding").map(str::trim).unwrap_or_default();
    if !coding.is_empty() && !coding.eq_ignore_ascii_case("identity") {
        return Some(format!("compressed ({coding})"));
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SEARCHED)]);
    let text = text.trim();
    let media_type = head.media_type().unwrap_or_default();
    if bytes.is_empty() {
        return Some("an empty body".to_owned());
    }
    if media_type == "text/html" || is_page(text) {
        return Some(match title(text) {
            Some(title) => format!("an HTML page: {title}"),
            None => "an HTML page".to_owned(),
        });
    }
    let is_text = std::str::from_utf8(bytes).is_ok() && !text.is_empty();
    let looks_like_json = text.starts_with(['{', '[', '"', '-']) || text.starts_with(|c: char| c.is_ascii_digit());
    (is_text && !looks_like_json && !text.starts_with("data:")).then(|| format!("plain text: {:?}", quoted(text)))
}

/// A text cut to `most` characters. A `...` marks the cut, so that the redactor looks for half a secret there.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A text on one line, cut between words so that no secret is cut in two; one that has no such place is left out.
pub fn quoted(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}...", line[..end].rsplit_once(' ').map_or("", |(whole, _)| whole)),
        None => line,
    }
}

fn is_page(text: &str) -> bool {
    let start: String = text.chars().take(200).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<head")
}

/// What a page calls itself: its title, else its first heading.
fn title(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let of = |name: &str| {
        let open = lower.find(&format!("<{name}"))?;
        let start = open + lower[open..].find('>')? + 1;
        let end = start + lower[start..].find("</")?;
        let text = quoted(&page[start..end]);
        (!text.is_empty() && !text.contains('<')).then_some(text)
    };
    of("title").or_else(|| of("h1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_named_by_its_title() {
        let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>no</h1></body></html>";
        assert!(is_page(page));
        assert_eq!(title(page).as_deref(), Some("502 Bad Gateway"));
        assert_eq!(title("<HTML><BODY><H1 class=x>Bad\n gateway</H1>").as_deref(), Some("Bad gateway"));
        assert_eq!(title("<html><title></title><h1><b>x</b></h1>"), None);
    }

    #[test]
    fn a_long_text_is_cut_between_words() {
        assert_eq!(quoted("no  upstream\nserver"), "no upstream server");
        let long = format!("{} sk-0123456789", "word ".repeat(23));
        assert!(!quoted(&long).contains("sk-"), "{}", quoted(&long));
        assert_eq!(quoted(&"x".repeat(500)), "...");
    }
}
