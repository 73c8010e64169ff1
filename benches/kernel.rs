//! The kernel against a bare loop, and whole modelled requests.
//!
//! `phold` is the classic of simulation kernels: every event sends one message to a random node
//! after an exponential delay. `bare` does the same work with the standard library's heap and no
//! kernel at all: compare the two in one run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use brownout::choice::sample;
use brownout::kernel::{Bounds, World};
use brownout::layout::{Layout, Place};
use brownout::models::contract::{Body, Ground, Input, Machine, NodeId, Purpose, Turn};
use brownout::models::{Name, Span, Time};
use brownout::search::Campaign;
use brownout::{Keep, Plan, Scenario};
use divan::Bencher;
use serde::Serialize;

fn main() {
    divan::main();
}

const NODES: u32 = 1_024;
const EVENTS: u64 = 10_000;
const PENDING: [u32; 2] = [1_024, 16_384];

/// Exponential delays of mean 1 ms, drawn beforehand: both loops look them up.
fn delays() -> Arc<[u64]> {
    (0..1_024_u64)
        .map(|number| {
            let word = (number << 54) | (1 << 53);
            sample::exponential(word, Span::from_millis(1)).as_nanos()
        })
        .collect()
}

/// One node's own luck: xorshift.
#[derive(Clone, Copy, Debug, Serialize)]
struct Luck(u64);

impl Luck {
    fn new(node: u32) -> Self {
        Self(u64::from(node).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    #[inline]
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A random node and a random delay.
    #[inline]
    fn draw(&mut self, delays: &[u64]) -> (u32, u64) {
        let word = self.next();
        let node = u32::try_from(word >> 32).expect("32 bits are left") % NODES;
        let delay = usize::try_from(word & 1_023).expect("ten bits fit");
        (node, delays[delay])
    }
}

#[derive(Clone, Debug, Serialize)]
struct Phold {
    luck: Luck,
    #[serde(skip)]
    delays: Arc<[u64]>,
    jobs: u32,
}

impl Machine for Phold {
    type Payload = ();
    type Timer = ();
    type Fact = ();

    const PHASES: &'static [&'static str] = &["passing"];

    fn phase(&self) -> usize {
        0
    }

    // A small machine gains by lying in the kernel's loop, as the bare loop's handler does.
    #[inline(always)]
    fn step(&mut self, input: Input<(), ()>, turn: &mut Turn<'_, (), ()>) {
        let mut jobs = 1;
        if let Input::Start = input {
            turn.start_flow(Purpose("jobs"), 0, Ground::Foreground);
            jobs = self.jobs;
        }
        for _ in 0..jobs {
            let (node, delay) = self.luck.draw(&self.delays);
            turn.send_after(Span::from_nanos(delay), NodeId(node), Body::Discover(Name(0)));
        }
    }

    fn power_cut(&mut self) {}
}

fn phold_world(pending: u32) -> World<Phold> {
    let nodes = (0..NODES).map(|node| {
        let name = format!("node-{node}");
        Place { group: name.clone(), name, aliases: Vec::new(), host: node, store: 0 }
    });
    let layout = Arc::new(Layout { nodes: nodes.collect(), ..Layout::default() });
    let delays = delays();
    let machines = (0..NODES).map(|node| {
        let (luck, delays, jobs) = (Luck::new(node), Arc::clone(&delays), pending / NODES);
        Phold { luck, delays, jobs }
    });
    let bounds = Bounds { horizon: Time::NEVER, steps: u64::MAX, ..Bounds::default() };
    let mut world = World::new(layout, machines.collect(), &Arc::new(Plan::calm()), bounds);
    world.run_to_step(u64::from(pending) * 4, &mut ());
    assert_eq!(world.pending(), pending as usize);
    world
}

/// Every event through the contract, digest on, nothing recorded.
#[divan::bench(args = PENDING, counters = [divan::counter::ItemsCount::new(EVENTS)])]
fn phold(bencher: Bencher<'_, '_>, pending: u32) {
    let mut world = phold_world(pending);
    bencher.bench_local(|| {
        let target = world.steps() + EVENTS;
        world.run_to_step(target, &mut ());
        world.digest().value()
    });
}

/// The same work in a bare loop over the standard library's heap.
#[divan::bench(args = PENDING, counters = [divan::counter::ItemsCount::new(EVENTS)])]
fn bare(bencher: Bencher<'_, '_>, pending: u32) {
    let delays = delays();
    let mut lucks: Vec<Luck> = (0..NODES).map(Luck::new).collect();
    let mut heap = BinaryHeap::new();
    let mut number = 0_u64;
    for job in 0..pending {
        let (node, delay) = lucks[(job % NODES) as usize].draw(&delays);
        number += 1;
        heap.push(Reverse((delay, number, node)));
    }
    bencher.bench_local(|| {
        let mut last = 0;
        for _ in 0..EVENTS {
            let Some(Reverse((at, _, node))) = heap.pop() else { break };
            let (to, delay) = lucks[node as usize].draw(&delays);
            number += 1;
            heap.push(Reverse((at + delay, number, to)));
            last = at;
        }
        last
    });
}

/// Requests of the modelled path: a client, a gateway with limiter and breaker, discovery, an
/// instance with a worker, and the way back. A request takes eight steps and fourteen choices: whether each of
/// six messages is lost and how long it travels, whether the handler fails and how long it works.
fn request_scenario(requests: u32) -> Scenario {
    let text = format!(
        r#"(
        version: 1,
        nodes: {{
            "registry": Registry(),
            "gateway": Gateway(
                routes: [(path: "/", service: "service", method: "get", limit: 1000000000)],
            ),
            "service": Service(instances: 2, handlers: {{ "get": [Work("1ms p99 4ms")] }}),
            "client": Clients(
                arrivals: Every(period: "1ms", count: {requests}),
                script: [Call(to: "gateway", method: "/", timeout: "1s")],
            ),
        }},
        network: (latency: "500us p99 2ms"),
        faults: [Lose(odds: "1/100000"), Fail(odds: "1/10000", at: ["service"])],
        properties: [],
    )"#
    );
    Scenario::parse("request.ron", &text, &brownout::Kinds::new()).expect("the scenario is fine")
}

