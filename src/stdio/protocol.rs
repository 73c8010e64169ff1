//! The session: lines in, responses out, time in between.
//!
//! At one instant timers come first, then requests in order; what a request causes at its own
//! instant has happened before its response is written. What is *not* here: any machine.

use std::io::{BufRead, Write};

use brownout_models::Time;
use serde::Serialize;

use super::fields::{Bad, Fields};
use super::vocabulary::{Answer, Events, Stamped, Trouble};
use super::{ServeEnd, StdioError};

/// A machine behind the protocol.
pub(super) trait Desk {
    /// A checked request.
    type Request;

    /// Reads the fields of an operation; the session checks that none is left over.
    fn read(operation: &str, fields: &mut Fields) -> Result<Self::Request, Bad>;

    /// When the next timer is due that changes anything.
    fn due(&self) -> Option<Time>;

    /// Lives through the first timer that is due, which is now.
    fn wake(&mut self, now: Time, events: &mut Events);

    /// Takes a request. `Bad` says that it cannot be taken in this state, and nothing has changed.
    fn take(
        &mut self,
        now: Time,
        number: u64,
        request: Self::Request,
        events: &mut Events,
    ) -> Result<Answer, Bad>;

    /// Whether the end of something is still to come; what ticks for ever does not count.
    fn is_pending(&self) -> bool;
}

/// One line of output.
#[derive(Serialize)]
struct Response {
    /// Counts lines from 0; null on the last.
    request: Option<u64>,
    at: u64,
    result: Answer,
    events: Vec<Stamped>,
}

/// A line that was understood.
enum Line<R> {
    Advance,
    Request(R),
}

/// Answers every line of `input`, then lives on until nothing is pending.
pub(super) fn run<D: Desk>(
    desk: D,
    mut input: impl BufRead,
    mut output: impl Write,
) -> Result<ServeEnd, StdioError> {
    let mut session = Session { desk, now: Time::ZERO, events: Events::default(), bad_requests: 0 };
    let mut line = Vec::new();
    for number in 0.. {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        write(&mut output, &session.answer(number, &line))?;
    }
    write(&mut output, &session.finish())?;
    Ok(ServeEnd { bad_requests: session.bad_requests })
}

fn write(output: &mut impl Write, response: &Response) -> Result<(), StdioError> {
    let mut line = serde_json::to_vec(response).map_err(std::io::Error::from)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.flush()?;
    Ok(())
}

struct Session<D> {
    desk: D,
    now: Time,
    events: Events,
    bad_requests: u64,
}

impl<D: Desk> Session<D> {
    fn answer(&mut self, number: u64, line: &[u8]) -> Response {
        let result = self.take(number, line).unwrap_or_else(|Bad(message)| {
            self.bad_requests += 1;
            Answer::Failed { error: Trouble::new("bad_request", message) }
        });
        let events = self.events.take();
        Response { request: Some(number), at: self.now.as_nanos(), result, events }
    }

    fn take(&mut self, number: u64, line: &[u8]) -> Result<Answer, Bad> {
        let (at, line) = self.read(line)?;
        self.live_until(at);
        let answer = match line {
            Line::Advance => Answer::Done {},
            Line::Request(request) => self.desk.take(at, number, request, &mut self.events)?,
        };
        self.live_until(at);
        Ok(answer)
    }

    /// Checks a line before anything changes, time included.
    fn read(&self, line: &[u8]) -> Result<(Time, Line<D::Request>), Bad> {
        let mut fields = Fields::of_line(line)?;
        let at = Time::from_nanos(fields.natural("at")?);
        let operation = fields.text("op")?;
        let request = match operation.as_str() {
            "advance" => Line::Advance,
            operation => Line::Request(D::read(operation, &mut fields)?),
        };
        fields.end()?;
        if at < self.now {
            let (at, now) = (at.as_nanos(), self.now.as_nanos());
            return Err(Bad(format!("time runs backwards: `at` is {at} after {now}")));
        }
        Ok((at, request))
    }

    fn live_until(&mut self, at: Time) {
        while let Some(due) = self.desk.due().filter(|due| *due <= at) {
            self.now = due;
            self.desk.wake(due, &mut self.events);
        }
        self.now = at;
    }

    fn finish(&mut self) -> Response {
        while self.desk.is_pending()
            && let Some(due) = self.desk.due()
        {
            self.now = due;
            self.desk.wake(due, &mut self.events);
        }
        let (result, events) = (Answer::Done {}, self.events.take());
        Response { request: None, at: self.now.as_nanos(), result, events }
    }
}
