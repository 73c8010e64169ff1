//! Flows: pieces of work that the outside world started, and how often each site decided for them.

use std::num::NonZeroU32;

use brownout_models::contract::{FlowId, Ground, NodeId, Purpose};

use super::mix::{self, SiteKey};

/// Where the flows of one kind start: a node and why.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) node: NodeId,
    pub(crate) purpose: Purpose,
    constant: SiteKey,
}

impl Source {
    /// A purpose is nearly always the same constant: texts are compared last.
    #[inline]
    fn is_at(&self, node: NodeId, purpose: Purpose) -> bool {
        self.node == node && (std::ptr::eq(self.purpose.0, purpose.0) || self.purpose == purpose)
    }
}

/// One piece of work.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) source: u32,
    pub(crate) life: u32,
    pub(crate) index: u64,
    /// The flow's part of every address.
    key: u64,
    /// Where its counts are; none before its first decision that anybody wants to know of.
    counts: Option<NonZeroU32>,
}

/// Every flow of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flows {
    sources: Vec<Source>,
    flows: Vec<Flow>,
    /// The ground of each flow: every event asks for it, and for nothing else of most flows.
    grounds: Vec<Ground>,
    /// Counts stand apart, because calm flows have none.
    counts: Vec<Counts>,
}

/// How many low bits of an index number the arrivals within one slot.
pub(crate) const SLOT_SHIFT: u32 = 20;

impl Flows {
    /// Forgets the flows, not their sources.
    pub(crate) fn clear(&mut self) {
        self.flows.clear();
        self.grounds.clear();
        self.counts.clear();
    }

    pub(crate) fn start(
        &mut self,
        (node, purpose): (NodeId, Purpose),
        life: u32,
        index: u64,
        ground: Ground,
        identity: impl FnOnce() -> String,
    ) -> FlowId {
        let source =
            self.sources.iter().position(|source| source.is_at(node, purpose)).unwrap_or_else(
                || {
                    let constant = SiteKey::constant(&identity());
                    self.sources.push(Source { node, purpose, constant });
                    self.sources.len() - 1
                },
            );
        let key = mix::flow_key(self.sources[source].constant, life, index);
        let source = u32::try_from(source).expect("sources are few");
        self.flows.push(Flow { source, life, index, key, counts: None });
        self.grounds.push(ground);
        FlowId(u32::try_from(self.flows.len() - 1).expect("a run has fewer than 2^32 flows"))
    }

    pub(crate) fn get(&self, flow: FlowId) -> &Flow {
        &self.flows[flow.0 as usize]
    }

    #[inline]
    pub(crate) fn ground(&self, flow: FlowId) -> Ground {
        self.grounds[flow.0 as usize]
    }

    pub(crate) fn source(&self, flow: FlowId) -> &Source {
        &self.sources[self.get(flow).source as usize]
    }

    /// Counts one more decision of `site` for `flow`: its key, and the how-manieth it is, from 1.
    #[inline]
    pub(crate) fn count(&mut self, flow: FlowId, site: u32) -> (u64, u32) {
        let flow = &mut self.flows[flow.0 as usize];
        let counts = flow.counts.map_or(self.counts.len(), |number| number.get() as usize - 1);
        if counts == self.counts.len() {
            self.counts.push(Counts::default());
            flow.counts = u32::try_from(self.counts.len()).ok().and_then(NonZeroU32::new);
        }
        (flow.key, self.counts[counts].next(site))
    }

    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }
}

/// The part of a flow's name after the slash: `17`, or `17.3` for the third arrival of slot 17.
pub(crate) fn index_text(index: u64) -> String {
    let (slot, within) = (index >> SLOT_SHIFT, index & ((1 << SLOT_SHIFT) - 1));
    if within == 0 { slot.to_string() } else { format!("{slot}.{within}") }
}

/// Reads what [`index_text`] wrote.
pub(crate) fn index_of(text: &str) -> Option<u64> {
    let (slot, within) = text.split_once('.').unwrap_or((text, "0"));
    let (slot, within) = (slot.parse::<u64>().ok()?, within.parse::<u64>().ok()?);
    (slot < 1 << (64 - SLOT_SHIFT) && within < 1 << SLOT_SHIFT)
        .then_some(slot << SLOT_SHIFT | within)
}

/// A few small counters: most flows meet a dozen sites, mostly once. In all one line of the cache.
#[derive(Clone, Debug, Default)]
struct Counts {
    len: u8,
    few: [(u16, u16); FEW],
    more: Option<Box<Many>>,
}

/// What does not fit into the small table.
#[derive(Clone, Debug, Default)]
struct Many(Vec<(u32, u32)>);

const FEW: usize = 13;

impl Counts {
    #[inline]
    fn next(&mut self, site: u32) -> u32 {
        if let Ok(small) = u16::try_from(site) {
            let few = &mut self.few[..usize::from(self.len)];
            match few.iter_mut().find(|(known, _)| *known == small) {
                Some((_, count)) if *count < u16::MAX => {
                    *count += 1;
                    return u32::from(*count);
                }
                None if self.more.is_none() && usize::from(self.len) < FEW => {
                    self.few[usize::from(self.len)] = (small, 1);
                    self.len += 1;
                    return 1;
                }
                Some(_) | None => {}
            }
        }
        self.many(site)
    }

    #[cold]
    fn many(&mut self, site: u32) -> u32 {
        let Many(more) = &mut **self.more.get_or_insert_default();
        if let Some((_, count)) = more.iter_mut().find(|(known, _)| *known == site) {
            *count = count.saturating_add(1);
            return *count;
        }
        let is_full = |(known, _): &(u16, u16)| u32::from(*known) == site;
        let few = &self.few[..usize::from(self.len)];
        let count = if few.iter().any(is_full) { u32::from(u16::MAX) + 1 } else { 1 };
        more.push((site, count));
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_beyond_the_small_table() {
        let mut counts = Counts::default();
        for round in 1..=3 {
            for site in 0..40 {
                assert_eq!(counts.next(site), round, "site {site}");
            }
            assert_eq!(counts.next(1 << 20), round);
        }
    }

    #[test]
    fn counts_go_on_beyond_the_small_counter() {
        let mut counts = Counts::default();
        for expected in 1..=u32::from(u16::MAX) + 3 {
            assert_eq!(counts.next(5), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn counts_are_those_of_a_map(
            sites in proptest::collection::vec(proptest::prop_oneof![0..40_u32, 65_500..65_600_u32], 0..400)
        ) {
            let mut counts = Counts::default();
            let mut reference = std::collections::BTreeMap::new();
            for site in sites {
                let expected = reference.entry(site).or_insert(0);
                *expected += 1;
                proptest::prop_assert_eq!(counts.next(site), *expected, "site {}", site);
            }
        }
    }

    #[test]
    fn index_texts_read_back() {
        for index in [0, 17 << SLOT_SHIFT, (17 << SLOT_SHIFT) | 3, 1] {
            assert_eq!(index_of(&index_text(index)), Some(index));
        }
        assert_eq!(index_of("x"), None);
        assert_eq!(index_of("1.2.3"), None);
    }
}
