//! Step 7.9: a throw-away template or a whole cluster proves that the cloud makes them.

use std::{collections::BTreeMap, time::Duration};

use omega_capi::Severity;
use omega_core::{Failure, FailureClass, run::{Engine, Job}};
use omega_openstack::container_infra::{
    ClusterSpec, NetworkDriver, ProofOptions, ProofTemplate, TemplateSpec, prove_cluster,
    prove_template,
};
use serde::Serialize;

use super::GraftSpec;
use crate::{clients::Clients, site::Prove};

/// The name of a proof's run.
pub const PROVE: &str = "prove";

/// What a proof makes and removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A cluster template.
    Template,
    /// A cluster.
    Cluster,
}
