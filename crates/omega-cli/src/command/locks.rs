//! `locks`

use omega::{
    core::{Failure, FailureClass},
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
        let kubeconfig = site.kubeconfig().is_ok();
        let kubeconfig = kubeconfig.then(|| connect.kubeconfig_ignoring_expiry()).transpose()?;
        let (clients, unlisted) = connect.reading(kubeconfig.as_ref(), &args.units).await?;
        let found = locks(&clients).await;
        self.console.done();
        for LockState { target, held, failure, .. } in &found {
            self.screen.prose(&match (held, failure) {
                (Some(held), _) => format!("{target}: {held}"),
                (None, Some(failure)) => format!("{target}: not known: {failure}"),
                (None, None) => format!("{target}: free"),
            });
        }
        let failures = unlisted.iter().chain(found.iter().filter_map(|one| one.failure.as_ref()));
        let failures: Vec<&Failure> = failures.collect();
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
