//! Waits against arithmetic in 128 bits, and the bounds that every jitter keeps.

use brownout_models::policy::{BackoffConfig, BackoffShape, Jitter, Overflow, Spread, Waits};
use brownout_models::{Factor, Ratio, Span, Timeout};
use proptest::prelude::*;

use super::config;

fn backoff() -> impl Strategy<Value = BackoffConfig> {
    let shape = prop::sample::select(vec![
        BackoffShape::Constant,
        BackoffShape::Linear,
        BackoffShape::Exponential,
    ]);
    let jitter = prop_oneof![
        Just(Jitter::Off),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        Just(Jitter::Decorrelated),
        (0..=4_u32).prop_map(|fifths| Jitter::Proportional(Ratio::new(fifths, 4).unwrap())),
    ];
    let base = prop_oneof![1..20_u64, Just(100_000_000), Just(1 << 62), Just(u64::MAX)];
    let more = prop_oneof![Just(None), (0..1_000_u64).prop_map(Some), Just(Some(20_000_000_000))];
    (shape, jitter, base, 1_000..3_500_u32, more).prop_map(
        |(shape, jitter, base, multiplier, more)| BackoffConfig {
            shape,
            base: Span::from_nanos(base),
            multiplier: Factor::from_thousandths(multiplier),
            cap: more.map_or(Timeout::Never, |more| {
                Timeout::After(Span::from_nanos(base.saturating_add(more)))
            }),
            jitter,
            overflow: Overflow::Saturates,
        },
    )
}

/// The wait ahead of jitter, in 128 bits.
fn plain(config: &BackoffConfig, retry: u32) -> u64 {
    let base = u128::from(config.base.as_nanos());
    let most = u128::from(u64::MAX);
    let wait = match config.shape {
        BackoffShape::Constant => base,
        BackoffShape::Linear => base * (u128::from(retry) + 1),
        BackoffShape::Exponential => (0..retry).fold(base, |wait, _| {
            (wait * u128::from(config.multiplier.as_thousandths()) / 1_000).min(most)
        }),
    };
    let cap = config.cap.span().map_or(most, |cap| u128::from(cap.as_nanos()));
    u64::try_from(wait.min(most).min(cap)).unwrap()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn waits_grow_as_they_are_told_and_never_wrap(
        config in backoff(),
        retry in prop_oneof![0..8_u32, 30..70_u32],
        previous in any::<u64>(),
        word in any::<u64>(),
    ) {
        let expected = plain(&config, retry);
        prop_assert_eq!(config.ceiling(retry).as_nanos(), expected);
        let waits = config.waits(retry, Span::from_nanos(previous));
        let wide = u128::from(expected);
        let (min, max) = match config.jitter {
            Jitter::Off => (wide, wide),
            Jitter::Full => (0, wide),
            Jitter::Equal => (wide / 2, wide),
            Jitter::Proportional(part) => {
                let part = wide * u128::from(part.num()) / u128::from(part.den());
                (wide - part, (wide + part).min(u128::from(u64::MAX)))
            }
            Jitter::DecorrelatedV2 => unreachable!("its curve has tests of its own"),
            Jitter::Decorrelated => {
                let base = u128::from(config.base.as_nanos());
                let cap = config.cap.span().map_or(u64::MAX, Span::as_nanos);
                let most = (3 * u128::from(previous).max(base)).min(u128::from(cap));
                (base, most)
            }
        };
        prop_assert_eq!(u128::from(waits.min.as_nanos()), min);
        prop_assert_eq!(u128::from(waits.max.as_nanos()), max);
        prop_assert!(waits.min <= waits.calm && waits.calm <= waits.max);
        let wait = waits.at(word);
        prop_assert!(waits.min <= wait && wait <= waits.max);
        prop_assert!(waits.at(word / 2) <= wait, "a larger word is never a shorter wait");
        prop_assert_eq!(waits.at(0), waits.min);
        prop_assert_eq!(waits.at(u64::MAX), waits.max);
    }

    /// SC-5: without an option to the contrary, no wait is above the cap.
    #[test]
    fn hardened_waits_stay_below_their_cap(retry in any::<u32>(), word in any::<u64>()) {
        let wait = BackoffConfig::hardened().waits(retry, Span::MAX).at(word);
        prop_assert!(wait <= Span::from_secs(20));
    }
}

