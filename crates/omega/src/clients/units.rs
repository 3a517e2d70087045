use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use omega_core::{Failure, FailureClass, values::UnitName};
use omega_juju::{
    Channel, Sources, Unit,
    channel::{
        Deadlines, Juju, JujuModel, JujuTarget, Ssh, SshTarget, Standing, UnitStatus, juju_units,
    },
};
use serde::{Deserialize, Serialize};

use super::Connect;
use crate::site::{SshAddress, SshUnit};

/// The units of the conductor, as Juju or the site file lists them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct UnitList {
    /// The model, where Juju lists them.
    model: Option<JujuModel>,
    units: Vec<ListedUnit>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ListedUnit {
    name: UnitName,
    leader: bool,
    /// What Juju reports of it, where Juju lists it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    standing: Option<Standing>,
}

impl Connect<'_> {
    /// Returns the units `only`, or all if it is empty. `sources`: the files that may be sent to them.
    /// Needs `[conductor]`.
    ///
    /// # Errors
    ///
    /// Fails if Juju can't list them, or if one of `only` does not exist.
    pub async fn units(
        &self,
        only: &[String],
        sources: &Sources,
    ) -> Result<Vec<Arc<Unit>>, Failure> {
        self.handles(&self.list_units().await?, only, sources)
    }

    /// Lists the units of the conductor.
    ///
    /// # Errors
    ///
    /// Fails if Juju can't list them.
    pub(crate) async fn list_units(&self) -> Result<UnitList, Failure> {
        let conductor = self.site.conductor()?;
        let Some(application) = conductor.application.as_deref() else {
            let listed = |unit: &SshUnit| ListedUnit {
                name: unit.name.clone(),
                leader: false,
                standing: None,
            };
            return Ok(UnitList {
                model: None,
                units: conductor.unit.iter().map(listed).collect(),
            });
        };
        let model = self.site.juju.model.as_deref();
        let listed = juju_units(self.juju_program(), model, application, self.deadlines()).await;
        let listed = listed.map_err(|error| {
            let what = format!("could not list the units of application {application}");
            Failure::from_error(what, &error)
        })?;
        let unit = |unit: UnitStatus| {
            let standing = Some(unit.standing());
            ListedUnit { name: unit.name, leader: unit.leader, standing }
        };
        let units = listed.units.into_iter().map(unit).collect();
        Ok(UnitList { model: Some(listed.model), units })
    }

    /// Returns the units `only` of a list, or all if it is empty. Nothing is sent.
    ///
    /// # Errors
    ///
    /// Fails if one of `only` does not exist.
    pub(crate) fn handles(
        &self,
        list: &UnitList,
        only: &[String],
        sources: &Sources,
    ) -> Result<Vec<Arc<Unit>>, Failure> {
        let application = self.site.conductor()?.application.as_deref();
        let meant = only
            .iter()
            .map(|name| meant(name, application, &list.units))
            .collect::<Result<Vec<_>, _>>()?;
        let chosen = list.units.iter().filter(|one| meant.is_empty() || meant.contains(&&one.name));
        chosen
            .map(|one| {
                let channel = match &list.model {
                    Some(model) => self.juju(one, model),
                    None => self.ssh(&one.name)?,
                };
                let unit = Unit::new(one.name.to_string(), channel, sources.clone());
                Ok(Arc::new(match &one.standing {
                    Some(standing) => unit.with_standing(standing.clone()),
                    None => unit,
                }))
            })
            .collect()
    }

    /// Returns the limits of remote executions.
    pub(crate) fn deadlines(&self) -> Deadlines {
        let timeouts = &self.site.timeouts;
        Deadlines { connect: timeouts.connect, probe: timeouts.ask, act: timeouts.act }
    }

    /// Returns the program `juju`.
    pub(crate) fn juju_program(&self) -> &Path {
        self.site.juju.program.as_deref().unwrap_or(Path::new("juju"))
    }

    fn juju(&self, unit: &ListedUnit, model: &JujuModel) -> Arc<dyn Channel> {
        let target = JujuTarget::new(self.juju_program(), unit.name.clone());
        let target = target.in_model(self.site.juju.model.as_deref()).known_as(model);
        let target = unit.standing.iter().fold(target, JujuTarget::standing);
        self.channel(Arc::new(Juju::new(target, self.deadlines())))
    }

    fn ssh(&self, name: &UnitName) -> Result<Arc<dyn Channel>, Failure> {
        let unit = self.site.conductor()?.unit.iter().find(|unit| unit.name == *name);
        let unit = unit.ok_or_else(|| {
            Failure::new(FailureClass::Usage, format!("the site file has no unit {name}"))
        })?;
        self.by_ssh(&unit.ssh, unit.jump.as_deref())
    }

    /// Returns the way to a machine by SSH; both addresses are `[user@]host[:port]`. It connects with
    /// the first question.
    ///
    /// # Errors
    ///
    /// Fails if an address is no such thing.
    pub(crate) fn by_ssh(
        &self,
        ssh: &str,
        jump: Option<&str>,
    ) -> Result<Arc<dyn Channel>, Failure> {
        let mut target = self.ssh_target(ssh)?;
        target.jump = jump.map(|jump| self.ssh_target(jump)).transpose()?.map(Box::new);
        Ok(self.channel(Arc::new(Ssh::lazy(target, self.deadlines()))))
    }

    /// Reads `[user@]host[:port]`.
    fn ssh_target(&self, text: &str) -> Result<SshTarget, Failure> {
        let site = self.site;
        let all = |paths: &[PathBuf], default: &[&str]| -> Vec<PathBuf> {
            let defaults = || default.iter().map(PathBuf::from).collect();
            let paths = if paths.is_empty() { defaults() } else { paths.to_vec() };
            paths.iter().map(|path| self.path(path)).collect()
        };
        let SshAddress { user, host, port } = SshAddress::of(text).ok_or_else(|| {
            let what = "an address in the site file is not [user@]host[:port]";
            Failure::new(FailureClass::Usage, what).next("find the place: omega-cli validate")
        })?;
        Ok(SshTarget {
            host: host.to_owned(),
            port,
            user: user.or(site.ssh.user.as_deref()).unwrap_or("ubuntu").to_owned(),
            identities: all(
                &site.ssh.identity,
                &["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"],
            ),
            agent: self.machine.ssh_agent.clone(),
            known_hosts: all(
                &site.ssh.known_hosts,
                &["~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"],
            ),
            jump: None,
        })
    }
}

