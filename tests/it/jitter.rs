//! What jitter saves: clients that contend for one row, and wait between their attempts as the policy
//! says.
//!
//! This is the experiment of "Exponential backoff and jitter" (Brooker, 2015, with its
//! `aws-arch-backoff-simulator`): a client reads the version of a row and writes the row if that is
//! still its version; when it is not, it waits and begins anew. A hundred clients begin at once, the
//! network takes 6 to 14 ms each way, waits begin at 5 ms and end at 2 s.

#![expect(clippy::float_arithmetic, reason = "means and deviations are real numbers")]
#![expect(clippy::cast_precision_loss, reason = "no count comes near 2^53")]

use std::collections::BTreeMap;

use brownout::models::policy::{BackoffConfig, BackoffShape, Jitter};
use brownout::models::{Span, Time, Timeout};

/// `SplitMix64`.
struct Luck(u64);

impl Luck {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// One way through the network.
    fn way(&mut self) -> Span {
        Span::from_nanos(6_000_000 + self.word() % 8_000_001)
    }
}

#[derive(Clone, Copy)]
enum Arrives {
    Read,
    Write { version: u32 },
}

/// Writes that were tried until all hundred clients had written, and how long that took.
fn contend(backoff: &BackoffConfig, seed: u64) -> (u64, Time) {
    const CLIENTS: usize = 100;
    let (mut luck, mut waiting) = (Luck(seed), BTreeMap::new());
    let (mut version, mut writes, mut number) = (0, 0, 0_u64);
    let mut waits = [(0, Span::ZERO); CLIENTS];
    for client in 0..CLIENTS {
        waiting.insert((Time::ZERO + luck.way(), number), (client, Arrives::Read));
        number += 1;
    }
    let mut last = Time::ZERO;
    while let Some(((now, _), (client, what))) = waiting.pop_first() {
        last = now;
        number += 1;
        let there_and_back = luck.way() + luck.way();
        match what {
            Arrives::Read => {
                waiting
                    .insert((now + there_and_back, number), (client, Arrives::Write { version }));
            }
            Arrives::Write { version: read } => {
                writes += 1;
                if read == version {
                    version += 1;
                    continue;
                }
                let (retry, previous) = &mut waits[client];
                let wait = backoff.waits(*retry, *previous).at(luck.word());
                (*retry, *previous) = (*retry + 1, wait);
                waiting.insert((now + there_and_back + wait, number), (client, Arrives::Read));
            }
        }
    }
    (writes, last)
}

/// The mean of a sample, and half the width of the interval that holds it in 999 of 1,000 cases.
fn interval(sample: &[f64]) -> (f64, f64) {
    let count = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / count;
    let variance = sample.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (count - 1.0);
    (mean, 3.29 * (variance / count).sqrt())
}

/// P4: full <= equal < decorrelated < no jitter < no backoff in calls; and without jitter it takes an
/// order of magnitude longer than with all of it (SC-5).
#[test]
fn jitter_saves_calls_and_time() {
    let backoff = |jitter| BackoffConfig {
        base: Span::from_millis(5),
        cap: Timeout::After(Span::from_secs(2)),
        jitter,
        ..BackoffConfig::hardened()
    };
    let none =
        BackoffConfig { shape: BackoffShape::Constant, base: Span::ZERO, ..backoff(Jitter::Off) };
    let jitters = [Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::Off];
    let runs = jitters.map(backoff).into_iter().chain([none]).map(|backoff| {
        let runs: Vec<_> = (0..20).map(|seed| contend(&backoff, seed)).collect();
        let calls: Vec<f64> = runs.iter().map(|(calls, _)| *calls as f64).collect();
        let took: Vec<f64> = runs.iter().map(|(_, took)| took.as_nanos() as f64).collect();
        (interval(&calls), interval(&took))
    });
    let runs: Vec<_> = runs.collect();
    let calls: Vec<_> = runs.iter().map(|(calls, _)| *calls).collect();
    assert!(calls[0].0 <= calls[1].0, "full {:?}, equal {:?}", calls[0], calls[1]);
    for pair in calls[1..].windows(2) {
        assert!(pair[0].0 + pair[0].1 < pair[1].0 - pair[1].1, "in order: {calls:?}");
    }
    let ((full, wide), (unjittered, off)) = (runs[0].1, runs[3].1);
    assert!(10.0 * (full + wide) < unjittered - off, "{full} ns against {unjittered} ns");
}
