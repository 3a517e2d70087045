use omega_core::{Failure, FailureClass};
use omega_juju::operations::LeftoverPolicy;

use super::Session;
use crate::{
    cli::{ApplyArgs, LeftoverArgs, PlanArgs, RunbookArgs, SiteArgs},
    engine::{Approved, PlanFile, Task},
    exit::Exit,
    render,
    runbook::{self, Clients, Purpose, Wanted},
    site::{Prove, Site},
};

impl Session {
    pub(super) async fn plan(&self, args: PlanArgs) -> Result<Exit, Failure> {
        let purpose = Purpose::Plan(&args.accepted.rules);
        let said = format!("{}{}", said(&args.runbook), args.accepted.said());
        let task = self.task(&args.runbook, &said, purpose).await?;
        self.shown(self.engine().plan(&task, args.out.as_deref()).await?)
    }

    pub(super) async fn verify(&self, args: RunbookArgs) -> Result<Exit, Failure> {
        let task = self.task(&args, &said(&args), Purpose::Verify).await?;
        self.shown(self.engine().verify(&task).await?)
    }

    pub(super) async fn apply(&self, args: ApplyArgs) -> Result<Exit, Failure> {
        let _lock = self.runs.lock("apply graft")?;
        let approved = match &args.from {
            Some(path) => Approved::Plan(PlanFile::read(path, "graft")?),
            None => Approved::Now,
        };
        let site = Site::read(&args.runbook.site.site)?;
        let proof =
            args.prove.map(|proof| made_of(&site).map(|made_of| (proof, made_of))).transpose()?;
        let (wanted, world) =
            self.wanted(&site, &args.runbook.site, args.runbook.leftovers).await?;
        let said = format!("{}{}", said(&args.runbook), args.accepted.said());
        let purpose = Purpose::Apply(&args.accepted.rules);
        let task = wanted.task(&site_of(&args.runbook), &said, &world, purpose);
        let mut report = self.engine().apply(&task, approved).await?;
        if let (Some((proof, prove)), Exit::Done) = (proof, report.exit()) {
            self.stop.begin();
            report = match runbook::prove(self, proof, prove, &wanted, &world).await {
                Ok(proven) => report.proven(proven),
                Err(failure) => {
                    self.console.fail(&render::failure(&failure, None, self.screen.width));
                    report.failed(Some(&failure)).ends(failure.class.into())
                }
            };
            if let Some(run) = report.run() {
                self.runs.keep(run, "report.json", &report)?;
            }
        }
        self.shown(report)
    }

    /// Resolves the site into the runbook's steps, bound to what they act on.
    async fn task(
        &self,
        args: &RunbookArgs,
        said: &str,
        purpose: Purpose<'_>,
    ) -> Result<Task, Failure> {
        let site = Site::read(&args.site.site)?;
        let (wanted, world) = self.wanted(&site, &args.site, args.leftovers).await?;
        Ok(wanted.task(&site_of(args), said, &world, purpose))
    }

    /// Resolves the site into what it wants and what that acts on.
    pub(super) async fn wanted(
        &self,
        site: &Site,
        args: &SiteArgs,
        leftovers: LeftoverArgs,
    ) -> Result<(Wanted, Clients), Failure> {
        let kubeconfig = self.kubeconfig(site)?;
        let world = self.connect(site, &kubeconfig, &args.units).await?;
        let wanted = Wanted::new(site, &kubeconfig, &world, leftovers.policy()).await?;
        Ok((wanted, world))
    }
}

/// Says what a proof is made of, before anything is changed for it.
fn made_of(site: &Site) -> Result<&Prove, Failure> {
    site.prove.as_ref().ok_or_else(|| {
        Failure::new(FailureClass::Usage, "the site file does not say what a proof is made of")
            .next("add [prove] with image, flavor and external_network; see docs/site-file.md")
    })
}

fn site_of(args: &RunbookArgs) -> String {
    args.site.site.display().to_string()
}

fn said(args: &RunbookArgs) -> String {
    format!("{}{}", args.site.said(), args.leftovers.said())
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
