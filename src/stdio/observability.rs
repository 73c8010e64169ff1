//! `observability`: central logs and metrics.

use brownout_models::policy::{Level, Observability};
use brownout_models::{Names, Time};
use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Events, LogView, MetricView};

/// A platform and its names.
#[derive(Clone, Debug, Default)]
pub(super) struct ObservabilityDesk {
    names: Names,
    platform: Observability<Box<RawValue>>,
}

/// A request to the platform.
pub(super) enum ObservabilityRequest {
    Log { service: String, trace: String, message: String, level: Level },
    Query { service: String, level: Option<Level> },
    Metric { name: String, value: Box<RawValue>, tags: IndexMap<String, String> },
    ReadMetric { name: String },
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
            },
            "query" => ObservabilityRequest::Query {
                service: fields.text("service")?,
                level: level(fields)?,
            },
            "metric" => ObservabilityRequest::Metric {
                name: fields.text("name")?,
                value: fields.number("value")?,
                tags: fields.texts("tags")?,
            },
            "read_metric" => ObservabilityRequest::ReadMetric { name: fields.text("name")? },
            _ => {
                let known = ["log", "query", "metric", "read_metric", "advance"];
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
            ObservabilityRequest::Log { service, trace, message, level } => {
                let service = self.names.intern(&service);
                self.platform.log(now, service, &trace, &message, level);
                Answer::Done {}
            }
            ObservabilityRequest::Query { service, level } => {
                // The empty text is any service, so an empty service cannot be asked for.
                let service = (!service.is_empty()).then(|| self.names.intern(&service));
                let logs = self.platform.query(service, level).map(|(number, entry)| LogView {
                    number,
                    at: entry.at.as_nanos(),
                    level: entry.level,
                    service: self.names.text(entry.service).to_owned(),
                    trace: entry.trace.clone(),
                    message: entry.message.clone(),
                });
                Answer::Logs { logs: logs.collect() }
            }
            ObservabilityRequest::Metric { name, value, tags } => {
                let name = self.names.intern(&name);
                self.platform.record(now, name, value, tags);
                Answer::Done {}
            }
            ObservabilityRequest::ReadMetric { name } => {
                let name = self.names.intern(&name);
                Answer::Metric(self.platform.metric(name).map(|metric| MetricView {
                    value: metric.value.clone(),
                    at: metric.at.as_nanos(),
                    tags: metric.tags.clone(),
                }))
            }
        })
    }

    fn is_pending(&self) -> bool {
        false
    }
}
