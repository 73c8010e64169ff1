//! The trace of a run: the digest always, the recent entries always, all of them on request.

use brownout_models::Time;
use brownout_models::contract::{FlowId, NodeId};
use serde::Serialize;

use super::entry::{Stamp, owns_memory, pack_fact};
use super::{Digest, Entry, What};

/// The last place of the ring of recent entries, which are all that is kept when nothing is recorded.
const RING: usize = 31;

/// What happened in a run so far.
#[derive(Clone, Debug)]
pub struct Trace<F> {
    digest: Digest,
    next: u64,
    /// Where the next entry goes.
    place: usize,
    /// The bits of places: those of the ring, or all when recording.
    places: usize,
    /// Some fact so far owned memory. Where none did, nobody needs to look what the entry was whose place
    /// another takes: that is as good as random, and the branches on it were mispredicted for 3 % of a
    /// seeded run.
    owned: bool,
    /// A ring of the last entries, or all of them when recording.
    entries: Vec<Entry<F>>,
}

impl<F: Clone + Serialize + 'static> Trace<F> {
    /// An empty trace that keeps recent entries, or every one.
    #[must_use]
    pub const fn new(recording: bool) -> Self {
        let places = if recording { usize::MAX } else { RING };
        Self { digest: Digest::START, next: 0, place: 0, places, owned: false, entries: Vec::new() }
    }

    /// Keeps every entry from here on, besides the recent ones.
    pub(super) fn record(&mut self) {
        let oldest = self.oldest();
        self.entries.rotate_left(oldest);
        (self.place, self.places) = (self.entries.len(), usize::MAX);
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

    /// Takes what happened next into the digest and keeps it. Facts go by [`place_fact`](Self::place_fact),
    /// which looks whether they own memory.
    #[inline(always)]
    pub(super) fn push(&mut self, stamp: Stamp, what: What<F>) -> &Entry<F> {
        debug_assert!(!matches!(what, What::Noted(_)), "a fact has a way of its own");
        what.pack_into(stamp, &mut self.digest);
        let entry = self.place();
        entry.stamp(stamp);
        entry.happened(what);
        entry
    }

    /// Takes the fact that became true next into the digest; whoever has it puts it into the entry.
    #[inline(always)]
    pub(super) fn place_fact(&mut self, stamp: Stamp, fact: &F) -> &mut Entry<F> {
        pack_fact(fact, stamp, &mut self.digest);
        if owns_memory(fact) {
            self.owned = true;
        }
        let entry = self.place();
        entry.stamp(stamp);
        entry
    }

    /// What the next entry takes the place of; it owns no memory.
    #[inline(always)]
    fn place(&mut self) -> &mut Entry<F> {
        let place = self.place;
        // No run has 2^64 entries; a check that it has not would be on the way of each.
        self.next = self.next.wrapping_add(1);
        self.place = place.wrapping_add(1) & self.places;
        let entry = match self.entries.get(place) {
            Some(_) => &mut self.entries[place],
            None => lengthen(&mut self.entries),
        };
        if self.owned {
            entry.give_back();
        }
        entry
    }

    /// Every entry when recording, else the most recent ones; oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<F>> {
        let oldest = self.oldest();
        self.entries[oldest..].iter().chain(&self.entries[..oldest])
    }

    /// Where the oldest entry stands.
    fn oldest(&self) -> usize {
        if self.places == RING && self.entries.len() > RING { self.place } else { 0 }
    }
}

/// Makes room for another entry.
#[cold]
fn lengthen<F>(entries: &mut Vec<Entry<F>>) -> &mut Entry<F> {
    if entries.is_empty() {
        entries.reserve(RING + 1);
    }
    let (flow, at, node) = (FlowId(0), Time::ZERO, NodeId(0));
    let nothing = What::Started { life: 0 };
    entries.push(Entry { seq: 0, cause: 0, flow, at, node, what: nothing });
    entries.last_mut().expect("an entry was just added")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use brownout_models::Fact;

    use super::*;

    /// Many facts, of which the first say `own`.
    fn forgets(own: &[Arc<str>]) {
        let mut trace = Trace::new(false);
        let stamp = Stamp { seq: 0, cause: 0, flow: FlowId(0), at: Time::ZERO, node: NodeId(0) };
        for text in own {
            let fact = Fact::Own(Arc::clone(text));
            trace.place_fact(stamp, &fact).happened(What::Noted(fact));
        }
        for _ in 0..=RING - own.len() {
            trace.push(stamp, What::Started { life: 1 });
        }
        assert!(
            own.iter().all(|text| Arc::strong_count(text) == 2),
            "they are among the recent ones"
        );
        for _ in own {
            trace.push(stamp, What::Started { life: 2 });
        }
        assert!(own.iter().all(|text| Arc::strong_count(text) == 1), "nobody has them any more");
    }

    #[test]
    fn what_a_forgotten_entry_owned_is_given_back() {
        forgets(&["one".into()]);
        forgets(&["one".into(), "another".into(), "a third".into()]);
    }
}
