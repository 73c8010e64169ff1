//! A stranger's machine among stock ones: a bulkhead between a gateway and a service, with its own
//! payload and timer. It has a bug: a permit is not given back when patience ends.
use std::process::ExitCode;

use brownout::Kinds;
use brownout::models::contract::{
    Body, Context, Failure, Input, Machine, NodeId, Request, Sender, Turn,
};
use brownout::models::machine::Slab;
use brownout::models::{Name, Span};
use serde::{Deserialize, Serialize};

brownout::models::timers! { enum Timer { Patience(u32) } }

#[derive(Clone, Debug, Serialize)]
struct Permit(usize);

#[derive(Deserialize)]
struct Config {
    permits: usize,
    patience: Span,
    upstream: String,
}

#[derive(Clone, Debug, Serialize)]
struct Bulkhead {
    limit: usize,
    free: usize,
    patience: Span,
    upstream: NodeId,
    inside: Slab<(Context, Sender, Name)>,
}

impl Machine for Bulkhead {
    type Payload = Permit;
    type Timer = Timer;
    type Fact = String;
    const PHASES: &'static [&'static str] = &["open", "full"];
    fn phase(&self) -> usize {
        usize::from(self.free == 0)
    }

    fn step(&mut self, input: Input<Permit, Timer>, turn: &mut Turn<'_, Permit, String>) {
        match input {
            Input::Deliver { from, body: Body::Request(request) } if self.free > 0 => {
                self.free -= 1;
                let slot = self.inside.insert((turn.context(), from, request.method));
                let request = Request { payload: Some(Permit(self.free)), ..request };
                turn.call(self.upstream, Body::Request(request), None, u64::from(slot));
                turn.set(Timer::Patience(slot), self.patience);
            }
            Input::Deliver { from, body } => {
                turn.reply_failure(from, body.name(), Failure::Overloaded)
            }
            Input::Reply { tag, outcome } => {
                let slot = u32::try_from(tag).unwrap_or(0);
                let Some((context, from, what)) = self.inside.remove(slot) else { return };
                self.free += 1;
                turn.cancel(Timer::Patience(slot));
                turn.on_behalf(context);
                turn.reply(from, what, outcome);
            }
            Input::Wake(Timer::Patience(slot)) => {
                let Some((_, from, what)) = self.inside.remove(slot) else { return };
                turn.note(format!("gave up; {} of {} permits are free", self.free, self.limit));
                turn.reply_failure(from, what, Failure::TimedOut);
            }
            Input::Start | Input::Expired { .. } => {}
        }
    }
    fn power_cut(&mut self) {
        (self.free, self.inside) = (self.limit, Slab::default());
    }
}

fn main() -> ExitCode {
    brownout::cli::run(&Kinds::new().with("bulkhead", |config: Config, at| {
        let Config { permits, patience, upstream } = config;
        Ok(Bulkhead {
            limit: permits,
            free: permits,
            patience,
            upstream: at.node(&upstream)?,
            inside: Slab::default(),
        })
    }))
}
