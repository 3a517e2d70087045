//! D-011.4: load balancers distribute, fail over and recover.

use async_trait::async_trait;
use omega_core::Context;

use crate::acceptance::{Answer, Item, ItemId};

/// D-011.4. It writes, and what it writes with is not there yet: it says how to prove it by hand.
#[derive(Clone, Copy, Debug)]
pub struct LoadBalancer;

#[async_trait]
impl Item for LoadBalancer {
    fn id(&self) -> ItemId {
        ItemId::LoadBalancer
    }

    async fn check(&self, _: &Context) -> Answer {
        Answer::not_run(
            "this version creates no service of type LoadBalancer and fails no load balancer over",
            "by hand, step 8.4 of the runbook: expose two pods as a service of type LoadBalancer, see \
             both answer, delete it; then openstack loadbalancer failover ID as an administrator, until \
             it is ACTIVE",
        )
    }
}
