//! zstd (RFC 8878).

use std::io;

use zstd::stream::raw::{DParameter, Decoder, Operation as _};

use super::room::{Fault, Room, Stage};

/// Bytes that are decoded at once.
const STEP: usize = 16 << 10;
/// As a content coding it has a window of 8 MiB at most (RFC 9659).
const WINDOW_LOG: u32 = 23;

/// A sequence of frames.
pub(super) struct Zstd {
    decoder: Decoder<'static>,
    /// Whether a frame has come to its end, and nothing after it.
    whole: bool,
}

impl Zstd {
    /// # Errors
    /// If there is no memory for it.
    pub(super) fn new() -> io::Result<Zstd> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
        Ok(Zstd { decoder, whole: false })
    }
}

impl Stage for Zstd {
    fn push(&mut self, mut input: &[u8], room: &mut Room) -> Result<(), Fault> {
        if input.is_empty() {
            return Ok(());
        }
        let mut step = [0; STEP];
        loop {
            let run = self.decoder.run_on_buffers(input, &mut step);
            let status = run.map_err(|error| Fault::Broken(error.to_string()))?;
            room.put(&step[..status.bytes_written])?;
            input = &input[status.bytes_read..];
            if status.bytes_read > 0 || status.bytes_written > 0 {
                self.whole = status.remaining == 0;
            }
            if input.is_empty() && status.bytes_written < step.len() {
                return Ok(());
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.whole
    }
}
