//! `doctor`

use std::{path::PathBuf, time::Duration};

use clap::Args;
use jiff::Timestamp;
use omega::{
    clients::kubeconfig_at,
    core::Failure,
    decisions::CheckResults,
    doctor::{Cause, DoctorOptions, LayerReport, LayerState, Report, examine},
    run::Status,
};
use serde_json::json;

use crate::{
    app::App,
    cli::{SiteArgs, patience},
    render,
};

/// `doctor`
#[derive(Clone, Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The site and its units.
    #[command(flatten)]
    site: SiteArgs,
    /// Only this workload cluster: name, id or stack id (repeatable) [default: all in Magnum].
    #[arg(long = "cluster", value_name = "CLUSTER")]
    clusters: Vec<String>,
    /// Read the management cluster with this kubeconfig instead of the site's, which may have few
    /// rights.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// How long a create, a delete or a helm command may take before it counts as stuck.
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = patience)]
    patience: Duration,
}

impl App {
    /// Diagnoses the site. It only reads.
    pub(crate) async fn doctor(&self, args: &DoctorArgs) -> Result<Status, Failure> {
        let site = Self::site(&args.site.site)?;
        let connect = self.connect(&site);
        let mut options = DoctorOptions::default();
        options.clusters.clone_from(&args.clusters);
        options.units.clone_from(&args.site.units);
        options.patience = args.patience;
        if let Some(path) = &args.kubeconfig {
            options.kubeconfig = Some(kubeconfig_at(path, "use another file: --kubeconfig")?);
            options.kubeconfig_file = Some(path.clone());
        }
        let (at, is_whole) =
            (self.ctx.now(), options.clusters.is_empty() && options.units.is_empty());
        let report = examine(&connect, options, &self.ctx).await?;
        self.keep(&self.diagnosed(args, &report, at, is_whole));
        let exit = if report.broken { Status::Gate } else { Status::Done };
        self.screen.text(&render::doctor(&report, &self.screen));
        let Report { broken, first, layers, .. } = &report;
        let document =
            json!({ "schema_version": 2, "broken": broken, "first": first, "layers": layers });
        Ok(self.ends(exit, document))
    }

    /// Returns what each cause comes to. What was not found is not there only if every layer was asked, of
    /// every unit and cluster.
    fn diagnosed(
        &self,
        args: &DoctorArgs,
        report: &Report,
        at: Timestamp,
        is_whole: bool,
    ) -> CheckResults {
        let site = args.site.site.display().to_string();
        let asked = |layer: &LayerReport| {
            !matches!(layer.state, LayerState::Unknown | LayerState::NotAsked)
        };
        let names: Vec<String> = if is_whole && report.layers.iter().all(asked) {
            Cause::ALL.iter().map(ToString::to_string).collect()
        } else {
            Vec::new()
        };
        let findings = report.layers.iter().flat_map(|layer| &layer.findings);
        let findings = findings.map(|one| &one.finding);
        CheckResults::of_findings(
            &self.command,
            &site,
            at,
            names.iter().map(String::as_str),
            findings,
        )
    }
}
