//! D-011.8: DNS inside the cloud, which D-019 deferred.

use async_trait::async_trait;
use omega_core::{Context, Failure, FailureClass};

use crate::acceptance::{Answer, Item, ItemId};

const DECISION: &str = "D-019";
const WHY: &str = "Designate is not deployed in v1, and tenants reach the APIs by address";

/// D-011.8.
#[derive(Clone, Copy, Debug)]
pub struct Designate;

#[async_trait]
impl Item for Designate {
    fn id(&self) -> ItemId {
        ItemId::Designate
    }

    fn effects(&self) -> Result<Vec<String>, Failure> {
        let what = format!("deferred by {DECISION}: {WHY}");
        Err(Failure::new(FailureClass::Usage, what))
    }

    async fn check(&self, _: &Context) -> Answer {
        Answer::deferred(DECISION, WHY)
    }
}
