//! What theory says of retries and budgets, within intervals that are computed, on fixed seeds.
//!
//! An interval holds 999 in 1,000 runs: 3.29 standard deviations of what is estimated, which follow
//! from the distribution that theory gives. The seeds were fixed before the first run.

#![expect(clippy::float_arithmetic, reason = "expectations are real numbers, and stay in here")]
#![expect(clippy::cast_precision_loss, reason = "no count comes near 2^53")]

use brownout_models::policy::{
    BackoffConfig, BudgetConfig, FailureKind, Retry, RetryBudget, RetryConfig, RetryNext, Spent,
    Start, Terms,
};
use brownout_models::{Factor, Ratio, Span, Time};

/// Standard deviations on both sides of a mean that hold 99.9 % of a normal distribution.
const DEVIATIONS: f64 = 3.29;

/// `SplitMix64`: small, and good enough to fail calls at random.
struct Luck(u64);

impl Luck {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// True with this probability, in thousandths.
    fn strikes(&mut self, thousandths: u64) -> bool {
        u128::from(self.word()) * 1_000 < u128::from(thousandths) << 64
    }
}

/// Makes a call whose attempts fail with this probability: how many there were, and how it ended.
fn call(
    config: &RetryConfig,
    budget: &mut RetryBudget,
    now: &mut Time,
    mut fails: impl FnMut() -> bool,
) -> (u64, bool) {
    let mut retry = Retry::begin(config, budget, *now, Terms::default());
    loop {
        assert!(matches!(retry.start(config, budget, *now), Start::Go(_)));
        let result = if fails() { Err(FailureKind::Transient.into()) } else { Ok(()) };
        match retry.ended(config, budget, *now, result, |waits| waits.calm) {
            RetryNext::Again { after } => *now += after,
            RetryNext::Succeeded => return (u64::from(retry.started()), true),
            RetryNext::Failed(_) => return (u64::from(retry.started()), false),
            RetryNext::Waiting => unreachable!("one attempt at a time"),
        }
    }
}

fn within(what: &str, mean: f64, expected: f64, variance: f64, samples: f64) {
    let half = DEVIATIONS * (variance / samples).sqrt();
    assert!((mean - expected).abs() <= half, "{what}: {mean}, expected {expected} +- {half}");
}

/// P1: E[attempts] = (1 - p^(n+1)) / (1 - p) for n retries, and p^(n+1) of the calls fail for good.
#[test]
fn attempts_of_a_call_follow_the_geometric_law() {
    let calls = 40_000;
    let config = RetryConfig::guide();
    for (seed, thousandths) in [(11, 100), (12, 500), (13, 900), (14, 1_000)] {
        let (mut luck, mut attempts, mut failures) = (Luck(seed), 0, 0);
        for _ in 0..calls {
            let mut budget = RetryBudget::new(config.budget.clone());
            let (made, ok) =
                call(&config, &mut budget, &mut Time::ZERO.clone(), || luck.strikes(thousandths));
            attempts += made;
            failures += u64::from(!ok);
        }
        let (p, calls) = (thousandths as f64 / 1_000.0, f64::from(calls));
        let chance = [1.0 - p, p * (1.0 - p), p * p * (1.0 - p), p * p * p];
        let mean: f64 = chance.iter().zip(1..).map(|(chance, n)| chance * f64::from(n)).sum();
        let square: f64 = chance.iter().zip(1..).map(|(chance, n)| chance * f64::from(n * n)).sum();
        let law = if thousandths == 1_000 { 4.0 } else { (1.0 - p * p * p * p) / (1.0 - p) };
        assert!((mean - law).abs() < 1e-12, "the sum is the law");
        let variance = square - mean * mean;
        within("attempts", attempts as f64 / calls, mean, variance.max(0.0), calls);
        let residue = p * p * p * p;
        let spread = residue * (1.0 - residue);
        within("failures", failures as f64 / calls, residue, spread, calls);
    }
}

