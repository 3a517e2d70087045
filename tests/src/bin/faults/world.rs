//! One site on the simulators, and omega's own clients of it over real connections.

use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use omega::{
    Machine,
    clients::{Connect, Reader},
    core::{
        Context,
        kubeconfig::Kubeconfig,
        run::{Engine, Runs},
    },
    rehearsal,
    site::Site,
};
use omega_capi::sim::Apiserver;
use omega_core::values::Sha256;
use omega_juju::sim::{HELM, KUBECONFIG, Start, Unit};
use omega_openstack::sim::Cloud;
use tempfile::TempDir;

use crate::{
    cloud::CloudService,
    front::Front,
    juju::Units,
    kube::{KubeService, Tls},
    programs::Programs,
    wire::{Armed, Wire},
};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The limits of the site: short, as everything answers at once.
const SITE: &str = r#"
[management]
kubeconfig = "capi-mgmt.kubeconfig"
project = { name = "capi-mgmt", domain = "capi" }
security_group = "capi-mgmt-sg"
sources = ["10.20.0.0/16"]

[conductor]
application = "magnum"

[juju]
program = "@JUJU@"

[driver]
version = "1.4.0"

[helm]
version = "3.17.3"
file = "helm"
sha256 = "@HELM@"

[chart]
repo = "https://azimuth-cloud.github.io/capi-helm-charts"
version = "0.25.1"

[timeouts]
connect = "1s"
ask = "2s"
act = "4s"
"#;

/// What the simulators are, and the operator's machine.
pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) apiserver: Apiserver,
    pub(crate) units: Vec<Unit>,
    pub(crate) home: TempDir,
    /// How often a command was run.
    commands: AtomicUsize,
}

impl World {
    /// A cloud, a management cluster and a unit that was never grafted.
    pub(crate) fn new(start: Start) -> Result<Self> {
        let apiserver = Apiserver::default();
        apiserver.define("images", "openstack.k-orc.cloud", &["v1alpha1"]);
        Self::over(rehearsal::cloud(), apiserver, vec![start.unit("magnum/0")])
    }

    /// A site of these simulators.
    pub(crate) fn over(cloud: Cloud, apiserver: Apiserver, units: Vec<Unit>) -> Result<Self> {
        let home = tempfile::tempdir()?;
        std::fs::write(home.path().join("helm"), HELM)?;
        std::fs::write(home.path().join("capi-mgmt.kubeconfig"), KUBECONFIG)?;
        Ok(Self { cloud, apiserver, units, home, commands: AtomicUsize::new(0) })
    }

    /// Returns a copy, with the operator's files.
    pub(crate) fn fork(&self) -> Result<Self> {
        let units = self.units.iter().map(Unit::copy).collect();
        let fork = Self::over(self.cloud.fork(), self.apiserver.fork(), units)?;
        copy(self.home.path(), fork.home.path())?;
        Ok(fork)
    }

    /// Where runs are kept.
    pub(crate) fn runs(&self) -> Runs {
        Runs::new(self.home.path().join("state"))
    }

    /// Returns everything that a command could have changed.
    pub(crate) fn state(&self) -> Vec<String> {
        let mut all: Vec<String> = self.cloud.groups().iter().map(|one| format!("{one:?}")).collect();
        all.extend(self.cloud.network_parts());
        all.extend(self.cloud.servers());
        all.extend(self.cloud.magnum_objects());
        all.extend(self.cloud.image_things());
        all.extend(self.apiserver.snapshot());
        for unit in &self.units {
            let snapshot = unit.snapshot();
            let files = snapshot.files.iter().map(|(path, file)| format!("{path}: {file}"));
            all.extend(files);
            all.extend(snapshot.packages.iter().map(|one| format!("{one:?}")));
            all.extend(snapshot.services.iter().map(|one| format!("{one:?}")));
        }
        all
    }

    /// Begins one command: new connections, a new login.
    pub(crate) async fn command(&self, tls: &Tls, armed: Option<Armed>) -> Result<Station> {
        let nth = self.commands.fetch_add(1, Ordering::Relaxed);
        let wire = Wire::new(armed);
        let cloud = Front::start("cloud", &wire, None, |address| {
            let projects = ["admin", "capi-mgmt", "mgmt"];
            Arc::new(CloudService::new(self.cloud.clone(), &projects, address))
        });
        let management =
            Front::start("management", &wire, Some(tls.acceptor.clone()), |_| {
                Arc::new(KubeService(self.apiserver.clone()))
            });
        let (cloud, management) = (cloud.await?, management.await?);
        let programs = self.home.path().join(format!("programs-{nth}"));
        let units = Arc::new(Units(self.units.clone()));
        let programs = Programs::start(&programs, &["juju"], "juju", &wire, units)?;
        let reader = self.home.path().join(format!("reader-{nth}.kubeconfig"));
        std::fs::write(&reader, tls.kubeconfig(management.address))?;
        let text = SITE.replace("@HELM@", &Sha256::of(HELM).to_string());
        let text = text.replace("@JUJU@", &programs.path("juju").display().to_string());
        let path = self.home.path().join("omega.toml");
        std::fs::write(&path, &text)?;
        let mut machine = Machine::new(self.home.path());
        let keystone = format!("http://{}/identity/v3", cloud.address);
        for (name, value) in [
            ("OS_AUTH_URL", keystone.as_str()),
            ("OS_USERNAME", "operator"),
            ("OS_PASSWORD", "secret"),
            ("OS_PROJECT_NAME", "admin"),
            ("OS_USER_DOMAIN_NAME", "Default"),
            ("OS_PROJECT_DOMAIN_NAME", "Default"),
        ] {
            machine.variables.insert(name.to_owned(), value.to_owned());
        }
        let site = Site::read(&path).map_err(|error| error.to_string())?;
        let reader = Reader::Kubeconfig(reader);
        let runs = self.runs();
        Ok(Station { wire, site, machine, reader, runs, fronts: vec![cloud, management], programs })
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if name.to_string_lossy().starts_with("programs-") {
            continue;
        }
        let target: PathBuf = to.join(&name);
        if kind.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            drop(std::fs::copy(entry.path(), target)?);
        }
    }
    Ok(())
}

/// One command's connections. What listens ends when it is dropped.
pub(crate) struct Station {
    pub(crate) wire: Wire,
    pub(crate) site: Site,
    pub(crate) machine: Machine,
    reader: Reader,
    pub(crate) runs: Runs,
    #[expect(dead_code, reason = "what listens ends when it is dropped")]
    fronts: Vec<Front>,
    pub(crate) programs: Programs,
}

impl Station {
    /// Connects as the command does, with the management cluster at its address here.
    pub(crate) fn connect(&self) -> Connect<'_> {
        Connect::new(&self.site, &self.machine).read_by(&self.reader)
    }

    /// Reads the site's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> std::result::Result<Kubeconfig, omega::core::Failure> {
        self.connect().kubeconfig_ignoring_expiry()
    }

    /// An engine that keeps its runs.
    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.runs.clone(), Context::default())
    }
}
