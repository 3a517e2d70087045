//! The pod of a look.

use k8s_openapi::{
    api::core::v1::{
        Capabilities, Container, EnvVar, PodSecurityContext, PodSpec, PodTemplateSpec,
        ResourceRequirements, SeccompProfile, SecurityContext,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};

use super::{
    ExportOptions, ExportSite,
    carried::READER,
    name::PREFIX,
    object::labels,
    volumes::{CACHE_HOME, CREDENTIALS, SITE, STATE_HOME, mounts, volumes},
};

/// The name of the container.
pub(super) const CONTAINER: &str = "drift";
/// A user of no one else's.
const USER: i64 = 65532;

/// Returns the pod that looks at `site` without these rules and sources.
pub(super) fn pod(options: &ExportOptions, site: &ExportSite, skip: &[String]) -> PodTemplateSpec {
    let reads_here = !site.is_elsewhere;
    let spec = PodSpec {
        restart_policy: Some("Never".to_owned()),
        service_account_name: Some(PREFIX.to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            // Otherwise kubelet lets the group write to all directories of the volume at each mount, and omega
            // does not trust a baseline that others can write.
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        containers: vec![container(options, reads_here, skip)],
        volumes: Some(volumes(&site.name.object(), reads_here)),
        ..PodSpec::default()
    };
    let metadata = ObjectMeta { labels: Some(labels(Some(&site.name))), ..ObjectMeta::default() };
    PodTemplateSpec { metadata: Some(metadata), spec: Some(spec) }
}

fn container(options: &ExportOptions, reads_here: bool, skip: &[String]) -> Container {
    let reader =
        if reads_here { "in-cluster".to_owned() } else { format!("{CREDENTIALS}/{READER}") };
    let fixed = ["drift", "--site", SITE, "--reader", &reader].map(str::to_owned);
    let skip = skip.iter().flat_map(|name| ["--skip".to_owned(), name.clone()]);
    let variable = |name: &str, value: &str| EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        value_from: None,
    };
    let cache = format!("{CACHE_HOME}/omega");
    Container {
        name: CONTAINER.to_owned(),
        image: Some(options.image.to_string()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(vec!["omega-cli".to_owned()]),
        args: Some(fixed.into_iter().chain(skip).collect()),
        working_dir: Some(CREDENTIALS.to_owned()),
        env: Some(vec![
            variable("HOME", &cache),
            variable("TMPDIR", &cache),
            variable("XDG_CACHE_HOME", CACHE_HOME),
            variable("XDG_STATE_HOME", STATE_HOME),
        ]),
        resources: Some(resources()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            read_only_root_filesystem: Some(true),
            ..SecurityContext::default()
        }),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(mounts(reads_here)),
        ..Container::default()
    }
}

/// A look takes some 50 MB; it mostly waits.
fn resources() -> ResourceRequirements {
    let of = |name: &str, text: &str| (name.to_owned(), Quantity(text.to_owned()));
    ResourceRequirements {
        requests: Some([of("cpu", "50m"), of("memory", "64Mi")].into()),
        limits: Some([of("memory", "256Mi")].into()),
        claims: None,
    }
}
