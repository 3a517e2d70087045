//! One command: omega's own clients, over real connections to what listens for it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use omega::{
    Machine,
    clients::{Connect, Reader},
    core::{
        Context, Failure,
        kubeconfig::Kubeconfig,
        run::{Engine, LockHolder, Locking, Runs},
    },
    site::Site,
};
use omega_core::values::Sha256;
use omega_juju::sim::HELM;

use crate::{
    cloud::CloudService,
    files::FileService,
    front::Front,
    juju::Units,
    kube::KubeService,
    programs::Programs,
    runbook::PROJECT,
    wire::{Armed, Wire},
    world::{Limits, Result, World},
};

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
connect = "@CONNECT@s"
ask = "@ASK@s"
act = "@ACT@s"

[acceptance]
plain_http = true
core = ["network", "compute", "image", "container-infra"]
"#;

/// The ports at the site's address.
pub(crate) const KEYSTONE: u16 = 15000;
const KUBERNETES: u16 = 16443;
pub(crate) const FILES: u16 = 18080;

/// Counts the commands of this process.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// One command's connections. What listens ends when it is dropped.
pub(crate) struct Station {
    pub(crate) wire: Wire,
    pub(crate) site: Site,
    pub(crate) machine: Machine,
    pub(crate) runs: Runs,
    pub(crate) programs: Programs,
    /// Where everything listens.
    pub(crate) address: Ipv4Addr,
    /// The id of the project of a cluster that is stuck.
    project: String,
    reader: Reader,
    ctx: Context,
    listening: [Front; 3],
}

impl Station {
    /// Begins one command: new connections, a new login.
    pub(crate) async fn open(world: &World, armed: Option<Armed>) -> Result<Self> {
        let wire = Wire::new(armed);
        world.keep_credential();
        let home = world.home.path();
        let at = |port: u16| SocketAddr::from((world.address, port));
        let projects = ["admin", "capi-mgmt", "mgmt"];
        let service = Arc::new(CloudService::new(world.cloud.clone(), &projects, at(KEYSTONE)));
        let cloud = Front::start(("cloud", at(KEYSTONE)), &wire, None, service).await?;
        let tls = &world.tls;
        let (acceptor, service) =
            (Some(tls.acceptor.clone()), Arc::new(KubeService(world.apiserver.clone())));
        let management = Front::start(("management", at(KUBERNETES)), &wire, acceptor, service);
        let management = management.await?;
        let files = Front::start(("files", at(FILES)), &wire, None, Arc::new(FileService)).await?;
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let own = home.join(format!("command-{nth}"));
        let behind = Units { units: world.units.clone(), teardown: world.teardown.clone() };
        let programs = Programs::start(&own, &["juju", "maas"], "juju", &wire, Arc::new(behind))?;
        let reader = own.join("reader.kubeconfig");
        std::fs::write(&reader, tls.kubeconfig(at(KUBERNETES)))?;
        let keystone = format!("http://{}/identity/v3", at(KEYSTONE));
        let site = site(home, &programs, world.limits)?;
        // A login that was rejected is remembered by the process. Each command is one of its own.
        let (machine, runs) = (machine(home, &keystone, nth), world.runs());
        let project = world.cloud.project(PROJECT);
        let (reader, listening) = (Reader::Kubeconfig(reader), [cloud, management, files]);
        let (ctx, address) = (context(), world.address);
        Ok(Self { wire, site, machine, runs, programs, address, project, reader, ctx, listening })
    }

    /// Ends it, and returns when nothing listens any more.
    pub(crate) async fn close(self) {
        for front in self.listening {
            front.close().await;
        }
    }

    /// Connects as the command does, with the management cluster at its address here.
    pub(crate) fn connect(&self) -> Connect<'_> {
        Connect::new(&self.site, &self.machine).read_by(&self.reader)
    }

    /// Reads the site's kubeconfig, which the units get.
    pub(crate) fn kubeconfig(&self) -> std::result::Result<Kubeconfig, Failure> {
        self.connect().kubeconfig_ignoring_expiry()
    }

    /// Reads the kubeconfig of the server that listens here.
    pub(crate) fn own_kubeconfig(&self) -> std::result::Result<Kubeconfig, Failure> {
        let Reader::Kubeconfig(path) = &self.reader else { return self.kubeconfig() };
        omega::clients::kubeconfig_at(path, "it is of this command")
    }

    /// Returns the id of the project of a cluster that is stuck.
    pub(crate) fn site_project(&self) -> &str {
        &self.project
    }

    /// An engine that keeps its runs.
    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.runs.clone(), self.ctx.clone())
    }

    /// The context of the command.
    pub(crate) fn ctx(&self) -> &Context {
        &self.ctx
    }
}

/// The context of a new command. It takes its locks as a process whose id is used again by now: to the next
/// command, it has ended.
fn context() -> Context {
    let mut holder = LockHolder::this_process("operator", "omega-cli");
    holder.started = holder.started.map(|started| started + 1);
    Context::default().with_locking(Locking { holder, break_lock: None })
}

fn site(home: &Path, programs: &Programs, limits: Limits) -> Result<Site> {
    let text = SITE.replace("@HELM@", &Sha256::of(HELM).to_string());
    let text = [("@CONNECT@", limits.connect), ("@ASK@", limits.ask), ("@ACT@", limits.act)]
        .iter()
        .fold(text, |text, (key, limit)| text.replace(key, &limit.as_secs().to_string()));
    let text = text.replace("@JUJU@", &programs.path("juju").display().to_string());
    let path = home.join("omega.toml");
    std::fs::write(&path, &text)?;
    Site::read(&path).map_err(|error| error.to_string().into())
}

fn machine(home: &Path, keystone: &str, nth: usize) -> Machine {
    let mut machine = Machine::new(home);
    let user = format!("operator-{nth}");
    for (name, value) in [
        ("OS_AUTH_URL", keystone),
        ("OS_USERNAME", &user),
        ("OS_PASSWORD", "secret"),
        ("OS_PROJECT_NAME", "admin"),
        ("OS_USER_DOMAIN_NAME", "Default"),
        ("OS_PROJECT_DOMAIN_NAME", "Default"),
    ] {
        machine.variables.insert(name.to_owned(), value.to_owned());
    }
    machine
}
