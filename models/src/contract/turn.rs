//! One step of a machine as the machine sees it: the time, the choices, and a way to act.

use crate::contract::driver::Translator;
use crate::contract::{
    Answer, Body, Choice, Clock, Context, Distribution, Driver, Failure, FlowId, Ground, NodeId,
    OpenCall, OutboxRow, Outcome, Purpose, Row, RowWrite, Sender, Ticket, Timer, Written,
};
use crate::name::Name;
use crate::{Span, Time};

/// One step of a machine: what it may ask and what it may do.
///
/// Sends, replies and writes are the effects between which the power can fail; everything after
/// the failure is as if the machine had not said it.
pub struct Turn<'a, P, F> {
    now: Time,
    me: NodeId,
    context: Context,
    driver: &'a mut dyn Driver<P, F>,
    /// How many more sends, replies and writes happen before the power fails.
    power: u32,
    /// How many sends, replies and writes were asked for.
    acts: u32,
}

impl<'a, P, F> Turn<'a, P, F> {
    /// A turn of `me` at `now` on behalf of `context`.
    #[must_use]
    pub fn new(now: Time, me: NodeId, context: Context, driver: &'a mut dyn Driver<P, F>) -> Self {
        Self { now, me, context, driver, power: u32::MAX, acts: 0 }
    }

    /// The same turn whose power fails after `acts` sends, replies and writes.
    #[must_use]
    pub const fn with_power_for(mut self, acts: u32) -> Self {
        self.power = acts;
        self
    }

    /// The time on the node's own clock.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// The node that this machine is.
    #[must_use]
    pub const fn me(&self) -> NodeId {
        self.me
    }

    /// On whose behalf the machine acts: keep it with work that is put aside.
    #[must_use]
    pub const fn context(&self) -> Context {
        self.context
    }

    /// How many sends, replies and writes the step has asked for.
    #[must_use]
    pub const fn acts(&self) -> u32 {
        self.acts
    }

