//! Commands that look at a site.

use std::{path::Path, pin::Pin, time::Duration};

use omega::{
    acceptance::{Acceptance as Checks, Selection},
    core::run::Job,
    doctor::{Doctor, DoctorOptions},
    drift::{Acceptance, Baselines, DriftSite, Watched},
    run::Status,
};
use omega_core::Clock;

use super::{Ended, SITE};
use crate::{outcome::Outcome, station::Station};

pub(crate) async fn doctor(station: &Station) -> Ended {
    let doctor = Doctor::connect(&station.connect(), DoctorOptions::default()).await?;
    let report = doctor.examine(station.ctx()).await?;
    let status = if report.broken { Status::Gate } else { Status::Done };
    Ok(Outcome::found(status, &report))
}

pub(crate) async fn drift(station: &Station) -> Ended {
    let directory = station.machine.home.join("drift");
    let file = Baselines::new(&directory).take(Path::new("/of-the-site/omega.toml"))?;
    let seen = DriftSite::new(station.connect(), SITE);
    let watched = Watched::new(&file, &station.runs, SITE, seen.sources(), &seen.options);
    let take =
        || -> Pin<Box<dyn Future<Output = _> + Send + '_>> { Box::pin(seen.look(Clock::System)) };
    let limit = Duration::from_secs(90);
    let report = watched.once(station.ctx(), &take, limit, Acceptance::Keep).await?;
    Ok(Outcome::found(report.status(), &report))
}

/// The items that need no other machine and no workload cluster: charms and endpoints.
pub(crate) async fn accept(station: &Station) -> Ended {
    let acceptance = Checks::connect(&station.connect(), SITE).await;
    let run = station.runs.begin(&Job::new("accept", SITE, Vec::new()), jiff::Timestamp::now())?;
    let report = acceptance.run(&Selection::default(), &run, station.ctx()).await?;
    Ok(Outcome::found(Status::Done, &report.items))
}
