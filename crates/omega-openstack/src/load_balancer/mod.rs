//! Octavia.

mod admin;
mod balancer_state;
mod client;
pub(crate) mod ensure_load_balancer_active;
mod fail_over;
mod remove_cluster_balancers;
mod room;
mod wire;

pub use admin::LoadBalancerAdmin;
pub use balancer_state::{BalancerState, Failover};
pub use client::LoadBalancers;
pub(crate) use client::{of, of_project};
pub use ensure_load_balancer_active::{ActiveLoadBalancer, ensure_load_balancer_active};
pub use fail_over::{FailedOver, fail_over};
pub use remove_cluster_balancers::{
    BalancerRemoval, BalancersObserved, RemoveClusterBalancers, remove_cluster_balancers,
};
pub use room::{AmphoraRoom, AmphoraSize};
pub use wire::{Amphora, LoadBalancer, Topology};

#[cfg(test)]
mod failover_tests;
#[cfg(test)]
mod tests;
