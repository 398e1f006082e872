//! Conversations: what the user says in each, turn by turn. A prompt that stands alone is one of a single turn.

use super::table::Table;

/// Conversations, each of at least one turn. A turn is JSON: messages one after another, without brackets around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversations {
    turns: Table,
    /// Behind the last turn of each.
    ends: Vec<usize>,
}

impl Default for Conversations {
    fn default() -> Conversations {
        Conversations { turns: Table::new(1), ends: Vec::new() }
    }
}

impl Conversations {
    /// Adds a conversation; one without a turn is none.
    pub fn push<'t>(&mut self, turns: impl IntoIterator<Item = &'t [u8]>) {
        let before = self.turns.rows();
        turns.into_iter().for_each(|turn| self.turns.push(turn));
        if self.turns.rows() > before {
            self.ends.push(self.turns.rows());
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many turns a conversation has; none where there is no such conversation.
    pub fn turns(&self, conversation: usize) -> usize {
        self.ends.get(conversation).map_or(0, |end| end - self.begin(conversation))
    }

    /// The most turns that any of them has.
    pub fn longest(&self) -> usize {
        (0..self.len()).map(|conversation| self.turns(conversation)).max().unwrap_or(0)
    }

    /// What the user says in a turn; empty where there is no such turn.
    pub fn turn(&self, conversation: usize, turn: usize) -> &[u8] {
        if turn < self.turns(conversation) { self.turns.cell(self.begin(conversation) + turn, 0) } else { b"" }
    }

    /// The first turn of each.
    pub fn openings(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|conversation| self.turn(conversation, 0))
    }

    fn begin(&self, conversation: usize) -> usize {
        conversation.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_come_back_in_order() {
        let mut conversations = Conversations::default();
        conversations.push([&b"a"[..], b"b", b"c"]);
        conversations.push([]);
        conversations.push([&b"d"[..]]);
        assert_eq!((conversations.len(), conversations.longest()), (2, 3));
        assert_eq!([0, 1, 2].map(|conversation| conversations.turns(conversation)), [3, 1, 0]);
        assert_eq!([0, 2, 3].map(|turn| conversations.turn(0, turn)), [&b"a"[..], b"c", b""]);
        assert_eq!(conversations.openings().collect::<Vec<_>>(), [b"a", b"d"]);
    }
}
