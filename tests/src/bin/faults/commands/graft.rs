//! The graft, its parts, and its rollback.

use std::sync::Arc;

use omega::{
    clients::PartialClients,
    core::{Failure, Item, Section, TargetPlan, run::Job, step},
    graft::{GraftSpec, Purpose, SiteSpec, resolve, verify},
    juju::gates::LeftoverPolicy,
    rollback::rollback,
    run::Approved,
};
use omega_core::Label as _;
use omega_juju::{Sources, Unit};

use super::{Ended, SITE};
use crate::{outcome::Outcome, station::Station};

async fn graft(station: &Station, purpose: Purpose<'_>) -> Result<Job, Failure> {
    let connect = station.connect();
    let kubeconfig = station.kubeconfig()?;
    let (spec, clients): (GraftSpec, _) =
        resolve(&connect, &kubeconfig, &[], LeftoverPolicy::Remove).await?;
    Ok(spec.job(SITE, &clients, purpose))
}

pub(crate) async fn apply(station: &Station) -> Ended {
    let job = graft(station, Purpose::Apply(&[])).await?;
    Ok(Outcome::of(&station.engine().apply(&job, Approved::Now).await?))
}

pub(crate) async fn plan(station: &Station) -> Ended {
    let job = graft(station, Purpose::Plan(&[])).await?;
    Ok(Outcome::of(&station.engine().plan(&job).await))
}

pub(crate) async fn verification(station: &Station) -> Ended {
    let connect = station.connect();
    let kubeconfig = station.kubeconfig()?;
    let (engine, policy) = (station.engine(), LeftoverPolicy::Undecided);
    Ok(Outcome::of(&verify(&engine, SITE, &connect, &kubeconfig, &[], policy).await?))
}

pub(crate) async fn roll_back(station: &Station) -> Ended {
    let connect = station.connect();
    let clients = connect.all(&station.kubeconfig()?, &[]).await?;
    let clients = PartialClients::from(&clients);
    let back = rollback(&station.runs, None, SITE, &clients).await?;
    Ok(Outcome::of(&station.engine().apply(&back.job, Approved::Now).await?))
}

pub(crate) async fn place_kubeconfig(station: &Station) -> Ended {
    let connect = station.connect();
    let kubeconfig = station.kubeconfig()?;
    let mut sources = Sources::default();
    sources.add(kubeconfig.bytes.clone());
    let wanted = SiteSpec::new(&station.site).kubeconfig(&kubeconfig)?;
    let units = connect.units(&[], &sources).await?;
    let target = |unit: &Arc<Unit>| {
        let items = vec![Item::Step(step(unit, wanted.clone()))];
        TargetPlan::unit(unit.label(), vec![Section::new("", "place-kubeconfig", items)])
    };
    let job = Job::new("place-kubeconfig", SITE, units.iter().map(target).collect());
    Ok(Outcome::of(&station.engine().apply(&job, Approved::Now).await?))
}
