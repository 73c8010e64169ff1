//! What is pending, looked at without moving anything.

use brownout_models::Time;

use super::Queue;

impl<E> Queue<E> {
    /// When the next event is due.
    ///
    /// Moves nothing, so that it searches the list of the next slot, where a pop would sort it.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        let at = |index: u32| self.links[index as usize].at;
        if self.is_in_round() || self.is_due() {
            return Some(Time::from_nanos(self.now));
        }
        if let Some((at, _)) = self.front.next() {
            return Some(Time::from_nanos(at));
        }
        let slot = self.wheel.peek()?;
        if slot.first == slot.last {
            return Some(Time::from_nanos(slot.first));
        }
        slot.list.entries(&self.links).map(at).min().map(Time::from_nanos)
    }

    /// Every pending event, in an order that depends on the calls so far and on nothing else.
    pub fn iter(&self) -> impl Iterator<Item = (Time, &E)> {
        (0..self.links.len()).filter_map(|index| self.pending(index))
    }

    /// Every pending event in the order in which they would pop.
    #[must_use]
    pub fn ordered(&self) -> Vec<(Time, &E)> {
        let mut ordered: Vec<_> = [self.round, self.due]
            .into_iter()
            .chain(self.front.lists())
            .chain(self.wheel.lists())
            .flat_map(|list| list.entries(&self.links))
            .filter_map(|index| self.pending(index as usize))
            .collect();
        // Equal times are in one list, or in lists in order of push, and a stable sort keeps them so.
        ordered.sort_by_key(|(at, _)| *at);
        ordered
    }

    fn pending(&self, index: usize) -> Option<(Time, &E)> {
        let cell = &self.cells[index];
        let event = cell.event.as_ref().filter(|_| cell.generation != 0)?;
        Some((Time::from_nanos(self.links[index].at), event))
    }
}
