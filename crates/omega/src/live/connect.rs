//! The checks of a site, with clients for what it names.

use std::sync::Arc;

use omega_capi::{
    Management,
    constellation::{Constellation, ConstellationTested},
};
use omega_core::{Clock, Failure, FailureClass, Gate, Subject};
use omega_juju::{Sources, Unit};
use omega_openstack::CertificateReader;

use super::{
    AmphoraImage, CONTROLLERS, CharmSettings, Checks, ClusterImages, ConductorHelm,
    EndpointCertificates, ManagementMachine, ManagementVersion, RunningChannels, TRUSTEE,
    amphora_image, dependencies_helm, dependencies_images, endpoint_certificates,
    management_machine, management_version, unasked::Unasked,
};
use crate::{
    acceptance::{
        LIMIT,
        items::{CORE, JujuCli},
        vault_certificates, within,
    },
    clients::{CloudClients, Connect, PartialClients, loaded},
    graft::{SiteSpec, Trustee, trustee_domain},
    lint::Rule,
};

/// What a site names, or why it can't be asked.
struct Parts<'a> {
    connect: &'a Connect<'a>,
    clock: Clock,
    cloud: Result<CloudClients, Failure>,
    /// The management cluster, and the host and the port of its kubeconfig.
    management: Result<(Arc<Management>, (String, u16)), Failure>,
    units: Result<Vec<Arc<Unit>>, Failure>,
    tested: Result<(Constellation, String), Failure>,
}

/// Returns the checks of the site of `connect`, one for each of [`RULES`](super::RULES) and in their order.
/// `clock`: for the ends of certificates.
///
/// The logins are new ones. Juju lists the units of the conductor; everything else is asked when a gate is
/// checked.
pub async fn gates(connect: &Connect<'_>, clock: Clock) -> Vec<Box<dyn Gate>> {
    Checks::connect(connect, clock).await.gates
}

impl Checks {
    /// Returns the checks of the site of `connect`: see [`gates`].
    pub async fn connect(connect: &Connect<'_>, clock: Clock) -> Self {
        let parts = Parts::connect(connect, clock).await;
        Self { gates: parts.gates(), clients: parts.clients() }
    }
}

impl<'a> Parts<'a> {
    async fn connect(connect: &'a Connect<'a>, clock: Clock) -> Self {
        let (cloud, management, sources) =
            (connect.cloud_afresh(), managing(connect), Sources::default());
        let (cloud, management, units) =
            futures::join!(cloud, management, connect.units(&[], &sources));
        let tested = tested(connect);
        Self { connect, clock, cloud, management, units, tested }
    }

    fn gates(&self) -> Vec<Box<dyn Gate>> {
        let (parts, connect) = (self, self.connect);
        let in_model = connect.site.juju.model.clone();
        let juju = connect.juju_commands(in_model.clone());
        vec![
            Box::new(RunningChannels {
                model: Arc::new(JujuCli {
                    program: connect.juju_program().to_path_buf(),
                    model: in_model,
                    deadlines: connect.deadlines(),
                }),
                policy: connect.site.lint.clone(),
            }),
            Box::new(CharmSettings::new(juju, connect.site)),
            boxed(
                &endpoint_certificates::RULE,
                endpoint_certificates::subject(),
                parts.certificates(),
            ),
            boxed(&TRUSTEE, Subject::new("domain", &connect.site.trust.domain), parts.trustee()),
            boxed(&amphora_image::RULE, amphora_image::subject(), parts.amphora()),
            boxed(&management_machine::RULE, parts.server(), parts.machine()),
            boxed(&management_version::RULE, management_version::subject(), parts.version()),
            boxed(&CONTROLLERS, Subject::new("controllers", "of Cluster API"), parts.controllers()),
            boxed(&dependencies_helm::RULE, dependencies_helm::subject(), parts.helm()),
            boxed(&dependencies_images::RULE, dependencies_images::subject(), parts.images()),
        ]
    }

    /// What is asked, for the number of requests and executions.
    fn clients(&self) -> PartialClients {
        PartialClients {
            cloud: self.cloud.as_ref().ok().cloned(),
            management: self.management().ok(),
            units: self.units.clone().unwrap_or_default(),
            ..PartialClients::default()
        }
    }
}

/// Returns the gate, or one that always fails with the reason.
fn boxed<G: Gate + 'static>(
    rule: &Rule,
    subject: Subject,
    gate: Result<G, Failure>,
) -> Box<dyn Gate> {
    match gate {
        Ok(gate) => Box::new(gate),
        Err(failure) => Box::new(Unasked { rule: rule.id, subject, failure }),
    }
}

