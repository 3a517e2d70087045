use std::{
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
};

use jiff::Timestamp;
use omega_capi::Management;
use omega_core::{
    Failure, FailureClass,
    kubeconfig::{Kubeconfig, KubeconfigError},
    read_regular,
    values::{Secret, Sha256},
};
use omega_juju::Sources;
use omega_openstack::{
    CloudConfig, DomainRef, Lookup, ProjectRef, Session as Cloud, SessionOptions,
    container_infra::ContainerInfra, identity::Identity, network::Network,
};

use super::Clients;
use crate::{
    command::Session,
    site::{Project, Site},
};

/// The most that a kubeconfig may have: one with many contexts has some 100 kB.
const KUBECONFIG: u64 = 4 << 20;

impl Session {
    /// Resolves the site: reads what it names on this machine, and prepares sessions and channels.
    pub(crate) async fn connect(
        &self,
        site: &Site,
        kubeconfig: &Kubeconfig,
        only: &[String],
    ) -> Result<Clients, Failure> {
        let (sources, helm_size) = self.sources(site, kubeconfig)?;
        let units = self.units(site, only, &sources).await?;
        Ok(Clients { units, helm_size, ..self.connect_cloud(site, kubeconfig).await? })
    }

    /// The same, for who only reads, and afresh: nothing can be sent to a unit, and no token is
    /// kept. That the units can't be listed
    /// is told beside it; that one is asked for that is none, is an error.
    pub(crate) async fn connect_reading(
        &self,
        site: &Site,
        kubeconfig: &Kubeconfig,
        only: &[String],
    ) -> Result<(Clients, Option<Failure>), Failure> {
        let world = self.connect_with(site, kubeconfig, None).await?;
        match self.units(site, only, &Sources::default()).await {
            Ok(units) => Ok((Clients { units, ..world }, None)),
            Err(failure) if failure.class == FailureClass::Usage => Err(failure),
            Err(failure) => Ok((world, Some(failure))),
        }
    }

    /// The same, without the units.
    pub(crate) async fn connect_cloud(
        &self,
        site: &Site,
        kubeconfig: &Kubeconfig,
    ) -> Result<Clients, Failure> {
        self.connect_with(site, kubeconfig, Some(self.environment.cache().join("tokens"))).await
    }

    /// `tokens`: where tokens are kept, and with them the catalog as it was at the login.
    async fn connect_with(
        &self,
        site: &Site,
        kubeconfig: &Kubeconfig,
        tokens: Option<PathBuf>,
    ) -> Result<Clients, Failure> {
        let config = self.cloud(site)?;
        let scoped = match project(site.management.project.get_ref()) {
            Some(project) => config.in_project(project, "omega.toml"),
            None => config.clone(),
        };
        let keystone = config.auth_url.to_string();
        let options = SessionOptions { token_cache: tokens, deadline: site.timeouts.ask };
        let open = |error| Failure::from_error("could not prepare a session", &error);
        let operator = Arc::new(Cloud::new(config, &options).await.map_err(open)?);
        let narrowed = Arc::new(Cloud::new(scoped, &options).await.map_err(open)?);
        let management = Arc::new(management(kubeconfig).await?);
        let counted = (Arc::clone(&operator), Arc::clone(&narrowed), Arc::clone(&management));
        Ok(Clients {
            operator: operator.clone(),
            narrowed: narrowed.clone(),
            network: Arc::new(Network::new(narrowed.clone())),
            identity: Arc::new(Identity::new(operator)),
            magnum: Arc::new(ContainerInfra::new(narrowed)),
            management,
            units: Vec::new(),
            helm_size: 0,
            keystone,
            requests: Rc::new(move || {
                let (operator, narrowed, management) = &counted;
                operator.requests() + narrowed.requests() + management.requests()
            }),
        })
    }

