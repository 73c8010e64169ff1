//! The pending event queue against a binary heap doing the same work.
//!
//! The hold model of the literature (Jones, 1986): pop the earliest event, push one an exponential
//! delay later, at a constant number of pending events. One iteration is 1,000 holds, so the
//! microseconds of an iteration are the nanoseconds of an event. Only ratios within one run count.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use brownout::kernel::queue::Queue;
use brownout_models::{Span, Time};
use divan::Bencher;

const HOLDS: u64 = 1_000;
const PENDING: [usize; 5] = [4, 64, 1_024, 16_384, 65_536];

fn main() {
    divan::main();
}

/// An event of 16 or 96 bytes.
type Payload<const WORDS: usize> = [u64; WORDS];

/// What the hold model needs of a queue.
trait Pending<const WORDS: usize>: Default {
    fn push(&mut self, at: u64, payload: Payload<WORDS>);
    fn pop(&mut self) -> Option<(u64, Payload<WORDS>)>;
}

impl<const WORDS: usize> Pending<WORDS> for Queue<Payload<WORDS>> {
    fn push(&mut self, at: u64, payload: Payload<WORDS>) {
        Self::push(self, Time::from_nanos(at), payload);
    }

    fn pop(&mut self) -> Option<(u64, Payload<WORDS>)> {
        Self::pop(self).map(|(at, payload)| (at.as_nanos(), payload))
    }
}

/// The usual way: the order of push breaks ties.
#[derive(Default)]
struct Heap<const WORDS: usize> {
    pushes: u64,
    heap: BinaryHeap<Reverse<(u64, u64, Payload<WORDS>)>>,
}

impl<const WORDS: usize> Pending<WORDS> for Heap<WORDS> {
    fn push(&mut self, at: u64, payload: Payload<WORDS>) {
        self.pushes += 1;
        self.heap.push(Reverse((at, self.pushes, payload)));
    }

    fn pop(&mut self) -> Option<(u64, Payload<WORDS>)> {
        self.heap.pop().map(|Reverse((at, _, payload))| (at, payload))
    }
}

/// Exponential delays with a mean of one millisecond.
struct Delays {
    state: u64,
    quantiles: [u64; 1_024],
}

impl Delays {
    /// The quantiles are the expected order statistics of 1,024 exponential delays: partial sums of
    /// the harmonic series, counted from its end.
    fn new() -> Self {
        let mut sum = 0;
        let quantiles = std::array::from_fn(|smaller| {
            sum += 1_000_000 / (1_024 - smaller as u64);
            sum
        });
        Self { state: 0x9e37_79b9_7f4a_7c15, quantiles }
    }

    fn draw(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.quantiles[(self.state >> 54) as usize]
    }
}

fn hold<const WORDS: usize, Q: Pending<WORDS>>(bencher: Bencher, pending: usize) {
    let mut delays = Delays::new();
    let mut queue = Q::default();
    for _ in 0..pending {
        queue.push(delays.draw(), [0; WORDS]);
    }
    bencher.bench_local(|| {
        for _ in 0..HOLDS {
            let Some((now, payload)) = queue.pop() else { return };
            queue.push(now + delays.draw(), black_box(payload));
        }
    });
}

#[divan::bench(args = PENDING, sample_count = 2_000)]
fn bytes_16_queue(bencher: Bencher, pending: usize) {
    hold::<2, Queue<_>>(bencher, pending);
}

#[divan::bench(args = PENDING, sample_count = 2_000)]
fn bytes_16_heap(bencher: Bencher, pending: usize) {
    hold::<2, Heap<2>>(bencher, pending);
}

#[divan::bench(args = PENDING, sample_count = 2_000)]
fn bytes_96_queue(bencher: Bencher, pending: usize) {
    hold::<12, Queue<_>>(bencher, pending);
}

#[divan::bench(args = PENDING, sample_count = 2_000)]
fn bytes_96_heap(bencher: Bencher, pending: usize) {
    hold::<12, Heap<12>>(bencher, pending);
}

fn filled(pending: usize) -> Queue<Payload<12>> {
    let mut delays = Delays::new();
    let mut queue = Queue::new();
    for _ in 0..pending {
        queue.push(Time::from_nanos(delays.draw()), [0; 12]);
    }
    queue
}

/// Nanoseconds as they stand: one clone an iteration.
#[divan::bench(args = [0, 8, 64])]
fn clone(bencher: Bencher, pending: usize) {
    let queue = filled(pending);
    bencher.bench_local(|| black_box(&queue).clone());
}

/// Nanoseconds as they stand: one clone an iteration, into memory that is there.
#[divan::bench(args = [0, 8, 64])]
fn clone_from(bencher: Bencher, pending: usize) {
    let queue = filled(pending);
    let mut copy = queue.clone();
    bencher.bench_local(|| black_box(&mut copy).clone_from(black_box(&queue)));
}

/// A timer that is always cancelled: 1,000 pushes, each taken back.
#[divan::bench(args = PENDING, sample_count = 2_000)]
fn push_and_remove(bencher: Bencher, pending: usize) {
    let mut queue = filled(pending);
    let mut delays = Delays::new();
    bencher.bench_local(|| {
        for _ in 0..HOLDS {
            let handle = queue.push(Time::ZERO + Span::from_nanos(delays.draw()), [0; 12]);
            black_box(queue.remove(black_box(handle)));
        }
    });
}

/// Asking 1,000 times whether something else is due now, when nothing is.
#[divan::bench]
fn no_tie(bencher: Bencher) {
    let mut queue = filled(64);
    let now = queue.pop().map_or(Time::ZERO, |(now, _)| now);
    bencher.bench_local(|| {
        for _ in 0..HOLDS {
            black_box(black_box(&mut queue).pop_at(black_box(now)));
        }
    });
}
