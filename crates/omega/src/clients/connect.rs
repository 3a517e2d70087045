use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use omega_capi::{Deadlines, Management};
use omega_core::{ClientMode, Failure, FailureClass, kubeconfig::Kubeconfig};
use omega_juju::{Sources, Unit};
use omega_openstack::{
    CloudConfig, ConfigError, DomainRef, Limits, Lookup, ProjectRef, Service, Session,
    SessionOptions, Transport,
};
use url::Url;

use super::{
    Clients, CloudClients, PartialClients, Payloads, Reader, UnitList,
    ignored_variables::warn_ignored,
};
use crate::{
    Machine,
    site::{Project, Site, Timeouts},
};

/// Prepares clients for what a site names. Each function needs only its part of the site file.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// The site.
    pub site: &'a Site,
    /// The machine that connects.
    pub machine: &'a Machine,
    /// Who reads the management cluster, if not the user of the kubeconfig that is given.
    pub reader: Option<&'a Reader>,
    /// What the clients may send.
    pub(super) mode: ClientMode,
}

impl<'a> Connect<'a> {
    /// Connects to `site` from `machine`. The clients read and write.
    pub fn new(site: &'a Site, machine: &'a Machine) -> Self {
        Self { site, machine, reader: None, mode: ClientMode::ReadWrite }
    }

    /// Returns the same with another reader of the management cluster. The site's kubeconfig is still what the
    /// units are compared with.
    #[must_use]
    pub fn read_by(self, reader: &'a Reader) -> Self {
        Self { reader: Some(reader), ..self }
    }

