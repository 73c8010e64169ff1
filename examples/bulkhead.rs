//! A stranger's bulkhead between a stock gateway and a stock service, with its own payload and timer.
//! It has a bug: when patience ends before the answer comes, the permit is never given back.
use brownout::prelude::*;
use serde::Serialize;

timers! {enum Timer { Patience(u32) }}

#[derive(Clone, Debug, Serialize)]
struct Permit(u32);

/// How many permits there are, how long a call may hold one, who is called, permits taken, and calls.
#[derive(Clone, Debug, Serialize)]
struct Bulkhead(u32, Span, NodeId, u32, Slab<Ticket>);

impl Machine for Bulkhead {
    type Payload = Permit;
    type Timer = Timer;
    type Fact = &'static str;

    fn step(&mut self, input: Input<Permit, Timer>, turn: &mut Turn<'_, Permit, &'static str>) {
        let Self(permits, patience, upstream, taken, inside) = self;
        match input {
            Input::Deliver { from, body: Body::Request(request) } if taken < permits => {
                *taken += 1;
                let slot = inside.insert(turn.ticket(from, request.method));
                let request = Request { payload: Some(Permit(*taken)), ..request };
                turn.call(*upstream, Body::Request(request), None, slot.into());
                turn.set(Timer::Patience(slot), *patience);
            }
            Input::Deliver { from, body } => {
                turn.reply_failure(from, body.name(), Failure::Overloaded);
            }
            Input::Reply { tag, outcome } => {
                let Some(ticket) = inside.remove(tag as u32) else { return };
                *taken -= 1;
                turn.cancel(Timer::Patience(tag as u32));
                turn.answer(ticket, outcome);
            }
            Input::Wake(Timer::Patience(slot)) => {
                let Some(ticket) = inside.remove(slot) else { return };
                turn.note("out of patience");
                turn.answer(ticket, Err(Failure::TimedOut));
            }
            Input::Start | Input::Expired { .. } => {}
        }
    }

    fn power_cut(&mut self) {
        (self.3, self.4) = (0, Slab::default());
    }
}

fn main() -> std::process::ExitCode {
    brownout::cli::run(Kinds::new().with("bulkhead", |(permits, patience, upstream), at| {
        let upstream: String = upstream;
        Ok(Bulkhead(permits, patience, at.node(&upstream)?, 0, Slab::default()))
    }))
}
