//! Jobs: requests on their way through a program. A job can be cloned, compared and printed at any
//! point, which a future cannot.

use serde::Serialize;

use crate::contract::{Body, Context, Failure, Outcome, Purpose, Request, Sender, Timer, Turn};
use crate::fact::Fact;
use crate::machine::transaction::Reads;
use crate::machine::{Dialer, Dialling, Program, Slab, Step};
use crate::{Name, Time};

/// A request on its way through a program.
#[derive(Clone, Debug, Serialize)]
pub struct Job<P> {
    /// On whose behalf.
    pub context: Context,
    /// Who waits for the answer; `None` for a client's own script.
    pub from: Option<Sender>,
    /// What is asked.
    pub request: Request<P>,
    /// When it was taken up.
    pub began: Time,
    /// Which program, an index that its owner knows.
    pub program: u32,
    /// What it read so far.
    reads: Reads,
    next: u32,
    replied: bool,
    /// It will fail once its steps are done.
    doomed: bool,
    /// Its process was killed: it waits for what it waited for, and does nothing then.
    pub(crate) killed: bool,
}

/// Where a job stands after it went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It waits for a timer or an answer.
    Waiting,
    /// It is over, and well unless there is a failure.
    Over(Option<Failure>),
}

/// A job that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What was asked.
    pub method: Name,
    /// Its business key.
    pub key: u64,
    /// When it was taken up.
    pub began: Time,
    /// Whether its process was killed meanwhile.
    pub(crate) killed: bool,
}

/// The jobs of one machine.
#[derive(Clone, Debug, Serialize)]
pub struct Jobs<P> {
    jobs: Slab<Job<P>>,
    dialer: Dialer,
}

/// How long a step of work takes.
const WORK: Purpose = Purpose("work");
/// How long a step of sleep takes.
const SLEEP: Purpose = Purpose("sleep");
/// Whether and how a handler fails.
const FAIL: Purpose = Purpose("fail");
const WAYS_TO_FAIL: [&str; 3] = ["failed", "rejected", "failed after its effects"];

impl<P: Clone> Jobs<P> {
    /// No jobs; calls go out through this dialer.
    #[must_use]
    pub fn new(dialer: Dialer) -> Self {
        Self { jobs: Slab::default(), dialer }
    }

    /// Takes a request up; [`advance`](Self::advance) makes it go.
    pub fn begin(
        &mut self,
        now: Time,
        context: Context,
        from: Option<Sender>,
        request: Request<P>,
        program: u32,
    ) -> u32 {
        self.jobs.insert_with(|| Job {
            context,
            from,
            request,
            began: now,
            program,
            reads: Reads::default(),
            next: 0,
            replied: false,
            doomed: false,
            killed: false,
        })
    }

    /// Asks whether the handler of this job fails; the answer if it fails at once.
    pub fn misfortune(&mut self, slot: u32, turn: &mut Turn<'_, P, Fact>) -> Option<Failure> {
        match turn.fault(FAIL, &WAYS_TO_FAIL) {
            None => None,
            Some(0) => Some(Failure::Failed),
            Some(1) => Some(Failure::Rejected),
            Some(_) => {
                if let Some(job) = self.jobs.get_mut(slot) {
                    job.doomed = true;
                }
                None
            }
        }
    }

