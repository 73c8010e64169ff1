//! What is pending: a hierarchical timing wheel over whole nanoseconds.
//!
//! An event is filed by the highest 6-bit digit in which its time differs from the *cursor*, an
//! instant that never passes the present. The digit's position is the level, its value the slot:
//!
//! ```text
//! level     10     ...      3             2             1            0
//! slot    2^60 ns       262 us        4.1 us         64 ns         1 ns
//! ```
//!
//! So every event of a lower level is due before every event of a higher one, slots of one level
//! are in order, and equal times share a slot, whose list is in order of push. Events due at this
//! very instant wait apart, which makes asking for them one comparison. The filing is that of the
//! radix heap (Ahuja, Mehlhorn, Orlin and Tarjan, 1990) on the wheels of Varghese and Lauck (1987).
//!
//! Not here: what an event means, who it is for, and which of several simultaneous events a run
//! takes. The queue knows one order: by time, then by push.
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

use std::{fmt, iter, mem};

use brownout_models::Time;

/// Bits in a digit: a level's occupancy is one 64-bit word.
const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
/// Digits in a 64-bit time; the last has four bits.
const LEVELS: usize = 11;
/// The end of a list that has no entries.
const NONE: u32 = u32::MAX;
/// A list up to this long is searched for its earliest entry in place; a longer one is spread over
/// the levels below. Searching costs a few cycles an entry, spreading about ten times that.
const SEARCHED: u32 = 8;

/// Pending events, ordered by time and then by push.
pub struct Queue<E> {
    /// The time of the last pop.
    now: u64,
    /// What levels are relative to: at most `now`, so that every later push can be filed.
    cursor: u64,
    /// First entry due at exactly `now`. No entry of the wheel is.
    due: u32,
    /// First vacant entry; the others follow by `next`.
    vacant: u32,
    /// Generation of the last push.
    generation: u32,
    /// Which levels have an occupied slot.
    levels: u32,
    /// Which slots of each level are occupied. The heads of the others mean nothing.
    occupied: [u64; LEVELS],
    heads: [[u32; SLOTS]; LEVELS],
    len: usize,
    /// Apart from the events, so that refiling touches 16 bytes an entry whatever the event's size.
    links: Vec<Link>,
    entries: Vec<Entry<E>>,
}

/// Names one push, to take it back; the default names none.
///
/// A handle whose event was popped or removed is stale and removes nothing. Generations wrap after
/// 2^32 - 1 pushes. A handle is valid in clones of its queue, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Handle {
    index: u32,
    generation: u32,
}

/// When an entry is due, and its neighbours in the circular list of its slot.
#[derive(Clone, Copy)]
struct Link {
    at: u64,
    next: u32,
    prev: u32,
}

#[derive(Clone)]
enum Entry<E> {
    Vacant,
    Pending { generation: u32, event: E },
}

impl<E> Queue<E> {
    /// An empty queue at [`Time::ZERO`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            now: 0,
            cursor: 0,
            due: NONE,
            vacant: NONE,
            generation: 0,
            levels: 0,
            occupied: [0; LEVELS],
            heads: [[NONE; SLOTS]; LEVELS],
            len: 0,
            links: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Adds an event due at `at`, behind those already due then.
    ///
    /// A time before the last pop is a bug of the caller and counts as the time of the last pop.
    pub fn push(&mut self, at: Time, event: E) -> Handle {
        debug_assert!(at.as_nanos() >= self.now, "an event is pushed into the past");
        let at = at.as_nanos().max(self.now);
        let handle = self.enter(at, event);
        if at == self.now {
            self.due = append(&mut self.links, self.due, handle.index);
        } else {
            self.file(handle.index, at);
        }
        handle
    }

    /// Takes back a pending event; `None` when it was popped or removed before.
    pub fn remove(&mut self, handle: Handle) -> Option<E> {
        match self.entries.get(handle.index as usize)? {
            Entry::Pending { generation, .. } if *generation == handle.generation => {}
            Entry::Pending { .. } | Entry::Vacant => return None,
        }
        let at = self.links[handle.index as usize].at;
        if at == self.now {
            self.due = unlink(&mut self.links, self.due, handle.index);
        } else {
            let (level, slot) = self.place(at);
            self.take(level, slot, handle.index);
        }
        Some(self.vacate(handle.index))
    }

