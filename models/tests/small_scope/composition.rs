//! Every composition of one or two parts, and all that can become of it.

use brownout_models::policy::{
    Composed, Composition, CompositionConfig, Demand, ErrorOrder, Need, OnPartFailure, PartSpec,
    Timeout,
};
use brownout_models::{Name, Time};

use super::canonical::{Canon, canonical};
use super::{STARTS, explore, nanos};

#[derive(Clone)]
struct State {
    now: Time,
    composition: Composition<(), ()>,
    /// The calls under way: part and attempt.
    calls: Vec<(usize, u32)>,
    composed: Option<Composed<(), ()>>,
}

impl State {
    fn new(config: &CompositionConfig, start: u64, first: u32, needs: &[Need]) -> Self {
        let now = Time::from_nanos(start);
        let part = |(name, need): (u32, &Need)| PartSpec { name: Name(name), need: *need };
        let parts = (first..).zip(needs).map(part).collect();
        let composition = Composition::new(config.clone(), parts, now);
        let mut state = Self { now, composition, calls: Vec::new(), composed: None };
        let demands = state.composition.begin();
        state.follow(demands);
        state
    }

    fn follow(&mut self, demands: Vec<Demand<(), ()>>) {
        for demand in demands {
            assert_eq!(self.composed, None, "nothing is wanted of what is over");
            match demand {
                Demand::Ask { part, attempt } => self.calls.push((part, attempt)),
                Demand::Cancel { part, attempt } => {
                    let at = self.calls.iter().position(|call| *call == (part, attempt));
                    self.calls.remove(at.expect("it is under way"));
                }
                Demand::Done(composed) => self.composed = Some(composed),
            }
        }
        assert!(self.composed.is_none() || self.calls.is_empty(), "nothing is left under way");
    }

    /// Every call ends well or badly, and a nanosecond passes where that can matter.
    fn next(&self, heeds_time: bool) -> Vec<Self> {
        let mut states = Vec::new();
        if self.composed.is_some() {
            return states;
        }
        for place in 0..self.calls.len() {
            for outcome in [Ok(()), Err(())] {
                let mut state = self.clone();
                let call = state.calls.remove(place);
                let demands = state.composition.ended(state.now, call, outcome);
                state.follow(demands);
                states.push(state);
            }
        }
        if heeds_time {
            let mut state = self.clone();
            state.now += nanos(1);
            let due = state.composition.due().filter(|due| *due <= state.now);
            let demands = state.composition.wake(state.now);
            assert_eq!(due.is_some(), !demands.is_empty(), "what is due happens, and nothing else");
            state.follow(demands);
            states.push(state);
        }
        states
    }

    /// How it ended; before, the parts, the order of failures, and its age up to one that is over.
    fn key(&self, age_max: u64) -> (Option<String>, Vec<u128>) {
        let composed = self.composed.as_ref().map(|composed| ron::to_string(composed).unwrap());
        let canon = Canon { now: self.now, age_max, dead: &["config", "specs"], ids: &[] };
        let standing = match composed {
            Some(_) => Vec::new(),
            None => canonical(&self.composition, canon),
        };
        (composed, standing)
    }
}

fn count(config: &CompositionConfig, needs: &[Need], age_max: u64) -> [usize; 4] {
    STARTS.map(|(start, first)| {
        let state = State::new(config, start, first, needs);
        let next = |state: &State| {
            let states = state.next(age_max > 0);
            for State { composed, .. } in &states {
                let Some(composed) = composed else { continue };
                // Whatever happened: an answer has all its required parts, and a gap is an error.
                let here = |part: usize| composed.parts[part].is_ok();
                let lacks =
                    (0..needs.len()).any(|part| needs[part] == Need::Required && !here(part));
                assert_eq!(composed.is_ok(), !lacks);
                let mut missing = composed.errors.clone();
                missing.sort_unstable();
                assert!(missing.into_iter().eq((0..needs.len()).filter(|part| !here(*part))));
            }
            states
        };
        explore(state, |state| state.key(age_max), next).0
    })
}

/// AC-2, AC-4: two required parts that are all waited for. Under way one at least is missing: 9 - 4
/// of the nine pairs of waiting, here and failed. Over: both here, either one failed, or both in one of
/// two orders.
#[test]
fn the_guides_composition_of_two_parts_has_ten_states() {
    let states = count(&CompositionConfig::guide(), &[Need::Required; 2], 0);
    assert_eq!(states, [5 + 5; 4]);
}

/// A required and an optional part, with a deadline of 2 ns.
/// - Under way, for 0 or 1 ns: the required part is missing, and the optional one is missing, here or
///   failed; or the required one is here and the other missing. Once the required one failed it is over.
/// - Over, with the required part here: the other is here, failed, or too late. With the required one too
///   late: the same three. With the required one failed: the other is here, failed, or cancelled.
#[test]
fn a_composition_with_a_gap_and_a_deadline_has_17_states() {
    let deadline = Timeout::After(nanos(2));
    let config = CompositionConfig { deadline, ..CompositionConfig::hardened() };
    let states = count(&config, &[Need::Required, Need::Optional], 2);
    assert_eq!(states, [4 * 2 + 3 * 3; 4]);
}

/// One part that is asked for again after 1 and after 2 ns. Under way are some of the calls made, never
/// none: of one call 1, of two 3, of three 7. Over: here with the first, second or third call, or failed.
/// From 2 ns on its age does not matter.
#[test]
fn a_part_that_is_asked_for_three_times_has_15_states() {
    let config = CompositionConfig {
        deadline: Timeout::Never,
        hedging_delay: Timeout::After(nanos(1)),
        hedging_attempts: 3,
        ..CompositionConfig::hardened()
    };
    assert_eq!(count(&config, &[Need::Required], 2), [1 + 3 + 7 + 4; 4]);
}

/// What the two options of AC-2 and AC-4 change: with a part that is cancelled there is one way to fail
/// for each that fails first and what the other was; by part, the order of failures is not told, but
/// kept while it could matter.
#[test]
fn ending_at_the_first_failure_leaves_fewer_ways() {
    let on_failure = OnPartFailure::Ends;
    let config = CompositionConfig { on_failure, ..CompositionConfig::guide() };
    // Under way: both missing, or one here. Over: both here; one failed, the other here or cancelled.
    assert_eq!(count(&config, &[Need::Required; 2], 0), [3 + 5; 4]);
    let config = CompositionConfig { errors: ErrorOrder::ByPart, ..CompositionConfig::guide() };
    assert_eq!(count(&config, &[Need::Required; 2], 0), [5 + 4; 4]);
}