async fn managing(connect: &Connect<'_>) -> Result<(Arc<Management>, (String, u16)), Failure> {
    let kubeconfig = connect.kubeconfig_ignoring_expiry()?;
    let management = connect.management(&kubeconfig).await?;
    Ok((Arc::new(management), kubeconfig.facts.endpoint()))
}

/// Returns what the chart of the site was tested with, and the chart's version.
fn tested(connect: &Connect<'_>) -> Result<(Constellation, String), Failure> {
    let chart = SiteSpec::new(connect.site).chart_version()?;
    let tested = Constellation::of(&chart).ok_or_else(|| {
        let what = format!("the dependencies.json of chart {chart} is not known here");
        let failure = Failure::new(FailureClass::Error, what);
        failure.next("omega-cli check-constellation --dependencies FILE compares with a file")
    })?;
    Ok((tested, chart.to_string()))
}

/// What the chart's file does not name.
fn unnamed(what: &str, chart: &str) -> Failure {
    let what = format!("the dependencies.json of chart {chart} names no {what}");
    Failure::new(FailureClass::Error, what)
}

impl Parts<'_> {
    fn cloud(&self) -> Result<&CloudClients, Failure> {
        self.cloud.as_ref().map_err(Failure::clone)
    }

    fn management(&self) -> Result<Arc<Management>, Failure> {
        let managing = self.management.as_ref().map_err(Failure::clone)?;
        Ok(Arc::clone(&managing.0))
    }

    fn tested(&self) -> Result<&(Constellation, String), Failure> {
        self.tested.as_ref().map_err(Failure::clone)
    }

    fn certificates(&self) -> Result<EndpointCertificates, Failure> {
        let cloud = self.cloud()?;
        let named = self.connect.site.acceptance();
        let config = loaded(self.connect.cloud_config())?;
        let reader = CertificateReader::of_cloud(&config, within(self.connect, LIMIT));
        let reader =
            reader.map_err(|error| Failure::from_error("could not use the cloud's CA", &error))?;
        Ok(EndpointCertificates {
            transport: Arc::clone(&cloud.operator),
            auth_url: config.auth_url.clone(),
            region: config.region.clone(),
            core: named.core.clone().unwrap_or_else(|| CORE.map(str::to_owned).into()),
            horizon: named.horizon.clone(),
            vault: named.vault.clone(),
            reader,
            vault_reader: vault_certificates(self.connect, &named),
            plain_http: named.plain_http,
            clock: self.clock,
        })
    }

    fn trustee(&self) -> Result<omega_openstack::identity::TrusteeDomain, Failure> {
        Ok(trustee_domain(&Trustee::of(self.connect.site), self.cloud()?, true))
    }

    fn amphora(&self) -> Result<AmphoraImage, Failure> {
        Ok(AmphoraImage { transport: Arc::clone(&self.cloud()?.operator) })
    }

    fn server(&self) -> Subject {
        let server = self.connect.site.management.server.as_deref();
        management_machine::subject(server.unwrap_or("of the management cluster"))
    }

    fn machine(&self) -> Result<ManagementMachine, Failure> {
        let site = self.connect.site;
        let server = site.management.server.clone().ok_or_else(|| {
            let what = "the site file has no `server` in [management], which this needs";
            Failure::new(FailureClass::Usage, what).next("add it; see docs/site-file.md")
        })?;
        Ok(ManagementMachine {
            transport: Arc::clone(&self.cloud()?.narrowed),
            server,
            subnet: site.lint.management_subnet,
            management: self.management.clone(),
        })
    }

    fn version(&self) -> Result<ManagementVersion, Failure> {
        let decided = self.connect.site.lint.management_kubernetes.clone();
        Ok(ManagementVersion { management: self.management()?, decided })
    }

    fn controllers(&self) -> Result<ConstellationTested, Failure> {
        let (tested, _) = self.tested()?;
        let management = (*self.management()?).clone();
        Ok(ConstellationTested { management, tested: tested.clone() })
    }

    fn helm(&self) -> Result<ConductorHelm, Failure> {
        let (tested, chart) = self.tested()?;
        let helm = tested.dependencies.helm().ok_or_else(|| unnamed("helm", chart))?.to_owned();
        let units = self.units.clone()?;
        Ok(ConductorHelm { units, tested: helm, chart: chart.clone() })
    }

    fn images(&self) -> Result<ClusterImages, Failure> {
        let (tested, chart) = self.tested()?;
        let images = tested.dependencies.azimuth_images();
        let images = images.ok_or_else(|| unnamed("azimuth-images", chart))?.to_owned();
        let transport = Arc::clone(&self.cloud()?.narrowed);
        Ok(ClusterImages { transport, tested: images, chart: chart.clone() })
    }
}
