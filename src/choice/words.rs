//! Questions and their answers in words: names, never indices.

use brownout_models::contract::{Choice, Distribution, NodeId};
use brownout_models::{Span, Time};

use super::draw::{self, Tables};
use super::{Ratio, purpose, sample};
use crate::layout::{Jump, Layout};

/// A question to the plan and the seed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question<'a> {
    /// A machine asks.
    Machine(Choice<'a>),
    /// Does this fault strike? Calm is 0, no.
    Strike,
    /// Does this fault strike, and for how long? Calm is 0, else nanoseconds.
    Length { by: Option<&'a Distribution>, menu: &'a [Span] },
    /// Is the clock set ahead or back, and by how much? Calm is 0, else nanoseconds times two, and one
    /// more where it is set back.
    Jump { by: Option<&'a Distribution>, ways: Jump },
    /// Does the node crash in this step? Calm is 0; 1 is before the step, n + 2 after effect n.
    Crash,
    /// How many of so many transactions does a database lose? Calm is 0, none.
    Unflushed(u32),
    /// Which of the events that wait goes first? Calm is 0, the first.
    Tie(&'a [String]),
}

/// A random crash comes after at most this many effects; no step has more that matter.
const EFFECTS_DRAWN: u32 = 8;

/// A question whose kind is known beforehand, so that it is answered without looking which one it is.
pub(crate) trait Asked {
    /// The calm answer.
    fn calm(&self) -> u64;

    /// The answer that a word of the seed gives. Faults strike with `odds`.
    fn sample(&self, word: u64, odds: Ratio, tables: Tables<'_>) -> u64;

    /// The question.
    fn question(&self) -> Question<'_>;
}

/// [`Question::Strike`].
pub(crate) struct Strike;

/// How long something takes.
pub(crate) struct Takes<'a>(pub(crate) &'a Distribution);

/// Which of these ways something fails, if it does.
pub(crate) struct Fails<'a>(pub(crate) &'a [&'a str]);

impl Asked for Strike {
    #[inline]
    fn calm(&self) -> u64 {
        0
    }

    #[inline]
    fn sample(&self, word: u64, odds: Ratio, _: Tables<'_>) -> u64 {
        u64::from(sample::flag(word, odds))
    }

    fn question(&self) -> Question<'_> {
        Question::Strike
    }
}

impl Asked for Takes<'_> {
    #[inline]
    fn calm(&self) -> u64 {
        self.0.calm().as_nanos()
    }

    #[inline]
    fn sample(&self, word: u64, _: Ratio, tables: Tables<'_>) -> u64 {
        draw::span(word, self.0, tables).as_nanos()
    }

    fn question(&self) -> Question<'_> {
        Question::Machine(Choice::Span(self.0))
    }
}

impl Asked for Fails<'_> {
    #[inline]
    fn calm(&self) -> u64 {
        0
    }

    #[inline]
    fn sample(&self, word: u64, odds: Ratio, _: Tables<'_>) -> u64 {
        if sample::flag(word, odds) { which(word, self.0) } else { 0 }
    }

    fn question(&self) -> Question<'_> {
        Question::Machine(Choice::Fault(self.0))
    }
}

/// The way in which it fails, as an answer.
#[cold]
fn which(word: u64, ways: &[&str]) -> u64 {
    1 + u64::from(sample::index(again(word), u32::try_from(ways.len()).unwrap_or(1)))
}

impl Asked for Question<'_> {
    fn calm(&self) -> u64 {
        Question::calm(self)
    }

    fn sample(&self, word: u64, odds: Ratio, tables: Tables<'_>) -> u64 {
        Question::sample(self, word, odds, tables)
    }

    fn question(&self) -> Question<'_> {
        *self
    }
}

