//! Lines that fit a terminal: paragraphs, lists of deviations, plans, and counted things.

use std::fmt::Write as _;

use crate::choice::{Deviation, Plan};

/// So many of a thing.
pub(crate) fn counted(many: u64, one: &str, more: &str) -> String {
    format!("{many} {}", if many == 1 { one } else { more })
}

/// A paragraph, set in by `indent` columns, in lines of at most so many columns as far as its words
/// allow. Each line has an end.
pub(crate) fn wrapped(paragraph: &str, indent: usize, columns: usize) -> String {
    let (mut text, mut column) = (String::new(), 0);
    for word in paragraph.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width <= columns {
            let _ = write!(text, " {word}");
            column += 1 + width;
        } else {
            let end = if column > 0 { "\n" } else { "" };
            let _ = write!(text, "{end}{:indent$}{word}", "");
            column = indent + width;
        }
    }
    text.push('\n');
    text
}

/// Deviations one a line, in columns; where those take more than there are, what is done stands below
/// the site.
pub(crate) fn deviations(deviations: &[Deviation], indent: usize, columns: usize) -> String {
    let table = table(deviations, indent);
    if table.lines().all(|line| line.chars().count() <= columns) {
        return table;
    }
    let mut text = String::new();
    for deviation in deviations {
        let Deviation { site, what, answer, .. } = deviation;
        let flow = flow_text(deviation);
        let _ = writeln!(text, "{:indent$}{site}\n{:indent$}  {what}  {flow}  {answer}", "", "");
    }
    text
}

/// Deviations one a line, in columns as wide as it takes.
pub(super) fn table(deviations: &[Deviation], indent: usize) -> String {
    let widest = |part: fn(&Deviation) -> usize| deviations.iter().map(part).max().unwrap_or(0);
    let site_width = widest(|deviation| deviation.site.chars().count());
    let what_width = widest(|deviation| deviation.what.chars().count());
    let flow_width = widest(|deviation| flow_text(deviation).chars().count());
    let mut text = String::new();
    for deviation in deviations {
        let Deviation { site, what, answer, .. } = deviation;
        let flow = flow_text(deviation);
        let line = format!("{site:site_width$}  {what:what_width$}  {flow:flow_width$}  {answer}");
        let _ = writeln!(text, "{:indent$}{}", "", line.trim_end());
    }
    text
}

/// Lines, each with its remark below it, set in by `indent` columns, where it has one.
pub(crate) fn with_remarks(
    lines: &str,
    remarks: &[String],
    indent: usize,
    columns: usize,
) -> String {
    let mut text = String::new();
    for (line, remark) in lines.lines().zip(remarks) {
        let _ = writeln!(text, "{line}");
        if !remark.is_empty() {
            text.push_str(&wrapped(remark, indent, columns));
        }
    }
    text
}

/// A plan: its base, and its deviations set in below.
pub(crate) fn plan(plan: &Plan, indent: usize, columns: usize) -> String {
    let base = plan.with_deviations(Vec::new()).to_string();
    wrapped(&base, indent, columns) + &deviations(&plan.deviations, indent + 2, columns)
}

/// A plan that stands in full elsewhere: a screen of it.
pub(crate) fn plan_in_short(whole: &Plan, indent: usize, columns: usize) -> String {
    /// More pieces of load are counted.
    const LOAD: usize = 12;
    /// More deviations are counted.
    const DEVIATIONS: usize = 20;
    let mut short = whole.clone();
    let rest = |many: usize, most: usize| many.checked_sub(most).filter(|rest| *rest > 1);
    if let Some(load) = &mut short.load
        && let Some(rest) = rest(load.len(), LOAD)
    {
        load.truncate(LOAD);
        load.push(format!("and {rest} more"));
    }
    let cut = rest(short.deviations.len(), DEVIATIONS);
    if cut.is_some() {
        short.deviations.truncate(DEVIATIONS);
    }
    let mut text = plan(&short, indent, columns);
    if let Some(rest) = cut {
        let _ = writeln!(text, "{:indent$}  and {rest} more", "");
    }
    text
}

fn flow_text(deviation: &Deviation) -> String {
    format!("{} #{}", deviation.flow, deviation.count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(site: &str) -> Deviation {
        let [site, what, flow, answer] = [site, "lose", "shopper/2.15", "yes"].map(str::to_owned);
        Deviation { site, what, flow, count: 1, answer }
    }

    #[test]
    fn one_is_not_more() {
        let cases = [(0, "0 faults"), (1, "1 fault"), (2, "2 faults")];
        for (many, expected) in cases {
            assert_eq!(counted(many, "fault", "faults"), expected);
        }
    }

    #[test]
    fn paragraphs_break_before_the_word_that_does_not_fit() {
        let word = "x".repeat(37);
        assert_eq!(wrapped(&format!("{word} {word}"), 5, 80), format!("     {word} {word}\n"));
        assert_eq!(
            wrapped(&format!("{word} {word}"), 6, 80),
            format!("      {word}\n      {word}\n")
        );
        let long = "x".repeat(90);
        assert_eq!(wrapped(&long, 2, 80), format!("  {long}\n"));
    }

    #[test]
    fn what_is_left_out_of_a_plan_is_counted() {
        let losses = |many: u32| Plan::calm().with_deviations(vec![loss("a>b"); many as usize]);
        for many in [1, 20, 21] {
            assert_eq!(plan_in_short(&losses(many), 2, 80), plan(&losses(many), 2, 80), "{many}");
        }
        let text = plan_in_short(&losses(120), 2, 80);
        assert_eq!(text.lines().count(), 1 + 20 + 1);
        assert_eq!(text.lines().last(), Some("    and 100 more"));
        let load = (0..40).map(|number| format!("shopper/{number}")).collect();
        let text = plan_in_short(&Plan { load: Some(load), ..Plan::calm() }, 0, 80);
        assert!(text.contains("shopper/11,") && !text.contains("shopper/12,"), "{text}");
        assert!(text.ends_with("and 28 more\n"), "{text}");
    }

    #[test]
    fn deviations_too_wide_for_a_line_break_after_the_site() {
        let short = loss("a>b charge");
        assert_eq!(
            deviations(&[short.clone(), loss("a>b charge reply")], 2, 80),
            "  a>b charge        lose  shopper/2.15 #1  yes\n  \
               a>b charge reply  lose  shopper/2.15 #1  yes\n"
        );
        let site = "notification-1>checkout-sidecar order.created reply";
        assert_eq!(
            deviations(&[short, loss(site)], 2, 80),
            format!(
                "  a>b charge\n    lose  shopper/2.15 #1  yes\n  \
                 {site}\n    lose  shopper/2.15 #1  yes\n"
            )
        );
    }
}
