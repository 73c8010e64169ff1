//! The names in plans: other nodes, other arrivals and simpler answers in the place of those there.

use brownout_models::Span;

use crate::choice::{Deviation, Plan};
use crate::layout::Layout;

/// Whether a flow of this name is a piece of load: an arrival, and not the tick of a heartbeat.
pub(super) fn is_load(flow: &str) -> bool {
    !flow.contains(' ')
}

/// The plan as it is; and with the other instances of the first service that its deviations name,
/// each in the place of the one before, as those who pick in turn take them; and so on for the other
/// services, and for all of them together.
pub(super) fn in_rotation(plan: &Plan, layout: &Layout) -> Vec<Plan> {
    /// More services than this in one plan are not turned.
    const GROUPS_MAX: usize = 3;
    let mut plans = vec![plan.clone()];
    let mut groups: Vec<&str> = Vec::new();
    for place in &layout.nodes {
        let is_named =
            |deviation: &Deviation| with_node(&deviation.site, &place.name, "").is_some();
        if !groups.contains(&place.group.as_str()) && plan.deviations.iter().any(is_named) {
            groups.push(&place.group);
        }
    }
    for group in groups.into_iter().take(GROUPS_MAX) {
        let turned: Vec<Plan> = plans.iter().flat_map(|plan| turns(plan, layout, group)).collect();
        plans.extend(turned);
    }
    plans
}

/// The plan with the instances of a service turned by one, by two, and so on. Sidecars are instances
/// of what they stand beside, but not in its place.
fn turns(plan: &Plan, layout: &Layout, group: &str) -> Vec<Plan> {
    let of_group = layout.nodes.iter().filter(|place| place.group == group);
    let (sidecars, instances): (Vec<&str>, Vec<&str>) =
        of_group.map(|place| place.name.as_str()).partition(|name| name.ends_with("-sidecar"));
    let turned = |by: usize| {
        let mut plan = plan.clone();
        for deviation in &mut plan.deviations {
            for alike in [&instances, &sidecars] {
                let others = alike.iter().cycle().skip(by);
                let site = alike
                    .iter()
                    .zip(others)
                    .find_map(|(node, other)| with_node(&deviation.site, node, other));
                if let Some(site) = site {
                    deviation.site = site;
                }
            }
        }
        plan
    };
    (1..instances.len()).map(turned).collect()
}

/// The site with another node in the place of one; `None` when that node is no part of it.
fn with_node(site: &str, node: &str, other: &str) -> Option<String> {
    let (ends, kind) = site.split_once(' ').map_or((site, None), |(ends, kind)| (ends, Some(kind)));
    let mut ends: Vec<&str> = ends.split('>').collect();
    let at = ends.iter().position(|end| *end == node)?;
    ends[at] = other;
    let ends = ends.join(">");
    Some(kind.map_or_else(|| ends.clone(), |kind| format!("{ends} {kind}")))
}

/// The plan with another arrival in the place of one.
pub(super) fn renamed(plan: &Plan, flow: &str, other: &str) -> Plan {
    let rename = |name: &String| if name == flow { other.to_owned() } else { name.clone() };
    let mut plan = plan.clone();
    for deviation in &mut plan.deviations {
        deviation.flow = rename(&deviation.flow);
    }
    plan.load = plan.load.map(|load| load.iter().map(rename).collect());
    plan
}

/// Simpler answers, the simplest first.
pub(super) fn simpler(deviation: &Deviation) -> Vec<String> {
    if deviation.what == "crash" {
        let effects = deviation.answer.strip_prefix("after effect ").and_then(|n| n.parse().ok());
        let earlier = (1..effects.unwrap_or(1_u32)).map(|effect| format!("after effect {effect}"));
        let before = (deviation.answer != "before the step").then(|| "before the step".to_owned());
        return before.into_iter().chain(earlier).collect();
    }
    let Ok(span) = deviation.answer.parse::<Span>() else { return Vec::new() };
    let mut round = Vec::new();
    let mut power = Span::from_micros(1);
    while power < span {
        for times in 1..=9 {
            let candidate = power.times(times);
            if candidate < span {
                round.push(candidate.to_string());
            }
        }
        power = power.times(10);
    }
    round
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Place;

    #[test]
    fn instances_and_their_sidecars_turn_together() {
        let place = |name: &str| Place {
            name: name.to_owned(),
            aliases: Vec::new(),
            group: name[..3].to_owned(),
            host: 0,
            store: 0,
        };
        let names = ["pay-1", "pay-1-sidecar", "pay-2", "pay-2-sidecar", "log-1"];
        let layout = Layout { nodes: names.map(place).to_vec(), ..Layout::default() };
        let [what, flow, answer] = ["lose", "shopper/1", "yes"].map(str::to_owned);
        let deviation = |site: &str| Deviation {
            site: site.to_owned(),
            what: what.clone(),
            flow: flow.clone(),
            count: 1,
            answer: answer.clone(),
        };
        let sites = ["pay-1>log-1 put", "pay-2-sidecar", "log-1"];
        let plan = Plan::calm().with_deviations(sites.map(deviation).to_vec());
        let turned = in_rotation(&plan, &layout);
        let sites: Vec<Vec<&str>> = turned
            .iter()
            .map(|plan| plan.deviations.iter().map(|deviation| deviation.site.as_str()).collect())
            .collect();
        let expected = [
            ["pay-1>log-1 put", "pay-2-sidecar", "log-1"],
            ["pay-2>log-1 put", "pay-1-sidecar", "log-1"],
        ];
        assert_eq!(sites, expected);
    }
}
