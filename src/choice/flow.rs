//! Flows: pieces of work that the outside world started, and how often each site decided for them.

use std::num::NonZeroU32;

use brownout_models::contract::{FlowId, Ground, NodeId, Purpose};

use super::mix::{self, SiteKey};
use brownout_models::Map;

/// Where the flows of one kind start: a node and why.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) node: NodeId,
    pub(crate) purpose: Purpose,
    constant: SiteKey,
}

/// One piece of work.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) source: u32,
    pub(crate) life: u32,
    pub(crate) index: u64,
    /// The flow's part of every address.
    key: u64,
    counts: Own,
}

impl Flow {
    /// Its part of every address.
    pub(crate) const fn key(&self) -> u64 {
        self.key
    }

    /// Counts the first decision for it of each of the sites of these [bits](bit_of).
    pub(crate) const fn count(&mut self, bits: u64) {
        self.counts.seen |= bits;
    }
}

/// The bit of a site that has one to itself; see [`Own`].
pub(crate) fn bit_of(site: u32) -> Option<u64> {
    (site < ALONE).then(|| 1 << site)
}

/// Every flow of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flows {
    sources: Vec<Source>,
    /// Where the sources of each node stand: they are few.
    at_nodes: Vec<Vec<(Purpose, u32)>>,
    flows: Vec<Flow>,
    /// The ground of each flow: every event asks for it, and for nothing else of most flows.
    grounds: Vec<Ground>,
    counts: Counts,
}

/// What a small run has of flows.
const FLOWS: usize = 64;

/// How many low bits of an index number the arrivals within one slot.
pub(crate) const SLOT_SHIFT: u32 = 20;

impl Flows {
    /// Forgets the flows, not their sources, and makes room for those of a small run, for which so many
    /// sites may decide.
    pub(crate) fn clear(&mut self, sites: u32) {
        self.flows.clear();
        self.grounds.clear();
        self.counts.clear(sites);
        self.flows.reserve(FLOWS);
        self.grounds.reserve(FLOWS);
    }

    #[inline(always)]
    pub(crate) fn start(
        &mut self,
        (node, purpose): (NodeId, Purpose),
        life: u32,
        index: u64,
        ground: Ground,
        identity: impl FnOnce() -> String,
    ) -> FlowId {
        let known = self.at_nodes.get(node.0 as usize).map_or(&[][..], Vec::as_slice);
        // A purpose is nearly always the same constant: texts are compared last.
        let same = known.iter().find(|(known, _)| std::ptr::eq(known.0, purpose.0));
        let source = match same {
            Some((_, source)) => *source,
            None => self.source_by_text(node, purpose, identity),
        };
        let key = mix::flow_key(self.sources[source as usize].constant, life, index);
        self.flows.push(Flow { source, life, index, key, counts: Own::default() });
        self.grounds.push(ground);
        if self.counts.width > 0 {
            self.counts.begin_flow();
        }
        FlowId(u32::try_from(self.flows.len() - 1).expect("a run has fewer than 2^32 flows"))
    }

    #[cold]
    fn source_by_text(
        &mut self,
        node: NodeId,
        purpose: Purpose,
        identity: impl FnOnce() -> String,
    ) -> u32 {
        let mut known = self.at_nodes.get(node.0 as usize).into_iter().flatten();
        if let Some((_, source)) = known.find(|(known, _)| *known == purpose) {
            return *source;
        }
        let constant = SiteKey::constant(&identity());
        let source = u32::try_from(self.sources.len()).expect("sources are few");
        self.sources.push(Source { node, purpose, constant });
        let nodes = self.at_nodes.len().max(node.0 as usize + 1);
        self.at_nodes.resize_with(nodes, Vec::new);
        self.at_nodes[node.0 as usize].push((purpose, source));
        source
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
        let number = flow.0;
        let flow = &mut self.flows[number as usize];
        (flow.key, self.counts.next(&mut flow.counts, number, site))
    }

    /// The flow, unless one of the sites of these [bits](bit_of) may have decided for it before.
    #[inline(always)]
    pub(crate) fn first_at(&mut self, bits: u64, flow: FlowId) -> Option<&mut Flow> {
        let flow = &mut self.flows[flow.0 as usize];
        if flow.counts.seen & bits == 0 { Some(flow) } else { None }
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

/// How often each site decided for each flow. They stand apart, because most flows need none, and
/// all in one list, because flows are many.
#[derive(Clone, Debug, Default)]
struct Counts {
    /// For each flow so many words with a bit for every site after those that have one in the flow itself;
    /// none in a system that has few sites.
    wide: Vec<u64>,
    width: usize,
    pages: Vec<Page>,
    /// What does not fit into a page, by flow and site.
    more: Map<(u32, u32), u32>,
}

/// What a flow itself knows of its counts.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    /// A bit for every site that decided for it. The first [`ALONE`] sites have one each, and most sites
    /// decide once: then the bit is all there is to keep. Those that have none anywhere share the bits that
    /// are left.
    seen: u64,
    /// Its last page; none before it has a count that is not in its bits.
    last: Option<NonZeroU32>,
}

/// How many sites have a bit of a flow to themselves: those that decided first, which are those that
/// decide most.
const ALONE: u32 = 48;

/// The bits that the last sites share.
const SHARED: u32 = 64 - ALONE;

/// So many words more a flow may have.
const WIDEST: u32 = 8;

/// A few small counters of one flow, in half a line of the cache.
#[derive(Clone, Debug)]
struct Page {
    few: [(u16, u16); FEW],
    len: u32,
    /// The page that was full before this one.
    before: Option<NonZeroU32>,
}

const FEW: usize = 6;

impl Counts {
    /// Forgets everything; of so many sites each has a bit to itself, within reason.
    fn clear(&mut self, sites: u32) {
        self.wide.clear();
        self.width = sites.saturating_sub(ALONE).div_ceil(u64::BITS).min(WIDEST) as usize;
        self.wide.reserve(FLOWS * self.width);
        self.pages.clear();
        self.pages.reserve(FLOWS);
        self.more.clear();
    }

