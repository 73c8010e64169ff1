//! How entries go into the digest.

use brownout_models::contract::Kind;
use serde::Serialize;

use super::{Entry, Stamp, What};
use crate::kernel::Digest;

impl<F: Serialize> Entry<F> {
    /// Takes the entry into a digest, in a few words that everybody can take apart again:
    ///
    /// ```text
    /// word  upper half              lower half
    /// 1     ---------- when it happened ----------
    /// 2     the flow                the node
    /// 3     how many entries ago    the variant of `What`; from bit 8 whether it was a reply, or a
    ///                               clock set back;
    ///       its cause was           from bit 16 the failure, from 1
    /// then  the other node          the name of the message
    /// then  numbers, one a word; a fact as serde takes it apart
    /// ```
    ///
    /// Its number is that of the entries before it.
    pub fn pack_into(&self, digest: &mut Digest) {
        let Self { seq, cause, flow, at, node, ref what } = *self;
        what.pack_into(Stamp { seq, cause, flow, at, node }, digest);
    }
}

impl<F: Serialize> What<F> {
    /// Takes what happened into a digest, as [`Entry::pack_into`] does.
    #[inline(always)]
    pub(in crate::kernel) fn pack_into(&self, stamp: Stamp, digest: &mut Digest) {
        let reply = |kind: &Kind| u64::from(kind.reply) << 8;
        match self {
            Self::Started { life } => {
                stamp.pack_into(digest, 0);
                digest.word(u64::from(*life));
            }
            Self::Delivered { from: node, kind } => {
                stamp.pack_into(digest, 1 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            Self::Woke { timer } => {
                stamp.pack_into(digest, 2);
                digest.word(*timer);
            }
            Self::Answered { from, kind, failure } => {
                let failure = failure.map_or(0, |failure| 1 + failure as u64);
                stamp.pack_into(digest, 3 | reply(kind) | failure << 16);
                digest.word(halves(from.0, kind.name.0));
            }
            Self::Expired { to } => {
                stamp.pack_into(digest, 4);
                digest.word(u64::from(to.0));
            }
            Self::Lost { to: node, kind } => {
                stamp.pack_into(digest, 5 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            Self::Delayed { to, kind, by } => {
                stamp.pack_into(digest, 6 | reply(kind));
                digest.word(halves(to.0, kind.name.0));
                digest.word(by.as_nanos());
            }
            Self::Duplicated { to: node, kind } => {
                stamp.pack_into(digest, 7 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            Self::Dropped { from: node, kind } => {
                stamp.pack_into(digest, 8 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            Self::Refused { from: node, kind } => {
                stamp.pack_into(digest, 9 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            Self::Stale { from: node, kind } => {
                stamp.pack_into(digest, 10 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            Self::Overtook { passed } => {
                stamp.pack_into(digest, 11);
                digest.word(u64::from(*passed));
            }
            Self::Crashed { after } => {
                stamp.pack_into(digest, 12);
                digest.word(after.map_or(0, |effects| 1 + u64::from(effects)));
            }
            Self::Paused { until } => {
                stamp.pack_into(digest, 13);
                digest.word(until.as_nanos());
            }
            Self::Wrote { table, key, amount, value }
            | Self::Unwrote { table, key, amount, value } => {
                stamp.pack_into(digest, if matches!(self, Self::Wrote { .. }) { 14 } else { 20 });
                for word in
                    [u64::from(table.0), *key, amount.cast_unsigned(), value.cast_unsigned()]
                {
                    digest.word(word);
                }
            }
            Self::Noted(fact) => pack_fact(fact, stamp, digest),
            Self::Partitioned { to, until } => {
                stamp.pack_into(digest, 16);
                digest.word(u64::from(to.0));
                digest.word(until.as_nanos());
            }
            Self::Slowed { until } => {
                stamp.pack_into(digest, 17);
                digest.word(until.as_nanos());
            }
            Self::Inherited { from: node, kind } => {
                stamp.pack_into(digest, 18 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            Self::Unflushed { transactions } => {
                stamp.pack_into(digest, 19);
                digest.word(u64::from(*transactions));
            }
            Self::Skewed { by, is_back } => {
                stamp.pack_into(digest, 21 | u64::from(*is_back) << 8);
                digest.word(by.as_nanos());
            }
            Self::Drifted { until } => {
                stamp.pack_into(digest, 22);
                digest.word(until.as_nanos());
            }
        }
    }
}

/// Takes a fact into a digest, as [`What::pack_into`] does.
#[inline(always)]
pub(in crate::kernel) fn pack_fact(fact: &impl Serialize, stamp: Stamp, digest: &mut Digest) {
    stamp.pack_into(digest, 15);
    digest.absorb(fact);
}

impl Stamp {
    #[inline(always)]
    fn pack_into(self, digest: &mut Digest, variant: u64) {
        digest.word(self.at.as_nanos());
        digest.word(halves(self.flow.0, self.node.0));
        digest.word((self.seq - self.cause) << 32 | variant);
    }
}

#[inline(always)]
fn halves(upper: u32, lower: u32) -> u64 {
    u64::from(upper) << 32 | u64::from(lower)
}
