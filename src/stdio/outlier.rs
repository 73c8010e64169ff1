//! `outlier`: which hosts of a service are out for a while.

use brownout_models::policy::outlier::Verdict;
use brownout_models::policy::{Outlier, OutlierConfig, OutlierOptions};
use brownout_models::{Mistake, Names, Profile, Time};

use super::Options;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Event, Events};

impl Options for OutlierOptions {
    type Config = OutlierConfig;

    fn checked(&self, profile: Profile) -> (OutlierConfig, Vec<Mistake>) {
        let config = self.resolve(profile);
        let mistakes = config.mistakes();
        (config, mistakes)
    }
}

/// A detector and the names of its hosts.
#[derive(Clone, Debug)]
pub(super) struct OutlierDesk {
    names: Names,
    outlier: Outlier,
}

impl OutlierDesk {
    pub(super) fn new(config: OutlierConfig) -> Self {
        Self { names: Names::new(), outlier: Outlier::new(config) }
    }

    fn tell(&self, verdict: Verdict, events: &mut Events) {
        let host = self.names.text(verdict.host).to_owned();
        events.note(
            verdict.at,
            match verdict.ejected_until {
                Some(until) => Event::Ejected { host, until: until.as_nanos() },
                None => Event::Readmitted { host },
            },
        );
    }
}

/// A request to the detector.
pub(super) enum OutlierRequest {
    /// These belong to the service now.
    Hosts { hosts: Vec<String> },
    /// A call ended.
    Report { host: String, ok: bool },
    /// Who is not out?
    Available,
}

impl Desk for OutlierDesk {
    type Request = OutlierRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<OutlierRequest, Bad> {
        match operation {
            "hosts" => Ok(OutlierRequest::Hosts { hosts: fields.list("hosts")? }),
            "report" => {
                Ok(OutlierRequest::Report { host: fields.text("host")?, ok: fields.boolean("ok")? })
            }
            "available" => Ok(OutlierRequest::Available),
            _ => Err(unknown_operation(operation, &["hosts", "report", "available", "advance"])),
        }
    }

    fn due(&self) -> Option<Time> {
        self.outlier.due()
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        for verdict in self.outlier.advance(now) {
            self.tell(verdict, events);
        }
    }

    fn take(
        &mut self,
        now: Time,
        _number: u64,
        request: OutlierRequest,
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        self.wake(now, events);
        match request {
            OutlierRequest::Hosts { hosts } => {
                let mut names = Vec::new();
                for host in &hosts {
                    names.push(self.names.intern(host));
                }
                self.outlier.show(now, &names);
                Ok(Answer::Done {})
            }
            OutlierRequest::Report { host, ok } => {
                let host = self.names.intern(&host);
                if let Some(verdict) = self.outlier.record(now, host, ok) {
                    self.tell(verdict, events);
                }
                Ok(Answer::Ejected { ejected: self.outlier.is_ejected(host) })
            }
            OutlierRequest::Available => {
                let hosts = self.outlier.available();
                let hosts = hosts.map(|host| self.names.text(host).to_owned()).collect();
                Ok(Answer::Hosts { hosts })
            }
        }
    }

    fn is_pending(&self) -> bool {
        false
    }
}
