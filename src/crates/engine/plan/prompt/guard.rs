//! Calls into code of others that panics on what a user may hand to it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is expected, and not printed.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// What the work comes to; none where it panics, of which nothing is printed. What the work was about to change must
/// not be used any more then.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                before(panic);
            }
        }));
    });
    let outer = EXPECTED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    EXPECTED.set(outer);
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_panics_comes_to_nothing_and_what_does_not_to_its_value() {
        let nothing: [u8; 0] = [];
        assert_eq!(guarded(|| nothing[std::hint::black_box(7)]), None);
        assert_eq!(guarded(|| 7), Some(7));
        assert!(!EXPECTED.get(), "panics of others are printed as before");
    }
}
