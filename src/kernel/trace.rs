//! The trace of a run: the digest always, the recent entries always, all of them on request.

use serde::Serialize;

use super::{Digest, Entry};

/// How many recent entries are kept when nothing is recorded.
const RECENT: usize = 32;

/// What happened in a run so far.
#[derive(Clone, Debug)]
pub struct Trace<F> {
    digest: Digest,
    next: u64,
    recording: bool,
    /// A ring of the last entries, or all of them when recording.
    entries: Vec<Entry<F>>,
}

impl<F: Clone + Serialize> Trace<F> {
    /// An empty trace that keeps recent entries, or every one.
    #[must_use]
    pub const fn new(recording: bool) -> Self {
        Self { digest: Digest::START, next: 0, recording, entries: Vec::new() }
    }

    /// Keeps every entry from here on, besides the recent ones.
    pub(super) fn record(&mut self) {
        if !self.recording {
            let oldest = self.oldest();
            self.entries.rotate_left(oldest);
            self.recording = true;
        }
    }

    /// The number that the next entry will have.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The digest of everything so far.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Takes the next entry into the digest and keeps it.
    #[inline(always)]
    pub(super) fn push(&mut self, entry: Entry<F>) -> &Entry<F> {
        entry.pack_into(&mut self.digest);
        let place = usize::try_from(self.next % RECENT as u64).unwrap_or(0);
        self.next += 1;
        if !self.recording && place < self.entries.len() {
            self.entries[place] = entry;
            &self.entries[place]
        } else {
            self.push_more(entry)
        }
    }

    #[cold]
    fn push_more(&mut self, entry: Entry<F>) -> &Entry<F> {
        if self.entries.is_empty() {
            self.entries.reserve(RECENT);
        }
        self.entries.push(entry);
        &self.entries[self.entries.len() - 1]
    }

    /// Every entry when recording, else the most recent ones; oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<F>> {
        let oldest = self.oldest();
        self.entries[oldest..].iter().chain(&self.entries[..oldest])
    }

    /// Where the oldest entry stands.
    fn oldest(&self) -> usize {
        if self.recording || self.entries.len() < RECENT {
            0
        } else {
            usize::try_from(self.next).unwrap_or(0) % RECENT
        }
    }
}
