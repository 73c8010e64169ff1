//! Deciding: the answer at an address, from the plan or the seed, and what is written down of it.

use brownout_models::Span;
use brownout_models::contract::{Distribution, FlowId};

use super::super::draw::Tables;
use super::super::mix;
use super::super::plan::{Deviation, Fate};
use super::super::site::{self, purpose};
use super::super::words::{self, Asked, Fails, Question, Strike, Takes};
use super::quick::Haste;
use super::{Choices, LinkSites, Point, SiteId};

impl Choices {
    /// Answers a question.
    #[inline]
    pub(crate) fn ask(&mut self, site: SiteId, flow: FlowId, question: &Question<'_>) -> u64 {
        if self.is_quiet(site) { question.calm() } else { self.decide(site, flow, question) }
    }

    /// Whether a fault strikes: [`ask`](Self::ask) of what is asked most.
    #[inline(always)]
    pub(crate) fn strikes(&mut self, site: SiteId, flow: FlowId) -> bool {
        !self.is_quiet(site) && self.decide(site, flow, &Strike) != 0
    }

    /// Which of these ways something fails, if it does: [`ask`](Self::ask) of what is asked most.
    #[inline(always)]
    pub(crate) fn fails(&mut self, site: SiteId, flow: FlowId, ways: &[&str]) -> u64 {
        if self.is_quiet(site) { 0 } else { self.decide(site, flow, &Fails(ways)) }
    }

    /// How long something takes: [`ask`](Self::ask) of what is asked most.
    #[inline(always)]
    pub(crate) fn takes(&mut self, site: SiteId, flow: FlowId, amount: &Distribution) -> Span {
        if self.is_quiet(site) {
            return amount.calm();
        }
        Span::from_nanos(self.decide(site, flow, &Takes(amount)))
    }

    /// How long a message travels.
    #[inline(always)]
    pub(crate) fn travel_time(&mut self, sites: LinkSites, flow: FlowId) -> Span {
        let latency = self.latencies[sites.latency_at as usize];
        self.takes(sites.latency, flow, &latency)
    }

    /// How long a message travels on the link of this place, which is [simple](LinkSites::is_simple);
    /// `None` if it is lost.
    #[inline(never)]
    pub(crate) fn travel_simply(&mut self, place: usize, flow: FlowId) -> Option<Span> {
        let sites = *self.sites_at(place);
        let takes =
            if self.strikes(sites.lose, flow) { None } else { Some(self.travel_time(sites, flow)) };
        if let Haste::Unknown = self.haste[place] {
            self.judge(place);
        }
        takes
    }

    /// Answers a question at a site that is not quiet.
    #[inline(always)]
    fn decide(&mut self, id: SiteId, flow: FlowId, asked: &impl Asked) -> u64 {
        let site = &mut self.sites[id.0 as usize];
        if !site.is_plain {
            return self.decide_by_plan(id, flow, &asked.question());
        }
        let (flow_key, count) = self.flows.count(flow, site.rank);
        if !site.weather && self.now >= self.heals_at {
            return asked.calm();
        }
        let word = mix::word(site.key, flow_key, count);
        let tables = Tables { log_normals: &mut self.log_normals, hint: &mut site.table };
        let answer = asked.sample(word, site.odds, tables);
        if !site.weather && answer != asked.calm() {
            self.remember(id, flow, count, &asked.question(), answer);
        }
        answer
    }

    /// Answers a question where a plan may, or somebody wants to know of it.
    #[cold]
    fn decide_by_plan(&mut self, id: SiteId, flow: FlowId, question: &Question<'_>) -> u64 {
        let site = &self.sites[id.0 as usize];
        if site.weather && !site.met {
            self.meet(id);
        }
        let site = &self.sites[id.0 as usize];
        let (flow_key, count) = self.flows.count(flow, site.rank);
        if !site.planned.is_empty()
            && let Some(answer) = self.planned_answer(id, (Some(flow_key), count), question)
        {
            return answer;
        }
        let site = &mut self.sites[id.0 as usize];
        let answer = if site.seeded && (site.weather || self.now < self.heals_at) {
            let word = mix::word(site.key, flow_key, count);
            let tables = Tables { log_normals: &mut self.log_normals, hint: &mut site.table };
            question.sample(word, site.odds, tables)
        } else {
            question.calm()
        };
        let struck = !self.sites[id.0 as usize].weather && answer != question.calm();
        if struck || self.points.is_some() {
            self.remember(id, flow, count, question, answer);
        }
        answer
    }

