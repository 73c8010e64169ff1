//! How entries go into the digest.

use brownout_models::contract::Kind;
use serde::Serialize;

use super::{Entry, What};
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
    #[inline(always)]
    pub fn pack_into(&self, digest: &mut Digest) {
        let reply = |kind: &Kind| u64::from(kind.reply) << 8;
        match &self.what {
            What::Started { life } => {
                self.begin(digest, 0);
                digest.word(u64::from(*life));
            }
            What::Delivered { from: node, kind } => {
                self.begin(digest, 1 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Woke { timer } => {
                self.begin(digest, 2);
                digest.word(*timer);
            }
            What::Answered { from, kind, failure } => {
                let failure = failure.map_or(0, |failure| 1 + failure as u64);
                self.begin(digest, 3 | reply(kind) | failure << 16);
                digest.word(halves(from.0, kind.name.0));
            }
            What::Expired { to } => {
                self.begin(digest, 4);
                digest.word(u64::from(to.0));
            }
            What::Lost { to: node, kind } => {
                self.begin(digest, 5 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Delayed { to, kind, by } => {
                self.begin(digest, 6 | reply(kind));
                digest.word(halves(to.0, kind.name.0));
                digest.word(by.as_nanos());
            }
            What::Duplicated { to: node, kind } => {
                self.begin(digest, 7 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Dropped { from: node, kind } => {
                self.begin(digest, 8 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Refused { from: node, kind } => {
                self.begin(digest, 9 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Stale { from: node, kind } => {
                self.begin(digest, 10 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Overtook { passed } => {
                self.begin(digest, 11);
                digest.word(u64::from(*passed));
            }
            What::Crashed { after } => {
                self.begin(digest, 12);
                digest.word(after.map_or(0, |effects| 1 + u64::from(effects)));
            }
            What::Paused { until } => {
                self.begin(digest, 13);
                digest.word(until.as_nanos());
            }
            What::Wrote { table, key, amount, value }
            | What::Unwrote { table, key, amount, value } => {
                self.begin(digest, if matches!(self.what, What::Wrote { .. }) { 14 } else { 20 });
                for word in
                    [u64::from(table.0), *key, amount.cast_unsigned(), value.cast_unsigned()]
                {
                    digest.word(word);
                }
            }
            What::Noted(fact) => {
                self.begin(digest, 15);
                digest.absorb(fact);
            }
            What::Partitioned { to, until } => {
                self.begin(digest, 16);
                digest.word(u64::from(to.0));
                digest.word(until.as_nanos());
            }
            What::Slowed { until } => {
                self.begin(digest, 17);
                digest.word(until.as_nanos());
            }
            What::Inherited { from: node, kind } => {
                self.begin(digest, 18 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Unflushed { transactions } => {
                self.begin(digest, 19);
                digest.word(u64::from(*transactions));
            }
            What::Skewed { by, is_back } => {
                self.begin(digest, 21 | u64::from(*is_back) << 8);
                digest.word(by.as_nanos());
            }
            What::Drifted { until } => {
                self.begin(digest, 22);
                digest.word(until.as_nanos());
            }
        }
    }

    #[inline(always)]
    fn begin(&self, digest: &mut Digest, variant: u64) {
        digest.word(self.at.as_nanos());
        digest.word(halves(self.flow.0, self.node.0));
        digest.word((self.seq - self.cause) << 32 | variant);
    }
}

#[inline(always)]
fn halves(upper: u32, lower: u32) -> u64 {
    u64::from(upper) << 32 | u64::from(lower)
}