    /// Another flow begins, for which no site decided.
    #[inline(never)]
    fn begin_flow(&mut self) {
        self.wide.resize(self.wide.len() + self.width, 0);
    }

    /// Counts one more decision of `site` for a flow.
    #[inline]
    fn next(&mut self, own: &mut Own, flow: u32, site: u32) -> u32 {
        if site >= ALONE {
            return self.next_of_many(own, flow, site);
        }
        let bit = 1 << site;
        let is_first = own.seen & bit == 0;
        own.seen |= bit;
        if is_first { 1 } else { self.in_pages(own, flow, (site, true), false) }
    }

    /// The same where the flow itself has no bit for the site.
    #[inline(never)]
    fn next_of_many(&mut self, own: &mut Own, flow: u32, site: u32) -> u32 {
        let (word, bit) = ((site - ALONE) / u64::BITS, 1_u64 << ((site - ALONE) % u64::BITS));
        if (word as usize) < self.width {
            let word = &mut self.wide[flow as usize * self.width + word as usize];
            let is_first = *word & bit == 0;
            *word |= bit;
            return if is_first { 1 } else { self.in_pages(own, flow, (site, true), false) };
        }
        let bit = 1 << (ALONE + site % SHARED);
        let is_first = own.seen & bit == 0;
        own.seen |= bit;
        self.in_pages(own, flow, (site, false), is_first)
    }

    /// Counts one more decision of a site whose count is kept in pages: of one with a bit of its own
    /// from the second.
    #[cold]
    fn in_pages(
        &mut self,
        own: &mut Own,
        flow: u32,
        (site, is_alone): (u32, bool),
        is_first: bool,
    ) -> u32 {
        let Ok(site) = u16::try_from(site) else { return self.many(flow, site, 0) };
        if !is_first && let Some(count) = self.again(own.last, flow, site) {
            return count;
        }
        let count = if is_alone { 2 } else { 1 };
        if let Some(last) = own.last
            && let Some(page) = self.pages.get_mut(last.get() as usize - 1)
            && let Some(free) = page.few.get_mut(page.len as usize)
        {
            *free = (site, count);
            page.len += 1;
            return u32::from(count);
        }
        let mut page = Page { few: [(0, 0); FEW], len: 1, before: own.last };
        page.few[0] = (site, count);
        self.pages.push(page);
        own.last = u32::try_from(self.pages.len()).ok().and_then(NonZeroU32::new);
        u32::from(count)
    }

    /// Counts one more decision of a site that is in a page; `None` when it is in none.
    fn again(&mut self, last: Option<NonZeroU32>, flow: u32, site: u16) -> Option<u32> {
        let mut page = last;
        while let Some(number) = page {
            let Page { few, len, before } = &mut self.pages[number.get() as usize - 1];
            let mut few = few.iter_mut().take(*len as usize);
            if let Some((_, count)) = few.find(|(known, _)| *known == site) {
                if *count == u16::MAX {
                    return Some(self.many(flow, u32::from(site), u32::from(u16::MAX)));
                }
                *count += 1;
                return Some(u32::from(*count));
            }
            page = *before;
        }
        None
    }

    /// Counts one more decision beyond those that were counted in a page.
    #[cold]
    fn many(&mut self, flow: u32, site: u32, before: u32) -> u32 {
        let count = self.more.entry((flow, site)).or_insert(before);
        *count = count.saturating_add(1);
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts of three flows where so many sites are known.
    fn three_flows(sites: u32) -> (Counts, [Own; 3]) {
        let mut counts = Counts::default();
        counts.clear(sites);
        (0..3).for_each(|_| counts.begin_flow());
        (counts, [Own::default(); 3])
    }

    #[test]
    fn counts_go_on_beyond_a_page() {
        for known in [0, 49, 700] {
            let (mut counts, [mut own, ..]) = three_flows(known);
            for round in 1..=3 {
                for site in 0..600 {
                    assert_eq!(counts.next(&mut own, 0, site), round, "site {site}");
                }
                assert_eq!(counts.next(&mut own, 0, 1 << 20), round);
            }
        }
    }

    #[test]
    fn a_first_decision_takes_no_page_where_its_site_is_known() {
        let (mut counts, [mut own, ..]) = three_flows(300);
        (0..300).for_each(|site| assert_eq!(counts.next(&mut own, 1, site), 1));
        assert!(counts.pages.is_empty());
    }

    #[test]
    fn counts_go_on_beyond_the_small_counter() {
        let (mut counts, mut own) = (Counts::default(), Own::default());
        for expected in 1..=u32::from(u16::MAX) + 3 {
            assert_eq!(counts.next(&mut own, 0, 5), expected);
            assert_eq!(counts.next(&mut own, 0, ALONE), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn counts_are_those_of_a_map(
            known in 0..200_u32,
            asked in proptest::collection::vec(
                (0..3_u32, proptest::prop_oneof![0..220_u32, 65_500..65_600_u32]), 0..400)
        ) {
            let (mut counts, mut owns) = three_flows(known);
            let mut reference = std::collections::BTreeMap::new();
            for (flow, site) in asked {
                let expected = reference.entry((flow, site)).or_insert(0);
                *expected += 1;
                let found = counts.next(&mut owns[flow as usize], flow, site);
                proptest::prop_assert_eq!(found, *expected, "flow {} site {}", flow, site);
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
