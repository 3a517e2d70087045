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
        let (task, _) = self.task(&args.runbook, false).await?;
        self.engine().plan(&task, args.out.as_deref()).await
    }

    pub(super) async fn verify(&self, args: RunbookArgs) -> Result<Exit, Failure> {
        let (task, _) = self.task(&args, false).await?;
        self.engine().verify(&task).await
    }

    pub(super) async fn apply(&self, args: ApplyArgs) -> Result<Exit, Failure> {
        let _lock = self.runs.lock("apply graft")?;
        let approved = match &args.from {
            Some(path) => Approved::Plan(PlanFile::read(path, "graft")?),
            None => Approved::Now,
        };
        let (task, world) = self.task(&args.runbook, true).await?;
        let exit = self.engine().apply(&task, approved).await?;
        match args.prove {
            Some(proof) if exit == Exit::Done => {
                let site = self.site(&args.runbook.site)?;
                runbook::prove(self, &site, &world, proof).await
            }
            Some(_) | None => Ok(exit),
        }
    }

    /// Resolves the site into the runbook's steps, bound to what they act on.
    async fn task(&self, args: &RunbookArgs, live: bool) -> Result<(Task, World), Failure> {
        let site = self.site(&args.site)?;
        let (wanted, world) = self.wanted(&site, &args.site, args.leftovers).await?;
        let task = wanted.task(&args.site.site.display().to_string(), &world, live);
        Ok((task, world))
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

    pub(super) fn site(&self, args: &SiteArgs) -> Result<Site, Failure> {
        Ok(Site::read(&args.site)?)
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