impl Question<'_> {
    /// The calm answer.
    #[inline]
    pub(crate) const fn calm(&self) -> u64 {
        match self {
            Self::Machine(Choice::Span(distribution)) => distribution.calm().as_nanos(),
            Self::Machine(Choice::Within { calm, .. }) => calm.as_nanos(),
            Self::Machine(Choice::Node { calm, .. }) => *calm as u64,
            Self::Machine(Choice::Count { calm, .. }) => *calm as u64,
            Self::Machine(Choice::Fault(_))
            | Self::Strike
            | Self::Length { .. }
            | Self::Jump { .. }
            | Self::Crash
            | Self::Unflushed(_)
            | Self::Tie(_) => 0,
        }
    }

    /// The answer that a word of the seed gives. Faults strike with `odds`.
    #[inline]
    pub(crate) fn sample(&self, word: u64, odds: Ratio, tables: Tables<'_>) -> u64 {
        match self {
            Self::Machine(Choice::Span(distribution)) => {
                draw::span(word, distribution, tables).as_nanos()
            }
            Self::Machine(Choice::Within { width, .. }) => {
                let last = *width - Span::from_nanos(1);
                sample::uniform(word, Span::ZERO, last).as_nanos()
            }
            Self::Machine(Choice::Node { of, weights: [], .. }) => {
                u64::from(sample::index(word, u32::try_from(of.len()).unwrap_or(u32::MAX)))
            }
            Self::Machine(Choice::Node { weights, .. }) => sample::weighted(word, weights) as u64,
            Self::Machine(Choice::Count { mean_millionths, .. }) => {
                u64::from(sample::poisson(word, *mean_millionths))
            }
            _ if !sample::flag(word, odds) => 0,
            Self::Machine(Choice::Fault(ways)) => which(word, ways),
            Self::Strike => 1,
            Self::Length { by, .. } => {
                by.map_or(0, |by| draw::span_of_fault(again(word), by, tables).as_nanos())
            }
            Self::Jump { by, ways } => {
                let nanos =
                    by.map_or(0, |by| draw::span_of_fault(again(word), by, tables).as_nanos());
                let is_back = match ways {
                    Jump::Ahead => false,
                    Jump::Back => true,
                    Jump::Either => sample::index(again(again(word)), 2) == 1,
                };
                jump(nanos, is_back)
            }
            Self::Crash => match u64::from(sample::index(again(word), EFFECTS_DRAWN + 1)) {
                0 => 1,
                effects => 2 + effects,
            },
            Self::Unflushed(transactions) => {
                1 + u64::from(sample::index(again(word), (*transactions).max(1)))
            }
            Self::Tie(events) => {
                let others = u32::try_from(events.len().saturating_sub(1)).unwrap_or(0);
                if others == 0 { 0 } else { 1 + u64::from(sample::index(again(word), others)) }
            }
        }
    }
}