    /// The turn of a machine inside this one that speaks of other payloads and facts: what it wants
    /// done is done in this turn's name.
    pub fn nested<Q, G>(
        &mut self,
        step: impl FnOnce(&mut Turn<'_, Q, G>),
        payload: impl FnMut(Q) -> P,
        fact: impl FnMut(G) -> F,
    ) {
        let mut driver = Translator { outer: &mut *self.driver, payload, fact };
        let mut inner = Turn {
            now: self.now,
            me: self.me,
            context: self.context,
            driver: &mut driver,
            power: self.power,
            acts: self.acts,
        };
        step(&mut inner);
        (self.acts, self.context) = (inner.acts, inner.context);
    }

    /// Acts for someone else from here on: the context of work that was put aside.
    pub const fn on_behalf(&mut self, context: Context) {
        self.context = context;
    }

    /// Starts a piece of work of the outside world, the `index`-th of `source`, and acts for it
    /// from here on.
    pub fn start_flow(&mut self, source: Purpose, index: u64, ground: Ground) -> FlowId {
        let flow = self.driver.start_flow(self.me, source, index, ground);
        let (cause, deadline) = (self.context.cause, Time::NEVER);
        self.context = Context { flow, cause, deadline, span: None };
        flow
    }

    /// Sends a message that wants no answer.
    pub fn send(&mut self, to: NodeId, body: Body<P>) {
        self.send_after(Span::ZERO, to, body);
    }

    /// Sends a message that wants no answer; it is out of the node's hands, and leaves after a while.
    pub fn send_after(&mut self, after: Span, to: NodeId, body: Body<P>) {
        if self.act() {
            self.driver.ask(to, after, None, body, &self.context);
        }
    }

    /// Calls another node: the machine gets [`Input::Reply`](crate::contract::Input::Reply) or,
    /// once `timeout` passes, [`Input::Expired`](crate::contract::Input::Expired), with `tag`.
    /// Without a timeout it may wait for ever. The callee sees the earlier of the caller's own
    /// deadline and this timeout.
    #[inline(always)]
    pub fn call(&mut self, to: NodeId, body: Body<P>, timeout: Option<Span>, tag: u64) {
        if self.act() {
            let call = OpenCall { tag, context: self.context, to };
            self.driver.call(call, body, timeout, self.now);
        }
    }

    /// Answers a message; one that wants no answer gets none. `what` is what was asked.
    #[inline]
    pub fn reply(&mut self, to: Sender, what: Name, outcome: Outcome<P>) {
        self.reply_saying(to, what, outcome, None);
    }

    /// Answers with the outcome of a call that ended in this step, and with when the caller may
    /// come back, if whoever was called said so.
    #[inline(always)]
    pub fn pass_on(&mut self, to: Sender, what: Name, outcome: Outcome<P>) {
        let retry_after = if outcome.is_err() { self.retry_after() } else { None };
        self.reply_saying(to, what, outcome, retry_after);
    }

    /// Answers that it refuses, and when the caller may come back: `Retry-After` of HTTP (RFC
    /// 9110), `grpc-retry-pushback-ms` of gRPC.
    // Cold, as failures are rarer than successes: then what leads to them lies apart from the way of
    // a request, and more of that stays in the nearest cache.
    #[cold]
    pub fn refuse(&mut self, to: Sender, what: Name, failure: Failure, after: Option<Span>) {
        self.reply_saying(to, what, Err(failure), after);
    }

    #[inline(always)]
    fn reply_saying(
        &mut self,
        to: Sender,
        what: Name,
        outcome: Outcome<P>,
        retry_after: Option<Span>,
    ) {
        let Some(call) = to.call else { return };
        if self.act() {
            self.driver.answer(to, call, what, outcome, retry_after, &self.context);
        }
    }

    /// When it may come back, as the answer says that this step hears; nothing in every other step.
    #[must_use]
    pub fn retry_after(&self) -> Option<Span> {
        self.driver.retry_after()
    }

    /// What it takes to answer this message later, whatever the machine does meanwhile.
    #[must_use]
    pub const fn ticket(&self, from: Sender, what: Name) -> Ticket {
        Ticket { context: self.context, from, what }
    }

    /// Answers a message that was put aside, and acts on behalf of who sent it from here on.
    pub fn answer(&mut self, ticket: Ticket, outcome: Outcome<P>) {
        self.on_behalf(ticket.context);
        self.reply(ticket.from, ticket.what, outcome);
    }

    /// Answers that it is done.
    #[inline]
    pub fn reply_done(&mut self, to: Sender, what: Name) {
        self.reply(to, what, Ok(Answer::Done(None)));
    }

    /// Answers that it failed.
    #[cold]
    pub fn reply_failure(&mut self, to: Sender, what: Name, failure: Failure) {
        self.reply(to, what, Err(failure));
    }

    /// Wakes the machine `after` this time of the node's own clock. A set timer is replaced.
    pub fn set(&mut self, timer: impl Timer, after: Span) {
        self.set_on(Clock::Wall, timer, after);
    }

    /// Occupies the processor for `amount` and then wakes the machine: longer on a slow host.
    pub fn work(&mut self, timer: impl Timer, amount: Span) {
        self.set_on(Clock::Processor, timer, amount);
    }

    fn set_on(&mut self, clock: Clock, timer: impl Timer, after: Span) {
        if self.has_power() {
            self.driver.set(timer.code(), after, clock, &self.context);
        }
    }

    /// Forgets a timer: it never wakes, even if it is due at this very instant.
    pub fn cancel(&mut self, timer: impl Timer) {
        if self.has_power() {
            self.driver.cancel(timer.code());
        }
    }

    /// Says that something became true, for traces and properties.
    #[inline(always)]
    pub fn note(&mut self, fact: F) {
        if self.has_power() {
            self.driver.note(fact, &self.context);
        }
    }

    /// The value of a row of the service's database.
    #[must_use]
    pub fn read(&self, table: Name, key: u64) -> Option<i64> {
        self.driver.store().read(table, key)
    }

    /// A row of the service's database with its version.
    #[must_use]
    pub fn row(&self, table: Name, key: u64) -> Option<Row> {
        self.driver.store().row(table, key)
    }

    /// Adds `amount` to a row of the service's database.
    pub fn write(&mut self, table: Name, key: u64, amount: i64) {
        self.write_with_event(table, key, amount, None);
    }

    /// Adds to a row and, in the same transaction, puts an event for `topic` into the outbox.
    pub fn write_with_event(&mut self, table: Name, key: u64, amount: i64, topic: Option<Name>) {
        let event = topic.map(|topic| (topic, key));
        self.transact(&[RowWrite { table, key, amount, event }], None);
    }

    /// Writes several rows with their events, and the message that is handled into the inbox, as one
    /// act: the power fails before all of it or after.
    pub fn transact(&mut self, writes: &[RowWrite], handled: Option<(Name, u64)>) {
        if !self.act() {
            return;
        }
        let context = self.context;
        if let Some((method, key)) = handled {
            self.driver.store_mut().remember(method, key);
        }
        for RowWrite { table, key, amount, event } in writes.iter().copied() {
            let store = self.driver.store_mut();
            let value = store.add(table, key, amount);
            if let Some((topic, key)) = event {
                store.enqueue(OutboxRow { topic, key, amount, context });
            }
            self.driver.wrote(Written { table, key, amount, value }, &context);
        }
        self.driver.committed();
    }

    /// Makes everything that the service's database has so far durable, where it flushes only now and
    /// then.
    pub fn flush(&mut self) {
        if self.act() {
            self.driver.store_mut().flush();
        }
    }

    /// Whether the inbox has this message.
    #[must_use]
    pub fn has_handled(&self, method: Name, key: u64) -> bool {
        self.driver.store().has_handled(method, key)
    }

    /// Events of the outbox that wait to be published, oldest first.
    pub fn outbox(&self) -> impl Iterator<Item = (u64, &OutboxRow)> {
        self.driver.store().outbox()
    }

    /// Removes a published event from the outbox.
    pub fn clear_outbox(&mut self, number: u64) {
        if self.act() {
            self.driver.store_mut().dequeue(number);
            self.driver.committed();
        }
    }

    /// Keeps a durable change of the machine's own state, as one act like a write. False when the
    /// power failed before it: then the state must stay as it was, for the next life finds it so.
    /// Where the node flushes only later, the next life may find [fewer](Self::kept) such changes.
    #[must_use]
    pub fn keep(&mut self) -> bool {
        if !self.act() {
            return false;
        }
        self.driver.store_mut().keep();
        self.driver.committed();
        true
    }

    /// How many changes the machine has kept, in all lives, those that were lost left out.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.driver.store().kept()
    }

