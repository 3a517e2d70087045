//! `teardown`

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::{Args, builder::PossibleValuesParser};
use omega::{
    clients::Connect,
    cluster::{ClusterSite, DriverSettings},
    core::{Failure, FailureClass, read_regular},
    juju::controller::StorageFate,
    lint::{SourceFile, bundle},
    openstack::cloud_inventory::CloudInventory,
    run::{Approved, Engine, Job, Report, Status},
    teardown::{TEARDOWN_RULES, Teardown, TeardownClients},
};

use super::operation::usage_of;
use crate::{
    app::App,
    cli::{SiteFile, limit},
    command_line::CommandLine,
    render::{self, Screen},
};

/// The largest bundle that is read.
const BUNDLE: u64 = 10 << 20;

/// `teardown`
#[derive(Clone, Debug, Args)]
pub(crate) struct TeardownArgs {
    /// The site.
    #[command(flatten)]
    site: SiteFile,
    /// The Juju model: NAME, OWNER/NAME or CONTROLLER:NAME [default: `model` in `[juju]`]. Juju's current
    /// model is never taken.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// The profile of the program maas that knows the machines (`maas list`).
    #[arg(long, value_name = "PROFILE")]
    maas_profile: Option<String>,
    /// Destroy the model's persistent storage with it.
    #[arg(long, conflicts_with = "release_storage")]
    destroy_storage: bool,
    /// Leave the model's persistent storage in its cloud; juju no longer knows it.
    #[arg(long)]
    release_storage: bool,
    /// The bundle, and each overlay (repeatable): the applications that the model may hold [default: those
    /// with a charm of a Charmed OpenStack].
    #[arg(long = "bundle", value_name = "FILE")]
    bundle: Vec<PathBuf>,
    /// Go on although this check fails (repeatable); the finding is a warning then.
    #[arg(long = "accept", value_name = "RULE", value_parser = PossibleValuesParser::new(TEARDOWN_RULES))]
    accept: Vec<String>,
    /// How long the model, and then the machines, may take.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = limit)]
    within: Duration,
    /// Show what would be done and what would be lost, without changing anything.
    #[arg(long)]
    plan: bool,
}

const QUESTION: &str = "Type the name of the model to destroy it: ";

impl App {
    /// Needs `model` in `[juju]` or `--model`; what is lost in the cloud needs `[cloud]`.
    pub(crate) async fn teardown(&self, args: &TeardownArgs) -> Result<Status, Failure> {
        let at = &args.site.site;
        let _lock = (!args.plan).then(|| self.runs.lock(at, &self.task)).transpose()?;
        let site = Self::site(at)?;
        let connect = self.connect(&site);
        let (controller, wanted) = self.wanted_teardown(args, &connect)?;
        let clients = self.teardown_clients(args, &connect, controller.as_deref()).await?;
        let found = wanted.find(clients, &self.runs).await?;
        let job = found.job(&at.display().to_string());
        let (report, next) = if args.plan {
            let next = self.given.clone().without("--plan").on(at);
            (self.engine().plan(&job).await, Some(next))
        } else {
            (self.apply_named(&job, found.name()).await?, None::<CommandLine>)
        };
        Ok(self.shown(&report, next.as_ref()))
    }

    /// Returns the controller, if it is named, and what is wanted.
    fn wanted_teardown(
        &self,
        args: &TeardownArgs,
        connect: &Connect<'_>,
    ) -> Result<(Option<String>, Teardown), Failure> {
        let named = args.model.as_ref().or(connect.site.juju.model.as_ref());
        let named = named.ok_or_else(|| {
            let why = "--model is missing, and the site file names no `model` in [juju]";
            usage_of(&self.task, why.to_owned())
        })?;
        let (controller, model) = match named.split_once(':') {
            Some((controller, model)) => (Some(controller.to_owned()), model),
            None => (None, named.as_str()),
        };
        if model.is_empty() || controller.as_ref().is_some_and(String::is_empty) {
            return Err(usage_of(&self.task, format!("--model {named}: a name is empty")));
        }
        let storage = match (args.destroy_storage, args.release_storage) {
            (true, _) => Some(StorageFate::Destroy),
            (_, true) => Some(StorageFate::Release),
            (false, false) => None,
        };
        let wanted = Teardown {
            model: model.to_owned(),
            storage,
            bundle: applications(&args.bundle)?,
            accepted: args.accept.clone(),
            within: args.within,
        };
        Ok((controller, wanted))
    }