#[test]
fn every_wait_of_a_range_has_as_many_words() {
    let waits = Waits {
        min: Span::from_nanos(10),
        max: Span::from_nanos(13),
        calm: Span::ZERO,
        spread: Spread::Even,
    };
    let quarter = 1_u64 << 62;
    for (place, wait) in (0..).zip(10..=13) {
        assert_eq!(waits.at(place * quarter).as_nanos(), wait);
        assert_eq!(waits.at(place * quarter + (quarter - 1)).as_nanos(), wait);
    }
}

/// SC-6: 100 ms doubled 37 times is no wait at all; the remedy alone mends it.
#[test]
fn the_guides_thirty_eighth_wait_is_none() {
    let guide = BackoffConfig::guide();
    assert_eq!(guide.ceiling(36).as_nanos(), 6_871_947_673_600_000_000);
    assert_eq!(guide.ceiling(37), Span::ZERO);
    let mended = BackoffConfig { overflow: Overflow::Saturates, ..guide };
    assert_eq!(mended.ceiling(37).as_nanos(), 13_743_895_347_200_000_000);
    assert_eq!(mended.ceiling(38), Span::MAX);
    assert_eq!(BackoffConfig::hardened().ceiling(38), Span::from_secs(20));
}

/// SC-5: whatever the word, the guide's clients come back together.
#[test]
fn the_guides_waits_leave_nothing_to_chance() {
    let guide = BackoffConfig::guide();
    for (retry, millis) in [(0, 100), (1, 200), (2, 400)] {
        let waits = guide.waits(retry, Span::ZERO);
        assert_eq!([waits.at(0), waits.at(u64::MAX)], [Span::from_millis(millis); 2]);
    }
    let hardened = BackoffConfig::hardened().waits(0, Span::ZERO);
    assert_ne!(hardened.at(0), hardened.at(u64::MAX));
}

/// gRPC's connection backoff: 1 s times 1.6, give or take 20 %, up to 120 s ahead of that.
#[test]
fn the_backoff_of_grpc_can_be_said() {
    let grpc = BackoffConfig {
        base: Span::from_secs(1),
        multiplier: "1.6".parse().unwrap(),
        cap: Timeout::After(Span::from_secs(120)),
        jitter: Jitter::Proportional("20%".parse().unwrap()),
        ..BackoffConfig::hardened()
    };
    assert_eq!(grpc.mistakes(), []);
    let range = |retry| {
        let waits = grpc.waits(retry, Span::ZERO);
        [waits.min, waits.max].map(|span| span.as_nanos() / 1_000_000)
    };
    assert_eq!([range(0), range(1), range(2)], [[800, 1_200], [1_280, 1_920], [2_048, 3_072]]);
    assert_eq!(range(50), [96_000, 144_000]);
}

#[test]
fn a_moment_of_the_slot_stands_for_a_wait_of_the_range() {
    let nanos = Span::from_nanos;
    let (min, max, calm) = (nanos(10), nanos(13), nanos(12));
    let waits = Waits { min, max, calm, spread: Spread::Even };
    assert_eq!(waits.slot(), (nanos(4), nanos(2)));
    for moment in 0..4 {
        assert_eq!(waits.within(nanos(moment)), nanos(10 + moment));
    }
}

#[test]
fn the_calm_wait_of_a_range_without_a_ceiling_is_its_middle() {
    let config = BackoffConfig {
        jitter: Jitter::Decorrelated,
        base: Span::from_secs(1),
        ..BackoffConfig::guide()
    };
    for (previous, most, calm) in [(0, 3_000, 2_000), (2_000, 6_000, 3_500)] {
        let waits = config.waits(0, Span::from_millis(previous));
        assert_eq!((waits.min, waits.max), (Span::from_secs(1), Span::from_millis(most)));
        assert_eq!(waits.calm, Span::from_millis(calm));
    }
}
