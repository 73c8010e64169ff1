//! Who answers: every choice of a run, from its seed and its plan.
//!
//! An answer is a function of the seed and the address only, so asking more, fewer or in another
//! order changes no other answer.

mod decide;
mod links;
mod quick;
mod surroundings;

use std::collections::BTreeSet;
use std::sync::Arc;

use brownout_models::Time;
use brownout_models::contract::{Distribution, FlowId, Ground, NodeId, Purpose};

pub(crate) use self::links::LinkSites;
use self::links::{LinkKey, NEAR, NOWHERE};
use self::quick::Haste;
pub(crate) use self::surroundings::address;
use self::surroundings::flow_key;
use super::draw::{self, Tables};
use super::flow::{self, Flows};
use super::mix::RunKey;
use super::plan::{Deviation, Fate, Plan, Weather};
use super::sample::LogNormals;
use super::site::{self, Owner, Site, UNRANKED, purpose};
use crate::layout::{Fault, FaultRule, Layout};
use brownout_models::Map;

/// A site, as its position in the table of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SiteId(u32);

/// A decision that a run came to: where a plan could deviate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The number of the step in which it was asked.
    pub step: u64,
    /// The address, with an empty answer.
    pub address: Deviation,
    /// Every answer that differs from the calm one, in words.
    pub menu: Vec<String>,
}

/// A deviation of the plan in the terms of this run.
#[derive(Clone, Debug)]
struct Planned {
    owner: Option<Owner>,
    flow: Option<u64>,
    fate: Fate,
    /// Which answers are possible where it is inapplicable, in words; else empty.
    possible: String,
}

/// The answers of one run.
#[derive(Clone, Debug)]
pub(crate) struct Choices {
    layout: Arc<Layout>,
    plan: Arc<Plan>,
    run: RunKey,
    sites: Vec<Site>,
    /// How many of them were ever loud.
    ranks: u32,
    at_nodes: Vec<Vec<(Purpose, SiteId)>>,
    on_links: Map<LinkKey, LinkSites>,
    /// Links that were used lately, by a few bits of their key: most messages find theirs without
    /// searching the map.
    near: [(LinkKey, LinkSites); NEAR],
    /// Whether messages may travel quickly on them.
    haste: [Haste; NEAR],
    latencies: Vec<Distribution>,
    log_normals: LogNormals,
    /// Every answer is calm, and nobody wants to know of any question.
    is_calm: bool,
    /// No message is ever late, lost or doubled, and none takes time.
    links_are_calm: bool,
    /// Some node may crash or stand still.
    may_crash: bool,
    /// Some host may have trouble that lasts: it stands still, works slowly, has a wrong clock.
    may_suffer: bool,
    /// Another event than the first may be taken.
    may_tie: bool,
    flows: Flows,
    lives: Vec<u32>,
    planned: Vec<Planned>,
    /// The keys of the only pieces of load that take part.
    load: Option<BTreeSet<u64>>,
    /// What the weather decided in this run.
    weather_met: Vec<&'static str>,
    /// Faults that struck, as deviations.
    applied: Vec<Deviation>,
    points: Option<Vec<Point>>,
    /// When random faults cease.
    heals_at: Time,
    now: Time,
    step: u64,
}

impl Choices {
    pub(crate) fn new(layout: Arc<Layout>, plan: Arc<Plan>) -> Self {
        let nodes = layout.nodes.len();
        let heals_at = layout.heal_at.unwrap_or(Time::NEVER);
        let mut choices = Self {
            layout,
            plan,
            run: RunKey::from_seed(0),
            sites: Vec::new(),
            ranks: 0,
            at_nodes: vec![Vec::new(); nodes],
            on_links: Map::default(),
            near: [NOWHERE; NEAR],
            haste: [Haste::Unknown; NEAR],
            latencies: Vec::new(),
            log_normals: LogNormals::default(),
            is_calm: false,
            links_are_calm: false,
            may_crash: false,
            may_suffer: false,
            may_tie: false,
            flows: Flows::default(),
            lives: vec![0; nodes],
            planned: Vec::new(),
            load: None,
            weather_met: Vec::new(),
            applied: Vec::new(),
            points: None,
            heals_at,
            now: Time::ZERO,
            step: 0,
        };
        choices.adopt();
        choices
    }

    /// Starts over with another plan, writing down the points it comes to or not; what is known of
    /// the sites stays.
    pub(crate) fn restart(&mut self, plan: Arc<Plan>, points: bool) {
        self.plan = plan;
        self.lives.fill(0);
        self.weather_met.clear();
        for site in &mut self.sites {
            site.met = false;
        }
        self.applied.clear();
        self.points = points.then(Vec::new);
        self.now = Time::ZERO;
        self.step = 0;
        self.adopt();
        self.flows.clear(self.ranks);
    }

