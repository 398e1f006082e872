//! The body of a request, with the instant at which it had been read whole.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

/// A body on its way in.
#[derive(Debug)]
pub(super) struct Arriving {
    body: Incoming,
    read: ReadAt,
}

/// When a body had been read; empty until then, and for a body that nobody reads.
pub(super) type ReadAt = Arc<OnceLock<Instant>>;

impl Arriving {
    pub(super) fn new(body: Incoming, read: ReadAt) -> Arriving {
        Arriving { body, read }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() {
            let _ = self.read.set(Instant::now());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