const REQUESTS: [u32; 2] = [1_000, 100_000];

#[divan::bench(args = REQUESTS, sample_count = 20)]
fn requests_calm(bencher: Bencher<'_, '_>, requests: u32) {
    let scenario = request_scenario(requests);
    bencher
        .counter(divan::counter::ItemsCount::new(requests))
        .bench_local(|| scenario.run_keeping(&Plan::calm(), Keep::VERDICT).digest);
}

#[divan::bench(args = REQUESTS, sample_count = 20)]
fn requests_seeded(bencher: Bencher<'_, '_>, requests: u32) {
    let scenario = request_scenario(requests);
    let mut seed = 0;
    bencher.counter(divan::counter::ItemsCount::new(requests)).bench_local(|| {
        seed += 1;
        scenario.run_keeping(&Plan::seed(seed), Keep::VERDICT).digest
    });
}

/// Fresh worlds of twenty requests each.
#[divan::bench]
fn fresh_worlds_of_20_requests_seeded(bencher: Bencher<'_, '_>) {
    let scenario = request_scenario(20);
    let mut seed = 0;
    bencher.counter(divan::counter::ItemsCount::new(1_u32)).bench_local(|| {
        seed += 1;
        scenario.run_keeping(&Plan::seed(seed), Keep::VERDICT).digest
    });
}

/// The same as a campaign, on every core: what `fuzz` does.
#[divan::bench(sample_count = 20)]
fn campaign_of_worlds_of_20_requests(bencher: Bencher<'_, '_>) {
    let scenario = request_scenario(20);
    let campaign = Campaign { runs: 10_000, ..Campaign::default() };
    bencher
        .counter(divan::counter::ItemsCount::new(campaign.runs))
        .bench_local(|| campaign.run(&scenario, &|_, _| true).expect("no machine panics").steps);
}

/// Fresh runs of the guide's main.
#[divan::bench]
fn guide_demo(bencher: Bencher<'_, '_>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/guide_demo.ron");
    let scenario = Scenario::load(path).expect("the fixture is fine");
    bencher
        .counter(divan::counter::ItemsCount::new(1_u32))
        .bench_local(|| scenario.run_keeping(&Plan::calm(), Keep::VERDICT).digest);
}

/// A minute of the order system, with its properties.
#[divan::bench(sample_count = 20)]
fn order_system_seeded(bencher: Bencher<'_, '_>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/order_system_hardened.ron");
    let scenario = Scenario::load(path).expect("the fixture is fine");
    let mut seed = 0;
    bencher.bench_local(|| {
        seed += 1;
        scenario.run_keeping(&Plan::seed(seed), Keep::VERDICT).digest
    });
}
