//! `ensure-cluster-template`: from a table of the site file, from flags, or from both.

use std::sync::Arc;

use clap::Args;
use omega::{
    cluster::template_references,
    core::{
        Failure, FailureClass, Item, Label as _, Section, TargetPlan, json_words, run::Job,
        run::Status, step,
    },
    driver::DriverRelease,
    graft::SiteSpec,
    openstack::container_infra::{ClusterTemplate, TemplateName, TemplateSpec},
    site::Site,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    app::App,
    cli::{SiteFile, WriteArgs},
};

/// `ensure-cluster-template`
#[derive(Debug, Args)]
pub(crate) struct ClusterTemplateArgs {
    /// The site.
    #[command(flatten)]
    site: SiteFile,
    /// Whether and how it writes.
    #[command(flatten)]
    write: WriteArgs,
    /// The template's name [default: that of the site file's `[template.NAME]`, if there is one such
    /// table].
    #[arg(long)]
    name: Option<String>,
    /// A label (repeatable). The site file's other labels stay.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Its other values.
    #[command(flatten)]
    values: TemplateValues,
}

/// Values that take the place of the site file's. The names are those of its table.
#[derive(Debug, Args, Serialize)]
struct TemplateValues {
    /// The image, by name or id. It needs the properties `os_distro` and `kube_version`.
    #[arg(long)]
    image: Option<String>,
    /// The external network, by name or id.
    #[arg(long, value_name = "NETWORK")]
    external_network: Option<String>,
    /// The workers' flavor, by name or id.
    #[arg(long)]
    flavor: Option<String>,
    /// The control plane's flavor, by name or id.
    #[arg(long, value_name = "FLAVOR")]
    master_flavor: Option<String>,
    /// Only `calico`, which is always sent.
    #[arg(long, value_name = "DRIVER")]
    network_driver: Option<String>,
    /// The DNS servers of the nodes' network, separated by commas.
    #[arg(long, value_name = "ADDRESSES")]
    dns_nameserver: Option<String>,
    /// The key pair of clusters that name none.
    #[arg(long)]
    keypair: Option<String>,
    /// An existing network for the nodes, by name or id.
    #[arg(long, value_name = "NETWORK")]
    fixed_network: Option<String>,
    /// An existing subnet for the nodes, by name or id.
    #[arg(long, value_name = "SUBNET")]
    fixed_subnet: Option<String>,
    /// `cinder`. The driver ignores it.
    #[arg(long, value_name = "DRIVER")]
    volume_driver: Option<String>,
    /// In GiB. The driver ignores it.
    #[arg(long, value_name = "SIZE", value_parser = crate::count::count)]
    docker_volume_size: Option<u32>,
    /// `overlay2`. The driver ignores it.
    #[arg(long, value_name = "DRIVER")]
    docker_storage_driver: Option<String>,
    /// Allow several control-plane machines. The driver always makes a load balancer.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    master_lb_enabled: Option<bool>,
    /// Magnum's default is true. The driver ignores it.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    floating_ip_enabled: Option<bool>,
    /// The driver ignores it.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_disabled: Option<bool>,
    /// Let other projects use it. Needs an administrator.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    public: Option<bool>,
    /// Leave it out of other projects' lists. Needs an administrator.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    hidden: Option<bool>,
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn usage(why: impl ToString) -> Failure {
    Failure::new(FailureClass::Usage, why.to_string())
        .next("omega-cli ensure-cluster-template --help")
}

impl App {
    /// Needs `[cloud]`. `[driver]` and `[chart]` are read where they are there: they decide what has no
    /// effect.
    pub(super) async fn ensure_cluster_template(
        &self,
        args: &ClusterTemplateArgs,
    ) -> Result<Status, Failure> {
        let at = &args.site.site;
        let _lock = (!args.write.plan).then(|| self.runs.lock(at, &self.task)).transpose()?;
        let site = Self::site(at)?;
        let template = template(args, &site)?;
        let driver = match site.driver {
            Some(_) => SiteSpec::new(&site).release()?,
            None => DriverRelease::v1_4_0(),
        };
        let chart = site.chart().ok().map(|chart| chart.version.as_str());
        let findings = template.findings(&driver, chart);
        let cloud = self.connect(&site).cloud().await?;
        let magnum = Arc::clone(&cloud.magnum);
        // Magnum refuses what does not exist; a plan sends it nothing.
        let mut items =
            if args.write.plan { template_references(&template.spec, &cloud) } else { Vec::new() };
        items.push(Item::Step(step(&magnum, template)));
        let section = Section::new("", &self.task, items);
        let target = TargetPlan::shared(magnum.label(), vec![section]);
        let job = Job::new(&self.task, at.display().to_string(), vec![target]);
        let job = job.on(cloud.endpoints(), cloud.counts()).with_findings(findings);
        self.job((at, args.write), &job).await
    }
}

/// Returns the template of the site file with the flags' values in place of its own.
fn template(args: &ClusterTemplateArgs, site: &Site) -> Result<ClusterTemplate, Failure> {
    let name = match (&args.name, site.template.keys().collect::<Vec<_>>().as_slice()) {
        (Some(name), _) => name.clone(),
        (None, [name]) => (*name).clone(),
        (None, []) => return Err(usage("--name is missing: the site file has no [template.NAME]")),
        (None, several) => {
            let several: Vec<_> = several.iter().map(|name| name.as_str()).collect();
            return Err(usage(format!("--name: choose one of {}", several.join(", "))));
        }
    };
    let known = site.template.get(&name).map(|spec| json!(spec));
    let mut values = known.unwrap_or_else(|| json!({ "labels": {} }));
    let flags = serde_json::to_value(&args.values).map_err(usage)?;
    if let (Value::Object(values), Value::Object(flags)) = (&mut values, flags) {
        values.extend(flags.into_iter().filter(|(_, value)| !value.is_null()));
        let labels = values.entry("labels").or_insert_with(|| json!({}));
        let labels = labels.as_object_mut().into_iter();
        labels.for_each(|labels: &mut Map<_, _>| {
            labels.extend(args.labels.iter().map(|(key, value)| (key.clone(), json!(value))));
        });
    }
    let spec = serde_json::from_value::<TemplateSpec>(values);
    let spec = spec.map_err(|error| {
        let next = format!("set it by a flag, or in [template.{name}] of the site file");
        usage(format!("template {name}: {}", json_words(&error))).next(next)
    })?;
    let name: TemplateName = name.parse().map_err(|error| usage(format!("--name: {error}")))?;
    Ok(ClusterTemplate::new(name, spec))
}
