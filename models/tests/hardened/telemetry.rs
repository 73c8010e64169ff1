//! Numbers and spans against the list of everything that happened, and what the guide's lack.

use std::collections::BTreeSet;

use brownout_models::policy::{
    AttemptView, CallMetrics, Counting, Histogram, Latency, Parents, SpanId, SpanIds, SpanStart,
    SpanStatus, SpanTable, SpanTicket, TelemetryConfig,
};
use brownout_models::{Capacity, Name, Span, Time};
use proptest::prelude::*;

use super::config;

fn telemetry() -> impl Strategy<Value = TelemetryConfig> {
    (
        prop::sample::select(vec![Counting::AtStart, Counting::AtEnd]),
        prop::sample::select(vec![Latency::WithBackoff, Latency::WithoutBackoff]),
        prop::sample::select(vec![SpanIds::Clock, SpanIds::Unique]),
        prop::sample::select(vec![Parents::Dropped, Parents::Kept]),
        prop_oneof![Just(Capacity::Unbounded), (1..5_u32).prop_map(Capacity::AtMost)],
    )
        .prop_map(|(counting, latency, span_ids, parents, spans_max)| TelemetryConfig {
            counting,
            attempts: AttemptView::Measured,
            latency,
            span_ids,
            parents,
            spans_max,
        })
}

/// What the buckets must hold: each bound with everything at or below it and above the one before.
fn buckets(spans: &[u64]) -> Vec<u64> {
    let millis = [5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000];
    let bounds = millis.map(|millis: u64| millis * 1_000_000);
    let up_to = |bound| spans.iter().filter(|span| **span <= bound).count() as u64;
    let mut below: Vec<u64> = bounds.into_iter().map(up_to).collect();
    below.push(spans.len() as u64);
    let first = below[0];
    std::iter::once(first).chain(below.windows(2).map(|pair| pair[1] - pair[0])).collect()
}

fn spans() -> impl Strategy<Value = Vec<u64>> {
    let span = prop_oneof![
        prop::sample::select(vec![5_u64, 10, 25, 100, 10_000])
            .prop_flat_map(|millis| millis * 1_000_000 - 1..=millis * 1_000_000 + 1),
        0..12_000_000_000_u64,
    ];
    prop::collection::vec(span, 0..40)
}

fn histogram(spans: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    spans.iter().for_each(|span| histogram.record(Span::from_nanos(*span)));
    histogram
}

proptest! {
    #![proptest_config(config())]

    /// SC-3: metrics of two sidecars can be put together.
    #[test]
    fn a_merged_histogram_is_that_of_the_union(some in spans(), others in spans()) {
        let mut merged = histogram(&some);
        merged.merge(&histogram(&others));
        let union: Vec<u64> = some.iter().chain(&others).copied().collect();
        prop_assert_eq!(merged, histogram(&union));
        prop_assert_eq!(merged.counts().to_vec(), buckets(&union));
        prop_assert_eq!(merged.count(), union.len() as u64);
        prop_assert_eq!(merged.sum().as_nanos(), union.iter().sum::<u64>());
    }

    #[test]
    fn numbers_are_those_of_the_calls_that_count(
        config in telemetry(),
        calls in prop::collection::vec(
            (0..900_u64, 0..900_u64, any::<bool>(), any::<bool>()), 1..80),
    ) {
        let mut metrics = CallMetrics::new(&config);
        for (busy, backoff, ok, ended) in &calls {
            metrics.started();
            if *ended {
                let backoff = Span::from_nanos(*backoff);
                metrics.ended(Span::from_nanos(*busy) + backoff, backoff, *ok);
            }
        }
        let ended: Vec<_> = calls.iter().filter(|(.., ended)| *ended).collect();
        let requests = match config.counting {
            Counting::AtStart => calls.len() as u64,
            Counting::AtEnd => ended.len() as u64,
        };
        let latency = |(busy, backoff, ..): &&&(u64, u64, bool, bool)| match config.latency {
            Latency::WithBackoff => busy + backoff,
            Latency::WithoutBackoff => *busy,
        };
        let total: u64 = ended.iter().map(|call| latency(&call)).sum();
        let failed: Vec<u64> =
            ended.iter().filter(|(_, _, ok, _)| !ok).map(|call| latency(&call)).collect();
        prop_assert_eq!(metrics.requests(), requests);
        prop_assert_eq!(metrics.in_flight(), (calls.len() - ended.len()) as u64);
        prop_assert_eq!(metrics.errors(), failed.len() as u64);
        prop_assert_eq!(metrics.failures(), &histogram(&failed));
        prop_assert_eq!(metrics.successes().count(), (ended.len() - failed.len()) as u64);
        let average = total.checked_div(requests).unwrap_or(0);
        prop_assert_eq!(metrics.average_latency().as_nanos(), average);
        let ppm = (failed.len() as u64 * 1_000_000).checked_div(requests);
        prop_assert_eq!(metrics.errors_per_million(), ppm);
        if config == (TelemetryConfig { spans_max: config.spans_max, span_ids: config.span_ids,
            parents: config.parents, ..TelemetryConfig::hardened() }) {
            // SC-1: the mean is that of the very calls it is said to be of.
            prop_assert_eq!(
                metrics.successes().count() + metrics.failures().count(), metrics.requests());
        }
    }

    /// The reference keeps every span, and forgets by the rule.
    #[test]
    fn the_table_holds_the_latest_spans(
        config in telemetry(),
        events in prop::collection::vec((0..2_u64, 0..4_usize), 1..60),
    ) {
        let mut table = SpanTable::new(&config, 3);
        let (mut all, mut kept, mut now) = (Vec::<(SpanTicket, Option<SpanId>, u64, Option<u64>)>::new(), Vec::<usize>::new(), 0);
        let mut dropped = 0;
        for (step, event) in events {
            now += step;
            let at = Time::from_nanos(now);
            if event > 1 && !all.is_empty() {
                let place = event * 7 % all.len();
                table.end(at, all[place].0, SpanStatus::Error);
                all[place].3 = Some(now);
                continue;
            }
            let parent = all.last().map(|span| span.0.id());
            let start = SpanStart { parent, ..SpanStart::new(Name(0), Name(1)) };
            let same = kept.iter().position(|place| all[*place].2 == now);
            match (config.span_ids, same, config.spans_max) {
                (SpanIds::Clock, Some(same), _) => {
                    kept.remove(same);
                }
                (_, _, Capacity::AtMost(most)) if kept.len() == most as usize => {
                    kept.remove(0);
                    dropped += 1;
                }
                _ => {}
            }
            kept.push(all.len());
            all.push((table.begin(at, start), parent, now, None));
        }
        let shown: Vec<_> = table.iter().map(|span| {
            (span.id, span.parent, span.start.as_nanos(), span.end.map(Time::as_nanos), span.status)
        }).collect();
        let expected: Vec<_> = kept.iter().map(|place| {
            let (ticket, parent, start, end) = all[*place];
            let keeps = config.parents == Parents::Kept;
            let status = if keeps && end.is_some() { SpanStatus::Error } else { SpanStatus::Unset };
            (ticket.id(), parent.filter(|_| keeps), start, end, status)
        }).collect();
        prop_assert_eq!(shown, expected);
        prop_assert_eq!(table.dropped(), dropped);
        if config.span_ids == SpanIds::Unique {
            let ids: BTreeSet<_> = all.iter().map(|span| span.0.id()).collect();
            prop_assert_eq!(ids.len(), all.len(), "SC-7");
        }
    }
}