    /// Returns where a file of the site is.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.machine.resolve(&self.site.directory, path)
    }

    /// Connects to everything: reads the site's files on this machine, and prepares sessions and
    /// channels. `only`: these units; all if it is empty.
    ///
    /// # Errors
    ///
    /// Fails if a file can't be read, or if Juju can't list the units.
    pub async fn all(&self, kubeconfig: &Kubeconfig, only: &[String]) -> Result<Clients, Failure> {
        let payloads = self.payloads(kubeconfig)?;
        let (cloud, units) = futures::join!(self.cloud(), self.list_units());
        self.listed(kubeconfig, cloud?, &units?, only, &payloads).await
    }

    /// The same with units that have been listed. Nothing is sent.
    ///
    /// # Errors
    ///
    /// Fails if a unit that was named does not exist.
    pub(crate) async fn listed(
        &self,
        kubeconfig: &Kubeconfig,
        cloud: CloudClients,
        units: &UnitList,
        only: &[String],
        payloads: &Payloads,
    ) -> Result<Clients, Failure> {
        let units = self.handles(units, only, &payloads.sources)?;
        let management = self.management(kubeconfig).await?;
        let clients = Clients::new(cloud, Arc::new(management), units);
        let clients = clients.with_helm(payloads.helm_size);
        Ok(clients.with_mint(&kubeconfig.facts, Timestamp::now()))
    }

    /// The same without the units. Juju is not called.
    ///
    /// # Errors
    ///
    /// Fails if the cloud's configuration can't be read.
    pub async fn without_units(&self, kubeconfig: &Kubeconfig) -> Result<Clients, Failure> {
        let (cloud, management) = futures::join!(self.cloud(), self.management(kubeconfig));
        let clients = Clients::new(cloud?, Arc::new(management?), Vec::new());
        Ok(clients.with_mint(&kubeconfig.facts, Timestamp::now()))
    }

    /// Connects to what is named, for who only reads, and afresh: nothing can be sent to a unit, and
    /// no token is kept. `kubeconfig`: of the management cluster, if one is named. That the units
    /// can't be listed is reported beside it.
    ///
    /// # Errors
    ///
    /// Fails if nothing is named, if the cloud's configuration can't be read, or if a unit that was
    /// named does not exist.
    pub async fn reading(
        &self,
        kubeconfig: Option<&Kubeconfig>,
        only: &[String],
    ) -> Result<(PartialClients, Option<Failure>), Failure> {
        let cloud = self.cloud_reading().await?;
        let has_units = self.site.conductor.is_some() || !only.is_empty();
        if cloud.is_none() && kubeconfig.is_none() && !has_units {
            let what = "the site file names no cloud, no management cluster and no conductor";
            let next = "add [cloud], `kubeconfig` in [management] or [conductor]; see \
                        docs/site-file.md";
            return Err(Failure::new(FailureClass::Usage, what).next(next));
        }
        let managing = match kubeconfig {
            Some(kubeconfig) => self.management(kubeconfig).await?.into(),
            None => PartialClients::default(),
        };
        let clients = PartialClients { cloud, ..managing };
        if !has_units {
            return Ok((clients, None));
        }
        match self.units(only, &Sources::default()).await {
            Ok(units) => Ok((PartialClients { units, ..clients }, None)),
            Err(failure) if failure.class == FailureClass::Usage => Err(failure),
            Err(failure) => Ok((clients, Some(failure))),
        }
    }

    /// Prepares the cloud's services for who only reads, if the site or the environment names a cloud: with a
    /// new login, and no token is kept. No request is made.
    ///
    /// # Errors
    ///
    /// Fails if the credentials can't be loaded.
    pub(crate) async fn cloud_reading(&self) -> Result<Option<CloudClients>, Failure> {
        match self.cloud_config() {
            Err(ConfigError::Nothing { .. }) if self.site.cloud.is_none() => Ok(None),
            config => Ok(Some(self.cloud_over(loaded(config)?, None).await?)),
        }
    }

    /// Returns the units of the conductor for who only reads; none if the site names none.
    ///
    /// # Errors
    ///
    /// Fails if Juju can't list them.
    pub(crate) async fn units_reading(&self) -> Result<Vec<Arc<Unit>>, Failure> {
        if self.site.conductor.is_none() {
            return Ok(Vec::new());
        }
        self.units(&[], &Sources::default()).await
    }

    /// Prepares the cloud's services. No request is made. Needs `[cloud]` (or the `OS_*` variables),
    /// and `project` in `[management]` if it is there.
    ///
    /// # Errors
    ///
    /// Fails if the credentials can't be loaded.
    pub async fn cloud(&self) -> Result<CloudClients, Failure> {
        self.cloud_over(loaded(self.cloud_config())?, self.machine.tokens()).await
    }

    /// The same with a new login: no token is taken from a file or kept in one, and so the catalog is that of
    /// now.
    ///
    /// # Errors
    ///
    /// As [`Connect::cloud`].
    pub(crate) async fn cloud_afresh(&self) -> Result<CloudClients, Failure> {
        self.cloud_over(loaded(self.cloud_config())?, None).await
    }

    /// Connects to the cloud, with a service at another address than the catalog's.
    ///
    /// # Errors
    ///
    /// Fails if the cloud's configuration can't be read.
    pub async fn cloud_at(&self, service: Service, url: Url) -> Result<CloudClients, Failure> {
        let config = loaded(self.cloud_config())?.at_endpoint(service, url);
        self.cloud_over(config, self.machine.tokens()).await
    }

    /// `tokens`: where tokens are kept, and with them the catalog as it was at the login.
    async fn cloud_over(
        &self,
        config: CloudConfig,
        tokens: Option<PathBuf>,
    ) -> Result<CloudClients, Failure> {
        let project = self.site.project().ok().and_then(project);
        let scoped = match project {
            Some(project) => config.in_project(project, "omega.toml"),
            None => config.clone(),
        };
        let keystone = config.auth_url.to_string();
        let options = SessionOptions::default().limits(self.limits());
        warn_ignored(&config, &self.machine.variables);
        let options = match tokens {
            Some(directory) => options.token_cache(directory),
            None => options,
        };
        let open = |error| Failure::from_error("could not prepare a session", &error);
        let operator = Arc::new(Session::new(config, &options).await.map_err(open)?);
        let narrowed = Arc::new(Session::new(scoped, &options).await.map_err(open)?);
        let counted = (Arc::clone(&operator), Arc::clone(&narrowed));
        let requests = move || counted.0.requests() + counted.1.requests();
        let (operator, narrowed) = (self.transport(operator), self.transport(narrowed));
        Ok(CloudClients::over(operator, narrowed, keystone, requests))
    }

    /// Returns the operator's connection to another project, by its id. No request is made, and no
    /// token is stored.
    ///
    /// # Errors
    ///
    /// As [`Connect::cloud`].
    pub async fn in_project(&self, id: &str) -> Result<Arc<dyn Transport>, Failure> {
        let config = loaded(self.cloud_config())?;
        let config = config.in_project(ProjectRef::Id(id.to_owned()), "Magnum");
        let options = SessionOptions::default().limits(self.limits());
        let open = |error| Failure::from_error("could not prepare a session", &error);
        Ok(self.transport(Arc::new(Session::new(config, &options).await.map_err(open)?)))
    }

    /// Returns the names of the clouds in clouds.yaml.
    pub fn cloud_names(&self) -> Vec<String> {
        match CloudConfig::load(&self.lookup(), Some("")) {
            Err(ConfigError::NoCloud { have, .. }) => have,
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    /// Returns the files that describe clouds, of those that are there: `clouds` and `secure`, each with its path.
    /// They are not read.
    pub(crate) fn cloud_files(&self) -> Vec<(&'static str, PathBuf)> {
        let lookup = self.lookup();
        let first = |(stem, variable)| {
            let candidates = lookup.candidates(stem, variable).into_iter();
            let mut there = candidates.filter(|path| path.is_file());
            Some((stem, there.next()?))
        };
        let known = [("clouds", "OS_CLIENT_CONFIG_FILE"), ("secure", "OS_CLIENT_SECURE_FILE")];
        known.into_iter().filter_map(first).collect()
    }

    fn lookup(&self) -> Lookup {
        let Machine { variables, home, cwd, config_home, .. } = self.machine;
        Lookup {
            variables: variables.clone(),
            cwd: cwd.clone(),
            config_home: Some(config_home.clone()),
            home: Some(home.clone()),
            site: PathBuf::from("/etc"),
            region: self.site.cloud().region.clone(),
        }
    }

    /// Returns a handle on the management cluster, with the deadlines of `[timeouts]`: for the user of
    /// `kubeconfig`, unless there is another reader. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Fails if no client can be made from the kubeconfig.
    pub async fn management(&self, kubeconfig: &Kubeconfig) -> Result<Management, Failure> {
        let Timeouts { connect, ask, .. } = self.site.timeouts;
        let reader = self.reader.map(|reader| reader.kubeconfig(self.machine)).transpose()?;
        let used = reader.as_ref().unwrap_or(kubeconfig);
        let management = Management::connect_within(used, Deadlines::within(connect, ask)).await;
        management.map(|management| management.in_mode(self.mode)).map_err(|error| {
            Failure::from_error("could not prepare the management cluster's client", &error)
        })
    }

    /// Returns how long a service of the cloud may take, by `[timeouts]`.
    pub(crate) fn limits(&self) -> Limits {
        Limits::within(self.site.timeouts.connect, self.site.timeouts.ask)
    }

    /// Returns how the cloud is reached.
    pub(crate) fn cloud_config(&self) -> Result<CloudConfig, ConfigError> {
        let lookup = self.lookup();
        let cloud = self.site.cloud();
        match &cloud.openrc {
            Some(openrc) => CloudConfig::from_openrc(&self.path(openrc), &lookup),
            None => CloudConfig::load(&lookup, cloud.name.as_deref()),
        }
    }
}

/// What is wrong is in the files and variables of this machine, as if it were in the site file.
pub(crate) fn loaded(config: Result<CloudConfig, ConfigError>) -> Result<CloudConfig, Failure> {
    config.map_err(|error| Failure {
        class: FailureClass::Usage,
        ..Failure::from_error("could not load cloud credentials", &error)
    })
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
