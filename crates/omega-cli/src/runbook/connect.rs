use std::{path::PathBuf, rc::Rc, sync::Arc};

use jiff::Timestamp;
use omega_capi::Management;
use omega_core::{Class, Failure, kubeconfig::Kubeconfig, values::Secret};
use omega_juju::{
    Channel, Sources, Unit,
    channel::{Deadlines, Juju, JujuTarget, Ssh, SshTarget, juju_units},
};
use omega_openstack::{
    CloudConfig, DomainRef, Lookup, ProjectRef, Session as Cloud, SessionOptions,
    container_infra::ContainerInfra, identity::Identity, network::Network,
};

use super::World;
use crate::{
    command::Session,
    site::{Project, Site, SshUnit},
};

/// A unit's name, and the way to it.
type Reached = (String, Arc<dyn Channel>);

impl Session {
    /// Resolves the site: reads what it names on this machine, and prepares sessions and channels.
    pub(crate) async fn connect(
        &self,
        site: &Site,
        kubeconfig: &Kubeconfig,
        only: &[String],
    ) -> Result<World, Failure> {
        let (sources, helm_size) = self.sources(site, kubeconfig)?;
        let units = self.units(site, only, &sources).await?;
        Ok(World { units, helm_size, ..self.connect_cloud(site, kubeconfig).await? })
    }

    /// The same, without the units.
    pub(crate) async fn connect_cloud(
        &self,
        site: &Site,
        kubeconfig: &Kubeconfig,
    ) -> Result<World, Failure> {
        let config = self.cloud(site)?;
        let scoped = match project(site.management.project.get_ref()) {
            Some(project) => config
                .in_project(project, "omega.toml")
                .map_err(|error| Failure::from_error("could not narrow the scope", &error))?,
            None => config.clone(),
        };
        let options = SessionOptions {
            token_cache: Some(self.environment.cache().join("tokens")),
            deadline: site.timeouts.ask,
        };
        let open = |error| Failure::from_error("could not prepare a session", &error);
        let operator = Arc::new(Cloud::new(config, &options).await.map_err(open)?);
        let narrowed = Arc::new(Cloud::new(scoped, &options).await.map_err(open)?);
        let management = Management::connect(kubeconfig).await.map_err(|error| {
            Failure::from_error("could not prepare the management cluster's client", &error)
        })?;
        let management = Arc::new(management);
        let counted = (Arc::clone(&operator), Arc::clone(&narrowed), Arc::clone(&management));
        Ok(World {
            network: Arc::new(Network::new(narrowed.clone())),
            identity: Arc::new(Identity::new(operator)),
            magnum: Arc::new(ContainerInfra::new(narrowed)),
            management,
            units: Vec::new(),
            helm_size: 0,
            requests: Rc::new(move || {
                let (operator, narrowed, management) = &counted;
                operator.requests() + narrowed.requests() + management.requests()
            }),
        })
    }

    /// Reads and vets the kubeconfig.
    pub(crate) fn kubeconfig(&self, site: &Site) -> Result<Kubeconfig, Failure> {
        let path = site.resolve(&site.management.kubeconfig, &self.environment.home());
        let bytes = read(&path, "the kubeconfig")?;
        Kubeconfig::parse(Secret::new(bytes), Timestamp::now()).map_err(|error| Failure {
            class: Class::Refused,
            ..Failure::from_error(format!("could not use {}", path.display()), &error)
        })
    }

    fn sources(&self, site: &Site, kubeconfig: &Kubeconfig) -> Result<(Sources, usize), Failure> {
        let mut helm_size = 0;
        let home = self.environment.home();
        let mut sources = Sources::default();
        sources.add(kubeconfig.bytes.clone());
        let (driver, helm) = (site.driver.get_ref(), site.helm.get_ref());
        let files = [
            (driver.wheel.as_ref(), driver.sha256, "the driver's wheel"),
            (helm.file.as_ref(), Some(helm.sha256), "helm"),
        ];
        for (path, wanted, what) in files {
            let (Some(path), Some(wanted)) = (path, wanted) else { continue };
            let path = site.resolve(path, &home);
            let bytes = read(&path, what)?;
            helm_size = bytes.len();
            let found = sources.add(Secret::new(bytes));
            if found != wanted {
                let why = format!("{what}, {}, is not what the site pins", path.display());
                return Err(Failure {
                    expected: Some(format!("sha256 {wanted}")),
                    found: Some(format!("sha256 {found}")),
                    ..Failure::new(Class::Refused, why)
                }
                .next("get the file again, or mend its digest in the site file"));
            }
        }
        // helm comes last.
        Ok((sources, helm_size))
    }

    fn cloud(&self, site: &Site) -> Result<CloudConfig, Failure> {
        let environment = &self.environment;
        let home = environment.home();
        let config_home = environment.get("XDG_CONFIG_HOME").map(PathBuf::from);
        let lookup = Lookup {
            variables: environment.variables.clone(),
            cwd: std::env::current_dir().unwrap_or_default(),
            config_home: Some(config_home.unwrap_or_else(|| home.join(".config"))),
            home: Some(home.clone()),
            site: PathBuf::from("/etc"),
        };
        let cloud = site.cloud.get_ref();
        let config = match &cloud.openrc {
            Some(openrc) => CloudConfig::from_openrc(&site.resolve(openrc, &home), &lookup),
            None => CloudConfig::load(&lookup, cloud.name.as_deref()),
        };
        let mut config = config
            .map_err(|error| Failure::from_error("could not find out how to log in", &error))?;
        if cloud.region.is_some() {
            config.region.clone_from(&cloud.region);
        }
        Ok(config)
    }