/// The part of a word that says how a fault strikes, once its size has said that it does.
const fn again(word: u64) -> u64 {
    (word ^ (word >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32) ^ word
}

/// How a clock is set, as an answer.
const fn jump(nanos: u64, is_back: bool) -> u64 {
    match nanos.saturating_mul(2) {
        0 => 0,
        twice => twice | is_back as u64,
    }
}

/// The words for a crash after this many effects of a step. A step without effects changes nothing
/// that survives, but it may have noted something.
pub(crate) fn crash_after(effects: u32) -> String {
    if effects == 0 { NO_EFFECT.to_owned() } else { format!("after effect {effects}") }
}

const BEFORE: &str = "before the step";
const NO_EFFECT: &str = "after no effect";

/// The words for an answer.
pub(crate) fn write(question: &Question<'_>, answer: u64, layout: &Layout) -> String {
    let at = usize::try_from(answer).unwrap_or(usize::MAX);
    match question {
        Question::Machine(Choice::Span(_) | Choice::Within { .. }) | Question::Length { .. } => {
            Span::from_nanos(answer).to_string()
        }
        Question::Machine(Choice::Count { .. }) => answer.to_string(),
        Question::Machine(Choice::Node { of, .. }) => {
            of.get(at).map_or_else(String::new, |node| layout.node_name(*node).to_owned())
        }
        Question::Machine(Choice::Fault(ways)) => {
            at.checked_sub(1).and_then(|way| ways.get(way)).map_or("no", |way| *way).to_owned()
        }
        Question::Jump { .. } if answer == 0 => "no".to_owned(),
        Question::Jump { .. } => {
            let sign = if answer % 2 == 1 { '-' } else { '+' };
            format!("{sign}{}", Span::from_nanos(answer / 2))
        }
        Question::Strike => if answer == 0 { "no" } else { "yes" }.to_owned(),
        Question::Crash if answer <= 1 => BEFORE.to_owned(),
        Question::Crash => crash_after(u32::try_from(answer - 2).unwrap_or(u32::MAX)),
        Question::Unflushed(_) => format!("last {answer}"),
        Question::Tie(events) => events.get(at).cloned().unwrap_or_default(),
    }
}

/// Reads an answer; `None` when it is none of those possible here.
pub(crate) fn read(question: &Question<'_>, text: &str, layout: &Layout) -> Option<u64> {
    match question {
        Question::Machine(Choice::Span(_) | Choice::Within { .. }) | Question::Length { .. } => {
            text.parse::<Span>().ok().map(Span::as_nanos)
        }
        Question::Machine(Choice::Count { .. }) => text.parse::<u32>().ok().map(u64::from),
        Question::Machine(Choice::Node { of, .. }) => {
            let node = layout.find(text)?;
            of.iter().position(|candidate| *candidate == node).map(|at| at as u64)
        }
        Question::Machine(Choice::Fault(ways)) => {
            ways.iter().position(|way| *way == text).map(|at| at as u64 + 1)
        }
        Question::Jump { .. } => {
            let (sign, span) = text.split_at_checked(1)?;
            let nanos = span.parse::<Span>().ok()?.as_nanos();
            ["+", "-"].contains(&sign).then(|| jump(nanos, sign == "-"))
        }
        Question::Strike => (text == "yes").then_some(1),
        Question::Crash if text == BEFORE => Some(1),
        Question::Crash if text == NO_EFFECT => Some(2),
        Question::Crash => {
            let effects = text.strip_prefix("after effect ")?.parse::<u32>().ok()?;
            (effects > 0).then(|| u64::from(effects) + 2)
        }
        Question::Unflushed(transactions) => {
            let answer = text.strip_prefix("last ")?.parse::<u32>().ok()?;
            (1..=*transactions).contains(&answer).then_some(u64::from(answer))
        }
        Question::Tie(events) => events.iter().position(|event| event == text).map(|at| at as u64),
    }
}

/// The word of a length that 99 of 100 do not exceed.
const LONG: u64 = u64::MAX / 100 * 99;

/// The lengths that stand for all others: the calm one and the longest, or, where there is none, one
/// that 99 of 100 do not exceed.
fn calm_and_long(by: &Distribution, tables: Tables<'_>) -> Vec<Span> {
    let long = match by.range() {
        (_, Span::MAX) => draw::span(LONG, by, tables),
        (_, longest) => longest,
    };
    let mut spans = vec![by.calm(), long];
    spans.retain(|span| !span.is_zero());
    spans.dedup();
    spans
}

/// Every answer but the calm one, in words. Weather has no menu: it is not enumerated.
pub(crate) fn menu(question: &Question<'_>, layout: &Layout, tables: Tables<'_>) -> Vec<String> {
    match question {
        Question::Machine(
            Choice::Span(_) | Choice::Within { .. } | Choice::Count { .. } | Choice::Node { .. },
        ) => Vec::new(),
        Question::Machine(Choice::Fault(ways)) => {
            ways.iter().map(|way| (*way).to_owned()).collect()
        }
        Question::Strike => vec!["yes".to_owned()],
        Question::Length { menu, by } => {
            let (shortest, longest) = by.map_or((Span::ZERO, Span::MAX), Distribution::range);
            let around = menu.iter().copied().filter(|span| (shortest..=longest).contains(span));
            let ends = by.map_or_else(Vec::new, |by| calm_and_long(by, tables));
            let mut spans: Vec<Span> = around.chain(ends).collect();
            spans.sort_unstable();
            spans.dedup();
            spans.iter().map(Span::to_string).collect()
        }
        Question::Jump { by, ways } => {
            let spans = by.map_or_else(Vec::new, |by| calm_and_long(by, tables));
            let is_back: &[bool] = match ways {
                Jump::Ahead => &[false],
                Jump::Back => &[true],
                Jump::Either => &[false, true],
            };
            let jumps = spans
                .iter()
                .flat_map(|span| is_back.iter().map(|is_back| jump(span.as_nanos(), *is_back)));
            jumps.map(|answer| write(question, answer, layout)).collect()
        }
        Question::Crash => vec![write(question, 1, layout)],
        Question::Unflushed(transactions) => {
            (1..=u64::from(*transactions)).map(|answer| write(question, answer, layout)).collect()
        }
        Question::Tie(events) => events.iter().skip(1).cloned().collect(),
    }
}

/// The question behind a fault of the world's own whose answers have the same form wherever it is
/// asked.
pub(crate) fn form(what: &str) -> Option<Question<'static>> {
    let asked_as = [
        (
            &[purpose::LOSE, purpose::DUPLICATE, purpose::SILENCE, purpose::SUCCESSOR][..],
            Question::Strike,
        ),
        (
            &[purpose::DELAY, purpose::PARTITION, purpose::PAUSE, purpose::SLOW, purpose::DRIFT],
            Question::Length { by: None, menu: &[] },
        ),
        (&[purpose::SKEW], Question::Jump { by: None, ways: Jump::Either }),
        (&[purpose::CRASH], Question::Crash),
    ];
    let (_, question) =
        asked_as.into_iter().find(|(whats, _)| whats.iter().any(|it| it.0 == what))?;
    Some(question)
}

