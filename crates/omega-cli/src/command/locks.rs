//! `locks`

use std::sync::Arc;

use omega::{
    clients::PartialClients,
    core::{Failure, FailureClass},
    juju::Sources,
    locks::{LockState, locks},
    run::Status,
};
use serde_json::json;

use crate::{app::App, cli::SiteArgs};

impl App {
    /// Shows who holds the locks of the site's targets. It only reads.
    pub(crate) async fn locks(&self, args: &SiteArgs) -> Result<Status, Failure> {
        let site = Self::site(&args.site)?;
        let connect = self.connect(&site);
        let mut clients = PartialClients::default();
        if site.kubeconfig().is_ok() {
            let kubeconfig = connect.kubeconfig_ignoring_expiry()?;
            clients.management = Some(Arc::new(connect.management(&kubeconfig).await?));
        }
        if site.conductor.is_some() || !args.units.is_empty() {
            clients.units = connect.units(&args.units, &Sources::default()).await?;
        }
        if clients.units.is_empty() && clients.management.is_none() {
            let what = "the site file names no conductor and no management cluster";
            let next = "add [conductor], or `kubeconfig` in [management]; see docs/site-file.md";
            return Err(Failure::new(FailureClass::Usage, what).next(next));
        }
        let found = locks(&clients).await;
        self.console.done();
        for LockState { target, held, failure, .. } in &found {
            self.screen.prose(&match (held, failure) {
                (Some(held), _) => format!("{target}: {held}"),
                (None, Some(failure)) => format!("{target}: not known: {failure}"),
                (None, None) => format!("{target}: free"),
            });
        }
        let failures: Vec<_> = found.iter().filter_map(|one| one.failure.as_ref()).collect();
        let Some(first) = failures.first() else {
            return Ok(self.ends(Status::Done, json!({ "locks": found, "failure": null })));
        };
        let what = match failures.len() {
            1 => "one lock could not be read".to_owned(),
            many => format!("{many} locks could not be read"),
        };
        let mut failure = Failure::new(FailureClass::Error, what).because(first.to_string());
        failure.next.clone_from(&first.next);
        self.console.fail(&crate::render::failure(&failure, None, &self.screen));
        Ok(self.ends(Status::Error, json!({ "locks": found, "failure": failure })))
    }
}
