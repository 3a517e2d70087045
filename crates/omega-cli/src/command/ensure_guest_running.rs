//! `ensure-guest-running`

use std::{sync::Arc, time::Duration};

use clap::Args;
use omega::{
    core::{Failure, Item, Label as _, Section, TargetPlan, run::Status, step},
    openstack::compute::{Compute, GuestRunning},
};

use super::operation::usage_of;
use crate::{
    app::App,
    cli::{SiteFile, WriteArgs, limit},
};

/// `ensure-guest-running`
#[derive(Debug, Args)]
pub(crate) struct GuestArgs {
    /// The server, by its name or id in Nova. The site file's server is not used.
    #[arg(value_name = "SERVER")]
    server: String,
    /// The site.
    #[command(flatten)]
    site: SiteFile,
    /// How long it may take.
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = limit)]
    within: Duration,
    /// Whether and how it writes.
    #[command(flatten)]
    write: WriteArgs,
}

impl App {
    /// Needs `[cloud]`; a project in `[management]` narrows the login to it.
    pub(super) async fn ensure_guest_running(&self, args: &GuestArgs) -> Result<Status, Failure> {
        let at = &args.site.site;
        let _lock = (!args.write.plan).then(|| self.runs.lock(at, &self.task)).transpose()?;
        let site = Self::site(at)?;
        if args.server.trim().is_empty() {
            return Err(usage_of(&self.command, "SERVER: name a server".to_owned()));
        }
        let cloud = self.connect(&site).cloud().await?;
        let compute = Arc::new(Compute::new(Arc::clone(&cloud.narrowed)));
        let mut guest = GuestRunning::new(&args.server);
        guest.within = args.within.as_secs();
        let section = Section::new("", &self.task, vec![Item::Step(step(&compute, guest))]);
        let target = TargetPlan::shared(compute.label(), vec![section]);
        self.one((at, args.write), vec![target], cloud.endpoints(), cloud.counts()).await
    }
}
