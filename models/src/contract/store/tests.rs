use proptest::prelude::*;

use super::*;
use crate::contract::FlowId;

const ROWS: Name = Name(1);
const TOPIC: Name = Name(2);

fn context() -> Context {
    Context { flow: FlowId(0), cause: 0, deadline: Time::NEVER, span: None }
}

/// One transaction of a random history.
#[derive(Clone, Debug)]
enum Act {
    Write {
        key: u64,
        amount: i64,
        event: bool,
        handled: bool,
    },
    /// The event at this place of the outbox was published.
    Publish(usize),
    /// A machine kept a change of its own state.
    Keep,
    Flush,
}

fn acts() -> impl Strategy<Value = Vec<(u64, Act)>> {
    let write = (0..3_u64, -5..5_i64, any::<bool>(), any::<bool>())
        .prop_map(|(key, amount, event, handled)| Act::Write { key, amount, event, handled });
    let act = prop_oneof![
        6 => write,
        2 => (0..3_usize).prop_map(Act::Publish),
        1 => Just(Act::Keep),
        1 => Just(Act::Flush),
    ];
    prop::collection::vec((0..4_u64, act), 0..24)
}

fn act(store: &mut Store, act: &Act) {
    match *act {
        Act::Write { key, amount, event, handled } => {
            if handled {
                store.remember(TOPIC, key);
            }
            store.add(ROWS, key, amount);
            if event {
                store.enqueue(OutboxRow { topic: TOPIC, key, amount, context: context() });
            }
        }
        Act::Publish(place) => {
            let number = store.outbox().nth(place).map(|(number, _)| number);
            number.into_iter().for_each(|number| store.dequeue(number));
        }
        Act::Keep => store.keep(),
        Act::Flush => store.flush(),
    }
}

/// Everything that anybody can see of a store.
fn seen(store: &Store) -> String {
    let versions = (0..3).map(|key| store.row(ROWS, key)).collect::<Vec<_>>();
    let handled = (0..3).map(|key| store.has_handled(TOPIC, key)).collect::<Vec<_>>();
    let outbox = store.outbox().map(|(number, row)| (number, *row)).collect::<Vec<_>>();
    format!("{versions:?} {handled:?} {outbox:?} {}", store.kept())
}

proptest! {
    /// The naive reference keeps a copy of the whole database after every transaction, and works out
    /// anew, from the times of all of them, which are flushed.
    #[test]
    fn a_loss_leaves_what_was_there_so_many_transactions_ago(
        acts in acts(), period in 1..4_u64, (wait, lost) in (0..6_u64, 0..24_u32),
    ) {
        let mut store = Store::flushed_every(Span::from_nanos(period));
        let mut now = 0;
        let mut copies = vec![seen(&store)];
        let mut at: Vec<Option<u64>> = Vec::new();
        for (gap, what) in &acts {
            now += gap;
            act(&mut store, what);
            store.commit(Time::from_nanos(now));
            if matches!(what, Act::Flush) {
                at.iter_mut().for_each(|at| *at = None);
            } else if Some(&seen(&store)) != copies.last() || matches!(what, Act::Write { .. }) {
                copies.push(seen(&store));
                at.push(Some(now));
            }
        }
        now += wait;
        let mut open: Vec<u64> = at.iter().copied().flatten().collect();
        while let Some(flush) = open.first().map(|first| first + period).filter(|it| *it <= now) {
            open.retain(|at| *at >= flush);
        }
        prop_assert_eq!(store.unflushed(Time::from_nanos(now)) as usize, open.len());
        let lost = lost.min(u32::try_from(open.len()).unwrap());
        store.lose(lost);
        prop_assert_eq!(&seen(&store), &copies[copies.len() - 1 - lost as usize]);
        prop_assert_eq!(store.unflushed(Time::from_nanos(now)), 0);
    }

    #[test]
    fn what_is_unwritten_adds_up_to_what_was_written(
        writes in prop::collection::vec((0..3_u64, -5..5_i64), 0..12), lost in 0..12_u32,
    ) {
        let mut store = Store::flushed_every(Span::from_secs(1));
        for (key, amount) in &writes {
            store.add(ROWS, *key, *amount);
            store.commit(Time::ZERO);
        }
        let lost = lost.min(u32::try_from(writes.len()).unwrap());
        let unwritten = store.lose(lost);
        let kept = writes.len() - lost as usize;
        let told: Vec<_> = unwritten.iter().rev().map(|it| (it.key, it.amount)).collect();
        prop_assert_eq!(&told[..], &writes[kept..]);
        for it in unwritten.iter().rev().take(1) {
            prop_assert_eq!(it.value, store.read(ROWS, it.key).unwrap_or(0));
        }
    }
}

#[test]
fn a_database_without_a_journal_loses_nothing() {
    let mut store = Store::default();
    store.add(ROWS, 1, 5);
    store.commit(Time::ZERO);
    assert_eq!(store.unflushed(Time::ZERO), 0);
    assert_eq!(store.lose(1), []);
    assert_eq!(store.row(ROWS, 1), Some(Row { value: 5, version: 1 }));
}

#[test]
fn numbers_of_lost_events_are_not_given_out_again() {
    let mut store = Store::flushed_every(Span::from_secs(1));
    let event = OutboxRow { topic: TOPIC, key: 1, amount: 1, context: context() };
    assert_eq!(store.enqueue(event), 0);
    store.commit(Time::ZERO);
    store.lose(1);
    assert_eq!(store.enqueue(event), 1);
}