    /// The job of this number.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&Job<P>> {
        self.jobs.get(slot)
    }

    /// How many jobs are under way.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether no job is under way.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The process is killed: whoever waits sees a reset connection, and no job goes on. Each keeps
    /// its number until what it waits for has come, lest that be taken for another's.
    pub fn kill(&mut self, turn: &mut Turn<'_, P, Fact>) {
        for job in self.jobs.iter_mut().filter(|job| !job.killed) {
            job.killed = true;
            turn.on_behalf(job.context);
            if let (Some(from), false) = (job.from, job.replied) {
                turn.reply_failure(from, job.request.method, Failure::Reset);
            }
            job.replied = true;
            let (method, key, failure) = (job.request.method, job.request.key, Failure::Reset);
            turn.note(Fact::Finished { method, key, failure: Some(failure) });
        }
    }

    /// Ends a job: answers it, if nobody did, and forgets it.
    #[inline(always)]
    pub fn end(
        &mut self,
        slot: u32,
        failure: Option<Failure>,
        turn: &mut Turn<'_, P, Fact>,
    ) -> Option<Ended> {
        let (from, replied, began, killed, method, key) = self.jobs.release(slot, |job| {
            let Job { from, replied, began, killed, ref request, .. } = *job;
            (from, replied, began, killed, request.method, request.key)
        })?;
        if let (Some(from), false) = (from, replied) {
            match failure {
                None => turn.reply_done(from, method),
                Some(failure) => turn.reply_failure(from, method, failure),
            }
        }
        Some(Ended { method, key, began, killed })
    }

    /// The job goes on until it waits or is over. `timer` is what wakes it.
    #[inline(always)]
    pub fn advance(
        &mut self,
        slot: u32,
        program: &Program,
        timer: impl Timer,
        turn: &mut Turn<'_, P, Fact>,
    ) -> Progress {
        let Self { jobs, dialer } = self;
        let Some(job) = jobs.get_mut(slot) else { return Progress::Waiting };
        if job.killed {
            return Progress::Over(Some(Failure::Reset));
        }
        while let Some(step) = program.steps.get(job.next as usize) {
            job.next += 1;
            match step {
                Step::Work(amount) => {
                    let amount = turn.span(WORK, amount);
                    turn.work(timer, amount);
                    return Progress::Waiting;
                }
                Step::Sleep(amount) => {
                    let amount = turn.span(SLEEP, amount);
                    turn.set(timer, amount);
                    return Progress::Waiting;
                }
                Step::Call { target, method, timeout, may_fail } => {
                    let (target, method, timeout) = (*target, *method, *timeout);
                    let call = Dialling { target, method, request: &job.request, timeout };
                    match dialer.dial(turn, call, slot) {
                        Ok(()) => return Progress::Waiting,
                        Err(_) if *may_fail => {}
                        Err(failure) => return Progress::Over(Some(failure)),
                    }
                }
                Step::Publish { broker, topic, timeout, once } => {
                    let request = Request { method: *topic, ..job.request.clone() };
                    turn.note(Fact::Publishing { topic: *topic, key: request.key });
                    let tag = u64::from(slot) << 1 | 1;
                    let body = match once {
                        Some(of) => Body::PublishOnce(*of, request),
                        None => Body::Publish(request),
                    };
                    turn.call(*broker, body, *timeout, tag);
                    return Progress::Waiting;
                }
                Step::Read { table, row } => job.reads.read(&job.request, (*table, *row), turn),
                Step::Write(write) => {
                    if let Err(failure) = job.reads.transact(&job.request, &[*write], false, turn) {
                        return Progress::Over(Some(failure));
                    }
                }
                Step::Transaction { writes, inbox } => {
                    if let Err(failure) = job.reads.transact(&job.request, writes, *inbox, turn) {
                        return Progress::Over(Some(failure));
                    }
                }
                Step::Flush => turn.flush(),
                Step::Reply => {
                    if let (Some(from), false) = (job.from, job.doomed) {
                        turn.reply_done(from, job.request.method);
                        job.replied = true;
                    }
                }
                Step::Fail(failure) => return Progress::Over(Some(*failure)),
            }
        }
        Progress::Over(job.doomed.then_some(Failure::Failed))
    }

    /// An answer came for the job of the tag, or its timeout passed. `None` while the call is not
    /// over; otherwise the job may go on, or has failed.
    #[inline(always)]
    pub fn answered(
        &mut self,
        tag: u64,
        outcome: Outcome<P>,
        program: &Program,
        turn: &mut Turn<'_, P, Fact>,
    ) -> Option<Result<(), Failure>> {
        let Self { jobs, dialer } = self;
        let job = jobs.get_mut(Dialer::slot(tag))?;
        if job.killed {
            return Some(Err(hang_up(dialer, tag, outcome, turn)));
        }
        let step = job.next.checked_sub(1).and_then(|at| program.steps.get(at as usize))?;
        match step {
            Step::Call { target, method, timeout, may_fail } => {
                let (target, method, timeout) = (*target, *method, *timeout);
                let failure = if dialer.is_over(turn, tag, &outcome) {
                    outcome.err()
                } else {
                    let call = Dialling { target, method, request: &job.request, timeout };
                    Some(dialer.found(turn, tag, outcome, call)?)
                };
                Some(failure.filter(|_| !*may_fail).map_or(Ok(()), Err))
            }
            Step::Publish { .. } => Some(outcome.map(|_| ())),
            Step::Work(_)
            | Step::Sleep(_)
            | Step::Read { .. }
            | Step::Write(_)
            | Step::Transaction { .. }
            | Step::Flush
            | Step::Reply
            | Step::Fail(_) => None,
        }
    }
}

/// The answer to a job that was killed.
#[cold]
fn hang_up<P>(
    dialer: &mut Dialer,
    tag: u64,
    outcome: Outcome<P>,
    turn: &mut Turn<'_, P, Fact>,
) -> Failure {
    dialer.hang_up(turn, tag, &outcome);
    Failure::Reset
}
