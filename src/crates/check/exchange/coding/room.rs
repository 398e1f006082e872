//! Room for decoded bytes: a small body may say that it is a very long one.

/// Why a body cannot be decoded.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not in the coding; this is what is wrong.
    Broken(String),
    /// It is longer than a body may be.
    TooLong,
}

/// Decoded bytes, of which there may be so many.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) bytes: Vec<u8>,
    pub(super) longest: usize,
}

impl Room {
    pub(super) fn new(longest: usize) -> Room {
        Room { bytes: Vec::new(), longest }
    }

    /// Adds decoded bytes.
    ///
    /// # Errors
    /// If there is no room for them; what fits is kept.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let fits = bytes.len().min(self.longest - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..fits]);
        if fits == bytes.len() { Ok(()) } else { Err(Fault::TooLong) }
    }
}

/// Takes the coding off bytes that come in pieces.
pub(super) trait Stage {
    /// Decodes the next bytes, all that can be decoded of them.
    ///
    /// # Errors
    /// If they are not in the coding, or too long.
    fn push(&mut self, input: &[u8], room: &mut Room) -> Result<(), Fault>;

    /// Whether the coded bytes have come to their end.
    fn is_whole(&self) -> bool;
}
