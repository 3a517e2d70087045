//! The items of a site, with clients for what it names.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use omega_core::{Failure, FailureClass, read_regular, run::Endpoints as Sites};
use omega_juju::{Channel, Sources, Unit, channel::Local};
use omega_openstack::{
    CertificateReader, CloudConfig, Error, Limits, Session, SessionOptions, WebClient,
    container_infra::{ClusterValues, temporary_name},
};

use super::{
    Acceptance, Item, ThrowAwayCluster,
    items::{
        Balancing, CORE, Charms, Cloud, Cluster, Clusters, Designate, Endpoints, Hypervisor, IMAGE,
        JujuCli, JujuModel, LoadBalancer, Lookup, Patience, Snapshots, Tenant, Vault, VaultServers,
        no_cluster, not_named,
    },
    named::{no_hypervisor, no_tenant, no_vault},
    run::LIMIT,
};
use crate::{
    clients::Connect,
    cluster::{ClusterSite, DriverSettings, EnsuredCluster, PrerequisiteSettings},
    doctor::{Doctor, DoctorOptions},
    site,
};

/// The largest file of a CA that is read.
const MOST: u64 = 1 << 20;

impl Acceptance {
    /// Prepares the items for the site of `connect`. What the site does not name, or can't be connected
    /// to, leaves its item open with the reason. `site`: the site file, as the operator named it.
    pub async fn connect(connect: &Connect<'_>, site: &str) -> Self {
        let named = connect.site.acceptance();
        let (cloud, config) = match cloud(connect).await {
            Ok((cloud, config)) => (Ok(cloud), Some(config)),
            Err(failure) => (Err(failure), None),
        };
        let (ca_pem, server) = match config.as_ref().map(CloudConfig::ca_pem).transpose() {
            Ok(pem) => (pem.flatten(), tenant(connect, &named)),
            Err(error) => (None, Err(Failure::from_error("could not read the cloud's CA", &error))),
        };
        let core = named.core.clone().unwrap_or_else(|| CORE.map(str::to_owned).into());
        let (clusters, throw_away) = match clusters(connect, &named).await {
            Ok((clusters, throw_away)) => (Ok(clusters), throw_away),
            Err(failure) => (Err(failure), None),
        };
        let balancing = match &clusters {
            Ok(clusters) => balancing(connect, &named, clusters).await,
            Err(_) if named.cluster.is_none() && named.create_cluster.is_none() => {
                Err(no_cluster())
            }
            Err(failure) => Err(failure.clone()),
        };
        let items: Vec<Box<dyn Item>> = vec![
            Box::new(Charms { model: Ok(model(connect)) }),
            Box::new(Endpoints {
                cloud: cloud.clone(),
                core,
                horizon: named.horizon.clone(),
                plain_http: named.plain_http,
            }),
            Box::new(Tenant { server, address: named.tenant_address.clone(), cloud, ca_pem }),
            Box::new(LoadBalancer { balancing }),
            Box::new(Cluster { cluster: clusters }),
            Box::new(Vault { servers: vault(connect, &named) }),
            Box::new(Snapshots { hypervisors: hypervisors(connect, &named) }),
            Box::new(Designate),
        ];
        Self {
            items,
            site: site.to_owned(),
            site_sha256: connect.site.sha256.map(|digest| digest.to_string()),
            endpoints: endpoints(connect, config.as_ref()),
            stand_ins: Vec::new(),
            throw_away,
            transfer: None,
        }
    }
}

fn model(connect: &Connect<'_>) -> Arc<dyn JujuModel> {
    Arc::new(JujuCli {
        program: connect.juju_program().to_path_buf(),
        model: connect.site.juju.model.clone(),
        deadlines: connect.deadlines(),
    })
}

/// What tells this site from others.
fn endpoints(connect: &Connect<'_>, config: Option<&CloudConfig>) -> Sites {
    let model = connect.site.juju.model.clone();
    let model = model.unwrap_or_else(|| "juju's current model".to_owned());
    let cloud = config.map(|config| ("cloud".to_owned(), config.auth_url.to_string()));
    cloud.into_iter().chain([("model".to_owned(), model)]).collect()
}

