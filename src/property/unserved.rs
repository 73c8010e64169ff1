//! Work that did not succeed, of which one piece is shown where too much of it did not.

use brownout_models::Set;

/// The pieces of work that clients began and that have not succeeded, as far as it takes to name one.
#[derive(Clone, Debug, Default)]
pub(super) struct Unserved {
    /// The business keys of what is under way.
    open: Set<u64>,
    /// The first that failed.
    failed: Option<u64>,
}

impl Unserved {
    /// A piece of work begins.
    pub(super) fn begin(&mut self, key: u64) {
        self.open.insert(key);
    }

    /// A piece of work is over. Returns whether it had begun.
    pub(super) fn end(&mut self, key: u64, has_failed: bool) -> bool {
        let has_begun = self.open.swap_remove(&key);
        if has_begun && has_failed {
            self.failed.get_or_insert(key);
        }
        has_begun
    }

    /// The business key of the first that failed or, where none did, of the earliest arrival that
    /// never ended.
    pub(super) fn example(&self) -> Option<u64> {
        self.failed.or_else(|| self.open.iter().min().copied())
    }
}