    async fn teardown_clients(
        &self,
        args: &TeardownArgs,
        connect: &Connect<'_>,
        controller: Option<&str>,
    ) -> Result<TeardownClients, Failure> {
        let controller = connect.controller(controller).await?;
        let clients = TeardownClients::new(controller, no_cloud());
        let clients = match &args.maas_profile {
            Some(profile) => clients.with_maas(connect.maas(profile)),
            None => clients,
        };
        if connect.site.cloud.is_none() {
            return Ok(clients);
        }
        let cloud = match connect.cloud().await {
            Ok(cloud) => cloud,
            Err(why) => return Ok(clients.without_cloud(why)),
        };
        let inventory = CloudInventory::new(Arc::clone(&cloud.operator));
        if let Err(error) = inventory.token_info().await {
            let why = Failure::from_error("could not log in", &error);
            return Ok(clients.without_cloud(why));
        }
        let counts = cloud.counts();
        let clients = clients.with_cloud(inventory, move || counts().requests);
        let Ok(driver) = DriverSettings::of(connect.site) else { return Ok(clients) };
        // Without it, no cluster is judged to be safe to delete. A teardown does not depend on it.
        let management = match connect.kubeconfig_ignoring_expiry() {
            Ok(kubeconfig) => connect.management(&kubeconfig).await.ok().map(Arc::new),
            Err(_) => None,
        };
        let clusters = ClusterSite::new(Arc::clone(&cloud.operator), management);
        Ok(clients.with_clusters(Arc::new(clusters), driver))
    }

    /// Shows what is done and what is lost, asks for the model's name, and does just that. No flag answers.
    async fn apply_named(&self, job: &Job, name: Option<&str>) -> Result<Report, Failure> {
        let looked = self.engine().look(job).await;
        if let (Some(name), None, true) = (name, looked.blocker(), looked.pending()) {
            let asking = self.asking.as_ref().ok_or_else(nobody_types)?;
            self.console.done();
            render::plan(asking, &looked.all());
            irreversible(asking);
            let answer = self.answer(&format!("\n{QUESTION}")).await?;
            if answer.trim_end_matches(['\n', '\r']) != name {
                let what = "not confirmed: the answer was not the model's name";
                return Err(Failure::new(FailureClass::Interrupted, what));
            }
        }
        // The time of the question is not the run's.
        let engine: Engine = self.engine();
        engine.apply(job, Approved::Shown(looked)).await
    }
}

fn irreversible(screen: &Screen) {
    screen.text("");
    screen.prose("Nothing of this can be undone or rolled back.");
}

fn no_cloud() -> Failure {
    let what = "the site file names no cloud";
    Failure::new(FailureClass::Usage, what).next("add [cloud] to the site file")
}

fn nobody_types() -> Failure {
    let what = "this command destroys a model, and nobody typed the model's name";
    Failure::new(FailureClass::Usage, what)
        .because("standard input or output is not a terminal, so the question can't be asked")
        .next("run it at a terminal: no flag answers this question; --plan shows what it would do")
}

/// Returns the applications of a bundle with its overlays; none if none is named.
fn applications(files: &[PathBuf]) -> Result<Option<BTreeSet<String>>, Failure> {
    if files.is_empty() {
        return Ok(None);
    }
    let files = files.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let names = bundle::applications(&files).map_err(|error| {
        Failure::new(FailureClass::Usage, "could not read the bundle").because(error.to_string())
    })?;
    Ok(Some(names.into_iter().collect()))
}

fn read(path: &Path) -> Result<SourceFile, Failure> {
    let name = path.display().to_string();
    let unread = |why: String| {
        Failure::new(FailureClass::Usage, format!("could not read {name}")).because(why)
    };
    let bytes = read_regular(path, BUNDLE).map_err(|error| unread(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| unread("it is not text (UTF-8)".to_owned()))?;
    Ok(SourceFile { name: name.clone(), text })
}
