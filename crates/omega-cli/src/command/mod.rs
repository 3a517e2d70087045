//! The subcommands: each turns its arguments into a call of the library and renders the result.

mod accept;
mod acceptance;
mod access;
mod capi;
mod capi_inputs;
mod check;
mod doctor;
mod egress;
mod ensure_cluster;
mod ensure_cluster_template;
mod ensure_guest_running;
mod ensure_load_balancer_active;
mod explain;
mod fetch_cluster_kubeconfig;
mod graft;
mod operation;
mod rehearse;
mod release_stuck_delete;
mod rollback;
mod runs;
mod self_description;
mod stage_image;
mod workload;

pub(crate) use accept::AcceptArgs;
pub(crate) use acceptance::AcceptanceArgs;
pub(crate) use access::Access;
pub(crate) use check::CheckArgs;
pub(crate) use doctor::DoctorArgs;
pub(crate) use ensure_cluster::{AbsentClusterArgs, ClusterArgs};
pub(crate) use ensure_cluster_template::ClusterTemplateArgs;
pub(crate) use ensure_guest_running::GuestArgs;
pub(crate) use ensure_load_balancer_active::LoadBalancerArgs;
pub(crate) use fetch_cluster_kubeconfig::FetchKubeconfigArgs;
pub(crate) use operation::Operation;
pub(crate) use release_stuck_delete::ReleaseStuckDeleteArgs;
pub(crate) use stage_image::StageImageArgs;