async fn cloud(connect: &Connect<'_>) -> Result<(Cloud, CloudConfig), Failure> {
    let config = connect.cloud_config();
    let config =
        config.map_err(|error| Failure::from_error("could not load cloud credentials", &error))?;
    let open = |error| Failure::from_error("could not prepare a session", &error);
    let limits = within(connect, LIMIT);
    let options = SessionOptions::default().limits(limits);
    // No token is taken from a cache: that a login works is a part of the question.
    let session = Arc::new(Session::new(config.clone(), &options).await.map_err(open)?);
    let web = WebClient::of_cloud(&config, limits).map_err(open)?.patient_after(&session);
    let cloud = Cloud {
        with_token: Arc::new(web.clone().with_token_of(Arc::clone(&session))),
        without_token: Arc::new(web),
        transport: connect.transport(session),
        region: config.region.clone(),
    };
    Ok((cloud, config))
}

/// Returns how long one answer may take: as `[timeouts]` says, and at most `most`.
pub(crate) fn within(connect: &Connect<'_>, most: Duration) -> Limits {
    let timeouts = &connect.site.timeouts;
    Limits::within(timeouts.connect, timeouts.ask.min(most))
}

fn tenant(connect: &Connect<'_>, named: &site::Acceptance) -> Result<Arc<Unit>, Failure> {
    let server = named.tenant.as_ref().ok_or_else(no_tenant)?;
    let channel = connect.by_ssh(&server.ssh, server.jump.as_deref())?;
    Ok(machine(&server.ssh, channel))
}

fn machine(label: &str, channel: Arc<dyn Channel>) -> Arc<Unit> {
    Arc::new(Unit::new(label, channel, Sources::default()))
}

/// The cluster that the site names, or the one that the run is to create.
async fn clusters(
    connect: &Connect<'_>,
    named: &site::Acceptance,
) -> Result<(Clusters, Option<ThrowAwayCluster>), Failure> {
    let name = match (&named.cluster, &named.create_cluster) {
        (Some(name), None) => name.clone(),
        (None, Some(_)) => temporary_name("omega-accept", Timestamp::now()),
        (None, None) => return Err(not_named()),
        (Some(_), Some(_)) => return Err(named.check().err().unwrap_or_else(not_named)),
    };
    let kubeconfig = connect.kubeconfig_ignoring_expiry()?;
    let management = Arc::new(connect.management(&kubeconfig).await?);
    let cloud = connect.cloud().await?;
    let (magnum, settles_within) = (Arc::clone(&cloud.magnum), Duration::ZERO);
    let narrowed = Arc::clone(&cloud.narrowed);
    let project = Arc::clone(&narrowed);
    let lookup = Lookup {
        site: Arc::new(ClusterSite::new(narrowed, Some(Arc::clone(&management)))),
        driver: DriverSettings::of(connect.site)?,
    };
    let site = Arc::clone(&lookup.site);
    let existing = Clusters {
        magnum,
        project,
        management: Arc::clone(&management),
        name,
        workload: None,
        lookup: Some(lookup),
        settles_within,
    };
    let Some(new) = &named.create_cluster else { return Ok((existing, None)) };
    named.check()?;
    let values = ClusterValues {
        template: new.template.clone(),
        keypair: new.keypair.clone(),
        master_count: new.master_count,
        node_count: new.node_count,
        labels: new.labels.clone(),
    };
    let mut wanted = EnsuredCluster::new(&existing.name, values);
    wanted.within = new.within.as_secs();
    wanted.driver = DriverSettings::of(connect.site)?;
    let mut options = DoctorOptions { clusters: vec![wanted.name.clone()], ..Default::default() };
    // What has not moved for half of the time is what it waited for.
    options.patience = options.patience.min(new.within / 2);
    // The throw-away service of D-011.4.
    let settings = PrerequisiteSettings { services: 1, ..PrerequisiteSettings::of(connect.site)? };
    let throw_away = ThrowAwayCluster {
        site,
        wanted,
        doctor: Doctor::connect(connect, options).await.ok(),
        prerequisites: Some((cloud, settings)),
    };
    // Its addons come up after Magnum says that it is complete.
    Ok((Clusters { settles_within: new.settle_within, ..existing }, Some(throw_away)))
}

