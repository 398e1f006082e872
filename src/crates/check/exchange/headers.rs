//! The headers of a reply, in one piece of text: a reply has about ten, and none of them is worth an allocation.

use std::fmt;

/// Names in lower case and values, in the order in which they came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    text: String,
    /// Where each name and each value ends in the text.
    ends: Vec<(usize, usize)>,
}

impl Headers {
    /// Adds a header, its name in whatever case; bytes of its value that are no UTF-8 are replaced.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        let from = self.text.len();
        self.text.push_str(name);
        self.text[from..].make_ascii_lowercase();
        let name = self.text.len();
        for chunk in value.utf8_chunks() {
            self.text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.ends.push((name, self.text.len()));
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut from = 0;
        self.ends.iter().map(move |(name, value)| {
            let header = (&self.text[from..*name], &self.text[*name..*value]);
            from = *value;
            header
        })
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Headers {
        let mut own = Headers { text: String::with_capacity(512), ends: Vec::with_capacity(16) };
        headers.into_iter().for_each(|(name, value)| own.push(name.as_ref(), value.as_ref()));
        own
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_came_in_its_order() {
        let headers: Headers = [("A", "1".as_bytes()), ("b", b""), ("a", b"x\xffy\xe2\x82")].into_iter().collect();
        let seen: Vec<(&str, &str)> = headers.iter().collect();
        assert_eq!(seen, [("a", "1"), ("b", ""), ("a", "x\u{fffd}y\u{fffd}")]);
        assert_eq!(seen[2].1, String::from_utf8_lossy(b"x\xffy\xe2\x82"));
    }
}
