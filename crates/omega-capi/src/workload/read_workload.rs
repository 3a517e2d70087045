use futures::join;
use serde_json::Value;

use super::{ListResult, Workload, WorkloadFacts, parse};
use crate::{Management, list::JSON};

/// 500 pods are some 5 MB.
const PAGE: usize = 500;

/// Reads the facts for [`super::judge`].
///
/// # Guarantees
///
/// Six requests at the same time, and one more for each further 500 objects of a kind. If a list
/// can't be read, the facts hold its error.
pub async fn read_workload(workload: &Workload) -> WorkloadFacts {
    let api = &workload.api;
    let (nodes, pods, daemon_sets, deployments, storage_classes, claims) = join!(
        all(api, "/api/v1/nodes", parse::node),
        all(api, "/api/v1/pods", parse::pod),
        all(api, "/apis/apps/v1/daemonsets", parse::daemon_set),
        all(api, "/apis/apps/v1/deployments", parse::deployment),
        all(api, "/apis/storage.k8s.io/v1/storageclasses", parse::storage_class),
        all(api, "/api/v1/persistentvolumeclaims", parse::claim),
    );
    WorkloadFacts { nodes, pods, daemon_sets, deployments, storage_classes, claims }
}

async fn all<T>(api: &Management, path: &str, parse: fn(&Value) -> T) -> ListResult<T> {
    let objects: Vec<Value> = api.list(path, "", PAGE, JSON).await?;
    Ok(objects.iter().map(parse).collect())
}
