use futures::future::try_join_all;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Management, Namespace,
    list::{JSON, label_selector},
};

const GROUP: &str = "/apis/addons.stackhpc.com/v1alpha1";
const PAGE: usize = 100;

/// One addon of a cluster, as an object of the addon provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addon {
    /// `manifests` or `helmreleases`.
    pub plural: String,
    /// Its name.
    pub name: String,
    /// `Deployed`, `Failed`, `Installing`...; `Unknown` if missing. The driver waits for `Deployed`,
    /// and gives up at `Failed` (magnum-capi-helm 1.4.0, driver.py).
    pub phase: String,
    /// `status.failureMessage`.
    pub message: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    metadata: ObjectMeta,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: Option<String>,
    failure_message: Option<String>,
}

/// Reads the addons with the label `addons.stackhpc.com/cluster` of the cluster, as the driver does.
/// Without the addon provider there are none.
///
/// # Errors
///
/// Fails if they can't be listed, except with a 404.
pub async fn read_addons(
    management: &Management,
    namespace: &Namespace,
    cluster: &str,
) -> Result<Vec<Addon>, Error> {
    let selector = label_selector("addons.stackhpc.com/cluster", cluster);
    let each = ["manifests", "helmreleases"].map(|plural| {
        let path = format!("{GROUP}/namespaces/{namespace}/{plural}");
        let selector = selector.clone();
        async move {
            let listed: Result<Vec<Wire>, Error> =
                management.list(&path, &selector, PAGE, JSON).await;
            match listed {
                Ok(all) => Ok(all.into_iter().map(|wire| addon(plural, wire)).collect()),
                Err(Error::Status { code: 404, .. }) => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        }
    });
    let mut all: Vec<Addon> = try_join_all(each).await?.into_iter().flatten().collect();
    all.sort_by(|a, b| (&a.plural, &a.name).cmp(&(&b.plural, &b.name)));
    Ok(all)
}

fn addon(plural: &str, Wire { metadata, status }: Wire) -> Addon {
    Addon {
        plural: plural.to_owned(),
        name: metadata.name.unwrap_or_default(),
        phase: status.phase.unwrap_or_else(|| "Unknown".to_owned()),
        message: status.failure_message.filter(|message| !message.is_empty()),
    }
}
