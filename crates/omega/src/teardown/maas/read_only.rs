//! A MAAS that is only read.

use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{Touched, WriteRefused, read_only::is_exception};

use super::{MaasCommands, MaasError};

/// Lets the commands through that are listed as reading
/// ([`EXCEPTIONS`](omega_core::read_only::EXCEPTIONS)), and refuses every other one before it is sent.
#[derive(Clone, Debug)]
pub struct ReadOnlyMaas(pub Arc<dyn MaasCommands>);

#[async_trait]
impl MaasCommands for ReadOnlyMaas {
    async fn run(
        &self,
        doing: &str,
        args: &[&str],
        touched: Touched,
    ) -> Result<Vec<u8>, MaasError> {
        if is_exception(["maas"].into_iter().chain(args.iter().copied())) {
            return self.0.run(doing, args, touched).await;
        }
        let request = format!("maas {} (to {doing})", args.join(" "));
        Err(MaasError::ReadOnly(WriteRefused::new(request, "MAAS")))
    }
}
