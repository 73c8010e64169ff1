//! What is pending: a hierarchical timing wheel over whole nanoseconds.
//!
//! An event is filed by the highest 6-bit digit in which its time differs from a cursor that never
//! passes the present. The digit's position is the level, its value the slot:
//!
//! ```text
//! level       10    ...     3         2         1       0       front           due
//! slot is   2^60 ns      262 us    4.1 us    64 ns    1 ns    sorted           now
//! ```
//!
//! So everything in a lower level is due before everything in a higher one, the slots of a level
//! are in order, and equal times share a slot, whose list is in order of push. When the present
//! reaches a slot, a long list is spread over the levels below and a short one is sorted into the
//! front. What is due at this very instant waits apart, so that asking for it is one comparison.
//! The filing is that of the radix heap (Ahuja, Mehlhorn, Orlin and Tarjan, 1990) on the wheels of
//! Varghese and Lauck (1987).
//!
//! Not here: what an event means, whom it is for, and which of several simultaneous events a run
//! takes. The queue knows one order, by time and then by push, and keeps another only for a round: what
//! was due when it began, as the kernel put it.
//!
//! ```
//! use brownout::kernel::queue::Queue;
//! use brownout_models::Time;
//!
//! let mut queue = Queue::new();
//! let timeout = queue.push(Time::from_nanos(50), "timeout");
//! queue.push(Time::from_nanos(20), "request");
//! queue.push(Time::from_nanos(20), "reply");
//!
//! assert_eq!(queue.pop(), Some((Time::from_nanos(20), "request")));
//! assert_eq!(queue.pop_at(Time::from_nanos(20)), Some("reply"));
//! assert_eq!(queue.remove(timeout), Some("timeout"));
//! assert_eq!(queue.remove(timeout), None);
//! assert!(queue.is_empty());
//! ```

mod copy;
mod front;
mod links;
mod look;
mod round;
mod wheel;

use std::mem;

use brownout_models::Time;

use self::front::Front;
use self::links::{Link, List, NONE};
pub(crate) use self::round::{Goes, Place};
use self::wheel::{Slot, Wheel};

/// Pending events, ordered by time and then by push.
///
/// Memory is that of the most events ever pending at once, which is also what a clone copies.
pub struct Queue<E> {
    /// The time of the last pop.
    now: u64,
    /// Entries due at exactly `now` that are taken before all others, in this order.
    round: List,
    /// The other entries due at exactly `now`; no entry of the front or the wheel is.
    due: List,
    front: Front,
    wheel: Wheel,
    /// The first vacant cell; the others follow by `next_vacant`.
    vacant: u32,
    /// Says nothing. It is written from both ends of the cells that will be drawn next, so that the
    /// processor fetches them all at once while they are sorted; nobody waits for it.
    is_warm: bool,
    /// The generation of the last push.
    generation: u32,
    len: usize,
    /// One for each of `cells`.
    links: Vec<Link>,
    cells: Vec<Cell<E>>,
}

/// Where an event waits.
#[repr(align(64))]
#[derive(Clone)]
struct Cell<E> {
    event: Option<E>,
    /// The number of the push that the event came with; 0 once no handle removes it.
    generation: u32,
    /// The next vacant cell, while this one is vacant.
    next_vacant: u32,
}

/// Names one push, to take it back; the default names none.
///
/// A handle whose event was popped or removed is stale and removes nothing, unless 2^32 - 1 pushes
/// later its entry happens to hold the push with the same number. Clones of the queue know the
/// handles given out before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Handle {
    index: u32,
    generation: u32,
}

/// An event whose turn has come: it is out of the queue's order and waits in its memory until it is
/// taken, so that it is moved once, and late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drawn(u32);

/// The first of what is due next: out of every list, and not drawn yet.
pub(crate) struct Lead(u32);

/// Room for the events of a small run.
const FEW: usize = 32;

const DRAWN_ONCE: &str = "what was drawn waits until it is taken";

