//! Calling a service: ask the registry for instances, pick one, call it.
//!
//! Follows the guide's `ServiceClient.Call`; discovery is asked for every call, and nobody tries
//! the next instance when the first is gone (LB-7). How it picks, whether it ejects instances whose
//! calls fail, and whether calls stay in their zone, is its configuration's.

mod draws;

use std::sync::Arc;

use crate::hash::Map;
use serde::Serialize;

use crate::contract::{Answer, Body, Failure, NodeId, Outcome, Request, Subset, Turn};
use crate::fact::Fact;
use crate::policy::outlier::{Outlier, OutlierConfig, Verdict};
use crate::policy::{Balancer, BalancerConfig, Draw, Host, Pick, Zones};
use crate::{Name, Span, Time};
use draws::{ZONE, any_word, drawn};

/// Who is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// This very node, a sidecar for instance; otherwise an instance of the service.
    pub node: Option<NodeId>,
    /// The service.
    pub service: Name,
}

/// What is asked of whom.
#[derive(Debug)]
pub struct Dialling<'a, P> {
    /// Who is called.
    pub target: Target,
    /// What it is asked for.
    pub method: Name,
    /// All the rest of the request.
    pub request: &'a Request<P>,
    /// How long to wait for discovery, and for the call; for ever without.
    pub timeout: Option<Span>,
}

impl<P: Clone> Dialling<'_, P> {
    /// The request as it goes out.
    fn addressed(&self) -> Body<P> {
        let (service, method) = (self.target.service, self.method);
        let Request { client, key, amount, .. } = *self.request;
        let payload = self.request.payload.clone();
        Body::Request(Request { service, method, client, key, amount, payload })
    }
}

/// How a caller finds and chooses instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Discovery {
    /// Who is asked; without a registry only nodes that are named are reached.
    pub registry: Option<NodeId>,
    /// Which instance gets a call.
    pub balancer: BalancerConfig,
    /// Which instances get none for a while.
    pub outlier: OutlierConfig,
    /// Who is in which zone, for a balancer that heeds them.
    pub zones: Option<Arc<ZoneMap>>,
    /// The weight of each node, for rules that heed them; 1 where nothing is said.
    pub weights: Option<Arc<[u32]>>,
}

/// Which nodes are in which zone, and from where services are called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ZoneMap {
    /// The zone of each node; [`NOWHERE`](Self::NOWHERE) for those that are in none.
    pub of: Vec<Name>,
    /// The zones of all who call each service, one for each node.
    pub callers: Map<Name, Vec<Name>>,
}

impl ZoneMap {
    /// The zone of nodes that are in none.
    pub const NOWHERE: Name = Name(u32::MAX);

    /// The zone of a node.
    #[must_use]
    pub fn zone(&self, node: NodeId) -> Name {
        self.of.get(node.0 as usize).copied().unwrap_or(Self::NOWHERE)
    }
}

impl From<Option<NodeId>> for Discovery {
    /// As in the guide: round robin, and nobody is ejected.
    fn from(registry: Option<NodeId>) -> Self {
        Self { registry, ..Self::default() }
    }
}

/// Places calls and follows them through discovery.
#[derive(Clone, Debug, Serialize)]
pub struct Dialer {
    registry: Option<NodeId>,
    balancer: Balancer,
    outlier: OutlierConfig,
    /// Whether anybody can be ejected.
    #[serde(skip)]
    ejects: bool,
    zones: Option<Arc<ZoneMap>>,
    #[serde(skip)]
    weights: Option<Arc<[u32]>>,
    /// What was seen of the instances of each service, where that matters.
    outliers: Map<Name, Outlier>,
    /// Calls to instances, by slot, where somebody wants to hear of their ends.
    under_way: Map<u32, UnderWay>,
    /// The instance of the last pick.
    picked: Option<NodeId>,
    /// Where the hosts of a pick stand while it is made.
    #[serde(skip)]
    hosts: Vec<Host>,
}

/// A call to an instance.
#[derive(Clone, Copy, Debug, Serialize)]
struct UnderWay {
    service: Name,
    instance: NodeId,
    since: Time,
}

/// The low bit of a tag tells discovery from the call itself.
const DISCOVERING: u64 = 0;
const CALLING: u64 = 1;

impl Dialer {
    /// A dialer that has called nobody.
    #[must_use]
    pub fn new(discovery: impl Into<Discovery>) -> Self {
        let Discovery { registry, balancer, outlier, zones, weights } = discovery.into();
        Self {
            registry,
            balancer: Balancer::new(balancer),
            ejects: outlier.is_on(),
            outlier,
            zones,
            weights,
            outliers: Map::default(),
            under_way: Map::default(),
            picked: None,
            hosts: Vec::new(),
        }
    }