    /// Takes the earliest event; of equal times, the one pushed first.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let first = if self.due == NONE { self.advance()? } else { self.take_due() };
        Some((Time::from_nanos(self.now), self.vacate(first)))
    }

    /// Takes the next event if it is due at exactly `now`, the time of the last pop.
    ///
    /// Costs two comparisons when there is none, and never moves another event.
    pub fn pop_at(&mut self, now: Time) -> Option<E> {
        if self.due == NONE || now.as_nanos() != self.now {
            return None;
        }
        let first = self.take_due();
        Some(self.vacate(first))
    }

    /// Forgets every event and goes back to [`Time::ZERO`]; keeps the memory.
    ///
    /// Handles from before stay stale.
    pub fn clear(&mut self) {
        self.now = 0;
        self.cursor = 0;
        self.due = NONE;
        self.vacant = NONE;
        self.levels = 0;
        self.occupied = [0; LEVELS];
        self.len = 0;
        self.links.clear();
        self.entries.clear();
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        if self.due != NONE {
            return Some(Time::from_nanos(self.now));
        }
        let (level, slot) = self.first_slot()?;
        let head = self.heads[level][slot];
        Some(Time::from_nanos(if level == 0 {
            self.links[head as usize].at
        } else {
            earliest(&self.links, head).at
        }))
    }

    /// How many events are pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every pending event, in an order that only depends on the calls made so far.
    pub fn iter(&self) -> impl Iterator<Item = (Time, &E)> {
        self.links.iter().zip(&self.entries).filter_map(|(link, entry)| match entry {
            Entry::Pending { event, .. } => Some((Time::from_nanos(link.at), event)),
            Entry::Vacant => None,
        })
    }

    /// Every pending event in the order in which they would pop.
    #[must_use]
    pub fn ordered(&self) -> Vec<(Time, &E)> {
        let slots = self.occupied.iter().zip(&self.heads).flat_map(|(occupied, heads)| {
            (0..SLOTS).filter(move |slot| occupied >> slot & 1 == 1).map(|slot| heads[slot])
        });
        let mut indices: Vec<usize> =
            iter::once(self.due).chain(slots).flat_map(|head| list(&self.links, head)).collect();
        // Equal times are in one list, in order of push: a stable sort is all that is missing.
        indices.sort_by_key(|index| self.links[*index].at);
        let event = |index: usize| match &self.entries[index] {
            Entry::Pending { event, .. } => Some((Time::from_nanos(self.links[index].at), event)),
            Entry::Vacant => None,
        };
        indices.into_iter().filter_map(event).collect()
    }

    /// Finds room for an event, in no list yet.
    fn enter(&mut self, at: u64, event: E) -> Handle {
        // Generation 0 is the default handle's.
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        let generation = self.generation;
        let entry = Entry::Pending { generation, event };
        self.len += 1;
        let index = self.vacant;
        if index == NONE {
            let index = u32::try_from(self.links.len()).unwrap_or(NONE);
            assert!(index != NONE, "fewer than 2^32 - 1 events are pending");
            self.links.push(Link { at, next: index, prev: index });
            self.entries.push(entry);
            return Handle { index, generation };
        }
        let link = &mut self.links[index as usize];
        self.vacant = mem::replace(&mut link.next, index);
        link.prev = index;
        link.at = at;
        self.entries[index as usize] = entry;
        Handle { index, generation }
    }

    /// Takes the event out of an entry that is in no list any more.
    fn vacate(&mut self, index: u32) -> E {
        self.links[index as usize].next = mem::replace(&mut self.vacant, index);
        self.len -= 1;
        match mem::replace(&mut self.entries[index as usize], Entry::Vacant) {
            Entry::Pending { event, .. } => event,
            Entry::Vacant => unreachable!("an entry in a list is pending"),
        }
    }

    /// Moves the present to the earliest entry of the wheel and unlinks that entry.
    fn advance(&mut self) -> Option<u32> {
        let (level, slot) = self.first_slot()?;
        let head = self.heads[level][slot];
        let Link { at, next, .. } = self.links[head as usize];
        if next == head || level == 0 {
            // One instant: nothing of the slot stays behind, so the cursor is free to move.
            self.now = at;
            self.cursor = at;
            self.due = head;
            self.empty(level, slot);
            return Some(self.take_due());
        }
        let Earliest { index, at, searched, tied } = earliest(&self.links, head);
        self.now = at;
        if tied || searched > SEARCHED {
            self.spread(level, slot);
            return Some(self.take_due());
        }
        // The others are filed relative to the cursor, which therefore stays.
        self.take(level, slot, index);
        Some(index)
    }

    /// Moves the cursor to the present, which lies in this slot, and refiles the slot below.
    fn spread(&mut self, level: usize, slot: usize) {
        self.cursor = self.now;
        self.empty(level, slot);
        let head = self.heads[level][slot];
        let mut index = head;
        loop {
            let Link { at, next, .. } = self.links[index as usize];
            if at == self.now {
                self.due = append(&mut self.links, self.due, index);
            } else {
                self.file(index, at);
            }
            if next == head {
                return;
            }
            index = next;
        }
    }

    /// Appends an entry to the list of its slot.
    fn file(&mut self, index: u32, at: u64) {
        let (level, slot) = self.place(at);
        let occupied = self.occupied[level] >> slot & 1 == 1;
        let head = if occupied { self.heads[level][slot] } else { NONE };
        self.heads[level][slot] = append(&mut self.links, head, index);
        self.occupied[level] |= 1 << slot;
        self.levels |= 1 << level;
    }

    /// Unlinks an entry of a slot.
    fn take(&mut self, level: usize, slot: usize, index: u32) {
        let head = unlink(&mut self.links, self.heads[level][slot], index);
        self.heads[level][slot] = head;
        if head == NONE {
            self.empty(level, slot);
        }
    }

    /// Marks a slot as empty.
    fn empty(&mut self, level: usize, slot: usize) {
        self.occupied[level] &= !(1 << slot);
        if self.occupied[level] == 0 {
            self.levels &= !(1 << level);
        }
    }

    /// Unlinks the first of the entries due now.
    fn take_due(&mut self) -> u32 {
        let first = self.due;
        self.due = unlink(&mut self.links, first, first);
        first
    }

    /// The level and slot of a time.
    fn place(&self, at: u64) -> (usize, usize) {
        let level = ((at ^ self.cursor) | 1).ilog2() / DIGIT_BITS;
        let slot = (at >> (level * DIGIT_BITS)) % SLOTS as u64;
        (level as usize, slot as usize)
    }

    /// The slot with the earliest entry of the wheel.
    fn first_slot(&self) -> Option<(usize, usize)> {
        let level = self.levels.trailing_zeros() as usize;
        let occupied = self.occupied.get(level)?;
        Some((level, occupied.trailing_zeros() as usize))
    }
}

