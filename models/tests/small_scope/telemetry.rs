//! Spans: all that can stand in a small table.

use brownout_models::policy::{SpanStart, SpanStatus, SpanTable, SpanTicket, TelemetryConfig};
use brownout_models::{Capacity, Name, Span, Time};

use crate::states;

#[derive(Clone)]
struct Calls {
    table: SpanTable,
    now: Time,
    open: Vec<SpanTicket>,
}

/// Spans by age, and whether each has ended.
fn fingerprint(calls: &Calls) -> String {
    let spans = calls.table.iter().map(|span| (calls.now.since(span.start), span.end.is_some()));
    ron::to_string(&spans.collect::<Vec<_>>()).unwrap()
}

fn count(config: &TelemetryConfig, starts: Time) -> usize {
    let calls = Calls { table: SpanTable::new(config, 0), now: starts, open: Vec::new() };
    let next = |calls: &Calls| {
        let mut begun = calls.clone();
        let start = SpanStart::new(Name(0), Name(0));
        begun.open.push(begun.table.begin(begun.now, start));
        let mut next = vec![begun];
        for place in 0..calls.open.len() {
            let mut ended = calls.clone();
            let ticket = ended.open.remove(place);
            ended.table.end(ended.now, ticket, SpanStatus::Ok);
            next.push(ended);
        }
        next
    };
    states(calls, fingerprint, next).len()
}

/// Of one instant, room for two: none, one or two spans, each open or ended: 1 + 2 + 4.
#[test]
fn a_table_for_two_has_seven_states() {
    let config = TelemetryConfig { spans_max: Capacity::AtMost(2), ..TelemetryConfig::hardened() };
    for starts in [Time::ZERO, Time::ZERO + Span::from_secs(3_600)] {
        assert_eq!(count(&config, starts), 7);
    }
}

/// SC-7: of one instant the guide's table holds a single span, open or ended, or none. In the middle
/// of three spans the open ones that were overwritten do not show: 1 + 2.
#[test]
fn the_guides_table_of_one_instant_has_three_states() {
    for starts in [Time::ZERO, Time::ZERO + Span::from_secs(3_600)] {
        assert_eq!(count(&TelemetryConfig::guide(), starts), 3);
    }
}
