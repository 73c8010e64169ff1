//! Claims about a registry.

use brownout_models::Span;
use indexmap::{IndexMap, IndexSet};
use serde::Deserialize;
use serde_json::Value;

use super::{Account, Exchange};

/// What a registry must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename = "RegistryClaim", deny_unknown_fields)]
pub enum RegistryClaim {
    /// Always: discovery shows only instances for which something spoke since they registered: a
    /// heartbeat, or a check that passed (REG-2).
    ShownAreProven,
    /// Always: what an earlier life of an instance asks is refused once a later one has registered
    /// (REG-3).
    StaleLivesAreRefused,
    /// Always: a registration without service, id, host or port is refused (REG-4).
    BadRegistrationsAreRefused,
    /// Always: no id is listed under two services (REG-5).
    IdsAreUnique,
    /// Always: every service that is listed has an instance (REG-7).
    ServicesHaveInstances,
    /// Always: discovery shows nobody who was silent for longer, unless it says that it panics
    /// (REG-10).
    SilentAreHidden(Span),
    /// Always: an instance given up is healthy again after this many heartbeats, no fewer (REG-11).
    HealingTakesBeats(u32),
    /// Always: nobody is listed who was silent for longer (REG-12).
    SilentAreForgotten(Span),
    /// Always: a service is not hidden as a whole while it has an instance that was shown before
    /// (REG-13).
    SomebodyIsShown,
}

impl RegistryClaim {
    pub(super) fn account(self) -> Box<dyn Account> {
        Box::new(Directory { claim: self, instances: IndexMap::new() })
    }
}

/// What was said of each instance, by service and id.
#[derive(Clone, Debug)]
struct Directory {
    claim: RegistryClaim,
    instances: IndexMap<(String, String), Said>,
}

/// What was said of an instance.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    incarnation: u64,
    /// The last registration or heartbeat, in nanoseconds.
    seen: u64,
    is_proven: bool,
    was_shown: bool,
    /// Heartbeats since it was given up, if it is.
    beats: Option<u32>,
}

impl Account for Directory {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        let who = (text(&exchange.request, "service"), text(&exchange.request, "id"));
        let incarnation = exchange.request["incarnation"].as_u64().unwrap_or(0);
        let is_done = exchange.result["error"].is_null();
        // What happened on the way comes before what was asked; healing is what was asked for.
        self.given_up_and_forgotten(exchange);
        match exchange.op() {
            "register" => self.registered(&who, incarnation, exchange)?,
            "heartbeat" | "deregister" if is_done => {
                self.is_refused_if_stale(&who, incarnation)?;
                if exchange.op() == "deregister" {
                    self.instances.shift_remove(&who);
                } else if let Some(said) = self.instances.get_mut(&who) {
                    (said.seen, said.is_proven) = (exchange.at.as_nanos(), true);
                    said.beats = said.beats.map(|beats| beats + 1);
                }
            }
            "check" if exchange.request["passed"] == true => {
                if let Some(said) = self.instances.get_mut(&who) {
                    said.is_proven = true;
                }
            }
            "discover" => self.discovered(&who.0, exchange)?,
            "services" => self.listed(exchange)?,
            _ => {}
        }
        self.healed(exchange)
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}

impl Directory {
    fn given_up_and_forgotten(&mut self, exchange: &Exchange<'_>) {
        for event in exchange.events_of("unhealthy") {
            if let Some(said) = self.instances.get_mut(&subject(event)) {
                said.beats = Some(0);
            }
        }
        for event in exchange.events_of("evicted") {
            self.instances.shift_remove(&subject(event));
        }
    }

