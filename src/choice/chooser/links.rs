//! Links: the sites of each kind of message between two nodes, found without searching.

use brownout_models::Span;
use brownout_models::contract::{Kind, NodeId};

use super::super::site::{Owner, purpose};
use super::quick::Haste;
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
    /// No message is delayed or doubled: it is lost, or takes its time.
    pub(crate) is_simple: bool,
    /// Where the latency stands.
    pub(super) latency_at: u32,
}

/// A kind of message on a link: both ends, and the name with one bit for replies.
pub(super) type LinkKey = (u64, u64);

/// So many links are found at once.
pub(super) const NEAR: usize = 64;

/// No link: no node is the last one, as names of nodes would not fit into memory.
pub(super) const NOWHERE: (LinkKey, LinkSites) = {
    let none = SiteId(u32::MAX);
    let sites = LinkSites {
        latency: none,
        lose: none,
        duplicate: none,
        delay: none,
        partition: none,
        calm_latency: Span::ZERO,
        are_quiet: false,
        is_whole: false,
        is_simple: false,
        latency_at: u32::MAX,
    };
    ((u64::MAX, u64::MAX), sites)
};

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
    /// The sites of a link, and where it stands among those used lately.
    #[inline(always)]
    pub(crate) fn on_link(&mut self, from: NodeId, to: NodeId, kind: Kind) -> (usize, &LinkSites) {
        let key = link_key(from, to, kind);
        let near = near(key);
        if self.near[near].0 != key {
            self.find_link(key, from, to, kind);
        }
        (near, &self.near[near].1)
    }

    /// The sites of the link that stands there.
    #[inline(always)]
    pub(crate) fn sites_at(&self, place: usize) -> &LinkSites {
        &self.near[place].1
    }

    /// Brings the sites of a link near that was not used lately.
    #[cold]
    fn find_link(&mut self, key: LinkKey, from: NodeId, to: NodeId, kind: Kind) {
        let known = self.on_links.get(&key).copied();
        let sites = known.unwrap_or_else(|| self.new_link(key, from, to, kind));
        let place = near(key);
        self.near[place] = (key, sites);
        self.haste[place] = Haste::Unknown;
    }

    fn new_link(&mut self, key: LinkKey, from: NodeId, to: NodeId, kind: Kind) -> LinkSites {
        let owner = Owner::Link { from, to, kind };
        let latency = self.layout.latency(from, to, kind);
        let calm_latency = latency.calm();
        self.latencies.push(latency);
        let mut sites = LinkSites {
            calm_latency,
            are_quiet: false,
            is_whole: false,
            is_simple: false,
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
        let is_simple = is_whole && self.is_quiet(sites.duplicate) && self.is_quiet(sites.delay);
        let are_quiet = is_simple && self.is_quiet(sites.latency) && self.is_quiet(sites.lose);
        LinkSites { are_quiet, is_whole, is_simple, ..sites }
    }
}
