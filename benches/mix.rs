//! What one word costs, and what it costs to make something of it.

use brownout::choice::mix::{RunKey, SiteKey, flow_key, word};
use brownout::choice::sample::{self, LogNormal, Sigma};
use brownout_models::{Ratio, Span};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// Words at consecutive counts, so that the result of one call does not wait for another.
fn words(count: &mut u32) -> u64 {
    *count = count.wrapping_add(1);
    word(black_box(SiteKey(1, 2)), black_box(3), *count)
}

/// A thousand calls, to stand above the clock's resolution.
fn thousand<T>(bencher: Bencher<'_, '_>, sample: impl Fn(u64) -> T + Sync) {
    let mut count = 0;
    bencher.counter(1_000_u32).bench_local(|| {
        for _ in 0..1_000 {
            black_box(sample(words(&mut count)));
        }
    });
}

#[divan::bench]
fn word_at_an_address(bencher: Bencher<'_, '_>) {
    thousand(bencher, |word| word);
}

#[divan::bench]
fn word_that_waits_for_the_last(bencher: Bencher<'_, '_>) {
    let mut flow = 0;
    bencher.counter(1_000_u32).bench_local(|| {
        for count in 0..1_000 {
            flow = word(black_box(SiteKey(1, 2)), flow, count);
        }
        flow
    });
}

#[divan::bench]
fn flow_of_an_arrival(bencher: Bencher<'_, '_>) {
    thousand(bencher, |word| flow_key(black_box(SiteKey(5, 6)), 0, word));
}

#[divan::bench]
fn site_of_a_run(bencher: Bencher<'_, '_>) {
    thousand(bencher, |word| black_box(RunKey(1, 2, 3, 4)).site(SiteKey(word, 7)));
}

#[divan::bench]
fn key_of_a_run(bencher: Bencher<'_, '_>) {
    thousand(bencher, RunKey::from_seed);
}

#[divan::bench]
fn constant_of_a_name(bencher: Bencher<'_, '_>) {
    thousand(bencher, |_| SiteKey::constant(black_box("orders>payment charge lose")));
}

#[divan::bench]
fn flag(bencher: Bencher<'_, '_>) {
    let odds = Ratio::new(3, 100).expect("3 is at most 100");
    thousand(bencher, |word| sample::flag(word, black_box(odds)));
}

#[divan::bench]
fn index(bencher: Bencher<'_, '_>) {
    thousand(bencher, |word| sample::index(word, black_box(5)));
}

#[divan::bench]
fn uniform(bencher: Bencher<'_, '_>) {
    let (min, max) = (Span::from_millis(1), Span::from_millis(9));
    thousand(bencher, |word| sample::uniform(word, black_box(min), max));
}

#[divan::bench]
fn exponential(bencher: Bencher<'_, '_>) {
    thousand(bencher, |word| sample::exponential(word, black_box(Span::from_millis(20))));
}

#[divan::bench]
fn log_normal(bencher: Bencher<'_, '_>) {
    let table = LogNormal::new(Span::from_millis(20), Sigma::from_millionths(800_000));
    thousand(bencher, |word| black_box(&table).sample(word));
}

#[divan::bench]
fn pareto(bencher: Bencher<'_, '_>) {
    let (min, cap) = (Span::from_millis(1), Span::from_secs(9));
    thousand(bencher, |word| sample::pareto(word, black_box(min), 1_500_000, cap));
}

/// Means below, at and beyond the end of the sequential search.
#[divan::bench(args = [1, 20, 700, 5_000])]
fn poisson(bencher: Bencher<'_, '_>, mean: u64) {
    thousand(bencher, |word| sample::poisson(word, black_box(mean) * 1_000_000));
}