    fn registered(
        &mut self,
        who: &(String, String),
        incarnation: u64,
        exchange: &Exchange<'_>,
    ) -> Result<(), String> {
        if !exchange.result["error"].is_null() {
            return Ok(());
        }
        self.is_refused_if_stale(who, incarnation)?;
        let request = &exchange.request;
        let is_bad = who.0.is_empty()
            || who.1.is_empty()
            || text(request, "host").is_empty()
            || !(1..=65_535).contains(&request["port"].as_i64().unwrap_or(0));
        if let (RegistryClaim::BadRegistrationsAreRefused, true) = (self.claim, is_bad) {
            return Err(format!("the registration {request} was taken in"));
        }
        let seen = exchange.at.as_nanos();
        match self.instances.get_mut(who) {
            // The same life says again where it is.
            Some(said)
                if said.incarnation == incarnation && exchange.result["created"] == false =>
            {
                said.seen = seen;
            }
            Some(_) | None => {
                let said = Said { incarnation, seen, ..Said::default() };
                self.instances.insert(who.clone(), said);
            }
        }
        Ok(())
    }

    fn is_refused_if_stale(&self, who: &(String, String), incarnation: u64) -> Result<(), String> {
        let known = self.instances.get(who).map_or(0, |said| said.incarnation);
        if self.claim == RegistryClaim::StaleLivesAreRefused && incarnation < known {
            return Err(format!(
                "life {incarnation} of {} was heard after life {known} had registered",
                who.1
            ));
        }
        Ok(())
    }

    fn discovered(&mut self, service: &str, exchange: &Exchange<'_>) -> Result<(), String> {
        let now = exchange.at.as_nanos();
        for id in texts(&exchange.result["instances"]) {
            let Some(said) = self.instances.get_mut(&(service.to_owned(), id.clone())) else {
                continue;
            };
            said.was_shown = true;
            let silence = Span::from_nanos(now - said.seen);
            if self.claim == RegistryClaim::ShownAreProven && !said.is_proven {
                return Err(format!("{id} is shown and has only registered"));
            }
            if let RegistryClaim::SilentAreHidden(lease) = self.claim
                && silence > lease
                && exchange.result["panic"] != true
            {
                return Err(format!("{id} is shown after a silence of {silence}"));
            }
        }
        let is_hidden = exchange.result["error"]["kind"] == "no_healthy_instances";
        let mut of_service = self.instances.iter().filter(|((of, _), _)| of == service);
        if self.claim == RegistryClaim::SomebodyIsShown
            && is_hidden
            && let Some(((_, id), _)) = of_service.find(|(_, said)| said.was_shown)
        {
            return Err(format!("{id} was shown, and now nobody is"));
        }
        Ok(())
    }

    fn listed(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        let now = exchange.at.as_nanos();
        let mut ids = IndexSet::new();
        let services = exchange.result["services"].as_object();
        for (service, instances) in services.into_iter().flatten() {
            let instances = instances.as_array().map_or(&[][..], Vec::as_slice);
            if let (RegistryClaim::ServicesHaveInstances, true) = (self.claim, instances.is_empty())
            {
                return Err(format!("{service} is listed without any instance"));
            }
            for instance in instances {
                let (id, seen) = (text(instance, "id"), instance["last_seen"].as_u64());
                let silence = Span::from_nanos(now - seen.unwrap_or(now));
                if let RegistryClaim::SilentAreForgotten(longest) = self.claim
                    && silence > longest
                {
                    return Err(format!("{id} is listed after a silence of {silence}"));
                }
                if self.claim == RegistryClaim::IdsAreUnique && !ids.insert(id.clone()) {
                    return Err(format!("{id} is listed under two services"));
                }
            }
        }
        Ok(())
    }

    fn healed(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        for event in exchange.events_of("healthy") {
            let who = subject(event);
            let Some(said) = self.instances.get_mut(&who) else { continue };
            let beats = said.beats.take();
            if let (RegistryClaim::HealingTakesBeats(least), Some(beats)) = (self.claim, beats)
                && beats < least
            {
                return Err(format!(
                    "{} was given up and is healthy after {beats} heartbeat",
                    who.1
                ));
            }
        }
        Ok(())
    }
}

fn subject(event: &Value) -> (String, String) {
    (text(event, "service"), text(event, "id"))
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or("").to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}
