//! The limiter against Go's arithmetic in exact steps of our own.

use std::collections::BTreeMap;

use brownout_models::policy::Limiter;
use brownout_models::{Name, Time};
use proptest::prelude::*;

use super::{config, step};

/// A bucket as the guide writes it: tokens, capacity, refill rate, last refill.
struct Bucket(i64, i64, i64, u64);

/// `int(elapsed.Minutes() * float64(rate))` for what fits, with `Minutes()` as Go's library has it.
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn tokens_to_add(elapsed: u64, rate: i64) -> i64 {
    let (min, nsec) = (elapsed / 60_000_000_000, elapsed % 60_000_000_000);
    let minutes = min as f64 + nsec as f64 / (60.0 * 1e9);
    (minutes * rate as f64) as i64
}

fn allow(buckets: &mut BTreeMap<u32, Bucket>, now: u64, client: u32, limit: i64) -> bool {
    let Bucket(tokens, capacity, rate, last_refill) =
        buckets.entry(client).or_insert(Bucket(limit, limit, limit, now));
    let add = tokens_to_add(now - *last_refill, *rate);
    if add > 0 {
        *tokens = (*tokens + add).min(*capacity);
        *last_refill = now;
    }
    if *tokens > 0 {
        *tokens -= 1;
        return true;
    }
    false
}

/// Spans after which whole tokens are due, where the floor can be one short, and any other.
fn refill() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => (1..100_u64).prop_map(|tokens| tokens * 600_000_000),
        1 => (1..100_u64).prop_map(|tokens| tokens * 1_200_000_000),
        1 => Just(100_000_000_000),
        1 => step(),
    ]
}

proptest! {
    #![proptest_config(config())]

    /// Bursts empty the bucket, so that every token of a refill is counted.
    #[test]
    fn the_limiter_counts_as_the_guide(
        bursts in prop::collection::vec(
            (refill(), 0..2_u32, 1..130_usize,
                prop_oneof![Just(50), Just(100), -2..4_i64, Just(9), Just(1_i64 << 40)]),
            1..12,
        ),
    ) {
        let mut limiter = Limiter::default();
        let (mut buckets, mut now) = (BTreeMap::new(), 0);
        for (step, client, calls, limit) in bursts {
            now += step;
            for call in 0..calls {
                let at = Time::from_nanos(now);
                let admitted = limiter.allow(at, Name(client), Name(0), limit).allowed;
                let expected = allow(&mut buckets, now, client, limit);
                prop_assert_eq!(admitted, expected, "call {} at {}", call, now);
            }
        }
    }
}
