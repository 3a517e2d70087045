//! A third party's operation next to omega's in one runbook, with journal and rollback.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use omega::{
    capi::sim::Apiserver,
    clients::PartialClients,
    core::{
        ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, Failure, Item, Label,
        Section, Step, StepId, Subject, TargetPlan, Undo, step,
    },
    graft::SiteSpec,
    juju::sim::Start,
    rehearsal,
    rollback::{restore, rollback_of},
    run::{Approved, Engine, Job, Runs},
};
use serde::{Deserialize, Serialize};

/// A site's monitoring, and the hosts that are silenced in it.
#[derive(Debug, Default)]
struct Monitoring(Mutex<Vec<String>>);

impl Label for Monitoring {
    fn label(&self) -> String {
        "monitoring".to_owned()
    }
}

/// Whether a host is silenced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Silence {
    host: String,
    silent: bool,
}

impl Describe for Silence {
    fn describe(&self) -> Diff {
        let kind = if self.silent { ChangeKind::Create } else { ChangeKind::Delete };
        Diff::new(kind, Subject::new("silence", &self.host), "for the maintenance")
    }
}

impl Desired for Silence {
    const KIND: &'static str = "example.silence.v1";
    type Target = Monitoring;
    type Observed = bool;
    type Change = Self;
    type Undo = Self;
    type Error = Infallible;

    fn subject(&self) -> Subject {
        Subject::new("silence", &self.host)
    }
    fn key(&self) -> String {
        self.host.clone()
    }
    async fn observe(&self, monitoring: &Monitoring) -> Result<bool, Infallible> {
        Ok(monitoring.0.lock().is_ok_and(|hosts| hosts.contains(&self.host)))
    }
    fn diff(&self, silent: &bool) -> Result<Delta<Self>, Conflict> {
        let needed = *silent != self.silent;
        Ok(Delta::of(needed.then(|| self.clone()).into_iter().collect()))
    }
    async fn apply(&self, _: &Context, to: &Monitoring, change: &Self) -> Result<(), Infallible> {
        if let Ok(mut hosts) = to.0.lock() {
            hosts.retain(|host| *host != change.host);
            hosts.extend(change.silent.then(|| change.host.clone()));
        }
        Ok(())
    }
    fn undo(&self, silent: &bool) -> Option<Self> {
        Some(Self { silent: *silent, ..self.clone() })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (site, kubeconfig) = rehearsal::site()?;
    let units = [Start::Fresh.unit("magnum/0")];
    let (cloud, apiserver) = (rehearsal::cloud(), Apiserver::default());
    let clients = rehearsal::clients(&cloud, &apiserver, &units, &kubeconfig);
    let monitoring = Arc::new(Monitoring::default());

    // A runbook is a list: theirs first, then omega's.
    let unit = clients.unit("magnum/0").ok_or("the rehearsal has this unit")?;
    let silence = Silence { host: unit.label(), silent: true };
    let driver = SiteSpec::new(&site).driver(Some(&kubeconfig))?;
    let ours = |title: &str, step| vec![Section::new("", title, vec![Item::Step(step)])];
    let targets = vec![
        TargetPlan::shared(monitoring.label(), ours("silence", step(&monitoring, silence))),
        TargetPlan::unit(unit.label(), ours("driver", step(unit, driver))),
    ];
    let job =
        Job::new("upgrade-driver", "omega.toml", targets).on(clients.endpoints(), clients.counts());

    let state = tempfile::tempdir()?;
    let (runs, ctx) = (Runs::new(state.path()), Context::default());
    let engine = Engine::new(runs.clone(), ctx);
    let report = engine.apply(&job, Approved::Now).await?;
    println!("changed: {}", report.recap.changed);

    // The journal names both; whoever knows a kind restores it.
    let clients = PartialClients::from(&clients);
    let known = |id: &StepId, undo: &Undo| -> Result<Option<Box<dyn Step>>, Failure> {
        if undo.kind != Silence::KIND {
            return restore(id, undo, &clients);
        }
        let silence: Silence = serde_json::from_value(undo.desired.clone())
            .map_err(|error| undo.unreadable(id, &error))?;
        Ok(Some(step(&monitoring, silence)))
    };
    let back = rollback_of("upgrade-driver", &runs, None, "omega.toml", &clients, &known).await?;
    println!("rolling back {} run", back.runs.len());
    println!("undone: {}", engine.apply(&back.job, Approved::Now).await?.recap.changed);
    assert!(monitoring.0.lock().is_ok_and(|hosts| hosts.is_empty()), "nothing is silenced");
    Ok(())
}