    /// How many of the latest transactions a crash could still undo when the latest was committed.
    #[must_use]
    pub fn unflushed(&self) -> usize {
        self.driver.store().pending()
    }

    /// Whether what the node writes and keeps is durable only later, so that
    /// [`flush`](Self::flush) is worth an act.
    #[must_use]
    pub fn flushes_later(&self) -> bool {
        self.driver.store().flushes_later()
    }

    /// Whether anything that the machine does still happens: a machine that keeps durable state
    /// must not get ahead of its effects.
    #[must_use]
    pub const fn has_power(&self) -> bool {
        self.acts <= self.power
    }

    /// Weather: how long something takes.
    #[must_use]
    #[inline(always)]
    pub fn span(&mut self, purpose: Purpose, distribution: &Distribution) -> Span {
        if distribution.is_constant() {
            return distribution.calm();
        }
        Span::from_nanos(self.choose(purpose, Choice::Span(distribution)))
    }

    /// Weather: one of these nodes, by its index; `calm` without weather.
    ///
    /// # Panics
    /// When there is no candidate.
    #[must_use]
    pub fn pick(&mut self, purpose: Purpose, of: &[NodeId], calm: usize) -> usize {
        self.pick_by_weight(purpose, of, &[], calm)
    }

    /// Weather: which of these nodes, each as likely as its weight; without weights all are alike.
    ///
    /// # Panics
    /// There is none to pick.
    #[must_use]
    pub fn pick_by_weight(
        &mut self,
        purpose: Purpose,
        of: &[NodeId],
        weights: &[u64],
        calm: usize,
    ) -> usize {
        assert!(!of.is_empty(), "there is a node to pick");
        if of.len() == 1 {
            return 0;
        }
        let answer = self.choose(purpose, Choice::Node { of, weights, calm });
        usize::try_from(answer).unwrap_or(calm).min(of.len() - 1)
    }

    /// Whether this piece of load takes part in the run.
    #[must_use]
    pub fn takes_part(&mut self, source: Purpose, index: u64) -> bool {
        self.driver.takes_part(self.me, source, index)
    }

    /// Fault: which of these ways something fails; `None` is calm.
    #[must_use]
    pub fn fault(&mut self, purpose: Purpose, ways: &[&str]) -> Option<usize> {
        let answer = usize::try_from(self.choose(purpose, Choice::Fault(ways))).unwrap_or(0);
        answer.checked_sub(1).filter(|way| *way < ways.len())
    }

    /// Asks any other choice.
    #[must_use]
    pub fn choose(&mut self, purpose: Purpose, choice: Choice<'_>) -> u64 {
        self.driver.choose(self.me, &self.context, purpose, choice)
    }

    /// Counts a send, reply or write; false when the power failed before it.
    const fn act(&mut self) -> bool {
        self.acts = self.acts.saturating_add(1);
        self.has_power()
    }
}

impl<P, F> std::fmt::Debug for Turn<'_, P, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn")
            .field("now", &self.now)
            .field("me", &self.me)
            .field("context", &self.context)
            .field("acts", &self.acts)
            .finish_non_exhaustive()
    }
}