    async fn units(
        &self,
        site: &Site,
        only: &[String],
        sources: &Sources,
    ) -> Result<Vec<Arc<Unit>>, Failure> {
        let deadlines = Deadlines {
            connect: site.timeouts.connect,
            probe: site.timeouts.ask,
            act: site.timeouts.act,
        };
        let conductor = site.conductor.get_ref();
        let found = match &conductor.application {
            Some(application) => self.juju(site, application, only, deadlines).await?,
            None => self.ssh(site, &conductor.unit, only, deadlines)?,
        };
        let known: Vec<_> = found.iter().map(|(name, _)| name.clone()).collect();
        let missing = only.iter().find(|name| !name.ends_with("/leader") && !known.contains(name));
        if let Some(name) = missing {
            let what = format!("there is no unit `{name}`");
            return Err(
                Failure::new(Class::Usage, what).next(format!("one of: {}", known.join(", ")))
            );
        }
        let unit = |(name, channel)| Arc::new(Unit::new(name, channel, sources.clone()));
        Ok(found.into_iter().map(unit).collect())
    }

    async fn juju(
        &self,
        site: &Site,
        application: &str,
        only: &[String],
        deadlines: Deadlines,
    ) -> Result<Vec<Reached>, Failure> {
        let program = site.juju.program.clone().unwrap_or_else(|| PathBuf::from("juju"));
        let model = site.juju.model.clone();
        let units = juju_units(&program, model.as_deref(), application, deadlines).await.map_err(
            |error| Failure::from_error(format!("could not list {application}"), &error),
        )?;
        let leader = only.iter().any(|name| name.ends_with("/leader"));
        let chosen = units.into_iter().filter(|unit| {
            only.is_empty() || only.contains(&unit.name.to_string()) || (leader && unit.leader)
        });
        let channel = |unit: omega_juju::channel::UnitStatus| {
            let target = JujuTarget {
                program: program.clone(),
                model: model.clone(),
                unit: unit.name.clone(),
            };
            let channel: Arc<dyn Channel> = Arc::new(Juju::new(target, deadlines));
            (unit.name.to_string(), channel)
        };
        Ok(chosen.map(channel).collect())
    }

    fn ssh(
        &self,
        site: &Site,
        units: &[SshUnit],
        only: &[String],
        deadlines: Deadlines,
    ) -> Result<Vec<Reached>, Failure> {
        let chosen =
            units.iter().filter(|unit| only.is_empty() || only.contains(&unit.name.to_string()));
        let channel = |unit: &SshUnit| {
            let mut target = self.ssh_target(site, &unit.ssh)?;
            let jump = unit.jump.as_ref().map(|jump| self.ssh_target(site, jump)).transpose()?;
            target.jump = jump.map(Box::new);
            let channel: Arc<dyn Channel> = Arc::new(Ssh::lazy(target, deadlines));
            Ok((unit.name.to_string(), channel))
        };
        chosen.map(channel).collect()
    }

    /// Reads `[user@]host[:port]`.
    fn ssh_target(&self, site: &Site, text: &str) -> Result<SshTarget, Failure> {
        let home = self.environment.home();
        let all = |paths: &[PathBuf], default: &[&str]| -> Vec<PathBuf> {
            let defaults = || default.iter().map(PathBuf::from).collect();
            let paths = if paths.is_empty() { defaults() } else { paths.to_vec() };
            paths.iter().map(|path| site.resolve(path, &home)).collect()
        };
        let (user, rest) = text
            .rsplit_once('@')
            .unwrap_or_else(|| (site.ssh.user.as_deref().unwrap_or("ubuntu"), text));
        let (host, port) = match rest.rsplit_once(':') {
            // `::1` has no port, `[::1]:22` has.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let port = port.parse().map_err(|_| {
                    let what = format!("`{text}` in the site file: `{port}` is no port");
                    Failure::new(Class::Usage, what).next("write [user@]host[:port]")
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
            agent: self.environment.get("SSH_AUTH_SOCK").map(PathBuf::from),
            known_hosts: all(
                &site.ssh.known_hosts,
                &["~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"],
            ),
            jump: None,
        })
    }
}

fn project(project: &Project) -> Option<ProjectRef> {
    match project {
        Project { id: Some(id), .. } => Some(ProjectRef::Id(id.clone())),
        Project { name: Some(name), domain: Some(domain), .. } => {
            Some(ProjectRef::Named { name: name.clone(), domain: DomainRef::Name(domain.clone()) })
        }
        Project { .. } => None,
    }
}

fn read(path: &std::path::Path, what: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        Failure::new(Class::Error, format!("could not read {what}, {}", path.display()))
            .because(error.to_string())
            .next("the path is relative to the site file")
    })
}
