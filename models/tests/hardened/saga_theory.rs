//! Theory of sagas (P17): how many commit, how much is undone, and how many get stuck, each against
//! its exact odds within an interval of 99.9 % that is computed, not guessed.

use brownout_models::Name;
use brownout_models::policy::{Next, Saga, SagaConfig, SagaEnd, StepEnd};

/// Odds and means in parts of this.
const ONE: i128 = 1_000_000_000_000;
const RUNS: i128 = 100_000;
/// The square of 3.2905, the two-sided 99.9 % quantile of the normal distribution, in ten-thousandths.
const Z_SQUARED: i128 = 108_274;

/// Whether a sum over all runs is within 99.9 % of its mean, given the first two moments of one run.
fn is_likely(sum: i128, mean: i128, second: i128) -> bool {
    let variance = second - mean * mean / ONE;
    let off = sum * ONE - RUNS * mean;
    off / 1_000 * (off / 1_000) * 10_000 <= Z_SQUARED * RUNS * variance / 1_000 * (ONE / 1_000)
}

/// Steele, Lea & Flood's SplitMix64: a stream from a fixed seed.
struct Luck(u64);

impl Luck {
    fn strikes(&mut self, odds_in_ten: u64) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % 10 < odds_in_ten
    }
}

/// The odds in tenths that the action of each step is rejected.
const REJECTED: [u64; 3] = [1, 2, 3];

/// Sums over all runs: committed, compensations, their squares left out, and stuck.
fn simulate(compensation_fails: u64, attempts: u32) -> (i128, i128, i128) {
    let config = SagaConfig {
        action_attempts: 1,
        compensation_attempts: attempts,
        ..SagaConfig::hardened()
    };
    let mut luck = Luck(17);
    let (mut committed, mut compensations, mut stuck) = (0, 0, 0);
    let mut saga = Saga::new(config);
    for name in 0..3 {
        saga.add_step(Name(name), true);
    }
    for _ in 0..RUNS {
        let mut next = saga.begin().unwrap();
        while saga.is_running() {
            next = match next {
                Next::Act(step) if luck.strikes(REJECTED[step]) => saga.ended(StepEnd::Rejected),
                Next::Act(_) => saga.ended(true),
                Next::Compensate(_) if luck.strikes(compensation_fails) => saga.ended(false),
                Next::Compensate(_) => {
                    compensations += 1;
                    saga.ended(true)
                }
                Next::Pause(_) => saga.resume(),
                Next::Committed | Next::RolledBack | Next::NeedsIntervention => None,
            }
            .unwrap();
        }
        committed += i128::from(saga.end() == Some(SagaEnd::Committed));
        stuck += i128::from(saga.end() == Some(SagaEnd::NeedsIntervention));
    }
    (committed, compensations, stuck)
}

/// The odds that exactly the steps before this one succeed and it is rejected.
fn fails_at(step: usize) -> i128 {
    let tenth = |odds: u64| ONE / 10 * i128::from(odds);
    let before = REJECTED[..step].iter().fold(ONE, |odds, p| odds * (ONE - tenth(*p)) / ONE);
    before * tenth(REJECTED[step]) / ONE
}

#[test]
fn p17_as_many_sagas_commit_and_as_much_is_undone_as_the_odds_say() {
    let (committed, compensations, stuck) = simulate(0, 1);
    let commits = ONE - (0..3).map(fails_at).sum::<i128>();
    assert_eq!(commits, ONE * 504 / 1_000, "0.9 * 0.8 * 0.7");
    assert!(is_likely(committed, commits, commits), "{committed} of {RUNS}");
    // Step i fails: the i - 1 before it are undone.
    let undone: i128 = (0..3).map(|step| fails_at(step) * step as i128).sum();
    let squares: i128 = (0..3).map(|step| fails_at(step) * (step * step) as i128).sum();
    assert_eq!(undone, ONE * 612 / 1_000, "0.18 + 2 * 0.216");
    assert!(is_likely(compensations, undone, squares), "{compensations} in {RUNS}");
    assert_eq!(stuck, 0);
    // And the interval is narrow enough to tell: one part in a hundred off is not likely.
    assert!(!is_likely(committed, commits * 98 / 100, commits * 98 / 100));
}

#[test]
fn p17_retries_take_the_residue_from_c_to_its_power() {
    for attempts in [1, 3] {
        let (_, _, stuck) = simulate(1, attempts);
        let lost = ONE / 10_i128.pow(attempts);
        // Step i fails: it gets stuck unless all i - 1 compensations succeed.
        let all_undone = |step: usize| (0..step).fold(ONE, |odds, _| odds * (ONE - lost) / ONE);
        let odds: i128 = (0..3).map(|step| fails_at(step) * (ONE - all_undone(step)) / ONE).sum();
        assert!(is_likely(stuck, odds, odds), "{stuck} of {RUNS} with {attempts} attempts");
    }
}