/// The first of the earliest entries of a list.
struct Earliest {
    index: u32,
    at: u64,
    /// The length of the list.
    searched: u32,
    /// Whether another entry is due at the same time.
    tied: bool,
}

fn earliest(links: &[Link], head: u32) -> Earliest {
    let Link { at, next, .. } = links[head as usize];
    let mut first = Earliest { index: head, at, searched: 1, tied: false };
    let mut index = next;
    while index != head {
        let link = links[index as usize];
        if link.at < first.at {
            first = Earliest { index, at: link.at, searched: first.searched, tied: false };
        } else if link.at == first.at {
            first.tied = true;
        }
        first.searched += 1;
        index = link.next;
    }
    first
}

/// Links an entry at the end of a list; returns the list's head.
fn append(links: &mut [Link], head: u32, index: u32) -> u32 {
    if head == NONE {
        links[index as usize].next = index;
        links[index as usize].prev = index;
        return index;
    }
    let tail = mem::replace(&mut links[head as usize].prev, index);
    links[tail as usize].next = index;
    links[index as usize].next = head;
    links[index as usize].prev = tail;
    head
}

/// Unlinks an entry of a list; returns the list's new head.
fn unlink(links: &mut [Link], head: u32, index: u32) -> u32 {
    let Link { next, prev, .. } = links[index as usize];
    if next == index {
        return NONE;
    }
    links[next as usize].prev = prev;
    links[prev as usize].next = next;
    if head == index { next } else { head }
}

/// The entries of a list, in order.
fn list(links: &[Link], head: u32) -> impl Iterator<Item = usize> {
    let first = (head != NONE).then_some(head);
    iter::successors(first, move |index| {
        Some(links[*index as usize].next).filter(|next| *next != head)
    })
    .map(|index| index as usize)
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Clone> Clone for Queue<E> {
    fn clone(&self) -> Self {
        Self { links: self.links.clone(), entries: self.entries.clone(), ..*self }
    }

    /// Like [`Clone::clone`], in the memory that this queue already has.
    fn clone_from(&mut self, source: &Self) {
        let mut links = mem::take(&mut self.links);
        let mut entries = mem::take(&mut self.entries);
        links.clone_from(&source.links);
        entries.clone_from(&source.entries);
        *self = Self { links, entries, ..*source };
    }
}

impl<E: fmt::Debug> fmt::Debug for Queue<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ordered()).finish()
    }
}