async fn balancing(
    connect: &Connect<'_>,
    named: &site::Acceptance,
    clusters: &Clusters,
) -> Result<Balancing, Failure> {
    let (cluster, management) = (clusters.name.clone(), Arc::clone(&clusters.management));
    let cloud = connect.cloud().await?;
    let timeouts = &connect.site.timeouts;
    let limits = Limits { connect: timeouts.connect, ask: timeouts.ask.min(ANSWER) };
    let web = WebClient::unpooled("the service", limits)
        .map_err(|error| Failure::from_error("could not prepare requests to a service", &error))?;
    Ok(Balancing {
        cluster,
        management,
        workload: None,
        lookup: clusters.lookup.clone(),
        project: cloud.narrowed,
        operator: cloud.operator,
        web: Arc::new(web),
        image: named.load_balancer_image.clone().unwrap_or_else(|| IMAGE.to_owned()),
        failover: named.failover,
        patience: Patience::default(),
    })
}

/// How long one answer of a service may take.
const ANSWER: Duration = Duration::from_secs(5);

fn vault(connect: &Connect<'_>, named: &site::Acceptance) -> Result<VaultServers, Failure> {
    if named.vault.is_empty() {
        return Err(no_vault());
    }
    let web = Arc::new(vault_web(connect, named)?);
    Ok(VaultServers { web, addresses: named.vault.clone() })
}

/// Returns who asks the units of Vault.
///
/// # Errors
///
/// Fails if their CA can't be read or used.
pub(crate) fn vault_web(
    connect: &Connect<'_>,
    named: &site::Acceptance,
) -> Result<WebClient, Failure> {
    let pem = vault_ca(connect, named)?;
    // Asked once: a unit on standby answers 429, and a sealed one 503.
    WebClient::trusting(pem, "Vault", within(connect, LIMIT))
        .map_err(|error| vault_unusable(&error))
}

/// Returns who reads the certificates of the units of Vault.
///
/// # Errors
///
/// As [`vault_web`].
pub(crate) fn vault_certificates(
    connect: &Connect<'_>,
    named: &site::Acceptance,
) -> Result<CertificateReader, Failure> {
    let pem = vault_ca(connect, named)?;
    let reader = CertificateReader::trusting(pem, "Vault", within(connect, LIMIT));
    reader.map_err(|error| vault_unusable(&error))
}

fn vault_unusable(error: &Error) -> Failure {
    let failure = Failure::from_error("could not use the CA of Vault", error);
    failure.next("name a PEM file of certificates: `vault_ca` in [acceptance]")
}

/// Reads the CA of Vault's own certificates, if the site names one.
fn vault_ca(connect: &Connect<'_>, named: &site::Acceptance) -> Result<Option<Vec<u8>>, Failure> {
    let read = |path| {
        let path = connect.path(path);
        read_regular(&path, MOST).map_err(|error| {
            let what = format!("could not read the CA of Vault, {}", path.display());
            let failure = Failure::new(FailureClass::Error, what).because(error.to_string());
            failure.next("correct the path: `vault_ca` in [acceptance]")
        })
    };
    named.vault_ca.as_deref().map(read).transpose()
}

fn hypervisors(
    connect: &Connect<'_>,
    named: &site::Acceptance,
) -> Result<Vec<Hypervisor>, Failure> {
    if named.hypervisor.is_empty() {
        return Err(no_hypervisor());
    }
    let of = |one: &site::Hypervisor| {
        let machine = if let Some(ssh) = &one.ssh {
            machine(ssh, connect.by_ssh(ssh, one.jump.as_deref())?)
        } else {
            // Who may read libvirt's system connection is decided by the machine (group libvirt).
            let here = Arc::new(Local::new(false, connect.deadlines()));
            machine("this machine", connect.channel(here))
        };
        let virsh = one.virsh.clone().unwrap_or_else(|| "virsh".to_owned());
        let (domains, snapshots) = (one.domains.clone(), one.snapshots.clone());
        Ok(Hypervisor { machine, virsh, domains, snapshots })
    };
    named.hypervisor.iter().map(of).collect()
}
