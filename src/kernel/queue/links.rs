//! Circular doubly linked lists of entries, known by the index of their first.
//!
//! Times and neighbours are kept apart from the events, so that refiling an entry touches 16 bytes
//! whatever the size of its event.

use std::{iter, mem};

/// The head of a list without entries.
pub(super) const NONE: u32 = u32::MAX;

/// When an entry is due, in nanoseconds, and its neighbours in its list.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) at: u64,
    pub(super) next: u32,
    pub(super) prev: u32,
}

/// Links an entry at the end of a list; returns the list's head.
#[inline]
pub(super) fn append(links: &mut [Link], head: u32, index: u32) -> u32 {
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
#[inline]
pub(super) fn unlink(links: &mut [Link], head: u32, index: u32) -> u32 {
    let Link { next, prev, .. } = links[index as usize];
    if next == index {
        return NONE;
    }
    links[next as usize].prev = prev;
    links[prev as usize].next = next;
    if head == index { next } else { head }
}

/// The entries of a list, first to last.
#[inline]
pub(super) fn entries(links: &[Link], head: u32) -> impl Iterator<Item = u32> {
    iter::successors((head != NONE).then_some(head), move |index| {
        Some(links[*index as usize].next).filter(|next| *next != head)
    })
}
