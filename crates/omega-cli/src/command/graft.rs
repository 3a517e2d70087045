use omega_core::Failure;
use omega_juju::operations::LeftoverPolicy;

use super::Session;
use crate::{
    cli::{ApplyArgs, LeftoverArgs, PlanArgs, RunbookArgs, SiteArgs},
    engine::{Approved, PlanFile, Task},
    exit::Exit,
    runbook::{self, Wanted, World},
    site::Site,
};

impl Session {
    pub(super) async fn plan(&self, args: PlanArgs) -> Result<Exit, Failure> {
        let task = self.task(&args.runbook).await?;
        self.shown(self.engine().plan(&task, args.out.as_deref()).await?)
    }

    pub(super) async fn verify(&self, args: RunbookArgs) -> Result<Exit, Failure> {
        let task = self.task(&args).await?;
        self.shown(self.engine().verify(&task).await?)
    }

    pub(super) async fn apply(&self, args: ApplyArgs) -> Result<Exit, Failure> {
        let _lock = self.runs.lock("apply graft")?;
        let approved = match &args.from {
            Some(path) => Approved::Plan(PlanFile::read(path, "graft")?),
            None => Approved::Now,
        };
        let site = Site::read(&args.runbook.site.site)?;
        let RunbookArgs { runbook: _, site: site_args, leftovers } = &args.runbook;
        let (wanted, world) = self.wanted(&site, site_args, *leftovers).await?;
        let task = wanted.task(&site_args.site.display().to_string(), &world, true);
        let mut report = self.engine().apply(&task, approved).await?;
        if let (Some(proof), Exit::Done) = (args.prove, report.exit()) {
            let proven = runbook::prove(self, &site, &wanted, &world, proof).await?;
            report = report.proven(proven);
        }
        self.shown(report)
    }

    /// Resolves the site into the runbook's steps, bound to what they act on.
    async fn task(&self, args: &RunbookArgs) -> Result<Task, Failure> {
        let site = Site::read(&args.site.site)?;
        let (wanted, world) = self.wanted(&site, &args.site, args.leftovers).await?;
        Ok(wanted.task(&args.site.site.display().to_string(), &world, false))
    }

    /// Resolves the site into what it wants and what that acts on.
    pub(super) async fn wanted(
        &self,
        site: &Site,
        args: &SiteArgs,
        leftovers: LeftoverArgs,
    ) -> Result<(Wanted, World), Failure> {
        let kubeconfig = self.kubeconfig(site)?;
        let world = self.connect(site, &kubeconfig, &args.units).await?;
        let wanted = Wanted::new(site, &kubeconfig, &world, leftovers.policy()).await?;
        Ok((wanted, world))
    }
}

impl LeftoverArgs {
    /// Returns what was said.
    pub(crate) fn policy(self) -> LeftoverPolicy {
        match (self.remove_leftovers, self.keep_leftovers) {
            (true, _) => LeftoverPolicy::Remove,
            (_, true) => LeftoverPolicy::Keep,
            (false, false) => LeftoverPolicy::Undecided,
        }
    }
}
