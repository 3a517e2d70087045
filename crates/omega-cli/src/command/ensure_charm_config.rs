//! `ensure-charm-config`

use std::collections::BTreeMap;

use clap::Args;
use omega::{
    clients::PartialClients,
    core::{Failure, Item, Label as _, Section, TargetPlan, run::Status, step},
    juju::charm::CharmConfig,
    site::Site,
};

use super::operation::usage_of;
use crate::{
    app::App,
    cli::{SiteFile, WriteArgs},
};

/// `ensure-charm-config`
#[derive(Debug, Args)]
pub(crate) struct CharmConfigArgs {
    /// The site.
    #[command(flatten)]
    site: SiteFile,
    /// An option of the charm and its value (repeatable) [default: those of `[compute]`].
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// The application [default: that of `[compute]`, or nova-compute].
    #[arg(long)]
    application: Option<String>,
    /// Whether and how it writes.
    #[command(flatten)]
    write: WriteArgs,
}

impl App {
    /// Needs `[juju]` where the model is not the current one; `[compute]` unless `--set`.
    pub(super) async fn ensure_charm_config(
        &self,
        args: &CharmConfigArgs,
    ) -> Result<Status, Failure> {
        let at = &args.site.site;
        let _lock = (!args.write.plan).then(|| self.runs.lock(at, &self.task)).transpose()?;
        let site = Self::site(at)?;
        let config = self.charm_config(args, &site)?;
        let model = self.connect(&site).model().await?;
        let section = Section::new("", &self.task, vec![Item::Step(step(&model, config))]);
        let target = TargetPlan::shared(model.label(), vec![section]);
        let clients = PartialClients::from(model);
        self.one((at, args.write), vec![target], clients.endpoints(), clients.counts()).await
    }

    fn charm_config(&self, args: &CharmConfigArgs, site: &Site) -> Result<CharmConfig, Failure> {
        let named = site.compute();
        let of_site = named.as_ref().map(|compute| compute.application.as_str());
        let application = args.application.as_deref().or(of_site.ok()).unwrap_or("nova-compute");
        let settings =
            if args.settings.is_empty() { named?.settings() } else { self.given_settings(args)? };
        let config = CharmConfig::new(application, settings);
        config.map_err(|error| usage_of(&self.command, error.to_string()))
    }

    fn given_settings(&self, args: &CharmConfigArgs) -> Result<BTreeMap<String, String>, Failure> {
        let mut settings = BTreeMap::new();
        for setting in &args.settings {
            let bad = |why: &str| usage_of(&self.command, format!("--set {setting}: {why}"));
            let (key, value) = setting.split_once('=').ok_or_else(|| bad("write KEY=VALUE"))?;
            if settings.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(bad("it is given twice"));
            }
        }
        Ok(settings)
    }
}
