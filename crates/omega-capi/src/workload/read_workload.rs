use futures::join;
use serde_json::Value;

use super::{ListResult, Pod, Workload, WorkloadFacts, parse};
use crate::{Management, list::JSON};

/// 500 pods are some 5 MB.
const PAGE: usize = 500;
/// A workload cluster may have more pods than a management cluster has objects of any kind.
const MOST: usize = 100_000;
/// Pods that succeeded are of no interest, and jobs leave many.
const UNFINISHED: &str = "fieldSelector=status.phase%21%3DSucceeded";

/// Reads the facts for [`super::judge`].
///
/// # Guarantees
///
/// Six requests at the same time, and one more for each further 500 objects of a kind. Pods that
/// succeeded are not read. If a list can't be read, the facts hold its error.
pub async fn read_workload(workload: &Workload) -> WorkloadFacts {
    let api = &workload.api;
    let (nodes, pods, daemon_sets, deployments, storage_classes, claims) = join!(
        all(api, "/api/v1/nodes", "", parse::node),
        all(api, "/api/v1/pods", UNFINISHED, parse::pod),
        all(api, "/apis/apps/v1/daemonsets", "", parse::daemon_set),
        all(api, "/apis/apps/v1/deployments", "", parse::deployment),
        all(api, "/apis/storage.k8s.io/v1/storageclasses", "", parse::storage_class),
        all(api, "/api/v1/persistentvolumeclaims", "", parse::claim),
    );
    // One that failed takes no part any more: its controller has replaced it, or nobody will.
    let has_failed = |pod: &Pod| pod.phase == "Failed" && pod.deleted.is_none();
    let (failed_pods, pods) = match pods {
        Ok(all) => {
            let (failed, others) = all.into_iter().partition(has_failed);
            (failed, Ok(others))
        }
        Err(error) => (Vec::new(), Err(error)),
    };
    WorkloadFacts { nodes, pods, failed_pods, daemon_sets, deployments, storage_classes, claims }
}

async fn all<T>(
    api: &Management,
    path: &str,
    selectors: &str,
    parse: fn(&Value) -> T,
) -> ListResult<T> {
    api.list_as(path, selectors, (PAGE, MOST), JSON, |object: Value| parse(&object)).await
}
