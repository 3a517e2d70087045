//! From sites to objects.

use omega_core::{Failure, FailureClass, Finding, Severity, Subject};

use super::{
    ExportOptions, ExportSite, Object, PrometheusRuleSpec, SecretCommand,
    alerts::{job_alerts, watch_alerts},
    carried::{Carried, READER, carried},
    config_map::config_map,
    cron_job::cron_job,
    job::job,
    namespace::namespace,
    pod::pod,
    prometheus_rule::prometheus_rule,
    rbac::{cluster_role, cluster_role_binding},
    service_account::service_account,
    state::state,
};
use crate::drift::{LookOptions, ManagementRead, management_reads};

/// What is exported.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Export {
    /// The objects, in the order in which they are applied.
    pub objects: Vec<Object>,
    /// The Secrets that the operator makes.
    pub secrets: Vec<SecretCommand>,
    /// The alerts, as a rules file of Prometheus has them.
    pub rules: PrometheusRuleSpec,
    /// What could not be carried over.
    pub findings: Vec<Finding>,
}

/// Returns the objects that look at `sites`. Pure: nothing is read, written or contacted.
///
/// ```no_run
/// # fn f(site: &omega::site::Site, machine: &omega::Machine) -> Result<(), Box<dyn std::error::Error>> {
/// use omega::{clients::Connect, export_kubernetes::*};
///
/// let path = std::path::Path::new("prod.toml");
/// let sites = [ExportSite::read(&Connect::new(site, machine), path)?];
/// let image = "registry.example/omega-cli:0.1.0".parse()?;
/// let options = ExportOptions::new(image, "omega".parse()?, "*/5 * * * *".parse()?);
/// let export = export_kubernetes(&sites, &options)?;
/// println!("{}", yaml(&export.objects)?);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Fails if two sites have one name, if the namespace is one of Kubernetes' own, or if a site's credentials are
/// only in the environment.
pub fn export_kubernetes(sites: &[ExportSite], options: &ExportOptions) -> Result<Export, Failure> {
    options.check()?;
    distinct(sites)?;
    let rules = PrometheusRuleSpec::new(vec![job_alerts(options), watch_alerts()]);
    let mut all = Builder { findings: floating(options), ..Builder::new(options) };
    for site in sites {
        all.add(site, carried(site, options)?);
    }
    let Builder { reads, configs, claims, jobs, secrets, findings, .. } = all;
    let mut objects = vec![
        Object::Namespace(namespace(options)),
        Object::ServiceAccount(service_account(options)),
    ];
    if !reads.is_empty() {
        objects.push(Object::ClusterRole(cluster_role(options, &reads)));
        objects.push(Object::ClusterRoleBinding(cluster_role_binding(options)));
    }
    objects.extend(configs.into_iter().chain(claims).chain(jobs));
    if options.rule_object {
        objects.push(Object::PrometheusRule(prometheus_rule(options, rules.clone())));
    }
    Ok(Export { objects, secrets, rules, findings })
}

struct Builder<'a> {
    options: &'a ExportOptions,
    /// What is read of the management cluster that runs the jobs.
    reads: Vec<ManagementRead>,
    configs: Vec<Object>,
    claims: Vec<Object>,
    jobs: Vec<Object>,
    secrets: Vec<SecretCommand>,
    findings: Vec<Finding>,
}

impl<'a> Builder<'a> {
    fn new(options: &'a ExportOptions) -> Self {
        Self {
            options,
            reads: Vec::new(),
            configs: Vec::new(),
            claims: Vec::new(),
            jobs: Vec::new(),
            secrets: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn add(&mut self, site: &ExportSite, carried: Carried) {
        let (options, name) = (self.options, &site.name);
        let Carried { text, files, skip, findings } = carried;
        self.findings.extend(findings);
        if site.is_elsewhere {
            self.findings.push(other_account(site));
        } else {
            let skip = skip.clone();
            let look = LookOptions { skip, ..LookOptions::default() };
            self.reads.extend(management_reads(&look));
        }
        let namespace = &options.namespace;
        self.secrets.push(SecretCommand::new(name.as_str(), name.object(), namespace, files));
        self.configs.push(Object::ConfigMap(config_map(options, name, text)));
        self.claims.push(Object::PersistentVolumeClaim(Box::new(state(options, name))));
        let pod = pod(options, site, &skip);
        self.jobs.push(if options.once {
            Object::Job(Box::new(job(options, name, pod)))
        } else {
            Object::CronJob(Box::new(cron_job(options, name, pod)))
        });
    }
}

fn distinct(sites: &[ExportSite]) -> Result<(), Failure> {
    let mut all: Vec<&ExportSite> = sites.iter().collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let twice = all.iter().zip(all.iter().skip(1)).find(|(one, next)| one.name == next.name);
    let Some((one, other)) = twice else { return Ok(()) };
    let what = "two sites would have objects of the same names";
    let why = format!("{} and {} are both {}", one.file.display(), other.file.display(), one.name);
    let next = "rename one of the files, or export each to a namespace of its own";
    Err(Failure::new(FailureClass::Usage, what).because(why).next(next))
}

fn floating(options: &ExportOptions) -> Vec<Finding> {
    let image = &options.image;
    if !image.is_floating() {
        return Vec::new();
    }
    let what = "the tag `latest` can be another program tomorrow, and nodes that have it don't pull it again";
    let finding = Finding::broken("image-tag", Subject::new("image", image.as_str()), what);
    vec![finding.severity(Severity::Warning).remedy("name a version, or add @sha256:DIGEST")]
}

/// The account of this export has no rights on the management cluster of that site.
fn other_account(site: &ExportSite) -> Finding {
    let what = format!(
        "its management cluster is another one: the pods read it with {READER} of the Secret"
    );
    let finding =
        Finding::broken("reader-elsewhere", Subject::new("site", site.name.to_string()), what);
    let remedy = "make it for an account with few rights there: docs/kubernetes.md";
    finding.severity(Severity::Note).remedy(remedy)
}
