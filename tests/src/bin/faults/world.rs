//! One site on the simulators, and the operator's machine.

use std::{error::Error, net::Ipv4Addr, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega::{
    core::run::Runs,
    rehearsal,
    teardown::maas::{SimMaas, SimMachine},
};
use omega_capi::sim::Apiserver;
use omega_juju::sim::{HELM, KUBECONFIG, Models, SimModel, Start, Unit};
use omega_openstack::sim::Cloud;
use serde_json::json;
use tempfile::TempDir;

use crate::{front::own_address, kube::Tls, runbook::PROJECT, station::KEYSTONE};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The model that a teardown destroys.
pub(crate) const MODEL: &str = "aaaaaaaa-0000-4000-8000-000000000001";

/// The limits of the site, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) ask: Duration,
    pub(crate) act: Duration,
}

impl Limits {
    /// For a run that has to show how fast this machine is.
    const LONG: Self = Self::of(60);

    const fn of(seconds: u64) -> Self {
        let (connect, ask) = (Duration::from_secs(seconds / 5), Duration::from_secs(seconds));
        Self { connect, ask, act: Duration::from_secs(seconds + 3) }
    }

    /// For a machine where an answer took at most `slowest`, while nothing else was run: short, as everything
    /// answers at once, but not so short that a machine with more to do fails a case.
    pub(crate) fn for_answers_in(slowest: Duration) -> Self {
        Self::of((8 * slowest).as_secs().clamp(5, 60))
    }
}

/// What the simulators are, and the operator's machine.
pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) apiserver: Apiserver,
    pub(crate) units: Vec<Unit>,
    /// A controller with a model, and the MAAS of its machines.
    pub(crate) teardown: Option<(Models, SimMaas)>,
    /// Whether a cluster that is stuck has an application credential.
    pub(crate) has_credential: bool,
    pub(crate) home: TempDir,
    /// Where its cloud and its management cluster listen: the same for each command, as omega knows a site
    /// by its addresses.
    pub(crate) address: Ipv4Addr,
    /// The certificate of the management cluster: what is minted from it is good for the next command too.
    pub(crate) tls: Tls,
    pub(crate) limits: Limits,
}

impl World {
    /// A cloud, a management cluster and a unit that starts so.
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
        let address = own_address();
        let (teardown, has_credential, limits) = (None, false, Limits::LONG);
        let tls = Tls::new(address)?;
        Ok(Self { cloud, apiserver, units, teardown, has_credential, home, address, tls, limits })
    }

    /// The same with a controller and a MAAS. They have no copy: each case makes them anew.
    pub(crate) fn with_teardown(self) -> Self {
        let mut model = SimModel::new(MODEL, "admin", "openstack");
        model.applications = vec![("keystone".into(), "keystone".into())];
        let machines = [("4y3h7n", "openstack0"), ("4y3h7p", "openstack1")];
        model.machines = machines.map(|(id, host)| (id.into(), host.into())).into();
        let maas = SimMaas::new(machines.map(|(id, host)| SimMachine::deployed(id, host, MODEL)));
        Self { teardown: Some((Models::new([model]), maas)), ..self }
    }

    /// Returns a copy, with the operator's files.
    pub(crate) fn fork(&self) -> Result<Self> {
        let units = self.units.iter().map(Unit::copy).collect();
        let mut fork = Self::over(self.cloud.fork(), self.apiserver.fork(), units)?;
        let addresses = (self.address.to_string(), fork.address.to_string());
        copy(self.home.path(), fork.home.path(), &addresses)?;
        fork.has_credential = self.has_credential;
        fork.limits = self.limits;
        Ok(if self.teardown.is_some() { fork.with_teardown() } else { fork })
    }

    /// Puts a new credential into the secret of the cluster, as the driver does, with Keystone's address here.
    /// Each command has its own: the process remembers a login that failed.
    pub(crate) fn keep_credential(&self) {
        if !self.has_credential {
            return;
        }
        let (id, secret) = self.cloud.add_credential(PROJECT);
        let auth = json!({
            "auth_url": format!("http://{}:{KEYSTONE}/identity/v3", self.address),
            "application_credential_id": id, "application_credential_secret": secret,
        });
        let clouds = json!({ "clouds": { "openstack": {
            "auth_type": "v3applicationcredential", "auth": auth,
        } } });
        let namespace = format!("magnum-{}", self.cloud.project(PROJECT));
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": { "name": "c1-cloud-credentials", "namespace": namespace, "uid": "uid-s" },
            "data": { "clouds.yaml": STANDARD.encode(clouds.to_string()) },
        });
        self.apiserver.put("/api/v1/secrets", secret);
    }

    /// Where runs are kept.
    pub(crate) fn runs(&self) -> Runs {
        Runs::new(&self.home.path().join("state"))
    }

    /// Returns everything that a command could have changed.
    pub(crate) fn state(&self) -> Vec<String> {
        let mut all: Vec<String> =
            self.cloud.groups().iter().map(|one| format!("{one:?}")).collect();
        all.extend(self.cloud.network_parts());
        all.extend(self.cloud.servers());
        all.extend(self.cloud.magnum_objects());
        all.extend(self.cloud.image_things());
        // Its address is that of Keystone, which is another in each command.
        let own = |one: &String| !one.contains("-cloud-credentials");
        all.extend(self.apiserver.snapshot().into_iter().filter(own));
        for unit in &self.units {
            let snapshot = unit.snapshot();
            all.extend(snapshot.files.iter().map(|(path, file)| format!("{path}: {file}")));
            all.extend(snapshot.packages.iter().map(|one| format!("{one:?}")));
            all.extend(snapshot.services.iter().map(|one| format!("{one:?}")));
        }
        if let Some((models, maas)) = &self.teardown {
            all.extend(models.snapshot());
            all.extend(maas.snapshot());
        }
        all
    }
}

/// Copies what commands left. `addresses`: those of the site, and of its copy.
fn copy(from: &Path, to: &Path, addresses: &(String, String)) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if name.to_string_lossy().starts_with("command-") {
            continue;
        }
        let target = to.join(&name);
        if kind.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy(&entry.path(), &target, addresses)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target).map(drop)?;
            if let Ok(text) = std::fs::read_to_string(&target) {
                std::fs::write(&target, text.replace(&addresses.0, &addresses.1))?;
            }
        }
    }
    Ok(())
}