/// SC-1: with one call done after 100 ms and nine in flight, the guide says 10 ms.
#[test]
fn the_guides_average_is_of_calls_that_are_not_over() {
    let average = |config: TelemetryConfig| {
        let mut metrics = CallMetrics::new(&config);
        (0..10).for_each(|_| metrics.started());
        metrics.ended(Span::from_millis(100), Span::ZERO, true);
        metrics.average_latency()
    };
    assert_eq!(average(TelemetryConfig::guide()), Span::from_millis(10));
    let mended = TelemetryConfig { counting: Counting::AtEnd, ..TelemetryConfig::guide() };
    assert_eq!(average(mended), Span::from_millis(100));
}

/// SC-7, SC-8, SC-9: a thousand spans of one instant are one, part of nothing; and none is ever
/// forgotten where each has an instant of its own.
#[test]
fn the_guides_spans_collide_have_no_parents_and_stay_for_ever() {
    let count = |config: &TelemetryConfig, step: u64| {
        let mut table = SpanTable::new(config, 0);
        for number in 0..5_000 {
            let parent = Some(SpanId(1));
            let start = SpanStart { parent, ..SpanStart::new(Name(0), Name(1)) };
            let span = table.begin(Time::from_nanos(number * step), start);
            table.end(Time::from_nanos(number * step), span, SpanStatus::Ok);
        }
        let whole =
            table.iter().filter(|span| span.parent.is_some() && span.status == SpanStatus::Ok);
        (table.iter().count(), whole.count())
    };
    assert_eq!(count(&TelemetryConfig::guide(), 0), (1, 0));
    assert_eq!(count(&TelemetryConfig::guide(), 1), (5_000, 0));
    assert_eq!(count(&TelemetryConfig::hardened(), 0), (2_048, 2_048));
    assert_eq!(count(&TelemetryConfig::hardened(), 1), (2_048, 2_048));
    let unique = TelemetryConfig { span_ids: SpanIds::Unique, ..TelemetryConfig::guide() };
    assert_eq!(count(&unique, 0), (5_000, 0), "that remedy alone");
}

#[test]
fn attempts_after_the_first_of_their_call_are_resends() {
    let mut metrics = CallMetrics::new(&TelemetryConfig::hardened());
    for number in [1, 2, 3, 1, 2] {
        metrics.attempt_started(number);
    }
    assert_eq!((metrics.attempts(), metrics.resends()), (5, 3));
}

#[test]
fn a_table_has_the_ids_of_the_origin_that_it_is_given() {
    let of = |origin| SpanTable::new(&TelemetryConfig::hardened(), origin);
    let ids = |mut table: SpanTable| {
        [0, 1].map(|at| table.begin(Time::from_nanos(at), SpanStart::new(Name(0), Name(1))).id())
    };
    let mut moved = of(0);
    moved.set_origin(5);
    assert_eq!(ids(moved), ids(of(5)));
    assert_ne!(ids(of(0)), ids(of(5)));
}