    /// Places a call. Its end comes through [`heard`](Self::heard) with the same `slot`. Without a way to
    /// find an instance the call fails at once.
    ///
    /// # Errors
    /// [`Failure::NoInstances`] when the target is a service and there is no registry.
    #[inline(always)]
    pub fn dial<P: Clone>(
        &mut self,
        turn: &mut Turn<'_, P, Fact>,
        call: Dialling<'_, P>,
        slot: u32,
    ) -> Result<(), Failure> {
        let Dialling { target, timeout, .. } = call;
        let tag = u64::from(slot) << 1;
        if let Some(node) = target.node {
            turn.call(node, call.addressed(), timeout, tag | CALLING);
            return Ok(());
        }
        let registry = self.registry.ok_or(Failure::NoInstances)?;
        turn.call(registry, Body::Discover(target.service), timeout, tag | DISCOVERING);
        Ok(())
    }

    /// Takes an answer to a call that was dialled; `None` while it is not over.
    pub fn heard<P: Clone>(
        &mut self,
        turn: &mut Turn<'_, P, Fact>,
        tag: u64,
        outcome: Outcome<P>,
        call: Dialling<'_, P>,
    ) -> Option<Outcome<P>> {
        if self.is_over(turn, tag, &outcome) {
            return Some(outcome);
        }
        self.found(turn, tag, outcome, call).map(Err)
    }

    /// Whether an answer is that of whoever was called: then the call is over. Otherwise those that it
    /// tells of are to be [found](Self::found).
    #[inline(always)]
    pub(crate) fn is_over<P>(
        &mut self,
        turn: &mut Turn<'_, P, Fact>,
        tag: u64,
        outcome: &Outcome<P>,
    ) -> bool {
        let is_over = tag & 1 == CALLING;
        if is_over {
            self.ended(turn, Self::slot(tag), outcome);
        }
        is_over
    }

    /// Calls one of those whom an answer tells of; why the call is over, where there is none.
    #[inline(always)]
    pub(crate) fn found<P: Clone>(
        &mut self,
        turn: &mut Turn<'_, P, Fact>,
        tag: u64,
        outcome: Outcome<P>,
        call: Dialling<'_, P>,
    ) -> Option<Failure> {
        let target = call.target;
        let (service, instances) = match outcome {
            Ok(Answer::Instances(instances)) => (target.service, instances),
            Ok(Answer::Subset(subset)) => of_subset(&subset),
            Ok(Answer::Done(_)) => return Some(Failure::NoInstances),
            Err(failure) => return Some(failure),
        };
        let instances =
            if self.ejects { self.without_outliers(turn, service, instances) } else { instances };
        let instances = if self.zones.is_some() {
            self.in_one_zone(turn, target.service, instances)
        } else {
            instances
        };
        let Some(instance) = self.pick(turn, service, &instances, call.request.key) else {
            return Some(Failure::NoInstances);
        };
        let of = u32::try_from(instances.len()).unwrap_or(u32::MAX);
        self.picked = Some(instance);
        turn.note(Fact::Picked { service, instance, of });
        self.began(turn.now(), Self::slot(tag), service, instance);
        turn.call(instance, call.addressed(), call.timeout, tag | CALLING);
        None
    }

    /// Takes an answer that nobody waits for any more, so that its call counts as over.
    pub fn hang_up<P>(&mut self, turn: &mut Turn<'_, P, Fact>, tag: u64, outcome: &Outcome<P>) {
        if tag & 1 == CALLING {
            self.ended(turn, Self::slot(tag), outcome);
        }
    }

    /// The instance that was called last, of those that were found.
    #[must_use]
    pub const fn picked(&self) -> Option<NodeId> {
        self.picked
    }

    /// The slot of a tag.
    #[must_use]
    pub fn slot(tag: u64) -> u32 {
        u32::try_from(tag >> 1).unwrap_or(u32::MAX)
    }

    #[inline(always)]
    fn pick<P>(
        &mut self,
        turn: &mut Turn<'_, P, Fact>,
        service: Name,
        instances: &[NodeId],
        key: u64,
    ) -> Option<NodeId> {
        let pick = Pick { now: turn.now(), service, key, word: 0 };
        if let Some(place) = self.balancer.pick_by_count(pick, instances.len()) {
            return instances.get(place).copied();
        }
        self.pick_from_list(turn, pick, instances)
    }

    /// Which instance is called where more counts than how many there are.
    #[inline(never)]
    fn pick_from_list<P>(
        &mut self,
        turn: &mut Turn<'_, P, Fact>,
        pick: Pick,
        instances: &[NodeId],
    ) -> Option<NodeId> {
        if instances.is_empty() {
            return None;
        }
        self.hosts.clear();
        self.hosts
            .extend(instances.iter().map(|instance| host(*instance, self.weights.as_deref())));
        let word = match self.balancer.draw(pick.now, pick.service, &self.hosts) {
            Draw::Nothing => 0,
            draw @ (Draw::Place | Draw::TwoPlaces | Draw::Weighted(_)) => {
                drawn(draw, instances, turn)
            }
        };
        self.balancer.pick(Pick { word, ..pick }, &self.hosts).map(|index| instances[index])
    }

