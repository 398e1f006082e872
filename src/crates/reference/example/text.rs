//! Strings of a length, a format or a pattern.

use rand::RngExt as _;
use serde_json::{Map, Value};

use super::super::id::uuid;
use super::super::language::{SIZE, WORDS};
use super::{Builder, count, pattern};

/// Longest string that is built to reach a minimum.
const LONGEST: usize = 10_000;

impl Builder<'_> {
    /// A string that the keywords allow.
    pub(super) fn text(&mut self, schema: &Map<String, Value>) -> Option<String> {
        let least = count(schema, "minLength").unwrap_or(0);
        let most = count(schema, "maxLength").unwrap_or(usize::MAX);
        if least > most || least > LONGEST {
            return None;
        }
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
            return pattern::matching(pattern, least, most, &mut self.random);
        }
        if let Some(format) = schema.get("format").and_then(Value::as_str)
            && let Some(text) = self.format(format)
        {
            return Some(text);
        }
        Some(self.words(least, most))
    }

    /// Words up to a length.
    fn words(&mut self, least: usize, most: usize) -> String {
        let mut text = String::new();
        let wanted = self.random.random_range(1..=3);
        let mut number = 0;
        while number < wanted || text.len() < least {
            text.push_str(WORDS[self.random.random_range(0..SIZE)]);
            number += 1;
        }
        let text = text.trim_start();
        // The words are ASCII, so bytes are characters; a cut at a space would leave one at the end, which is allowed.
        let length = text.len().min(most);
        let mut text = text[..length].to_owned();
        while text.len() < least {
            text.push('x');
        }
        text
    }

    /// A string of a format (2020-12 validation, section 7.3); none for a format that is not known.
    fn format(&mut self, format: &str) -> Option<String> {
        let random = &mut self.random;
        let mut digits = |count: u32| random.random_range(0..10_u32.pow(count));
        let (year, month, day) = (2000 + digits(2) % 30, 1 + digits(2) % 12, 1 + digits(2) % 28);
        let (hour, minute, second) = (digits(2) % 24, digits(2) % 60, digits(2) % 60);
        let date = format!("{year:04}-{month:02}-{day:02}");
        let time = format!("{hour:02}:{minute:02}:{second:02}Z");
        let number = digits(4);
        Some(match format {
            "date" => date,
            "time" => time,
            "date-time" => format!("{date}T{time}"),
            "duration" => format!("P{}DT{}H", day, hour.max(1)),
            "uuid" => uuid(&mut self.random),
            "email" | "idn-email" => format!("reader{number}@example.com"),
            "hostname" | "idn-hostname" => format!("host{number}.example.com"),
            "ipv4" => format!("192.0.2.{}", number % 256),
            "ipv6" => format!("2001:db8::{number:x}"),
            "uri" | "iri" | "url" => format!("https://example.com/item/{number}"),
            "uri-reference" | "iri-reference" | "json-pointer" => format!("/item/{number}"),
            "regex" => "^[a-z]+$".to_owned(),
            _ => return None,
        })
    }
}