/// P2, P3: with a share of 20 % no failure rate sends more than 1.2 times the calls, and near total
/// failure nearly all of that is used; without it the factor is four.
#[test]
fn a_share_bounds_the_amplification() {
    let percent = Ratio::new(1, 5).unwrap();
    let ttl = Span::from_secs(3_600);
    let share = BudgetConfig::Share { percent, min_per_second: 0, ttl };
    for (seed, thousandths) in [(21, 50), (22, 300), (23, 700), (24, 1_000)] {
        let load = |budget: &BudgetConfig| {
            let config = RetryConfig {
                budget: budget.clone(),
                backoff: BackoffConfig { base: Span::from_nanos(1), ..BackoffConfig::guide() },
                ..RetryConfig::guide()
            };
            let (mut luck, mut budget) = (Luck(seed), RetryBudget::new(config.budget.clone()));
            let (mut now, mut sent) = (Time::ZERO, 0);
            for _ in 0..10_000 {
                sent += call(&config, &mut budget, &mut now, || luck.strikes(thousandths)).0;
            }
            sent
        };
        let (bounded, unbounded) = (load(&share), load(&BudgetConfig::Unlimited));
        assert!(bounded <= 12_000, "{bounded} of 10,000 calls at {thousandths}");
        assert!(bounded <= unbounded);
        if thousandths >= 300 {
            assert!(bounded >= 11_999, "{bounded}: a share that is there is used");
        }
        if thousandths == 1_000 {
            assert_eq!(unbounded, 40_000);
        }
    }
}

/// P3: the tokens of gRPC's throttle drift by (1 - p) ratio - p a call: they stand still at
/// p* = ratio / (1 + ratio), which is 1 failure in 11 calls at 0.1.
#[test]
fn one_failure_in_eleven_is_what_the_throttle_of_grpc_bears() {
    let throttle =
        BudgetConfig::Throttle { tokens: 1_000, token_ratio: Factor::from_thousandths(100) };
    let drift = |successes: u64| {
        let mut budget = RetryBudget::new(throttle.clone());
        // Away from the brim, where what is too much is lost.
        (0..100).for_each(|_| budget.failed(Time::ZERO));
        let before = budget.tokens_thousandths().unwrap();
        for _ in 0..10 {
            budget.failed(Time::ZERO);
            (0..successes).for_each(|_| budget.end(Time::ZERO, None, true));
        }
        i64::try_from(budget.tokens_thousandths().unwrap()).unwrap()
            - i64::try_from(before).unwrap()
    };
    assert_eq!([drift(9), drift(10), drift(11)], [-1_000, 0, 1_000]);
}

/// The same, at random: above p* the tokens fall to half after 500 / (p - (1 - p) ratio) calls on
/// average, a first passage with variance 500 s^2 / |drift|^3; below p* they never do.
#[test]
fn above_its_critical_rate_the_throttle_closes_when_theory_says() {
    let throttle =
        BudgetConfig::Throttle { tokens: 1_000, token_ratio: Factor::from_thousandths(100) };
    let closes_after = |seed, thousandths, calls: u32| {
        let (mut luck, mut budget) = (Luck(seed), RetryBudget::new(throttle.clone()));
        (0..calls).find(|_| {
            budget.begin(Time::ZERO);
            let fails = luck.strikes(thousandths);
            if fails {
                budget.failed(Time::ZERO);
            }
            budget.end(Time::ZERO, None, !fails);
            !budget.lends(Time::ZERO, Spent::OnFailure)
        })
    };
    assert_eq!(closes_after(31, 50, 1_000_000), None, "5 % is below 9.09 %");
    let (p, ratio): (f64, f64) = (0.2, 0.1);
    let drift = p - (1.0 - p) * ratio;
    let step = p * (1.0 - p) * (1.0 + ratio) * (1.0 + ratio);
    let runs: u32 = 200;
    let passages: Vec<f64> = (0..runs)
        .map(|run| f64::from(closes_after(u64::from(1_000 + run), 200, 100_000).unwrap()))
        .collect();
    let mean = passages.iter().sum::<f64>() / f64::from(runs);
    let height = 500.0;
    let variance = height * step / (drift * drift * drift);
    // The reflection at the brim lengthens the passage by about s^2 / (2 drift^2) calls.
    let reflection = step / (2.0 * drift * drift);
    within("calls until half", mean, height / drift + reflection, variance, f64::from(runs));
}