    /// Notes what weather decides in this run.
    #[cold]
    fn meet(&mut self, id: SiteId) {
        let site = &mut self.sites[id.0 as usize];
        site.met = true;
        let is_plain = self.is_plain(id.0 as usize);
        let site = &mut self.sites[id.0 as usize];
        site.is_plain = is_plain;
        if !self.weather_met.contains(&site.what.0) {
            self.weather_met.push(site.what.0);
        }
    }

    /// The answer of the plan at this address, if there is one and it applies.
    #[cold]
    fn planned_answer(
        &mut self,
        id: SiteId,
        address: (Option<u64>, u32),
        question: &Question<'_>,
    ) -> Option<u64> {
        let site = &self.sites[id.0 as usize];
        let address_of = |number: u32| {
            let planned = self.planned[number as usize].flow;
            (planned, self.plan.deviations[number as usize].count)
        };
        let first = site.planned.partition_point(|number| address_of(*number) < address);
        for number in &site.planned[first..] {
            let deviation = &self.plan.deviations[*number as usize];
            let planned = &mut self.planned[*number as usize];
            if (planned.flow, deviation.count) != address {
                break;
            }
            let answer = words::read(question, &deviation.answer, &self.layout);
            // Under a seed the calm answer of weather is as good as any other; elsewhere it is what
            // happens anyway.
            let may_be_calm = site.weather && site.seeded;
            if let Some(answer) = answer.filter(|answer| may_be_calm || *answer != question.calm())
            {
                planned.fate = Fate::Applied;
                self.applied.push(deviation.clone());
                if let Some(points) = &mut self.points {
                    // Only what comes after the last deviation extends the plan.
                    points.clear();
                }
                return Some(answer);
            }
            planned.fate = Fate::Inapplicable;
            planned.possible = words::possible(question, may_be_calm, &self.layout);
        }
        None
    }

    /// Writes down a fault that struck, and the point for whoever enumerates.
    #[cold]
    fn remember(
        &mut self,
        id: SiteId,
        flow: FlowId,
        count: u32,
        question: &Question<'_>,
        answer: u64,
    ) {
        let site = &self.sites[id.0 as usize];
        let mut address = Deviation {
            site: site::text(site.owner, &self.layout),
            what: site.what.0.to_owned(),
            flow: self.flow_text(flow),
            count,
            answer: String::new(),
        };
        let site = &mut self.sites[id.0 as usize];
        if let Some(points) = &mut self.points
            && site.odds.num() > 0
            && self.now < self.heals_at
        {
            let tables = Tables { log_normals: &mut self.log_normals, hint: &mut site.table };
            let menu = words::menu(question, &self.layout, tables);
            points.push(Point { step: self.step, address: address.clone(), menu });
        }
        if !site.weather && answer != question.calm() {
            address.answer = words::write(question, answer, &self.layout);
            self.applied.push(address);
        }
    }

    /// The step of the crash that was just decided had only so many effects. A random crash came
    /// after the last of them; a planned one does not apply. Returns whether it came at all.
    pub(crate) fn shorten_crash(&mut self, effects: u32) -> bool {
        // The effects of the step have met faults of their own since the crash was decided.
        let Some(at) = self.applied.iter().rposition(|fault| fault.what == purpose::CRASH.0) else {
            return false;
        };
        let crash = &self.applied[at];
        let planned = self.plan.deviations.iter().position(|deviation| deviation == crash);
        if let Some(planned) = planned.and_then(|number| self.planned.get_mut(number)) {
            planned.fate = Fate::Inapplicable;
            planned.possible = words::crashes_within(effects);
            self.applied.remove(at);
            return false;
        }
        self.applied[at].answer = words::crash_after(effects);
        true
    }

    /// The step of the last crash point turned out to have this many effects.
    pub(crate) fn offer_crashes(&mut self, effects: u32) {
        let Some(points) = &mut self.points else { return };
        let mut latest = points.iter_mut().rev().take_while(|point| point.step == self.step);
        if let Some(point) = latest.find(|point| point.address.what == purpose::CRASH.0) {
            point.menu.extend((1..=effects).map(words::crash_after));
        }
    }
}
