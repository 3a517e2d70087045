//! Octavia.

mod client;
mod remove_cluster_balancers;
mod wire;

pub use client::LoadBalancers;
pub(crate) use client::{of, of_project};
pub use remove_cluster_balancers::{
    BalancerRemoval, BalancersObserved, RemoveClusterBalancers, remove_cluster_balancers,
};
pub use wire::LoadBalancer;

#[cfg(test)]
mod tests;