    /// The instances that are not ejected; all of them where that leaves nobody.
    #[cold]
    fn without_outliers<P>(
        &mut self,
        turn: &mut Turn<'_, P, Fact>,
        service: Name,
        instances: Arc<[NodeId]>,
    ) -> Arc<[NodeId]> {
        let outlier = self.outliers.entry(service);
        let outlier = outlier.or_insert_with(|| Outlier::new(self.outlier.clone()));
        let hosts: Vec<_> = instances.iter().map(|instance| Name(instance.0)).collect();
        outlier.show(turn.now(), &hosts);
        for verdict in outlier.advance(turn.now()) {
            tell(service, verdict, turn);
        }
        let is_in = |instance: &&NodeId| !outlier.is_ejected(Name(instance.0));
        let left: Arc<[NodeId]> = instances.iter().filter(is_in).copied().collect();
        if left.is_empty() { instances } else { left }
    }

    /// The instances in the zone where the call goes; all of them where zones do not matter.
    #[cold]
    fn in_one_zone<P>(
        &self,
        turn: &mut Turn<'_, P, Fact>,
        service: Name,
        instances: Arc<[NodeId]>,
    ) -> Arc<[NodeId]> {
        let Some(map) = &self.zones else { return instances };
        let hosts: Vec<Name> = instances.iter().map(|instance| map.zone(*instance)).collect();
        let callers = map.callers.get(&service).map_or(&[][..], Vec::as_slice);
        let mut zones = Zones { own: map.zone(turn.me()), callers, hosts: &hosts, word: 0 };
        if self.balancer.draws_zone(zones) {
            zones.word = any_word(ZONE, turn);
        }
        let Some(zone) = self.balancer.zone(zones) else { return instances };
        instances.iter().copied().filter(|instance| map.zone(*instance) == zone).collect()
    }

    fn began(&mut self, now: Time, slot: u32, service: Name, instance: NodeId) {
        if self.balancer.heeds_loads() || self.ejects {
            self.keep_under_way(slot, UnderWay { service, instance, since: now });
        }
    }

    /// A call to an instance counts until it ends.
    #[cold]
    fn keep_under_way(&mut self, slot: u32, call: UnderWay) {
        self.balancer.started(call.since, Name(call.instance.0));
        self.under_way.insert(slot, call);
    }

    fn ended<P>(&mut self, turn: &mut Turn<'_, P, Fact>, slot: u32, outcome: &Outcome<P>) {
        if !self.under_way.is_empty() {
            self.judge(turn, slot, outcome);
        }
    }

    /// What the end of a call to an instance says of it.
    #[cold]
    fn judge<P>(&mut self, turn: &mut Turn<'_, P, Fact>, slot: u32, outcome: &Outcome<P>) {
        let Some(UnderWay { service, instance, since }) = self.under_way.swap_remove(&slot) else {
            return;
        };
        let (now, host) = (turn.now(), Name(instance.0));
        self.balancer.ended(now, host, now.since(since));
        let Some(outlier) = self.outliers.get_mut(&service) else { return };
        let mut verdicts = outlier.advance(now);
        verdicts.extend(outlier.record(now, host, !is_the_hosts(outcome)));
        for verdict in verdicts {
            tell(service, verdict, turn);
        }
    }
}

#[cold]
fn of_subset(subset: &Subset) -> (Name, Arc<[NodeId]>) {
    (subset.name, Arc::clone(&subset.instances))
}

/// An instance with its weight.
fn host(instance: NodeId, weights: Option<&[u32]>) -> Host {
    let weight = weights.and_then(|weights| weights.get(instance.0 as usize));
    Host { id: Name(instance.0), weight: weight.copied().unwrap_or(1) }
}

/// Whether an instance is to blame for how a call ended, and not whoever called it.
const fn is_the_hosts<P>(outcome: &Outcome<P>) -> bool {
    match outcome {
        Ok(_) => false,
        Err(failure) => match failure {
            Failure::Reset | Failure::TimedOut | Failure::Failed | Failure::Overloaded => true,
            Failure::NoInstances
            | Failure::NoHealthyInstances
            | Failure::RouteNotFound
            | Failure::RateLimited
            | Failure::BreakerOpen
            | Failure::Rejected
            | Failure::UnknownMethod
            | Failure::RolledBack
            | Failure::NeedsIntervention => false,
        },
    }
}

fn tell<P>(service: Name, verdict: Verdict, turn: &mut Turn<'_, P, Fact>) {
    let instance = NodeId(verdict.host.0);
    turn.note(match verdict.ejected_until {
        Some(_) => Fact::Ejected { service, instance },
        None => Fact::Readmitted { service, instance },
    });
}
