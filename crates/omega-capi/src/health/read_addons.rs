use futures::future::try_join_all;
use jiff::Timestamp;
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
    /// `Deployed`, `Failed`, `Installing`...; none before the addon provider has looked at it. See
    /// [`Addon::outcome`].
    pub phase: Option<String>,
    /// `status.failureMessage`.
    pub message: Option<String>,
    /// When its status was last written, or it was created, by the management cluster's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
}

/// What the driver makes of the phase of an addon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddonOutcome {
    /// `Deployed`: it goes on to the next one.
    Deployed,
    /// `Failed` or `Unknown`: the create or the update has failed.
    Failed,
    /// Any other phase, and none: it waits, without an end.
    Waits,
}

impl Addon {
    /// Returns what the driver makes of it (magnum-capi-helm 1.4.0, `driver.py`,
    /// `_update_status_updating`).
    pub fn outcome(&self) -> AddonOutcome {
        match self.phase.as_deref() {
            Some("Deployed") => AddonOutcome::Deployed,
            Some("Failed" | "Unknown") => AddonOutcome::Failed,
            Some(_) | None => AddonOutcome::Waits,
        }
    }

    /// Returns its phase, as a word.
    pub fn phase(&self) -> &str {
        self.phase.as_deref().unwrap_or("without a phase")
    }
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
    let fields = metadata.managed_fields.unwrap_or_default();
    let written = fields.into_iter().filter_map(|field| field.time).map(|time| time.0).max();
    Addon {
        plural: plural.to_owned(),
        name: metadata.name.unwrap_or_default(),
        phase: status.phase.filter(|phase| !phase.is_empty()),
        changed: written.or(metadata.creation_timestamp.map(|time| time.0)),
        message: status.failure_message.filter(|message| !message.is_empty()),
    }
}
