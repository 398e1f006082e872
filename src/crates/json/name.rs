//! The names of members. Those of a contract come again in every reply, so that each thread keeps the ones it has seen:
//! a name that is known costs neither a copy nor an allocation.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::FixedState;

/// A thread keeps so many names, and none that is longer: what comes is not ours to choose.
const KEPT: usize = 1024;
const LONGEST: usize = 64;

thread_local! {
    static SEEN: RefCell<HashSet<Arc<str>, FixedState>> = RefCell::default();
}

/// A name, shared with all members of this thread that have it.
pub(super) fn shared(name: &str) -> Arc<str> {
    SEEN.with_borrow_mut(|seen| {
        if let Some(known) = seen.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        if seen.len() < KEPT && name.len() <= LONGEST {
            seen.insert(Arc::clone(&new));
        }
        new
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_not_without_bound() {
        assert!(Arc::ptr_eq(&shared("usage"), &shared("usage")));
        let long = "x".repeat(LONGEST + 1);
        assert!(!Arc::ptr_eq(&shared(&long), &shared(&long)) && *shared(&long) == *long);
        (0..2 * KEPT).for_each(|number| drop(shared(&number.to_string())));
        assert!(SEEN.with_borrow(HashSet::len) <= KEPT);
        assert!(Arc::ptr_eq(&shared("usage"), &shared("usage")));
    }
}
