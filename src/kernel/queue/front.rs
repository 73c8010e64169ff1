//! The front: the few entries due next, in order.

use super::links::{Link, List, NONE};

/// A slot with more entries than this is spread over the levels below instead of sorted. Measured:
/// 8 to 24 differ little, and the numbers of eight seats are one word.
const FRONT: usize = 8;

/// The order of the seats while all are vacant.
const IN_ORDER: u64 = 0x0706_0504_0302_0100;

/// The entries due after the present and no later than `reach`, with their times. Those pushed for one
/// time while the front covered it are one list; those that came from a slot are lists of their own.
///
/// A list stays in its seat; what moves is the seat's number in the order. Who comes where is counted, not
/// searched: the branches of a search are mispredicted once an entry. Measured: 4 % of a seeded run.
#[derive(Clone, Copy)]
pub(super) struct Front {
    /// The beginning and the end of the slot that was drawn last. Later pushes up to here are sorted in.
    from: u64,
    reach: u64,
    /// The seats, eight bits each: of the soonest list first, and of equal times of the one pushed first;
    /// then the vacant ones.
    order: u64,
    /// How many lists there are.
    len: u64,
    /// When the list of a seat is due; no later than any other where it is vacant.
    times: [u64; FRONT],
    lists: [List; FRONT],
}

/// Where the number of whoever comes in this place begins in the order.
#[inline]
const fn bit(place: u64) -> u64 {
    (place & 7) << 3
}

/// The bits of the places before this one.
#[inline]
const fn before(place: u64) -> u64 {
    (1 << bit(place)) - 1
}

impl Front {
    pub(super) const fn new() -> Self {
        Self {
            from: 0,
            reach: 0,
            order: IN_ORDER,
            len: 0,
            times: [0; FRONT],
            lists: [List::EMPTY; FRONT],
        }
    }

    /// Fills an empty front with the list of a slot that ends at `reach`; false, and nothing
    /// changed, if the list is too long. Whoever is in it is shown to `warm` before all are sorted.
    #[inline]
    pub(super) fn fill(
        &mut self,
        links: &[Link],
        list: List,
        (from, reach): (u64, u64),
        mut warm: impl FnMut(u32),
    ) -> bool {
        let mut times = [from; FRONT];
        let mut places = [0_u8; FRONT];
        let mut len = 0;
        let mut index = list.head;
        while index != NONE {
            if len == FRONT {
                return false;
            }
            times[len] = links[index as usize].at;
            self.lists[len] = List::of(index);
            warm(index);
            len += 1;
            index = list.after(links, index);
        }
        // No count exceeds FRONT; wrapping spares the check that overflow checks would make.
        for pushed in 1..len {
            let at = times[pushed];
            let mut sooner = 0_u8;
            for (before, place) in times[..pushed].iter().zip(&mut places) {
                let first = u8::from(*before <= at);
                *place = place.wrapping_add(first ^ 1);
                sooner = sooner.wrapping_add(first);
            }
            places[pushed] = sooner;
        }
        let last = len as u64 - 1;
        self.order = IN_ORDER & !(before(last) << 8 | 0xff);
        for (seat, place) in (0..).zip(&places[..len]) {
            self.order |= seat << (place << 3);
        }
        (self.len, self.times, self.from, self.reach) = (last + 1, times, from, reach);
        true
    }

    /// Sorts one entry in, behind those due at the same time; false if the front is full.
    #[inline]
    pub(super) fn insert(&mut self, links: &mut [Link], index: u32, at: u64) -> bool {
        // Where everything takes as long as ever, this is the most frequent case; elsewhere it never is.
        let last = self.seat(self.len.wrapping_sub(1));
        if self.times[last] == at && self.len > 0 {
            self.lists[last].append(links, index);
            return true;
        }
        // Times of one stretch differ by less than half of all numbers.
        let later: u64 = self.times.iter().map(|time| at.wrapping_sub(*time) >> 63).sum();
        let place = self.len.wrapping_sub(later);
        let before_it = self.seat(place.wrapping_sub(1));
        if place > 0 && self.times[before_it] == at {
            self.lists[before_it].append(links, index);
            return true;
        }
        if self.len >= FRONT as u64 {
            return false;
        }
        let seat = self.seat(self.len);
        (self.times[seat], self.lists[seat]) = (at, List::of(index));
        let sooner = self.order & before(place);
        let moved = self.order & before(self.len) ^ sooner;
        let vacant = self.order & !before(self.len) & !(0xff << bit(self.len));
        self.order = sooner | (seat as u64) << bit(place) | moved << 8 | vacant;
        self.len += 1;
        true
    }

    /// Takes out one entry, due at `at`. Of a list only the ends are known, and only they change hands.
    pub(super) fn remove(&mut self, links: &mut [Link], index: u32, at: u64) {
        for place in 0..self.len {
            let seat = self.seat(place);
            let list = &mut self.lists[seat];
            if self.times[seat] == at && list.ends_with(index) {
                if list.is_single() {
                    let sooner = self.order & before(place);
                    let behind = (self.order ^ sooner) >> 8 & !before(place);
                    self.order = sooner | behind | (seat as u64) << 56;
                    self.times[seat] = self.from;
                    self.len -= 1;
                } else {
                    list.unlink(links, index);
                }
                return;
            }
        }
        List::unlink_inner(links, index);
    }

    /// Takes out the next list; of those due at one time, the one pushed first.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<(u64, List)> {
        let next = self.next()?;
        self.pass();
        Some(next)
    }

    /// Takes out the next list if it is due at `at`.
    #[inline]
    pub(super) fn pop_at(&mut self, at: u64) -> Option<List> {
        let (_, list) = self.next().filter(|(next_at, _)| *next_at == at)?;
        self.pass();
        Some(list)
    }

    /// Ends the stretch of time that the front covers. It must be empty.
    pub(super) const fn close(&mut self) {
        self.reach = 0;
    }

    /// The next list.
    #[inline]
    pub(super) fn next(&self) -> Option<(u64, List)> {
        let next = self.seat(0);
        (self.len > 0).then(|| (self.times[next], self.lists[next]))
    }

    /// Whether an entry due at `at`, after the present, belongs here and not into the wheel.
    #[inline]
    pub(super) const fn covers(&self, at: u64) -> bool {
        at <= self.reach
    }

    /// All lists, next first.
    pub(super) fn lists(&self) -> impl Iterator<Item = List> {
        (0..self.len).map(|place| self.lists[self.seat(place)])
    }

    /// The next list is none of the front any more.
    #[inline]
    const fn pass(&mut self) {
        self.order = self.order.rotate_right(8);
        self.len -= 1;
    }

    /// The seat of whoever comes in this place.
    #[inline]
    const fn seat(&self, place: u64) -> usize {
        (self.order >> bit(place) & 7) as usize
    }
}
