//! `observability`: central logs and metrics.

mod number;

use brownout_models::policy::{
    Instrument, Level, LogEntry, LogQuery, Metric, Observability, ObservabilityConfig,
    ObservabilityOptions, Recorded,
};
use brownout_models::{Mistake, Names, Profile, Time};
use indexmap::IndexMap;

use super::Options;
use super::fields::{Bad, Fields, optional, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Events, LogView, MetricView, MoreOfMetric, Trouble};
use number::Number;

/// How a platform behaves, and whether it says what only a hardened one knows.
pub(super) struct ObservabilityDeskConfig {
    platform: ObservabilityConfig,
    says_more: bool,
}

impl Options for ObservabilityOptions {
    type Config = ObservabilityDeskConfig;

    fn checked(&self, profile: Profile) -> (ObservabilityDeskConfig, Vec<Mistake>) {
        let platform = self.resolve(profile);
        let mistakes = platform.mistakes();
        let says_more = self.profile.unwrap_or(profile) == Profile::Hardened;
        (ObservabilityDeskConfig { platform, says_more }, mistakes)
    }
}

/// A platform and its names.
#[derive(Clone, Debug)]
pub(super) struct ObservabilityDesk {
    names: Names,
    platform: Observability<Number>,
    says_more: bool,
}

/// A request to the platform.
pub(super) enum ObservabilityRequest {
    Log { service: String, trace: String, message: String, level: Level, time: Option<Time> },
    Query { service: String, query: LogQuery },
    Metric { name: String, value: Number, tags: Tags, instrument: Instrument },
    ReadMetric { name: String, tags: Option<Tags> },
    Series { name: String },
}

type Tags = IndexMap<String, String>;

impl ObservabilityDesk {
    pub(super) fn new(config: ObservabilityDeskConfig) -> Self {
        let ObservabilityDeskConfig { platform, says_more } = config;
        Self { names: Names::new(), platform: Observability::new(platform), says_more }
    }

    fn query(&mut self, service: &str, query: LogQuery) -> Answer {
        // The empty text is any service, so an empty service cannot be asked for.
        let service = (!service.is_empty()).then(|| self.names.intern(service));
        let query = LogQuery { service, ..query };
        let logs = self.platform.query(&query).map(|(number, entry)| LogView {
            number,
            at: entry.at.as_nanos(),
            level: entry.level,
            service: self.names.text(entry.service).to_owned(),
            trace: entry.trace.clone(),
            message: entry.message.clone(),
        });
        let (evicted, below_level) = self.platform.lines_dropped();
        Answer::Logs {
            logs: logs.collect(),
            evicted: self.says_more.then_some(evicted),
            below_level: self.says_more.then_some(below_level),
        }
    }

    fn recorded(&self, recorded: Recorded) -> Answer {
        let refused = |message: &str| Answer::Failed { error: Trouble::new("refused", message) };
        match recorded {
            Recorded::Kept | Recorded::Overflowed if self.says_more => {
                Answer::Recorded { recorded }
            }
            Recorded::Kept | Recorded::Overflowed => Answer::Done {},
            Recorded::NotFinite => refused("the value is not finite"),
            Recorded::Negative => refused("a counter does not fall"),
            Recorded::TooLarge => refused("the sum is not finite"),
            Recorded::OtherInstrument => refused("the metric is measured with another instrument"),
        }
    }

    fn view(&self, metric: &Metric<Number>) -> MetricView {
        MetricView {
            value: metric.value.raw(),
            at: metric.at.as_nanos(),
            tags: metric.tags.clone(),
            more: self
                .says_more
                .then_some(MoreOfMetric { instrument: metric.instrument, count: metric.count }),
        }
    }
}

