//! A saga for machines, as `docs/cli.md` documents it.

use brownout_models::Time;
use serde::Serialize;

use super::history::{Act, End, Execution};
use crate::kernel::World;
use crate::render::Words;
use crate::render::report::failure_word;
use crate::system::Stock;

/// One execution of a saga.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SagaReport {
    saga: String,
    key: String,
    flow: String,
    node: String,
    end: &'static str,
    began_ns: u64,
    ended_ns: Option<u64>,
    acts: Vec<ActReport>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "act", rename_all = "snake_case")]
enum ActReport {
    Step {
        step: u32,
        name: String,
        compensation: bool,
        attempts: u32,
        failure: Option<String>,
        at_ns: u64,
    },
    Crashed {
        life: u32,
        at_ns: u64,
    },
    Resumed {
        life: u32,
        at_ns: u64,
    },
    Joined {
        requests: u32,
        at_ns: u64,
    },
}

impl SagaReport {
    pub(super) fn new(saga: &Execution, world: &World<Stock>) -> Self {
        let words = Words::new(world);
        let (end, ended) = match saga.end {
            End::Committed(at) => ("committed", Some(at)),
            End::Compensated(at) => ("compensated", Some(at)),
            End::NeedsIntervention(at) => ("needs_intervention", Some(at)),
            End::Lost(at) => ("lost", Some(at)),
            End::Unfinished => ("unfinished", None),
        };
        Self {
            saga: words.name(saga.saga).to_owned(),
            key: saga.key.to_string(),
            flow: words.flow(saga.flow),
            node: words.node(saga.node).to_owned(),
            end,
            began_ns: saga.began.as_nanos(),
            ended_ns: ended.map(Time::as_nanos),
            acts: saga.acts.iter().map(|act| act_report(act, &words)).collect(),
        }
    }
}

fn act_report(act: &Act, words: &Words<'_>) -> ActReport {
    match act {
        Act::Step(tries) => ActReport::Step {
            step: tries.step.saturating_add(1),
            name: words.name(tries.name).to_owned(),
            compensation: tries.compensation,
            attempts: tries.attempts,
            failure: tries.failure.map(failure_word),
            at_ns: tries.at.as_nanos(),
        },
        Act::Crashed { life, at } => ActReport::Crashed { life: *life, at_ns: at.as_nanos() },
        Act::Resumed { life, at } => ActReport::Resumed { life: *life, at_ns: at.as_nanos() },
        Act::Joined { requests, at } => {
            ActReport::Joined { requests: *requests, at_ns: at.as_nanos() }
        }
    }
}
