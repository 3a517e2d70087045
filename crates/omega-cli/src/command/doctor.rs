//! `doctor`

use std::{path::PathBuf, time::Duration};

use clap::Args;
use omega::core::Failure;
use omega::openstack::cloud_inventory::CloudInventory;
use serde_json::json;

use omega::{
    clients::kubeconfig_at,
    coherence::setup,
    doctor::{Examination, Report, examine},
    graft::{trustee_domain, value},
    run::Status,
    site::Site,
};

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
    /// Only these workload clusters: name, id or stack id. By default all that Magnum lists.
    #[arg(long = "cluster", value_name = "CLUSTER")]
    clusters: Vec<String>,
    /// Read the management cluster with this kubeconfig instead of the site's, which may have few
    /// rights.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// How long a create, a delete or a helm command may take before it is called stuck.
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = patience)]
    patience: Duration,
}

impl App {
    /// Says what is the matter. It only reads.
    pub(crate) async fn doctor(&self, args: &DoctorArgs) -> Result<Status, Failure> {
        let site = Site::read(&args.site.site)?;
        let connect = self.connect(&site);
        let wanted = connect.kubeconfig_of_any_time()?;
        let reads = match &args.kubeconfig {
            Some(path) => kubeconfig_at(path, "name another with --kubeconfig")?,
            None => wanted.clone(),
        };
        let (clients, unlisted) = connect.reading(&reads, &args.site.units).await?;
        let prefix = site.capi_helm.get("namespace_prefix").map_or("magnum", String::as_str);
        let examination = Examination {
            survey: CloudInventory::new(clients.cloud.operator.clone()),
            machines: CloudInventory::new(clients.cloud.narrowed.clone()),
            trustee: trustee_domain(&site.trust, &clients.cloud, true),
            unlisted,
            server: site.management.server.clone(),
            kubeconfig: wanted.facts,
            read_with: reads.facts,
            path: value("management.path", site.kubeconfig_path())?,
            setup: setup(&site)?,
            prefix: prefix.to_owned(),
            only: args.clusters.clone(),
            patience: args.patience,
        };
        let report = examine(&clients, &examination).await?;
        let exit = if report.broken { Status::Gate } else { Status::Done };
        self.screen.text(&render::doctor(&report, &self.screen));
        let Report { broken, first, layers } = &report;
        let document =
            json!({ "command": "doctor", "broken": broken, "first": first, "layers": layers });
        Ok(self.ends(exit, document))
    }
}
