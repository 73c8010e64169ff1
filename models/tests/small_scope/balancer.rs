//! Three hosts that come and go, and all orders of turns.

use brownout_models::policy::balancer::{
    Balancer, BalancerConfig, BalancerKind, Host, Pick, Start,
};
use brownout_models::{Name, Time};

use super::{STARTS, explore};

const LISTS: [&[u32]; 7] = [&[0], &[1], &[2], &[0, 1], &[0, 2], &[1, 2], &[0, 1, 2]];

fn hosts(ids: &[u32], first: u32) -> Vec<Host> {
    ids.iter().map(|id| Host::new(Name(first + id))).collect()
}

#[derive(Clone)]
struct State {
    balancer: Balancer,
    /// The hosts known so far, those that waited longest first.
    order: Vec<u32>,
    credits: Vec<i64>,
}

fn count(start: u64, first: u32, kind: BalancerKind) -> usize {
    let config = BalancerConfig { kind, start: Start::First, ..BalancerConfig::hardened() };
    let pick = Pick { now: Time::from_nanos(start), service: Name(first), key: 0, word: 0 };
    let next = |state: &State| -> Vec<State> {
        let mut states = Vec::new();
        for ids in LISTS {
            let mut state = state.clone();
            let chosen = ids[state.balancer.pick(pick, &hosts(ids, first)).unwrap()];
            for id in ids {
                if !state.order.contains(id) {
                    state.order.push(*id);
                }
            }
            if kind == BalancerKind::Weighted {
                for id in ids {
                    state.credits[*id as usize] += 1;
                }
                let credit = |id: &u32| state.credits[*id as usize];
                let most = ids.iter().map(credit).max().unwrap();
                let due = state.order.iter().find(|id| ids.contains(id) && credit(id) == most);
                assert_eq!(due, Some(&chosen));
                state.credits[chosen as usize] -= i64::try_from(ids.len()).unwrap();
                assert_eq!(state.credits.iter().sum::<i64>(), 0);
                assert!(state.credits.iter().all(|credit| credit.abs() <= 2));
            } else {
                assert_eq!(state.order.iter().find(|id| ids.contains(id)), Some(&chosen));
            }
            state.order.retain(|id| *id != chosen);
            state.order.push(chosen);
            states.push(state);
        }
        states
    };
    let start = State { balancer: Balancer::new(config), order: Vec::new(), credits: vec![0; 3] };
    explore(start, |state| (state.order.clone(), state.credits.clone()), next).0
}

/// The order of those known so far is all that a queue knows: 1 without any, 3 with one, 2 orders of
/// each of 3 pairs, and 6 of all three.
#[test]
fn three_hosts_have_16_orders_of_turns() {
    for (start, first) in STARTS {
        assert_eq!(count(start, first, BalancerKind::RoundRobin), 1 + 3 + 6 + 6);
    }
}

/// With equal weights the credits sum up to zero, and nobody is ever owed more than two turns, nor owes
/// more. Of those orders and credits 136 are reached, as counted by this search.
#[test]
fn credits_of_three_hosts_stay_within_bounds() {
    for (start, first) in STARTS {
        assert_eq!(count(start, first, BalancerKind::Weighted), 136);
    }
}
