//! The session: lines in, responses out, time in between.
//!
//! At one instant timers come first, then requests in order; what a request causes at its own
//! instant has happened before its response is written. What is *not* here: any machine.

use std::fmt;
use std::io::{BufRead, Write};

use brownout_models::Time;
use serde::Serialize;

use super::fields::{Bad, Fields};
use super::vocabulary::{Answer, Events, Stamped, Trouble};
use super::{ServeEnd, StdioError};

/// A machine behind the protocol.
pub(super) trait Desk: Clone + fmt::Debug + Send + Sync + 'static {
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

/// One machine that is asked line by line.
pub(super) trait Asked: fmt::Debug + Send + Sync {
    /// Answers a line.
    fn ask(&mut self, line: &[u8]) -> Result<String, serde_json::Error>;

    /// Lives on until nothing is pending: the last line.
    fn finish(&mut self) -> Result<String, serde_json::Error>;

    /// Lines that could not be understood.
    fn bad_requests(&self) -> u64;

    /// A copy.
    fn copy(&self) -> Box<dyn Asked>;
}

impl Clone for Box<dyn Asked> {
    fn clone(&self) -> Self {
        (**self).copy()
    }
}

/// A machine that is ready to be asked.
pub(super) fn seat<D: Desk>(desk: D) -> Box<dyn Asked> {
    let (now, events) = (Time::ZERO, Events::default());
    Box::new(Session { desk, now, events, requests: 0, bad_requests: 0 })
}

/// Answers every line of `input`, then lives on until nothing is pending.
pub(super) fn run(
    mut asked: Box<dyn Asked>,
    mut input: impl BufRead,
    mut output: impl Write,
) -> Result<ServeEnd, StdioError> {
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        write(&mut output, asked.ask(&line))?;
        line.clear();
    }
    write(&mut output, asked.finish())?;
    Ok(ServeEnd { bad_requests: asked.bad_requests() })
}

fn write(
    output: &mut impl Write,
    line: Result<String, serde_json::Error>,
) -> Result<(), StdioError> {
    let mut line = line.map_err(std::io::Error::from)?;
    line.push('\n');
    output.write_all(line.as_bytes())?;
    output.flush()?;
    Ok(())
}

#[derive(Clone, Debug)]
struct Session<D> {
    desk: D,
    now: Time,
    events: Events,
    requests: u64,
    bad_requests: u64,
}

impl<D: Desk> Asked for Session<D> {
    fn ask(&mut self, line: &[u8]) -> Result<String, serde_json::Error> {
        let number = self.requests;
        self.requests = number.saturating_add(1);
        serde_json::to_string(&self.answer(number, line))
    }

    fn finish(&mut self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&self.live_on())
    }

    fn bad_requests(&self) -> u64 {
        self.bad_requests
    }

    fn copy(&self) -> Box<dyn Asked> {
        Box::new(self.clone())
    }
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

    fn live_on(&mut self) -> Response {
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