    /// Returns the operator's connection to another project, by its id. No request is made.
    pub(crate) async fn in_project(&self, site: &Site, id: &str) -> Result<Arc<Cloud>, Failure> {
        let config = self.cloud(site)?.in_project(ProjectRef::Id(id.to_owned()), "Magnum");
        let options = SessionOptions { token_cache: None, deadline: site.timeouts.ask };
        let open = |error| Failure::from_error("could not prepare a session", &error);
        Ok(Arc::new(Cloud::new(config, &options).await.map_err(open)?))
    }

    /// Reads and vets the kubeconfig.
    pub(crate) fn kubeconfig(&self, site: &Site) -> Result<Kubeconfig, Failure> {
        let read = self.kubeconfig_of_any_time(site)?;
        let path = site.resolve(&site.management.kubeconfig, &self.environment.home());
        match read.facts.outside(Timestamp::now()) {
            Some(error) => Err(unusable(&path, &error)),
            None => Ok(read),
        }
    }

    /// The same, whether or not its client certificate has ended.
    pub(crate) fn kubeconfig_of_any_time(&self, site: &Site) -> Result<Kubeconfig, Failure> {
        let path = site.resolve(&site.management.kubeconfig, &self.environment.home());
        Self::kubeconfig_at(&path, RELATIVE)
    }

    /// Reads the kubeconfig at `path`, whether or not its client certificate has ended. `next`: what
    /// to do if it is not there.
    pub(crate) fn kubeconfig_at(path: &Path, next: &str) -> Result<Kubeconfig, Failure> {
        let bytes = read_regular(path, KUBECONFIG)
            .map_err(|error| unreadable(path, "the kubeconfig", &error).next(next))?;
        Kubeconfig::read(Secret::new(bytes)).map_err(|error| unusable(path, &error))
    }

    /// Returns what may be sent to a unit, and the size of helm.
    fn sources(&self, site: &Site, kubeconfig: &Kubeconfig) -> Result<(Sources, usize), Failure> {
        let mut sources = Sources::default();
        sources.add(kubeconfig.bytes.clone());
        let (driver, helm) = (site.driver.get_ref(), site.helm.get_ref());
        if let (Some(wheel), Some(sha256)) = (&driver.wheel, driver.sha256) {
            self.pinned(&mut sources, site, wheel, sha256, "the driver's wheel")?;
        }
        let file = helm.file.as_ref();
        let bytes = file.map(|file| self.pinned(&mut sources, site, file, helm.sha256, "helm"));
        Ok((sources, bytes.transpose()?.unwrap_or_default()))
    }

    /// Adds a file that the site pins, and returns its size.
    fn pinned(
        &self,
        sources: &mut Sources,
        site: &Site,
        path: &Path,
        wanted: Sha256,
        what: &str,
    ) -> Result<usize, Failure> {
        let path = site.resolve(path, &self.environment.home());
        let (found, bytes) = sources
            .add_file(&path)
            .map_err(|error| unreadable(&path, what, &error).next(RELATIVE))?;
        if found == wanted {
            return Ok(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        let why = format!("{what}, {}, is not what the site pins", path.display());
        Err(Failure {
            expected: Some(format!("sha256 {wanted}")),
            found: Some(format!("sha256 {found}")),
            ..Failure::new(FailureClass::Refused, why)
        }
        .next("get the file again, or mend its digest in the site file"))
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
}

/// Returns a handle on the management cluster. Nothing is sent yet.
pub(crate) async fn management(kubeconfig: &Kubeconfig) -> Result<Management, Failure> {
    Management::connect(kubeconfig).await.map_err(|error| {
        Failure::from_error("could not prepare the management cluster's client", &error)
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

fn unusable(path: &Path, error: &KubeconfigError) -> Failure {
    Failure {
        class: FailureClass::Refused,
        ..Failure::from_error(format!("could not use {}", path.display()), error)
    }
}

/// What to look at when a file of the site is not there.
const RELATIVE: &str = "the path is relative to the site file";

fn unreadable(path: &Path, what: &str, error: &std::io::Error) -> Failure {
    Failure::new(FailureClass::Error, format!("could not read {what}, {}", path.display()))
        .because(error.to_string())
}
