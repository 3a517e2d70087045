//! `fetch-cluster-kubeconfig`

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use omega::{
    clients::PartialClients,
    cluster::{ClusterAccess, ClusterKubeconfig, KubeconfigSource},
    core::{Failure, Item, Label as _, Section, TargetPlan, run::Job, run::Status, step},
};

use crate::{
    app::App,
    cli::{SiteFile, WriteArgs},
};

/// `fetch-cluster-kubeconfig`
#[derive(Debug, Args)]
pub(crate) struct FetchKubeconfigArgs {
    /// The site.
    #[command(flatten)]
    site: SiteFile,
    /// The cluster: its name or id in Magnum. With `--from-management` also the name of its Cluster, or
    /// NAMESPACE/NAME.
    #[arg(long, value_name = "CLUSTER")]
    cluster: String,
    /// The file to write, with mode 0600. Its directory is created. It is kept while the cluster accepts
    /// it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Take it from Cluster API's secret on the management cluster. Magnum is not contacted.
    #[arg(long)]
    from_management: bool,
    /// Whether and how it writes.
    #[command(flatten)]
    write: WriteArgs,
}

impl App {
    /// Needs `[cloud]`, and the cluster's project in `[management]`; or `kubeconfig` in `[management]`.
    pub(super) async fn fetch_cluster_kubeconfig(
        &self,
        args: &FetchKubeconfigArgs,
    ) -> Result<Status, Failure> {
        let at = &args.site.site;
        let _lock = (!args.write.plan).then(|| self.runs.lock(at, &self.task)).transpose()?;
        let site = Self::site(at)?;
        let connect = self.connect(&site);
        let access = ClusterAccess::new(self.ctx.now());
        let (access, source, clients) = if args.from_management {
            let management = connect.management(&connect.kubeconfig(self.ctx.now())?).await?;
            let access = access.with_management(management.clone());
            (access, KubeconfigSource::Management, PartialClients::from(management))
        } else {
            let cloud = connect.cloud().await?;
            let access = access.with_magnum(Arc::clone(&cloud.magnum));
            (access, KubeconfigSource::Magnum, PartialClients::from(&cloud))
        };
        let path = std::path::absolute(&args.out).unwrap_or_else(|_| args.out.clone());
        let wanted = ClusterKubeconfig { cluster: args.cluster.clone(), path, source };
        let access = Arc::new(access);
        let items = vec![Item::Step(step(&access, wanted))];
        let section = Section::new("", &self.task, items);
        let target = TargetPlan::shared(access.label(), vec![section]);
        let job = Job::new(&self.task, at.display().to_string(), vec![target]);
        self.job((at, args.write), &job.on(clients.endpoints(), clients.counts())).await
    }
}