/// The answers that a plan may give, in words.
pub(crate) fn possible(question: &Question<'_>, may_be_calm: bool, layout: &Layout) -> String {
    // The calm answer is what happens anyway, so it is none that a plan can give.
    let but_calm = if may_be_calm {
        String::new()
    } else {
        format!(" other than `{}`", write(question, question.calm(), layout))
    };
    match question {
        Question::Machine(Choice::Span(_) | Choice::Within { .. }) => {
            format!("a span{but_calm}, like `20ms`")
        }
        Question::Machine(Choice::Count { .. }) => format!("a whole number{but_calm}"),
        Question::Machine(Choice::Node { of, calm, .. }) => {
            let is_meant = |(at, _): &(usize, &NodeId)| may_be_calm || *at != *calm;
            let nodes = of.iter().enumerate().filter(is_meant);
            listed(nodes.map(|(_, node)| layout.node_name(*node)))
        }
        Question::Machine(Choice::Fault(ways)) => listed(ways.iter().copied()),
        Question::Strike => "`yes`".to_owned(),
        Question::Length { .. } => "a span longer than `0s`, like `1s`".to_owned(),
        Question::Jump { .. } => "a span behind `+` or `-`, like `+5s`".to_owned(),
        Question::Crash => format!("`{BEFORE}`, `{NO_EFFECT}`, or `after effect 1` and so on"),
        Question::Unflushed(1) => "`last 1`".to_owned(),
        Question::Unflushed(transactions) => format!("`last 1` to `last {transactions}`"),
        Question::Tie(events) => listed(events.iter().skip(1).map(String::as_str)),
    }
}

/// The crashes in a step of so many effects.
pub(crate) fn crashes_within(effects: u32) -> String {
    match effects {
        0 => format!("`{BEFORE}` or `{NO_EFFECT}`"),
        1 => format!("`{BEFORE}`, `{NO_EFFECT}` or `after effect 1`"),
        _ => format!("`{BEFORE}`, `{NO_EFFECT}`, or `after effect 1` to `after effect {effects}`"),
    }
}

/// "`a`", "`a` or `b`", "`a`, `b` or `c`"; "none" where there is none.
fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

/// How long a delayed message is delayed, for the menu of a plan: around what waits.
pub(crate) fn delays_around(now: Time, waits: &[Time]) -> Vec<Span> {
    let nano = Span::from_nanos(1);
    let mut menu: Vec<Span> = waits
        .iter()
        .filter(|at| **at != Time::NEVER && **at >= now)
        .flat_map(|at| {
            let exactly = at.since(now);
            [exactly - nano, exactly, exactly + nano]
        })
        .filter(|span| !span.is_zero())
        .collect();
    menu.sort_unstable();
    menu.dedup();
    menu
}