    /// Works out beforehand what every site that a seed may answer is called, and the tables of how
    /// long its faults last.
    pub(crate) fn name_sites(&mut self) {
        for site in self.sites.iter_mut().filter(|site| site.weather || site.odds.num() > 0) {
            site.constant(&self.layout);
            if let Some(length) = &site.length {
                let log_normals = &mut self.log_normals;
                draw::span(0, length, Tables { log_normals, hint: &mut site.table });
            }
        }
    }

    /// Follows another plan from here on, one that agrees with the answers so far, and writes down
    /// the points from here on or not.
    pub(crate) fn deviate(&mut self, plan: Arc<Plan>, points: bool) {
        let before = std::mem::take(&mut self.planned);
        self.plan = plan;
        self.points = points.then(Vec::new);
        self.adopt();
        for (planned, before) in self.planned.iter_mut().zip(before) {
            (planned.fate, planned.possible) = (before.fate, before.possible);
        }
    }

    /// Takes the plan in: its seed, its deviations, and which sites are loud under it.
    fn adopt(&mut self) {
        if let Weather::Seed { seed, .. } = &self.plan.weather {
            self.run = RunKey::from_seed(*seed);
        }
        let layout = &self.layout;
        self.planned.clear();
        self.planned.extend(self.plan.deviations.iter().map(|deviation| Planned {
            owner: site::parse(&deviation.site, layout),
            flow: flow_key(&deviation.flow, layout),
            fate: Fate::Unreached,
            possible: String::new(),
        }));
        let load = self.plan.load.as_ref();
        self.load =
            load.map(|load| load.iter().filter_map(|flow| flow_key(flow, layout)).collect());
        let wanted = |rule: &FaultRule| {
            rule.odds.num() > 0 && (self.plan.random_faults || self.points.is_some())
        };
        self.is_calm = matches!(self.plan.weather, Weather::Calm)
            && self.planned.is_empty()
            && self.points.is_none();
        let planned = |planned: &Planned| matches!(planned.owner, Some(Owner::Link { .. }));
        self.links_are_calm = layout.latencies.is_empty()
            && !layout.faults.iter().any(|rule| rule.what.is_on_links() && wanted(rule))
            && !self.planned.iter().any(planned);
        let says = |what: Purpose| self.plan.deviations.iter().any(|it| it.what == what.0);
        let suffers = |rule: &FaultRule| {
            rule.what.is_at_steps() && !matches!(rule.what, Fault::Crash(..)) && wanted(rule)
        };
        self.may_suffer =
            layout.faults.iter().any(suffers) || purpose::TROUBLES.into_iter().any(says);
        self.may_crash = self.may_suffer
            || says(purpose::CRASH)
            || layout.faults.iter().any(|rule| rule.what.is_at_steps() && wanted(rule));
        self.may_tie =
            layout.faults.iter().any(|rule| matches!(rule.what, Fault::Tie(_)) && wanted(rule))
                || self.plan.deviations.iter().any(|deviation| deviation.what == purpose::TIE.0);
        for site in 0..self.sites.len() {
            self.prepare(site);
        }
        for link in 0..self.on_links.len() {
            self.on_links[link] = self.heard(self.on_links[link]);
        }
        self.near.fill(NOWHERE);
        self.haste.fill(Haste::Unknown);
    }

    fn prepare(&mut self, index: usize) {
        let site = &mut self.sites[index];
        site.planned.clear();
        for (number, (planned, deviation)) in
            (0..).zip(self.planned.iter().zip(&self.plan.deviations))
        {
            if planned.owner == Some(site.owner) && deviation.what == site.what.0 {
                site.planned.push(number);
            }
        }
        let (planned, deviations) = (&self.planned, &self.plan.deviations);
        site.planned.sort_by_key(|number| {
            (planned[*number as usize].flow, deviations[*number as usize].count)
        });
        site.seeded = match &self.plan.weather {
            Weather::Calm => false,
            Weather::Seed { except, .. } if site.weather => {
                !except.iter().any(|what| what == site.what.0)
            }
            Weather::Seed { .. } => self.plan.random_faults && site.odds.num() > 0,
        };
        let wanted = self.points.is_some() && site.odds.num() > 0;
        site.loud = site.seeded || wanted || !site.planned.is_empty();
        if site.loud && site.rank == UNRANKED {
            site.rank = self.ranks;
            self.ranks += 1;
        }
        if site.seeded {
            site.key = self.run.site(site.constant(&self.layout));
        }
        self.sites[index].is_plain = self.is_plain(index);
    }

