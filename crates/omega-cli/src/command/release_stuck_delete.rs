//! `release-stuck-delete`

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use omega::{
    capi::Namespace,
    core::{Failure, FailureClass, read_regular, values::Secret},
    openstack::{block_storage::ClusterVolume, network::Remaining},
    run::Status,
    stuck_delete::{LeftInProject, Release, StuckDelete},
};
use serde_json::json;

use crate::{
    app::App,
    cli::{WriteArgs, patience},
};

/// The largest clouds.yaml that is read.
const CLOUDS: u64 = 1 << 20;

/// `release-stuck-delete`
#[derive(Clone, Debug, Args)]
pub(crate) struct ReleaseStuckDeleteArgs {
    /// The cluster: its name or id in Magnum, or its stack id.
    #[arg(long, value_name = "CLUSTER")]
    cluster: String,
    /// Its namespace, if Magnum no longer knows the cluster.
    #[arg(long, short = 'n', value_name = "NAMESPACE")]
    namespace: Option<Namespace>,
    /// Put the application credential of this clouds.yaml (its cloud must be named `openstack`) into
    /// the cluster's secret first. It must authenticate in the cluster's project.
    #[arg(long, value_name = "FILE")]
    credential_from: Option<PathBuf>,
    /// How long a delete must have made no progress to count as stuck.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = patience)]
    patience: Duration,
    /// How long the controllers get to finish by themselves after each change.
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = patience)]
    wait: Duration,
    /// The site file.
    #[arg(long, default_value = "omega.toml")]
    site: PathBuf,
    /// Whether and how it writes.
    #[command(flatten)]
    write: WriteArgs,
}

impl App {
    pub(crate) async fn release_stuck_delete(
        &self,
        args: &ReleaseStuckDeleteArgs,
    ) -> Result<Status, Failure> {
        let lock = || self.runs.lock(&args.site, "release-stuck-delete");
        // Before reading what holds the cluster, because the steps depend on it.
        let _lock = (!args.write.plan).then(lock).transpose()?;
        let site = Self::site(&args.site)?;
        let connect = self.connect(&site);
        let kubeconfig = connect.kubeconfig(self.ctx.now())?;
        let clients = connect.without_units(&kubeconfig).await?;
        let stuck = StuckDelete {
            cluster: args.cluster.clone(),
            namespace: args.namespace.clone(),
            credential: args.credential_from.as_deref().map(credential).transpose()?,
            patience: args.patience,
            wait: args.wait,
        };
        let release = stuck.find(&connect, &clients).await?;
        let job = release.job(&args.site.display().to_string(), &clients);
        let (report, next) = self.carry_out(&args.site, &job, args.write).await?;
        crate::render::report(&self.screen, &self.console, &report, next.as_ref());
        let left = release.left().await;
        self.show_left(&release, &left);
        let mark = release.mark();
        let cluster = json!({ "namespace": mark.namespace, "name": mark.name });
        let report = report.proven(json!({ "cluster": cluster, "left": left }));
        Ok(self.document(&report))
    }

    /// Shows what belongs to the cluster and is kept.
    fn show_left(&self, release: &Release, left: &LeftInProject) {
        for Remaining { noun, id, name, why, .. } in left.parts.iter().flatten() {
            self.screen.prose(&format!("Left: {noun} {name} ({id}): {why}."));
        }
        for ClusterVolume { id, name, size, status, claim, .. } in left.volumes.iter().flatten() {
            let claim = claim.as_deref().map(|claim| format!(", of claim {claim}"));
            let claim = claim.unwrap_or_default();
            self.screen.prose(&format!(
                "Left: volume {name} ({id}), {size} GiB, {status}{claim}: volumes are not deleted."
            ));
        }
        for error in &left.unknown {
            let project = release.project.label();
            self.screen.prose(&format!("Could not list what is left in {project}: {error}."));
        }
    }
}

fn credential(path: &Path) -> Result<(Secret, String), Failure> {
    let name = path.display().to_string();
    let bytes = read_regular(path, CLOUDS).map_err(|error| {
        Failure::new(FailureClass::Usage, format!("could not read {name}"))
            .because(error.to_string())
    })?;
    Ok((Secret::new(bytes), name))
}
