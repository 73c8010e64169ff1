//! The trace of a run: the digest always, the recent entries always, all of them on request.

use brownout_models::Time;
use brownout_models::contract::{FlowId, NodeId};
use serde::Serialize;

use super::entry::{Stamp, pack_fact};
use super::{Digest, Entry, What};

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

    /// Takes what happened next into the digest and keeps it.
    #[inline(always)]
    pub(super) fn push(&mut self, stamp: Stamp, what: What<F>) -> &Entry<F> {
        what.pack_into(stamp, &mut self.digest);
        let entry = self.place();
        entry.stamp(stamp);
        entry.what = what;
        entry
    }

    /// Takes the fact that became true next into the digest; whoever has it puts it into the entry.
    #[inline(always)]
    pub(super) fn place_fact(&mut self, stamp: Stamp, fact: &F) -> &mut Entry<F> {
        pack_fact(fact, stamp, &mut self.digest);
        let entry = self.place();
        entry.stamp(stamp);
        entry
    }

    /// What the next entry takes the place of.
    #[inline(always)]
    fn place(&mut self) -> &mut Entry<F> {
        let place = usize::try_from(self.next % RECENT as u64).unwrap_or(0);
        let place = if self.recording { self.entries.len() } else { place };
        self.next += 1;
        if place == self.entries.len() {
            self.lengthen();
        }
        &mut self.entries[place]
    }

    /// Makes room for another entry.
    #[cold]
    fn lengthen(&mut self) {
        if self.entries.is_empty() {
            self.entries.reserve(RECENT);
        }
        let (flow, at, node) = (FlowId(0), Time::ZERO, NodeId(0));
        let nothing = What::Started { life: 0 };
        self.entries.push(Entry { seq: 0, cause: 0, flow, at, node, what: nothing });
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
