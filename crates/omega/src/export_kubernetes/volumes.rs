//! Where a pod has its files.

use k8s_openapi::{
    api::core::v1::{
        ConfigMapProjection, ConfigMapVolumeSource, EmptyDirVolumeSource, KeyToPath,
        PersistentVolumeClaimVolumeSource, ProjectedVolumeSource, SecretVolumeSource,
        ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
    },
    apimachinery::pkg::api::resource::Quantity,
};

/// The site file. It is mounted by itself (`subPath`): in a mounted `ConfigMap` a file is a link into a directory
/// that has another name each time, and the baseline is kept for the file's real path.
pub(super) const SITE: &str = "/etc/omega/omega.toml";
/// The files of the Secret, and the working directory: clouds.yaml is found there.
pub(super) const CREDENTIALS: &str = "/etc/omega/credentials";
/// `XDG_STATE_HOME`; the volume is mounted at `omega` below it.
pub(super) const STATE_HOME: &str = "/var/lib";
/// `XDG_CACHE_HOME`; in memory, as it has a token of the cloud.
pub(super) const CACHE_HOME: &str = "/var/cache";
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The key of the site file in its `ConfigMap`.
pub(super) const SITE_KEY: &str = "omega.toml";
/// Only the owner reads it; with an `fsGroup`, kubelet adds the group (0440).
const OWNER_ONLY: i32 = 0o400;
/// The least that the API server allows is 10 minutes; a look is over before.
const TOKEN_SECONDS: i64 = 3600;

/// Returns the volumes of a pod of the site whose objects have this name.
pub(super) fn volumes(object: &str, reads_here: bool) -> Vec<Volume> {
    let named = |name: &str| Volume { name: name.to_owned(), ..Volume::default() };
    let mut all = vec![
        Volume {
            config_map: Some(ConfigMapVolumeSource {
                name: object.to_owned(),
                ..ConfigMapVolumeSource::default()
            }),
            ..named("site")
        },
        Volume {
            secret: Some(SecretVolumeSource {
                secret_name: Some(object.to_owned()),
                default_mode: Some(OWNER_ONLY),
                ..SecretVolumeSource::default()
            }),
            ..named("credentials")
        },
        Volume {
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: object.to_owned(),
                read_only: None,
            }),
            ..named("state")
        },
        Volume {
            empty_dir: Some(EmptyDirVolumeSource {
                medium: Some("Memory".to_owned()),
                size_limit: Some(Quantity("16Mi".to_owned())),
            }),
            ..named("cache")
        },
    ];
    if reads_here {
        all.push(Volume { projected: Some(account()), ..named("account") });
    }
    all
}

/// The token of the service account, and the CA of the cluster.
fn account() -> ProjectedVolumeSource {
    let token = ServiceAccountTokenProjection {
        expiration_seconds: Some(TOKEN_SECONDS),
        path: "token".to_owned(),
        audience: None,
    };
    let ca = ConfigMapProjection {
        // Every namespace has it (RootCAConfigMap, 1.21).
        name: "kube-root-ca.crt".to_owned(),
        items: Some(vec![KeyToPath {
            key: "ca.crt".to_owned(),
            path: "ca.crt".to_owned(),
            mode: None,
        }]),
        optional: None,
    };
    ProjectedVolumeSource {
        default_mode: Some(OWNER_ONLY),
        sources: Some(vec![
            VolumeProjection { service_account_token: Some(token), ..VolumeProjection::default() },
            VolumeProjection { config_map: Some(ca), ..VolumeProjection::default() },
        ]),
    }
}

/// Returns where they are mounted.
pub(super) fn mounts(reads_here: bool) -> Vec<VolumeMount> {
    let at = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    let mut all = vec![
        VolumeMount { sub_path: Some(SITE_KEY.to_owned()), ..at("site", SITE, true) },
        at("credentials", CREDENTIALS, true),
        at("state", &format!("{STATE_HOME}/omega"), false),
        at("cache", &format!("{CACHE_HOME}/omega"), false),
    ];
    if reads_here {
        all.push(at("account", TOKEN, true));
    }
    all
}
