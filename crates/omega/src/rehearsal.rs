//! A whole runbook on the embedded simulators: the same steps, the same engine, no cloud.

use std::{path::Path, rc::Rc, sync::Arc, time::Instant};

use jiff::Timestamp;
use omega_capi::{Management, sim::Apiserver};
use omega_core::{
    Failure, FailureClass,
    kubeconfig::Kubeconfig,
    values::{Secret, Sha256},
};
use omega_juju::{
    Sources,
    operations::LeftoverPolicy,
    sim::{HELM, KUBECONFIG, Start, Unit},
};
use omega_openstack::{
    container_infra::ContainerInfra, identity::Identity, network::Network, sim::Cloud,
};

use crate::{
    cli::RehearseArgs,
    command::Session,
    engine::{Approved, Engine, Report, Task},
    exit::Exit,
    runbook::{Clients, Purpose, Wanted},
    runs::Runs,
    site::Site,
};

const SITE: &str = include_str!("../data/rehearsal.toml");

/// Rehearses the graft from one starting point, or from each.
pub(crate) async fn rehearse(session: &Session, args: &RehearseArgs) -> Result<Exit, Failure> {
    let starts = chosen(args.start.as_deref())?;
    let directory = tempfile::tempdir().map_err(|error| {
        Failure::new(FailureClass::Error, "could not make a directory for the rehearsal's runs")
            .because(error.to_string())
    })?;
    let runs = Runs::new(directory.path());
    let mut reports = Vec::new();
    for (nth, start) in starts.iter().enumerate() {
        let title = format!("{} of {}: from {}", nth + 1, starts.len(), start.title());
        session.screen.text(&format!("\n{title}\n{}", "=".repeat(title.chars().count())));
        reports.extend(from(session, &runs, *start).await?);
    }
    let count = starts.len();
    session.screen.prose(&format!(
        "\nRehearsed from {count} starting point{}: each time the plan was applied, verified, and \
         found nothing to do the second time.\nNothing outside this process was touched, and \
         nothing is kept.",
        if count == 1 { "" } else { "s" }
    ));
    Ok(session.ends(Exit::Done, serde_json::json!({ "reports": reports })))
}

fn chosen(name: Option<&str>) -> Result<Vec<Start>, Failure> {
    let Some(name) = name else { return Ok(Start::ALL.to_vec()) };
    let found = Start::ALL.into_iter().find(|start| start.name() == name);
    found.map(|start| vec![start]).ok_or_else(|| {
        let names = Start::ALL.map(Start::name).join(", ");
        Failure::new(FailureClass::Usage, format!("there is no starting point `{name}`"))
            .next(format!("one of: {names}"))
    })
}

/// Plans, applies, verifies and applies again, and holds each against what must come out.
async fn from(session: &Session, runs: &Runs, start: Start) -> Result<Vec<Report>, Failure> {
    let stage =
        Stage { cloud: cloud(), apiserver: Apiserver::default(), unit: start.unit("magnum/0") };
    let engine = || Engine {
        screen: &session.screen,
        console: &session.console,
        runs,
        stop: &session.stop,
        kept: false,
        began: Instant::now(),
    };
    let said = |command: &str| session.screen.text(&format!("\n$ omega-cli {command}"));
    said("plan graft --remove-leftovers");
    let plan = expect(
        engine().plan(&stage.task(Purpose::Plan(&[])).await?, None).await?,
        Exit::Pending,
        start,
    )?;
    said("apply graft --remove-leftovers");
    let apply = engine().apply(&stage.task(Purpose::Apply(&[])).await?, Approved::Now).await?;
    let apply = expect(apply, Exit::Done, start)?;
    said("verify graft");
    let verify =
        expect(engine().verify(&stage.task(Purpose::Verify).await?).await?, Exit::Done, start)?;
    said("apply graft --remove-leftovers");
    let again = engine().apply(&stage.task(Purpose::Apply(&[])).await?, Approved::Now).await?;
    let again = expect(again, Exit::Done, start)?;
    if again.changed() > 0 {
        let what = format!("the second run from {} changed something", start.title());
        return Err(Failure::new(FailureClass::Error, what));
    }
    Ok(vec![plan, apply, verify, again])
}

/// What stays from one command to the next.
struct Stage {
    cloud: Cloud,
    apiserver: Apiserver,
    unit: Unit,
}

impl Stage {
    /// Connects and resolves anew, as each command does.
    async fn task(&self, purpose: Purpose<'_>) -> Result<Task, Failure> {
        let (site, kubeconfig) = site()?;
        let units = std::slice::from_ref(&self.unit);
        let world = world_of(&self.cloud, &self.apiserver, units, &kubeconfig);
        let wanted = Wanted::new(&site, &kubeconfig, &world, LeftoverPolicy::Remove).await?;
        Ok(wanted.task("rehearsal.toml", " --remove-leftovers", &world, purpose))
    }
}

fn expect(report: Report, exit: Exit, start: Start) -> Result<Report, Failure> {
    if report.exit() == exit {
        return Ok(report);
    }
    let what = format!("the rehearsal from {} did not go as it must", start.title());
    Err(Failure {
        expected: Some(format!("exit {}", exit.code())),
        found: Some(format!("exit {}", report.exit().code())),
        ..Failure::new(FailureClass::Error, what)
    }
    .next("this is a defect of omega: report it"))
}

/// Returns rehearsal.toml and its kubeconfig.
pub(crate) fn site() -> Result<(Site, Kubeconfig), Failure> {
    let text = SITE.replace("@HELM@", &Sha256::of(HELM).to_string());
    let site = Site::parse(Path::new("rehearsal.toml"), &text)?;
    let secret = Secret::from(KUBECONFIG.to_owned());
    let kubeconfig = Kubeconfig::parse(secret, Timestamp::now())
        .map_err(|error| Failure::from_error("the rehearsal's kubeconfig is no good", &error))?;
    Ok((site, kubeconfig))
}

/// Returns a cloud in which the prerequisites of the graft hold.
pub(crate) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.add_group("capi-mgmt", "capi-mgmt-sg");
    cloud.domain_setup();
    cloud
}

/// Returns the clients of these simulators.
pub(crate) fn world_of(
    cloud: &Cloud,
    apiserver: &Apiserver,
    units: &[Unit],
    kubeconfig: &Kubeconfig,
) -> Clients {
    let mut sources = Sources::default();
    sources.add(kubeconfig.bytes.clone());
    sources.add(Secret::new(HELM.to_vec()));
    let counted = (cloud.clone(), apiserver.clone());
    let requests = move || counted.0.requests() + counted.1.asked().len();
    let before = requests();
    Clients {
        operator: cloud.admin("admin"),
        narrowed: cloud.admin("capi-mgmt"),
        network: Arc::new(Network::new(cloud.admin("capi-mgmt"))),
        identity: Arc::new(Identity::new(cloud.admin("admin"))),
        magnum: Arc::new(ContainerInfra::new(cloud.admin("capi-mgmt"))),
        management: Arc::new(Management::over(
            apiserver.clone(),
            kubeconfig.facts.server.to_string(),
        )),
        units: units.iter().map(|unit| Arc::new(unit.client(sources.clone()))).collect(),
        helm_size: HELM.len(),
        keystone: "memory".to_owned(),
        requests: Rc::new(move || requests() - before),
    }
}
