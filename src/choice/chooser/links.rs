//! Links: the sites of each kind of message between two nodes, found without searching.

use brownout_models::Span;
use brownout_models::contract::{Kind, NodeId};

use super::super::site::{Owner, purpose};
use super::{Choices, SiteId};

/// The sites of one kind of message on one link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkSites {
    pub(crate) latency: SiteId,
    pub(crate) lose: SiteId,
    pub(crate) duplicate: SiteId,
    pub(crate) delay: SiteId,
    pub(crate) partition: SiteId,
    /// How long messages travel without weather.
    pub(crate) calm_latency: Span,
    /// All of them are quiet: one look says that a message travels calmly.
    pub(crate) are_quiet: bool,
    /// No partition strikes here.
    pub(crate) is_whole: bool,
    /// Where the latency stands.
    pub(super) latency_at: u32,
}

/// A kind of message on a link: both ends, and the name with one bit for replies.
pub(super) type LinkKey = (u64, u64);

/// So many links are found at once.
pub(super) const NEAR: usize = 64;

/// No link: no node is the last one, as names of nodes would not fit into memory.
pub(super) const NOWHERE: (LinkKey, u32) = ((u64::MAX, u64::MAX), 0);

/// Where a link stands among those used lately.
#[inline]
fn near((ends, kind): LinkKey) -> usize {
    let mixed = (ends ^ kind.rotate_left(40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 58).unwrap_or(0)
}

fn link_key(from: NodeId, to: NodeId, kind: Kind) -> LinkKey {
    let ends = u64::from(from.0) << 32 | u64::from(to.0);
    (ends, u64::from(kind.name.0) << 1 | u64::from(kind.reply))
}

impl Choices {
    #[inline]
    pub(crate) fn on_link(&mut self, from: NodeId, to: NodeId, kind: Kind) -> LinkSites {
        let key = link_key(from, to, kind);
        let (known, place) = self.near[near(key)];
        if known == key
            && let Some((_, sites)) = self.on_links.get_index(place as usize)
        {
            return *sites;
        }
        self.find_link(key, from, to, kind)
    }

    /// The sites of a link that was not used lately.
    #[cold]
    fn find_link(&mut self, key: LinkKey, from: NodeId, to: NodeId, kind: Kind) -> LinkSites {
        if let Some((place, _, sites)) = self.on_links.get_full(&key) {
            self.near[near(key)] = (key, u32::try_from(place).unwrap_or(u32::MAX));
            return *sites;
        }
        let owner = Owner::Link { from, to, kind };
        let latency = self.layout.latency(from, to, kind);
        let calm_latency = latency.calm();
        self.latencies.push(latency);
        let mut sites = LinkSites {
            calm_latency,
            are_quiet: false,
            is_whole: false,
            latency_at: u32::try_from(self.latencies.len() - 1).unwrap_or(u32::MAX),
            latency: self.new_site(owner, purpose::LATENCY, true),
            lose: self.new_site(owner, purpose::LOSE, false),
            duplicate: self.new_site(owner, purpose::DUPLICATE, false),
            delay: self.new_site(owner, purpose::DELAY, false),
            partition: self.new_site(owner, purpose::PARTITION, false),
        };
        sites = self.heard(sites);
        self.on_links.insert(key, sites);
        sites
    }

    /// The sites of a link with what is known of their loudness.
    pub(super) fn heard(&self, sites: LinkSites) -> LinkSites {
        let is_whole = self.is_quiet(sites.partition);
        let others = [sites.latency, sites.lose, sites.duplicate, sites.delay];
        let are_quiet = is_whole && others.into_iter().all(|site| self.is_quiet(site));
        LinkSites { are_quiet, is_whole, ..sites }
    }
}
