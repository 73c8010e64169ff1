//! Quick trips: what nearly every message asks under a seed, which is whether it is lost and how long it
//! travels, answered in one go. Whatever is not as nearly always takes the long way, which counts and
//! decides by itself; the answers are the same.

use brownout_models::Span;
use brownout_models::contract::{Distribution, FlowId};

use super::super::flow;
use super::super::mix::{self, First};
use super::super::sample::{self, Sigma};
use super::super::site::Site;
use super::{Choices, LinkSites, SiteId};

/// Whether messages may travel quickly on a link.
#[derive(Clone, Copy, Debug)]
pub(super) enum Haste {
    /// It is not known yet whether weather decides there.
    Unknown,
    /// They may not.
    None,
    /// They may.
    Quick(Quick),
}

/// What a seed says of a [simple](LinkSites::is_simple) link that it alone decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quick {
    /// The bits of both sites, in what a flow knows of its counts.
    sites: u64,
    latency: First,
    /// Where the table of the latency stands.
    table: u32,
    /// Whether messages are lost: if so, the words up to the last one say it.
    may_lose: bool,
    lose: First,
    last: u64,
}

impl Choices {
    /// How long a message travels that is the first of its flow on the link that was
    /// [found](Self::on_link) at this place; `None` where that is not so, the message is lost, or
    /// anything else wants to be looked at.
    #[inline(never)]
    pub(crate) fn travel_quickly(&mut self, place: usize, flow: FlowId) -> Option<Span> {
        let Haste::Quick(quick) = &self.haste[place] else { return None };
        let flow = self.flows.first_at(quick.sites, flow)?;
        if quick.may_lose && mix::first_word(quick.lose, flow.key()) <= quick.last {
            return None;
        }
        let takes = self
            .log_normals
            .sample_at(quick.table as usize, mix::first_word(quick.latency, flow.key()));
        flow.count(quick.sites);
        Some(takes)
    }

    /// Says whether messages on the link of this place may travel quickly, as soon as that is known:
    /// when it was noted that weather decides there.
    #[cold]
    pub(super) fn judge(&mut self, place: usize) {
        let (_, sites) = self.near[place];
        let SiteId(latency) = sites.latency;
        let Site { loud, met, .. } = self.sites[latency as usize];
        self.haste[place] = match self.quick(sites) {
            Some(quick) => Haste::Quick(quick),
            None if met || !loud => Haste::None,
            None => Haste::Unknown,
        };
    }

    fn quick(&mut self, sites: LinkSites) -> Option<Quick> {
        let latency_is = self.latencies[sites.latency_at as usize];
        let Distribution::LogNormal { median, sigma_millionths } = latency_is else { return None };
        let [latency, lose] =
            [sites.latency, sites.lose].map(|SiteId(site)| &self.sites[site as usize]);
        let may_lose = lose.loud;
        if !sites.is_simple || !latency.is_plain || may_lose && !lose.is_plain {
            return None;
        }
        let (mut bits, mut last) = (flow::bit_of(latency.rank)?, 0);
        if may_lose {
            bits |= flow::bit_of(lose.rank)?;
            last = sample::last_flagged(lose.odds)?;
        }
        let (latency, lose) = (mix::first(latency.key), mix::first(lose.key));
        let table = self.log_normals.place(median, Sigma::from_millionths(sigma_millionths));
        let table = u32::try_from(table).ok()?;
        Some(Quick { sites: bits, latency, table, may_lose, lose, last })
    }
}