/// Reads a level; nothing for the empty text.
fn level(fields: &mut Fields) -> Result<Option<Level>, Bad> {
    match fields.text("level")?.as_str() {
        "" => Ok(None),
        "DEBUG" => Ok(Some(Level::Debug)),
        "INFO" => Ok(Some(Level::Info)),
        "WARN" => Ok(Some(Level::Warn)),
        "ERROR" => Ok(Some(Level::Error)),
        other => {
            Err(Bad(format!("field `level` must be DEBUG, INFO, WARN or ERROR, not `{other}`")))
        }
    }
}

fn instrument(fields: &mut Fields) -> Result<Instrument, Bad> {
    match fields.text("instrument")?.as_str() {
        "gauge" => Ok(Instrument::Gauge),
        "counter" => Ok(Instrument::Counter),
        "histogram" => Ok(Instrument::Histogram),
        other => Err(Bad(format!(
            "field `instrument` must be gauge, counter or histogram, not `{other}`"
        ))),
    }
}

fn instant(fields: &mut Fields, field: &'static str) -> Result<Option<Time>, Bad> {
    optional(fields, field, |fields| fields.natural(field).map(Time::from_nanos))
}

impl Desk for ObservabilityDesk {
    type Request = ObservabilityRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<ObservabilityRequest, Bad> {
        Ok(match operation {
            "log" => ObservabilityRequest::Log {
                service: fields.text("service")?,
                trace: fields.text("trace")?,
                message: fields.text("message")?,
                level: level(fields)?.ok_or_else(|| {
                    Bad("field `level` must be DEBUG, INFO, WARN or ERROR".to_owned())
                })?,
                time: instant(fields, "time")?,
            },
            "query" => ObservabilityRequest::Query {
                service: fields.text("service")?,
                query: LogQuery {
                    service: None,
                    level: level(fields)?,
                    trace: optional(fields, "trace", |fields| fields.text("trace"))?,
                    from: instant(fields, "from")?,
                    until: instant(fields, "until")?,
                },
            },
            "metric" => ObservabilityRequest::Metric {
                name: fields.text("name")?,
                value: Number::of(fields.number("value")?),
                tags: fields.texts("tags")?,
                instrument: optional(fields, "instrument", instrument)?
                    .unwrap_or(Instrument::Gauge),
            },
            "read_metric" => ObservabilityRequest::ReadMetric {
                name: fields.text("name")?,
                tags: optional(fields, "tags", |fields| fields.texts("tags"))?,
            },
            "series" => ObservabilityRequest::Series { name: fields.text("name")? },
            _ => {
                let known = ["log", "query", "metric", "read_metric", "series", "advance"];
                return Err(unknown_operation(operation, &known));
            }
        })
    }

    fn due(&self) -> Option<Time> {
        None
    }

    fn wake(&mut self, _now: Time, _events: &mut Events) {}

    fn take(
        &mut self,
        now: Time,
        _number: u64,
        request: ObservabilityRequest,
        _events: &mut Events,
    ) -> Result<Answer, Bad> {
        Ok(match request {
            ObservabilityRequest::Log { service, trace, message, level, time } => {
                let (service, at) = (self.names.intern(&service), time.unwrap_or(now));
                self.platform.take_in(LogEntry { at, level, service, trace, message });
                Answer::Done {}
            }
            ObservabilityRequest::Query { service, query } => self.query(&service, query),
            ObservabilityRequest::Metric { name, value, tags, instrument } => {
                let name = self.names.intern(&name);
                let recorded = self.platform.measure(now, name, instrument, value, tags);
                self.recorded(recorded)
            }
            ObservabilityRequest::ReadMetric { name, tags } => {
                let name = self.names.intern(&name);
                let metric = match tags {
                    Some(tags) => self.platform.labelled(name, &tags),
                    None => self.platform.metric(name),
                };
                Answer::Metric(metric.map(|metric| self.view(metric)))
            }
            ObservabilityRequest::Series { name } => {
                let name = self.names.intern(&name);
                let series = self.platform.series(name).map(|metric| self.view(metric));
                Answer::Series { series: series.collect() }
            }
        })
    }

    fn is_pending(&self) -> bool {
        false
    }
}
