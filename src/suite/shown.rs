//! Which quirk of the reference endpoint breaks a rule, so that users can see it broken. The table is made from the
//! matrices of the tests, and a test compares it with them.

/// A line for each rule that a quirk breaks: id, dialect, quirk.
const TABLE: &str = include_str!("shown.txt");

/// A quirk that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The dialect in which it was seen.
    pub dialect: &'static str,
    /// The name of the quirk.
    pub quirk: &'static str,
}

/// The quirk that breaks the rule of that id and the fewest others; `None` where no quirk breaks it.
pub fn shown_by(id: &str) -> Option<Shown> {
    TABLE.lines().find_map(|line| {
        let mut words = line.split(' ');
        let is_it = words.next() == Some(id);
        Some(Shown { dialect: words.next()?, quirk: words.next()? }).filter(|_| is_it)
    })
}
