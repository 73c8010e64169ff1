//! Zones: calls stay near as far as that loads nobody more than others.
//!
//! This is Envoy's zone aware routing (`zone_aware_lb_config`, and `LocalityDirect` and
//! `LocalityResidual` in its source). Let `c` be the share of the callers that are in the caller's
//! zone, and `h` the share of the hosts there. While `h >= c` all calls stay; otherwise `h / c` of
//! them do, and the rest goes to zones with more hosts than callers in proportion to that excess. So
//! if every caller makes as many calls, every host gets as many. Envoy reckons with shares in
//! ten-thousandths, this with exact ones.
//!
//! What is *not* here: priorities and panic mode, and hosts that are not healthy: who is shown is
//! healthy.

use super::config::{BalancerConfig, ZoneRouting};
use crate::Name;

/// Where a pick is made, and where everybody is.
#[derive(Clone, Copy, Debug)]
pub struct Zones<'a> {
    /// The zone of the caller.
    pub own: Name,
    /// The zones of all callers of the service, this one among them: Envoy's `local_cluster_name`.
    /// Without any, zones do not matter.
    pub callers: &'a [Name],
    /// The zones of the hosts, in the order of the list.
    pub hosts: &'a [Name],
    /// Random bits: which zone is chosen where not everything stays near.
    pub word: u64,
}

/// How much of its calls a caller's zone has room for, and what all of them are; nothing where
/// zones do not matter.
pub(super) fn room(config: &BalancerConfig, zones: Zones<'_>) -> Option<(u128, u128)> {
    let Zones { own, callers, hosts, .. } = zones;
    match config.zone_routing {
        ZoneRouting::Off => return None,
        ZoneRouting::Aware => {}
    }
    let is_elsewhere = |zone: &Name| *zone != own;
    let is_small = hosts.len() < config.min_cluster_size as usize;
    if is_small
        || !hosts.contains(&own)
        || !callers.contains(&own)
        || !hosts.iter().any(is_elsewhere)
    {
        return None;
    }
    Some((of_hosts(zones, own), of_callers(zones, own)))
}

/// The zone whose hosts may be picked; nothing where all may.
pub(super) fn chosen(config: &BalancerConfig, zones: Zones<'_>) -> Option<Name> {
    let Zones { own, hosts, word, .. } = zones;
    let (stay, all) = room(config, zones)?;
    if stay >= all {
        return Some(own);
    }
    // The place in the range of all calls, in 2^-32: lists have at most some millions of entries.
    let place = u128::from(word >> 32) * all;
    let Some(beyond) = place.checked_sub(stay << 32) else { return Some(own) };
    let excess = |zone: Name| of_hosts(zones, zone).saturating_sub(of_callers(zones, zone));
    let others = || (0..hosts.len()).filter(|at| is_first(hosts, *at)).map(|at| hosts[at]);
    let room_elsewhere: u128 = others().map(excess).sum();
    // Own zone has too few hosts, so another one has too many.
    let mut drawn = beyond * room_elsewhere / ((all - stay) << 32);
    others().find(|zone| {
        let here = excess(*zone);
        let is_here = drawn < here;
        drawn = drawn.saturating_sub(here);
        is_here
    })
}

/// A zone's share of the hosts times all callers, and its share of the callers times all hosts: so
/// shares compare as whole numbers.
fn of_hosts(zones: Zones<'_>, zone: Name) -> u128 {
    (count(zones.hosts, zone) * zones.callers.len()) as u128
}

fn of_callers(zones: Zones<'_>, zone: Name) -> u128 {
    (count(zones.callers, zone) * zones.hosts.len()) as u128
}

fn count(zones: &[Name], zone: Name) -> usize {
    zones.iter().filter(|other| **other == zone).count()
}

fn is_first(zones: &[Name], at: usize) -> bool {
    !zones[..at].contains(&zones[at])
}
