//! `plan`, `apply` and `verify` of the graft.

use std::path::Path;

use omega::{
    clients::Clients,
    core::{
        Failure,
        run::{Approved, PlanFile, Report, Status, may_replace},
    },
    graft::{GRAFT, GraftSpec, Proof, Purpose, prove, resolve, verify},
    juju::gates::LeftoverPolicy,
    site::Site,
};

use serde_json::json;

use crate::{
    app::App,
    cli::{self, ApplyArgs, LeftoverArgs, PlanArgs, RunbookArgs, SiteArgs, YesArgs},
    render,
};

impl App {
    pub(crate) async fn plan(&self, args: &PlanArgs) -> Result<Status, Failure> {
        let RunbookArgs { site: at, leftovers, .. } = &args.runbook;
        if let Some(out) = &args.out {
            may_replace(out)?;
        }
        let site = Self::site(&at.site)?;
        let (spec, clients) = self.graft(&site, at, *leftovers).await?;
        let purpose = Purpose::Plan(&args.accepted.rules);
        let job = spec.job(&at.site.display().to_string(), &clients, purpose);
        let report = self.engine().plan(&job).await;
        let apply = self.given.clone().instead("plan", "apply").without_value("--out").on(&at.site);
        let Some(out) = &args.out else { return Ok(self.shown(&report, Some(&apply))) };
        if matches!(report.exit, Status::Done | Status::Pending) {
            let targets = report.looked.iter().take(job.targets.len()).cloned().collect();
            PlanFile::new(&job, targets).write(out)?;
            let apply = apply.with("--from", &out.display().to_string());
            return Ok(self.shown(&report, Some(&apply)));
        }
        let exit = self.shown(&report, None);
        self.screen.text("The plan was not written: fix what is marked with ! first.");
        Ok(exit)
    }

    /// Shows a stored plan as it was shown when it was made.
    pub(crate) fn show_plan(&self, path: &Path) -> Result<Status, Failure> {
        let plan = PlanFile::open(path)?;
        render::plan(&self.screen, &plan.targets);
        self.screen.text(&format!("A plan for {} on:", plan.task));
        for (what, at) in &plan.endpoints {
            self.screen.text(&format!("  {what}: {at}"));
        }
        Ok(self.ends(Status::Done, json!({ "plan": plan })))
    }

    pub(crate) async fn verify(&self, args: &RunbookArgs) -> Result<Status, Failure> {
        let site = Self::site(&args.site.site)?;
        site.is_complete_for_graft()?;
        let (connect, named) = (self.connect(&site), args.site.site.display().to_string());
        let kubeconfig = connect.kubeconfig(self.ctx.now())?;
        let (only, policy) = (&args.site.units, args.leftovers.policy());
        let report = verify(&self.engine(), &named, &connect, &kubeconfig, only, policy).await?;
        Ok(self.shown(&report, None))
    }

    pub(crate) async fn apply(&self, args: &ApplyArgs) -> Result<Status, Failure> {
        let RunbookArgs { site: at, leftovers, .. } = &args.runbook;
        let _lock = self.runs.lock(&at.site, "apply graft")?;
        let stored = args.from.as_deref().map(|path| PlanFile::read(path, GRAFT)).transpose()?;
        let consent = YesArgs { yes: args.consent.yes || stored.is_some() };
        let site = Self::site(&at.site)?;
        // This fails before anything is changed.
        let proof = args.prove.map(|what| site.prove().map(|_| what.into())).transpose()?;
        let (spec, clients) = self.graft(&site, at, *leftovers).await?;
        self.sweep_first(&clients, consent).await?;
        let purpose = Purpose::Apply(&args.accepted.rules);
        let job = spec.job(&at.site.display().to_string(), &clients, purpose);
        let engine = self.engine().parallel(args.parallel);
        let report = if let Some(plan) = stored {
            engine.apply(&job, Approved::Plan(plan)).await?
        } else {
            let proven: Vec<String> = args.prove.map(proves).into_iter().collect();
            self.apply_confirmed(&engine, &job, consent, &proven).await?
        };
        let report = match proof {
            Some(proof) if report.exit == Status::Done => {
                render::report(&self.screen, &self.console, &report, None);
                self.prove((proof, &site), at, &spec, &clients, report).await?
            }
            _ => return Ok(self.shown(&report, None)),
        };
        Ok(self.document(&report))
    }

    async fn prove(
        &self,
        (what, site): (Proof, &Site),
        at: &SiteArgs,
        spec: &GraftSpec,
        clients: &Clients,
        report: Report,
    ) -> Result<Report, Failure> {
        let named = at.site.display().to_string();
        let report = match prove(&self.engine(), &named, what, site, spec, clients).await {
            Ok(proven) => {
                self.console.done();
                self.screen.prose(&render::proven(&proven));
                let proven = serde_json::to_value(&proven).unwrap_or_default();
                report.proven(proven)
            }
            Err(failure) => {
                self.console.fail(&render::failure(&failure, None, &self.screen));
                let exit = self.status(&failure);
                report.failed(Some(failure), exit)
            }
        };
        if let Some(run) = &report.run {
            self.runs.keep(run, "report.json", &report)?;
        }
        Ok(report)
    }

    /// Resolves the site into its desired facts and their clients.
    async fn graft(
        &self,
        site: &Site,
        args: &SiteArgs,
        leftovers: LeftoverArgs,
    ) -> Result<(GraftSpec, Clients), Failure> {
        site.is_complete_for_graft()?;
        let connect = self.connect(site);
        let kubeconfig = connect.kubeconfig(self.ctx.now())?;
        resolve(&connect, &kubeconfig, &args.units, leftovers.policy()).await
    }
}

/// What `--prove` changes besides the plan.
fn proves(what: cli::Prove) -> String {
    let what = match what {
        cli::Prove::Template => "a temporary cluster template",
        cli::Prove::Cluster => "a temporary cluster",
    };
    format!("Then 7.9 creates {what} and deletes it.")
}

impl LeftoverArgs {
    /// Returns the decision about leftovers.
    pub(crate) fn policy(self) -> LeftoverPolicy {
        match (self.remove_leftovers, self.keep_leftovers) {
            (true, _) => LeftoverPolicy::Remove,
            (_, true) => LeftoverPolicy::Keep,
            (false, false) => LeftoverPolicy::Undecided,
        }
    }
}

impl From<cli::Prove> for Proof {
    fn from(what: cli::Prove) -> Self {
        match what {
            cli::Prove::Template => Self::Template,
            cli::Prove::Cluster => Self::Cluster,
        }
    }
}
