//! Consistent hashing: the same key finds the same host while the hosts stay.

use std::sync::Arc;

use crate::hash::Map;
use serde::Serialize;

use super::Host;
use super::config::{RING_MAX, TABLE_MAX};
use crate::Name;

/// A place among the hashes, and the index of the host that is there.
pub(super) type Point = (u64, u32);

/// Points in order, shared by all picks until the list changes.
pub(super) type Table = Arc<Vec<Point>>;

/// The tables of each service, for the list they were made of.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Tables {
    tables: Map<Name, (Vec<Host>, Table)>,
}

impl Tables {
    /// The ring of a list: points in order, each with the index of its host: `ring_size` or
    /// more.
    pub(super) fn ring(&mut self, service: Name, hosts: &[Host], ring_size: u32) -> Table {
        self.table(service, hosts, |hosts| ring(hosts, ring_size))
    }

    /// The lookup table of a list, `table_size` entries, each with the index of its host.
    pub(super) fn maglev(&mut self, service: Name, hosts: &[Host], table_size: u32) -> Table {
        self.table(service, hosts, |hosts| maglev(hosts, table_size))
    }

    fn table(
        &mut self,
        service: Name,
        hosts: &[Host],
        make: impl FnOnce(&[Host]) -> Vec<Point>,
    ) -> Table {
        match self.tables.get(&service) {
            Some((known, table)) if known == hosts => Arc::clone(table),
            Some(_) | None => {
                let table = Arc::new(make(hosts));
                self.tables.insert(service, (hosts.to_vec(), Arc::clone(&table)));
                table
            }
        }
    }
}

fn ring(hosts: &[Host], ring_size: u32) -> Vec<Point> {
    let all: u64 = hosts.iter().map(|host| u64::from(host.weight)).sum();
    // A power of two for each unit of weight: it seldom changes with the list, and while it does not,
    // only the keys of hosts that come or go move.
    let each = u64::from(ring_size.min(RING_MAX)).div_ceil(all.max(1)).next_power_of_two();
    let mut points = Vec::new();
    for (index, host) in (0_u32..).zip(hosts) {
        points.extend(
            (0..each * u64::from(host.weight))
                .map(|point| (hash((u64::from(host.id.0) << 32) + point), index)),
        );
    }
    points.sort_unstable();
    points
}

/// Eisenbud et al., "Maglev", NSDI 2016, section 3.4: hosts take turns in claiming the next free entry
/// of their own permutation of the table. Host weights are not heeded.
fn maglev(hosts: &[Host], table_size: u32) -> Vec<Point> {
    let size = u64::from(table_size.clamp(2, TABLE_MAX));
    let mut permutations: Vec<(u64, u64)> = hosts
        .iter()
        .map(|host| {
            let id = u64::from(host.id.0);
            (hash(2 * id) % size, hash(2 * id + 1) % (size - 1) + 1)
        })
        .collect();
    let mut table = vec![u32::MAX; usize::try_from(size).unwrap_or(0)];
    // Each turn claims one entry.
    for index in (0..permutations.len()).cycle().take(table.len()) {
        let (next, skip) = &mut permutations[index];
        let own = (0..size).map(|step| (*next + step * *skip) % size);
        // A skip that shares a factor with the size does not come round to every entry.
        let any = (1..size).map(|step| (*next + step) % size);
        let is_free = |at: &u64| table[usize::try_from(*at).unwrap_or(0)] == u32::MAX;
        let Some(free) = own.chain(any).find(is_free) else { break };
        *next = free;
        table[usize::try_from(free).unwrap_or(0)] = u32::try_from(index).unwrap_or(u32::MAX);
    }
    (0_u64..).zip(table).collect()
}

/// A fixed mix of 64 bits: the finaliser of `SplitMix64`.
pub(super) const fn hash(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first words of the published generator, from the seeds 0 and 1,234,567.
    #[test]
    fn the_mix_is_the_one_of_split_mix() {
        assert_eq!(hash(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(hash(1_234_567), 6_457_827_717_110_365_317);
    }

    /// 40 points for weights of 1, 2 and 0 are 14 a unit at least, and so 16.
    #[test]
    fn a_ring_has_a_power_of_two_of_points_for_each_unit_of_weight() {
        let hosts = [(5, 1), (6, 2), (7, 0)];
        let hosts = hosts.map(|(id, weight)| Host { id: crate::Name(id), weight });
        let ring = ring(&hosts, 40);
        assert!(ring.is_sorted());
        let mut expected: Vec<Point> = Vec::new();
        expected.extend((0..16).map(|point| (hash(5 * (1 << 32) + point), 0)));
        expected.extend((0..32).map(|point| (hash(6 * (1 << 32) + point), 1)));
        expected.sort_unstable();
        assert_eq!(ring, expected);
    }

    /// A configuration with such a size is a mistake, and picks all the same.
    #[test]
    fn a_table_whose_size_is_no_prime_is_full_and_even() {
        for size in [4, 6, 8, 12, 100] {
            for count in 1..=4 {
                let hosts: Vec<Host> = (0..count).map(|id| Host::new(crate::Name(id))).collect();
                let table = maglev(&hosts, size);
                for index in 0..count {
                    let entries = table.iter().filter(|(_, of)| *of == index).count();
                    let most = (size - index).div_ceil(count) as usize;
                    assert_eq!(entries, most, "host {index} of {count}, {size} entries");
                }
            }
        }
    }

    /// The paper's own words: host i prefers the entries `(offset + j * skip) mod M` for j = 0, 1, ..,
    /// `offset` from 0 to M - 1 and `skip` from 1 to M - 1, and hosts take turns.
    #[test]
    fn a_table_is_filled_in_turns_by_everybodys_preferences() {
        for (count, size) in [(1, 7), (2, 7), (3, 7), (3, 13), (5, 13), (4, 101), (10, 101)] {
            let hosts: Vec<Host> = (40..40 + count).map(|id| Host::new(crate::Name(id))).collect();
            let preferences: Vec<Vec<u64>> = (40..40 + u64::from(count))
                .map(|id| {
                    let (offset, skip) = (hash(2 * id) % size, 1 + hash(2 * id + 1) % (size - 1));
                    (0..size).map(|j| (offset + j * skip) % size).collect()
                })
                .collect();
            let mut claimed: Vec<Option<u32>> = vec![None; usize::try_from(size).unwrap()];
            while claimed.contains(&None) {
                for (index, preferences) in (0..).zip(&preferences) {
                    let mut wanted = preferences.iter().map(|at| usize::try_from(*at).unwrap());
                    if let Some(free) = wanted.find(|at| claimed[*at].is_none()) {
                        claimed[free] = Some(index);
                    }
                }
            }
            let table = maglev(&hosts, u32::try_from(size).unwrap());
            let entries: Vec<_> = table.iter().map(|(_, index)| Some(*index)).collect();
            assert_eq!(entries, claimed, "{count} hosts, {size} entries");
        }
    }
}
