//! D-011.8: DNS inside the cloud, which D-019 deferred.

use async_trait::async_trait;
use omega_core::Context;

use crate::acceptance::{Answer, Item, ItemId};

/// D-011.8.
#[derive(Clone, Copy, Debug)]
pub struct Designate;

#[async_trait]
impl Item for Designate {
    fn id(&self) -> ItemId {
        ItemId::Designate
    }

    async fn check(&self, _: &Context) -> Answer {
        Answer::deferred(
            "D-019",
            "Designate is not deployed in v1, and tenants reach the APIs by address",
        )
    }
}
