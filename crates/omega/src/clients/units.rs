use std::{path::PathBuf, sync::Arc};

use omega_core::{Failure, FailureClass};
use omega_juju::{
    Channel, Sources, Unit,
    channel::{Deadlines, Juju, JujuTarget, JujuUnits, Ssh, SshTarget, UnitStatus, juju_units},
};

use super::Connect;
use crate::site::{Site, SshUnit};

/// A unit, and how it is reached.
struct Candidate {
    name: String,
    leader: bool,
    channel: Arc<dyn Channel>,
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
        let site = self.site;
        let deadlines = Deadlines {
            connect: site.timeouts.connect,
            probe: site.timeouts.ask,
            act: site.timeouts.act,
        };
        let conductor = site.conductor()?;
        let application = conductor.application.as_deref();
        let candidates = if let Some(application) = application {
            juju(site, application, deadlines).await?
        } else {
            let ssh = |unit| self.ssh(unit, deadlines);
            conductor.unit.iter().map(ssh).collect::<Result<_, _>>()?
        };
        let meant = only
            .iter()
            .map(|name| meant(name, application, &candidates))
            .collect::<Result<Vec<_>, _>>()?;
        let chosen =
            candidates.iter().filter(|one| meant.is_empty() || meant.contains(&one.name.as_str()));
        let unit = |one: &Candidate| {
            Arc::new(Unit::new(one.name.clone(), Arc::clone(&one.channel), sources.clone()))
        };
        Ok(chosen.map(unit).collect())
    }

    fn ssh(&self, unit: &SshUnit, deadlines: Deadlines) -> Result<Candidate, Failure> {
        let mut target = self.ssh_target(&unit.ssh)?;
        let jump = unit.jump.as_ref().map(|jump| self.ssh_target(jump)).transpose()?;
        target.jump = jump.map(Box::new);
        let channel: Arc<dyn Channel> = Arc::new(Ssh::lazy(target, deadlines));
        Ok(Candidate { name: unit.name.to_string(), leader: false, channel })
    }

    /// Reads `[user@]host[:port]`.
    fn ssh_target(&self, text: &str) -> Result<SshTarget, Failure> {
        let site = self.site;
        let all = |paths: &[PathBuf], default: &[&str]| -> Vec<PathBuf> {
            let defaults = || default.iter().map(PathBuf::from).collect();
            let paths = if paths.is_empty() { defaults() } else { paths.to_vec() };
            paths.iter().map(|path| self.path(path)).collect()
        };
        let (user, rest) = text
            .rsplit_once('@')
            .unwrap_or_else(|| (site.ssh.user.as_deref().unwrap_or("ubuntu"), text));
        let (host, port) = match rest.rsplit_once(':') {
            // `::1` has no port; `[::1]:22` has one.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let port = port.parse().map_err(|_| {
                    let what = format!("`{text}` in the site file: `{port}` is not a port number");
                    Failure::new(FailureClass::Usage, what).next("write [user@]host[:port]")
                })?;
                (host, port)
            }
            Some(_) | None => (rest, 22),
        };
        Ok(SshTarget {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            user: user.to_owned(),
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

async fn juju(
    site: &Site,
    application: &str,
    deadlines: Deadlines,
) -> Result<Vec<Candidate>, Failure> {
    let program = site.juju.program.clone().unwrap_or_else(|| PathBuf::from("juju"));
    let model = site.juju.model.clone();
    let listed = juju_units(&program, model.as_deref(), application, deadlines).await;
    let JujuUnits { model: known, units, .. } = listed.map_err(|error| {
        Failure::from_error(
            format!("could not list the units of application {application}"),
            &error,
        )
    })?;
    let candidate = |UnitStatus { name, leader, .. }: UnitStatus| {
        let target = JujuTarget::new(&program, name.clone());
        let target = target.in_model(model.as_deref()).known_as(&known);
        let channel: Arc<dyn Channel> = Arc::new(Juju::new(target, deadlines));
        Candidate { name: name.to_string(), leader, channel }
    };
    Ok(units.into_iter().map(candidate).collect())
}

/// Returns the unit that `--unit name` selects.
fn meant<'a>(
    name: &str,
    application: Option<&str>,
    candidates: &'a [Candidate],
) -> Result<&'a str, Failure> {
    let names: Vec<_> = candidates.iter().map(|one| one.name.as_str()).collect();
    let one_of = format!("one of: {}", names.join(", "));
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
            leader.map(|one| one.name.as_str()).ok_or_else(|| {
                Failure::new(
                    FailureClass::Error,
                    format!("{application} has no leader at the moment"),
                )
                .next(format!("wait for the election, or use {one_of}"))
            })
        }
        (None, _) => match candidates.iter().find(|one| one.name == name) {
            Some(one) => Ok(&one.name),
            None => usage(format!("there is no unit `{name}`"), one_of),
        },
    }
}

#[cfg(test)]
mod tests {
    use omega_juju::sim::Start;

    use super::*;

    #[test]
    fn a_unit_that_is_not_there_is_never_no_unit() {
        let one = |name: &str, leader| Candidate {
            name: name.to_owned(),
            leader,
            channel: Arc::new(Start::Fresh.unit(name)),
        };
        let all = [one("magnum/0", false), one("magnum/1", true)];
        let nobody = [one("magnum/0", false)];
        let juju = Some("magnum");
        assert_eq!(meant("magnum/0", juju, &all), Ok("magnum/0"));
        assert_eq!(meant("magnum/leader", juju, &all), Ok("magnum/1"));
        let class = |name, application, all| meant(name, application, all).unwrap_err().class;
        assert_eq!(class("magnum/leader", juju, &nobody), FailureClass::Error);
        assert_eq!(class("magnum/leader", None, &all), FailureClass::Usage);
        assert_eq!(class("nova/leader", juju, &all), FailureClass::Usage);
        let absent = meant("magnum/9", juju, &all).unwrap_err();
        assert_eq!(absent.next.as_deref(), Some("one of: magnum/0, magnum/1"));
    }
}
