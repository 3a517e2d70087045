//! `charm-config`: nova-compute is set as the decisions say, and its units have it.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use omega_core::{
    Delta, Desired as _, Evidence, Failure, FailureClass, Gate, Severity, Subject, Verdict,
};
use omega_juju::{
    Error,
    channel::JujuCommands,
    charm::{CharmConfig, CharmConfigObserved, Lines, Model},
};

use super::judgement::Judged;
use crate::{
    lint::Rule,
    site::{Compute, Site},
};

pub(super) const RULE: Rule = Rule {
    id: "charm-config",
    decision: Some("D-040"),
    severity: Severity::Broken,
    reason: "Nova does not see the memory of what shares the host with it; and whether guests start again with their host is the site's decision.",
    source: "openstack/charm-nova-compute config.yaml, templates/yoga/nova.conf",
};

const MEMORY: &str = "reserved-host-memory";
const RESUME: &str = "resume-guests-state-on-host-boot";

/// The gate that the options of nova-compute's charm have the values of the site (`[compute]`), or else of
/// the decisions, in Juju and on every unit.
#[derive(Clone, Debug)]
pub struct CharmSettings {
    /// The model.
    pub juju: Arc<dyn JujuCommands>,
    /// The application of nova-compute.
    pub application: String,
    /// What the site says.
    pub settings: BTreeMap<String, String>,
    /// The least that is reserved on each host, in MB, where the site says nothing of it (D-040).
    pub least: u32,
}

impl CharmSettings {
    /// Returns the gate for what the site says in `[compute]` and `[lint]`.
    pub fn new(juju: Arc<dyn JujuCommands>, site: &Site) -> Self {
        let compute = site.compute().ok();
        let mut settings = compute.map(Compute::settings).unwrap_or_default();
        if let Some(resume) = site.lint.resume_guests {
            settings.entry(RESUME.to_owned()).or_insert_with(|| resume.to_string());
        }
        let application =
            compute.map_or_else(|| "nova-compute".to_owned(), |one| one.application.clone());
        Self { juju, application, settings, least: site.lint.reserved_host_memory }
    }

    async fn observe(&self) -> Result<(CharmConfig, CharmConfigObserved), Failure> {
        let unread = |error: &Error| {
            let what = format!("could not read the configuration of {}", self.application);
            Failure::from_error(what, error)
        };
        let mut settings = self.settings.clone();
        settings.entry(MEMORY.to_owned()).or_insert_with(|| self.least.to_string());
        let config = CharmConfig::new(&self.application, settings).map_err(|error| {
            Failure::new(FailureClass::Usage, "[compute] can't be used").because(error.to_string())
        })?;
        let model = Model::open(Arc::clone(&self.juju)).await.map_err(|error| unread(&error))?;
        let seen = config.observe(&model).await.map_err(|error| unread(&error))?;
        Ok((config, seen))
    }

    fn judge(&self, mut config: CharmConfig, seen: &CharmConfigObserved) -> Verdict {
        let mut judged = Judged::new(&RULE, self.subject());
        if let Some(more) = self.more_memory(seen) {
            config.settings.insert(MEMORY.to_owned(), more);
        }
        for (name, option) in &seen.options {
            let value = option.value.as_deref().unwrap_or("not set");
            judged.shows(Evidence::text(name, format!("{value} ({})", option.source)));
        }
        judged.shows(Evidence::count("units", seen.units.len()));
        let ensure = "omega-cli ensure-charm-config --plan";
        match config.diff(seen) {
            Err(conflict) => judged.broken(conflict.why, conflict.next.unwrap_or_default()),
            Ok(Delta::Changes(_) | Delta::Blocked { .. }) => {
                for (name, wanted) in &config.settings {
                    let is = seen.options.get(name).and_then(|one| one.value.as_deref());
                    if is.is_none_or(|is| !is.eq_ignore_ascii_case(wanted)) {
                        let is = is.unwrap_or("not set");
                        judged.broken(
                            format!("{name} is {is}, and this cloud needs {wanted}"),
                            ensure,
                        );
                    }
                }
            }
            Ok(Delta::Wait(why)) => {
                let unread = |lines: &Lines| matches!(lines, Lines::Unread(_));
                let severity = if seen.units.iter().any(|unit| unread(&unit.lines)) {
                    Severity::Unknown
                } else {
                    Severity::Warning
                };
                judged.fault(severity, why, "juju status, and juju debug-log of the units");
            }
            Ok(Delta::Satisfied) => {}
        }
        if seen.units.is_empty() {
            judged.unknown("the application has no units", "juju status");
        }
        if !self.settings.contains_key(RESUME) {
            judged.shows(Evidence::text(RESUME, "not decided (D-043 is proposed)"));
        }
        judged.verdict()
    }

    /// Returns what is reserved, if it is more than the least and the site names no value: that is right too.
    fn more_memory(&self, seen: &CharmConfigObserved) -> Option<String> {
        let is = seen.options.get(MEMORY)?.value.as_deref()?;
        let is_more = is.parse::<u32>().is_ok_and(|is| is >= self.least);
        (is_more && !self.settings.contains_key(MEMORY)).then(|| is.to_owned())
    }
}

#[async_trait]
impl Gate for CharmSettings {
    fn rule(&self) -> &'static str {
        RULE.id
    }

    fn subject(&self) -> Subject {
        Subject::new("application", &self.application)
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let (config, seen) = self.observe().await?;
        Ok(self.judge(config, &seen))
    }
}

#[cfg(test)]
#[path = "charm_config_tests.rs"]
mod tests;