/// Returns the unit that `--unit name` selects.
fn meant<'a>(
    name: &str,
    application: Option<&str>,
    candidates: &'a [ListedUnit],
) -> Result<&'a UnitName, Failure> {
    let names: Vec<_> = candidates.iter().map(|one| one.name.to_string()).collect();
    let one_of = match names.as_slice() {
        [] => "another application: `application` in [conductor]; this one has no units".to_owned(),
        names => format!("one of: {}", names.join(", ")),
    };
    let usage =
        |what: String, next: String| Err(Failure::new(FailureClass::Usage, what).next(next));
    let leader = name.strip_suffix("/leader");
    match (leader, application) {
        (Some(_), None) => usage(
            format!("`{name}`: only Juju has leaders, and the units are reached by SSH"),
            one_of,
        ),
        (Some(asked), Some(application)) if asked != application => {
            let what = format!("`{name}` is not a unit of {application}");
            usage(what, format!("{application}/leader, or {one_of}"))
        }
        (Some(_), Some(application)) => {
            let leader = candidates.iter().find(|one| one.leader);
            leader.map(|one| &one.name).ok_or_else(|| {
                Failure::new(
                    FailureClass::Error,
                    format!("{application} has no leader at the moment"),
                )
                .next(format!("wait for the election, or use {one_of}"))
            })
        }
        (None, _) => match candidates.iter().find(|one| one.name.to_string() == name) {
            Some(one) => Ok(&one.name),
            None => usage(format!("there is no unit `{name}`"), one_of),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_is_not_there_is_never_no_unit() {
        let one =
            |name: &str, leader| ListedUnit { name: name.parse().unwrap(), leader, standing: None };
        let all = [one("magnum/0", false), one("magnum/1", true)];
        let nobody = [one("magnum/0", false)];
        let juju = Some("magnum");
        assert_eq!(meant("magnum/0", juju, &all), Ok(&all[0].name));
        assert_eq!(meant("magnum/leader", juju, &all), Ok(&all[1].name));
        let class = |name, application, all| meant(name, application, all).unwrap_err().class;
        assert_eq!(class("magnum/leader", juju, &nobody), FailureClass::Error);
        assert_eq!(class("magnum/leader", None, &all), FailureClass::Usage);
        assert_eq!(class("nova/leader", juju, &all), FailureClass::Usage);
        let absent = meant("magnum/9", juju, &all).unwrap_err();
        assert_eq!(absent.next.as_deref(), Some("one of: magnum/0, magnum/1"));
    }
}
