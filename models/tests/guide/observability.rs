//! Queries against a filter over everything logged, metrics against the last write.

use brownout_models::policy::{Level, LogQuery, Observability};
use brownout_models::{Name, Time};
use indexmap::IndexMap;
use proptest::prelude::*;

use super::config;

fn level() -> impl Strategy<Value = Level> {
    prop::sample::select(vec![Level::Debug, Level::Info, Level::Warn, Level::Error])
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_query_is_a_filter_and_a_metric_its_last_write(
        logs in prop::collection::vec((0..3_u32, level()), 0..40),
        writes in prop::collection::vec((0..3_u32, any::<u64>()), 0..20),
        service in prop::option::of(0..3_u32),
        wanted in prop::option::of(level()),
    ) {
        let mut platform = Observability::default();
        for (service, level) in &logs {
            platform.log(Time::ZERO, Name(*service), "t", "m", *level);
        }
        for (name, value) in &writes {
            platform.record(Time::ZERO, Name(*name), *value, IndexMap::new());
        }
        let query = LogQuery { service: service.map(Name), level: wanted, ..LogQuery::default() };
        let found = platform.query(&query).map(|(number, _)| number);
        let expected = (0..logs.len()).filter(|number| {
            (service.is_none() || service == Some(logs[*number].0))
                && (wanted.is_none() || wanted == Some(logs[*number].1))
        });
        prop_assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        for name in 0..3 {
            let last = writes.iter().rev().find(|(written, _)| *written == name);
            let value = platform.metric(Name(name)).map(|metric| metric.value);
            prop_assert_eq!(value, last.map(|(_, value)| *value));
        }
    }
}
