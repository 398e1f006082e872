//! br (RFC 7932).

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::room::{Fault, Room, Stage};

/// Bytes that are decoded at once.
const STEP: usize = 16 << 10;

/// A brotli stream; what comes behind its end is passed over.
pub(super) struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    over: bool,
}

impl Brotli {
    pub(super) fn new() -> Brotli {
        let alloc = StandardAlloc::default;
        Brotli { state: Box::new(BrotliState::new(alloc(), alloc(), alloc())), over: false }
    }
}

impl Stage for Brotli {
    fn push(&mut self, input: &[u8], room: &mut Room) -> Result<(), Fault> {
        let mut step = [0; STEP];
        let (mut left, mut used, mut total) = (input.len(), 0, 0);
        while !self.over {
            let (mut free, mut made) = (step.len(), 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut used,
                input,
                &mut free,
                &mut made,
                &mut step,
                &mut total,
                &mut self.state,
            );
            room.put(&step[..made])?;
            match result {
                BrotliResult::ResultSuccess => self.over = true,
                BrotliResult::NeedsMoreInput => break,
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::ResultFailure => return Err(Fault::Broken("its data is corrupt".to_owned())),
            }
        }
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.over
    }
}