    fn is_plain(&self, index: usize) -> bool {
        let site = &self.sites[index];
        let is_seeded = site.seeded && site.planned.is_empty() && self.points.is_none();
        is_seeded && (site.met || !site.weather)
    }

    #[inline(always)]
    pub(crate) fn at_node(&mut self, node: NodeId, what: Purpose, weather: bool) -> SiteId {
        // A purpose is nearly always asked for by the same constant: texts are compared last.
        let known = &self.at_nodes[node.0 as usize];
        let same = known.iter().find(|(purpose, _)| std::ptr::eq(purpose.0, what.0));
        same.map(|(_, site)| *site).unwrap_or_else(|| self.at_node_by_text(node, what, weather))
    }

    #[cold]
    fn at_node_by_text(&mut self, node: NodeId, what: Purpose, weather: bool) -> SiteId {
        let known = &self.at_nodes[node.0 as usize];
        if let Some((_, site)) = known.iter().find(|(purpose, _)| *purpose == what) {
            return *site;
        }
        let site = self.new_site(Owner::Node(node), what, weather);
        self.at_nodes[node.0 as usize].push((what, site));
        site
    }

    #[cold]
    fn new_site(&mut self, owner: Owner, what: Purpose, weather: bool) -> SiteId {
        self.sites.push(Site::new(owner, what, weather, &self.layout));
        self.prepare(self.sites.len() - 1);
        SiteId(u32::try_from(self.sites.len() - 1).expect("a system has fewer than 2^32 sites"))
    }

    /// Whether only the calm answer can come out and nobody wants to know of the question.
    #[inline]
    pub(crate) fn is_quiet(&self, site: SiteId) -> bool {
        !self.sites[site.0 as usize].loud
    }

    /// How long a fault of this site lasts when it is drawn at random.
    pub(crate) fn length(&self, site: SiteId) -> Option<&Distribution> {
        self.sites[site.0 as usize].length.as_ref()
    }

    /// Whether points are written down.
    pub(crate) const fn writes_points(&self) -> bool {
        self.points.is_some()
    }

    pub(crate) const fn links_are_calm(&self) -> bool {
        self.links_are_calm
    }

    /// Whether another event than the first may be taken where several wait for one node.
    pub(crate) const fn may_tie(&self) -> bool {
        self.may_tie
    }

    pub(crate) const fn may_suffer(&self) -> bool {
        self.may_suffer
    }

    pub(crate) const fn may_crash(&self) -> bool {
        self.may_crash
    }

    pub(crate) fn tick(&mut self, now: Time, step: u64) {
        self.come_to(now);
        self.step = step;
    }

    /// The time of the next question, where that is asked before the step begins.
    pub(crate) const fn come_to(&mut self, now: Time) {
        self.now = now;
    }

    pub(crate) fn begin_life(&mut self, node: NodeId) -> u32 {
        let life = &mut self.lives[node.0 as usize];
        *life += 1;
        *life
    }

    #[inline]
    pub(crate) fn ground(&self, flow: FlowId) -> Ground {
        self.flows.ground(flow)
    }

    pub(crate) fn flows(&self) -> usize {
        self.flows.len()
    }

    /// The name of a flow: `shopper/17`, `payment-1 heartbeat/3`, `payment-1~2 heartbeat/3`.
    pub(crate) fn flow_text(&self, flow: FlowId) -> String {
        let source = self.flows.source(flow);
        let flow = self.flows.get(flow);
        let life = if flow.life > 1 { format!("~{}", flow.life) } else { String::new() };
        let purpose = source.purpose.0;
        let space = if purpose.is_empty() { "" } else { " " };
        let index = flow::index_text(flow.index);
        format!("{}{life}{space}{purpose}/{index}", self.layout.node_name(source.node))
    }

    pub(crate) fn applied(&self) -> &[Deviation] {
        &self.applied
    }

    /// What became of each deviation of the plan.
    pub(crate) fn fates(&self) -> impl Iterator<Item = (&Deviation, Fate)> {
        self.plan.deviations.iter().zip(self.planned.iter().map(|planned| planned.fate))
    }

    /// Which answers were possible instead, for each deviation of the plan that was inapplicable; empty
    /// for the others.
    pub(crate) fn possible(&self) -> impl Iterator<Item = &str> {
        self.planned.iter().map(|planned| planned.possible.as_str())
    }

    /// What the weather decided in this run: `latency`, `work`, ..
    pub(crate) fn weather_purposes(&self) -> &[&'static str] {
        &self.weather_met
    }

    pub(crate) fn take_points(&mut self) -> Vec<Point> {
        self.points.take().unwrap_or_default()
    }
}