impl<E> Queue<E> {
    /// An empty queue at [`Time::ZERO`].
    #[must_use]
    pub const fn new() -> Self {
        Self {
            now: 0,
            round: List::EMPTY,
            due: List::EMPTY,
            front: Front::new(),
            wheel: Wheel::new(),
            vacant: NONE,
            is_warm: false,
            generation: 0,
            len: 0,
            links: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// Adds an event due at `at`, behind those already due then.
    ///
    /// A time before the last pop is a bug of the caller and counts as the time of the last pop.
    pub fn push(&mut self, at: Time, event: E) -> Handle {
        self.push_with(at, || event)
    }

    /// Like [`push`](Self::push), and the event is made in its place, not moved there.
    #[inline(always)]
    pub fn push_with(&mut self, at: Time, event: impl FnOnce() -> E) -> Handle {
        debug_assert!(at.as_nanos() >= self.now, "nothing is pushed into the past");
        let at = at.as_nanos().max(self.now);
        let handle = self.enter(at, event);
        self.line_up(handle.index, at);
        handle
    }

    /// Puts an entry in its place in the order of what is due.
    #[inline(never)]
    fn line_up(&mut self, index: u32, at: u64) {
        if at == self.now {
            if self.due.is_empty() {
                self.due = List::of(index);
            } else {
                self.due.append(&mut self.links, index);
            }
        } else if !self.front.covers(at) {
            self.wheel.file(&mut self.links, index, at);
        } else if !self.front.insert(&mut self.links, index, at) {
            self.disband(index, at);
        }
    }

    /// Takes back a pending event; `None` when it was popped or removed before.
    pub fn remove(&mut self, handle: Handle) -> Option<E> {
        let drawn = self.withdraw(handle)?;
        Some(self.take(drawn))
    }

    /// Like [`remove`](Self::remove), after a last look: what the event owns is not dropped.
    pub(crate) fn forget<R>(
        &mut self,
        handle: Handle,
        last: impl FnOnce(&mut E) -> R,
    ) -> Option<R> {
        let drawn = self.withdraw(handle)?;
        Some(self.finish(drawn, last))
    }

    /// Takes a pending event out of the order of what is due.
    #[inline]
    fn withdraw(&mut self, Handle { index, generation }: Handle) -> Option<Drawn> {
        if generation == 0 || self.cells.get(index as usize)?.generation != generation {
            return None;
        }
        let at = self.links[index as usize].at;
        if at == self.now {
            self.unlink_due(index);
        } else if self.front.covers(at) {
            self.front.remove(&mut self.links, index, at);
        } else {
            self.wheel.remove(&mut self.links, index, at);
        }
        Some(self.drawn(index))
    }

    /// Takes the earliest event; of equal times, the one pushed first.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let (at, drawn) = self.draw()?;
        Some((at, self.take(drawn)))
    }

    /// Takes the next event if it is due at exactly `now`, the time of the last pop.
    ///
    /// Costs two comparisons when there is none, and moves no other event.
    pub fn pop_at(&mut self, now: Time) -> Option<E> {
        if now.as_nanos() != self.now {
            return None;
        }
        let drawn = if self.is_in_round() {
            self.draw_round()
        } else if self.is_due() {
            let first = self.due.take_first(&self.links);
            self.drawn(first)
        } else {
            return None;
        };
        Some(self.take(drawn))
    }

    /// Draws what comes first: of a round, where one is under way.
    fn draw(&mut self) -> Option<(Time, Drawn)> {
        if self.is_in_round() {
            return Some((Time::from_nanos(self.now), self.draw_round()));
        }
        let (at, lead) = self.lead()?;
        Some((at, self.draw_lead(lead)))
    }

    /// Moves the present to what is due next, and takes the first of it out. No round is under way.
    #[inline(always)]
    pub(crate) fn lead(&mut self) -> Option<(Time, Lead)> {
        let first = loop {
            if !self.due.is_empty() {
                break self.due.take_first(&self.links);
            }
            if let Some(first) = self.take_front() {
                break first;
            }
            self.refill()?;
        };
        Some((Time::from_nanos(self.now), Lead(first)))
    }

    /// Draws what comes first.
    #[inline(always)]
    pub(crate) fn draw_lead(&mut self, Lead(first): Lead) -> Drawn {
        self.drawn(first)
    }

    /// The event that was drawn.
    pub(crate) fn peek(&self, drawn: &Drawn) -> &E {
        self.cells[drawn.0 as usize].event.as_ref().expect(DRAWN_ONCE)
    }

    /// Forgets the event that was drawn, after a last look to take out what is wanted of it: nothing
    /// else is dropped.
    #[inline(always)]
    pub(crate) fn finish<R>(&mut self, drawn: Drawn, last: impl FnOnce(&mut E) -> R) -> R {
        let cell = &mut self.cells[drawn.0 as usize];
        cell.next_vacant = mem::replace(&mut self.vacant, drawn.0);
        last(cell.event.as_mut().expect(DRAWN_ONCE))
    }

    /// Forgets the event that was drawn. What it owns is to be taken out before: it is not dropped.
    #[inline(always)]
    pub(crate) fn discard(&mut self, Drawn(index): Drawn) {
        self.cells[index as usize].next_vacant = mem::replace(&mut self.vacant, index);
    }

    /// Whether something else is due at the time of the last pop.
    #[must_use]
    #[inline(always)]
    pub const fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Takes the event that was drawn.
    #[inline]
    pub(crate) fn take(&mut self, Drawn(index): Drawn) -> E {
        let cell = &mut self.cells[index as usize];
        cell.next_vacant = mem::replace(&mut self.vacant, index);
        cell.event.take().expect(DRAWN_ONCE)
    }

    /// Forgets every event and goes back to [`Time::ZERO`], in the same memory.
    ///
    /// Generations go on, so that handles from before remove nothing: they differ from those of a
    /// new queue, the order of events does not.
    pub fn clear(&mut self) {
        let (mut links, mut cells) = (mem::take(&mut self.links), mem::take(&mut self.cells));
        links.clear();
        cells.clear();
        links.reserve(FEW);
        cells.reserve(FEW);
        *self = Self { generation: self.generation, links, cells, ..Self::new() };
    }

    /// How many events are pending.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is pending.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes an event where there is room for it, in no list yet.
    #[inline(always)]
    fn enter(&mut self, at: u64, event: impl FnOnce() -> E) -> Handle {
        // Generation 0 is that of the default handle.
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        let generation = self.generation;
        // Below 2^32, as places are.
        self.len = self.len.wrapping_add(1);
        let index = self.vacant;
        let Some(cell) = self.cells.get_mut(index as usize) else {
            return self.grow(at, generation, event());
        };
        self.vacant = cell.next_vacant;
        cell.generation = generation;
        // Nothing is left of an earlier event that would have to be given back, so nobody looks.
        mem::forget(cell.event.replace(event()));
        self.links[index as usize].at = at;
        Handle { index, generation }
    }

    #[cold]
    fn grow(&mut self, at: u64, generation: u32, event: E) -> Handle {
        let index = u32::try_from(self.links.len()).unwrap_or(NONE);
        assert!(index != NONE, "fewer than 2^32 - 1 events are pending");
        self.links.push(Link { at, next: index, prev: index });
        self.cells.push(Cell { event: Some(event), generation, next_vacant: NONE });
        Handle { index, generation }
    }

    /// An entry that is in no list any more: no handle names it.
    #[inline]
    fn drawn(&mut self, index: u32) -> Drawn {
        self.cells[index as usize].generation = 0;
        debug_assert!(self.len > 0, "what is drawn was counted");
        self.len = self.len.wrapping_sub(1);
        Drawn(index)
    }

    /// Moves the present to the next entries of the front and takes the first of them out. Nothing is due.
    #[inline(always)]
    fn take_front(&mut self) -> Option<u32> {
        let (at, mut list) = self.front.pop()?;
        self.now = at;
        while let Some(tied) = self.front.pop_at(at) {
            list.extend(&mut self.links, tied);
        }
        if list.is_single() {
            return Some(list.head);
        }
        let first = list.take_first(&self.links);
        self.due = list;
        Some(first)
    }

    /// Makes what is in the next slot due, sorts it into the front, or files it a level or more below;
    /// `None` when nothing is left.
    #[inline(never)]
    fn refill(&mut self) -> Option<()> {
        let Slot { list, first, last } = self.wheel.draw()?;
        if first == last || list.is_single() {
            self.now = self.links[list.head as usize].at;
            self.due = list;
            return Some(());
        }
        let (cells, mut is_warm) = (&self.cells, self.is_warm);
        let warm = |index: u32| {
            let Cell { event, generation, .. } = &cells[index as usize];
            is_warm ^= event.is_some() & (*generation != 0);
        };
        let is_filled = self.front.fill(&self.links, list, (first, last), warm);
        self.is_warm = is_warm;
        if is_filled {
            return Some(());
        }
        self.file_anew(list);
        Some(())
    }

    /// Puts a full front back into the wheel, at least a level below where it was drawn from, and then
    /// another entry.
    #[cold]
    fn disband(&mut self, index: u32, at: u64) {
        while let Some((_, list)) = self.front.pop() {
            self.file_anew(list);
        }
        self.front.close();
        self.wheel.file(&mut self.links, index, at);
    }

    /// Files the entries of a list into the wheel.
    #[inline]
    fn file_anew(&mut self, list: List) {
        let mut index = list.head;
        while index != NONE {
            let (at, next) = (self.links[index as usize].at, list.after(&self.links, index));
            self.wheel.file(&mut self.links, index, at);
            index = next;
        }
    }
}

#[cfg(test)]
mod tests;
