//! The cloud: addresses, networks, images, Magnum, load balancers.

use std::{collections::BTreeMap, sync::Arc};

use omega_openstack::{
    Error, TokenInfo,
    container_infra::{Cluster as MagnumCluster, ContainerInfra, Template as MagnumTemplate},
    image::{Images, ListedImage, SOURCE_SHA512},
    load_balancer::{LoadBalancer, LoadBalancerAdmin, LoadBalancers},
    network::{AddressInventory, FloatingIp, Network as Neutron},
};
use serde_json::Value;
use url::Url;

use super::{Balancer, Cluster, Endpoint, Image, Network, Part, Subnet, Template, Unread};
use crate::clients::CloudClients;

/// The parts that come from the cloud.
#[derive(Default)]
pub(super) struct Cloud {
    pub(super) user: Option<String>,
    pub(super) project: Option<String>,
    pub(super) endpoints: Part<Endpoint>,
    pub(super) networks: Part<Network>,
    pub(super) subnets: Part<Subnet>,
    pub(super) images: Part<Image>,
    pub(super) templates: Part<Template>,
    pub(super) clusters: Part<Cluster>,
    pub(super) balancers: Part<Balancer>,
}

impl Cloud {
    /// Returns the parts of a site that names no cloud.
    pub(super) fn not_named(why: &str) -> Self {
        Self {
            user: None,
            project: None,
            endpoints: Part::not_named(why),
            networks: Part::not_named(why),
            subnets: Part::not_named(why),
            images: Part::not_named(why),
            templates: Part::not_named(why),
            clusters: Part::not_named(why),
            balancers: Part::not_named(why),
        }
    }

    /// Returns the parts with the same reason in each.
    pub(super) fn unread(unread: &Unread) -> Self {
        Self {
            user: None,
            project: None,
            endpoints: Part::unread(unread.clone()),
            networks: Part::unread(unread.clone()),
            subnets: Part::unread(unread.clone()),
            images: Part::unread(unread.clone()),
            templates: Part::unread(unread.clone()),
            clusters: Part::unread(unread.clone()),
            balancers: Part::unread(unread.clone()),
        }
    }

    /// Reads everything at the same time.
    pub(super) async fn read(clients: &CloudClients) -> Self {
        let images = Images::new(Arc::clone(&clients.narrowed));
        let neutron = Neutron::new(Arc::clone(&clients.narrowed));
        let (token, plan, images, magnum, balancers) = futures::join!(
            clients.narrowed.token_info(),
            address_plan(&neutron),
            images.all(),
            magnum(&clients.magnum),
            balancers(clients),
        );
        let (networks, subnets) = match plan {
            Ok(plan) => networks_and_subnets(plan),
            Err(error) => {
                let unread = Unread::new("networks and subnets", &error);
                (Part::unread(unread.clone()), Part::unread(unread))
            }
        };
        let images = images.map(|all| {
            let mut rows: Vec<_> = all.iter().filter_map(image).collect();
            rows.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
            rows
        });
        let images = Part::read("images", images);
        let (templates, clusters) = magnum;
        let (user, project, endpoints) = match token {
            Ok(token) => {
                let project =
                    token.project.as_ref().map(|one| format!("{} ({})", one.name, one.id));
                (Some(token.user.name.clone()), project, Part::of(endpoints(&token)))
            }
            Err(error) => (None, None, Part::unread(Unread::new("the catalog", &error))),
        };
        let balancers = named_after_clusters(balancers, &clusters.rows);
        Self { user, project, endpoints, networks, subnets, images, templates, clusters, balancers }
    }
}

fn endpoints(token: &TokenInfo) -> Vec<Endpoint> {
    let of = |entry: &omega_openstack::CatalogEntry| {
        let service = entry.service_type.clone();
        let one = move |one: &omega_openstack::Endpoint| Endpoint {
            service: service.clone(),
            interface: one.interface.clone(),
            region: one.region_id.clone(),
            url: without_login(&one.url),
        };
        entry.endpoints.iter().map(one).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = token.catalog.0.iter().flat_map(of).collect();
    let key = |one: &Endpoint| {
        (one.service.clone(), one.region.clone(), one.interface.clone(), one.url.clone())
    };
    all.sort_by_cached_key(key);
    all.dedup();
    all
}

/// A URL may have a user and a password; they are no part of the address.
fn without_login(text: &str) -> String {
    match text.parse::<Url>() {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            // Only a URL without a host can't have them.
            let removed = url.set_username("").and_then(|()| url.set_password(None));
            removed.map_or_else(|()| "(not shown: it has a login)".to_owned(), |()| url.to_string())
        }
        Ok(_) | Err(_) => text.to_owned(),
    }
}

/// Returns the networks and subnets that the project can use.
async fn address_plan(neutron: &Neutron) -> Result<AddressInventory, Error> {
    let (project, plan) = futures::try_join!(neutron.project_id(), neutron.address_inventory())?;
    Ok(plan.of_project(&project))
}

fn networks_and_subnets(plan: AddressInventory) -> (Part<Network>, Part<Subnet>) {
    let AddressInventory { networks, subnets } = plan;
    let names: BTreeMap<_, _> =
        networks.iter().map(|one| (one.id.clone(), one.name.clone())).collect();
    let networks = networks.into_iter().map(|one| Network {
        name: one.name,
        id: one.id,
        project: one.project_id,
        external: one.external,
        shared: one.shared,
        mtu: one.mtu,
    });
    let subnets = subnets.into_iter().map(|one| Subnet {
        network: names.get(&one.network_id).cloned().unwrap_or(one.network_id),
        name: one.name,
        id: one.id,
        cidr: one.cidr.to_string(),
        gateway: one.gateway_ip.map(|ip| ip.to_string()),
        pools: one
            .allocation_pools
            .iter()
            .map(|pool| format!("{}-{}", pool.start, pool.end))
            .collect(),
        dns: one.dns_nameservers,
    });
    (Part::of(networks.collect()), Part::of(subnets.collect()))
}

/// Returns the row of an image that clusters are made of, or that omega staged. A cloud has many others.
fn image(one: &ListedImage) -> Option<Image> {
    let property = |name: &str| one.property(name).map(ToOwned::to_owned);
    let (kube_version, source_sha512, os_distro) =
        (property("kube_version"), property(SOURCE_SHA512), property("os_distro"));
    if kube_version.is_none() && source_sha512.is_none() && os_distro.is_none() {
        return None;
    }
    let algorithm = one.property("os_hash_algo").unwrap_or("of an unknown algorithm");
    let stored_hash = one.property("os_hash_value").map(|value| format!("{algorithm} {value}"));
    Some(Image {
        name: one.name.clone(),
        id: one.id.clone(),
        status: one.status.clone(),
        disk_format: one.disk_format.clone(),
        size: one.properties.get("size").and_then(Value::as_u64),
        os_distro,
        kube_version,
        source_sha512,
        stored_hash,
    })
}

async fn magnum(magnum: &ContainerInfra) -> (Part<Template>, Part<Cluster>) {
    let (templates, clusters) = futures::join!(magnum.templates(), magnum.clusters());
    let names: BTreeMap<String, String> = templates.iter().flatten().map(named).collect();
    let templates = templates.map(|all| {
        let mut rows: Vec<_> = all.into_iter().map(template).collect();
        rows.sort_by(|a, b| (&a.name, &a.uuid).cmp(&(&b.name, &b.uuid)));
        rows
    });
    let clusters = clusters.map(|all| {
        let mut rows: Vec<_> = all.into_iter().map(|one| cluster(one, &names)).collect();
        rows.sort_by(|a, b| (&a.name, &a.uuid).cmp(&(&b.name, &b.uuid)));
        rows
    });
    // A cluster that could not be understood is not one that does not exist.
    let odd = magnum.odd_clusters();
    let odd = odd.iter().map(|one| Unread::because(format!("cluster {}", one.name()), &one.why));
    (Part::read("cluster templates", templates), Part::read("clusters", clusters).without(odd))
}

fn named(template: &MagnumTemplate) -> (String, String) {
    (template.uuid.clone(), template.name.clone())
}

fn template(one: MagnumTemplate) -> Template {
    let labels = labels(one.labels.as_ref());
    let fields = one.fields;
    Template {
        name: one.name,
        uuid: one.uuid,
        image: fields.image_id,
        network_driver: one.network_driver,
        external_network: fields.external_network_id,
        master_flavor: fields.master_flavor_id,
        flavor: fields.flavor_id,
        keypair: fields.keypair_id,
        dns: fields.dns_nameserver,
        labels,
    }
}

fn cluster(one: MagnumCluster, templates: &BTreeMap<String, String>) -> Cluster {
    let template = templates.get(&one.cluster_template_id).cloned();
    Cluster {
        labels: labels(one.fields.labels.as_ref()),
        masters: one.fields.master_count,
        workers: one.fields.node_count,
        template: template.unwrap_or(one.cluster_template_id),
        name: one.name,
        uuid: one.uuid,
        stack: one.stack_id,
        project: one.project_id,
        status: one.status,
        health: one.health_status,
        // `https://:0` while there is none.
        api: one.api_address.filter(|address| !address.ends_with(":0")),
    }
}

/// Returns labels as `key=value`. The value of one that is named as a secret is not shown.
fn labels(all: Option<&BTreeMap<String, Value>>) -> Vec<String> {
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let is_secret = |key: &str| {
        let key = key.to_ascii_lowercase();
        ["password", "secret", "token", "credential"].iter().any(|word| key.contains(word))
    };
    let one = |(key, text): (&String, &Value)| {
        let shown = if is_secret(key) { "(not shown)".to_owned() } else { value(text) };
        format!("{key}={shown}")
    };
    all.into_iter().flatten().map(one).collect()
}

async fn balancers(clients: &CloudClients) -> Part<Balancer> {
    let list = LoadBalancers::new(Arc::clone(&clients.narrowed));
    let neutron = Neutron::new(Arc::clone(&clients.narrowed));
    let (all, floating) = futures::join!(list.list(), neutron.floating_ips());
    let mut all = match all {
        Ok(all) => all,
        Err(error) => return Part::unread(Unread::new("load balancers", &error)),
    };
    all.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let mut unread = Vec::new();
    let floating = floating.unwrap_or_else(|error| {
        unread.push(Unread::new("floating IPs", &error));
        Vec::new()
    });
    let mut rows: Vec<_> = all.iter().map(|one| balancer(one, &floating)).collect();
    if let Err(one) = amphorae(clients, &mut rows).await {
        unread.push(one);
    }
    Part::of(rows).without(unread)
}

fn balancer(one: &LoadBalancer, floating: &[FloatingIp]) -> Balancer {
    let of = |ip: &&FloatingIp| ip.port_id.is_some() && ip.port_id == one.vip_port_id;
    Balancer {
        name: one.name.clone(),
        id: one.id.clone(),
        cluster: None,
        provider: one.provider.clone(),
        address: one.vip_address.clone(),
        floating_ip: floating.iter().find(of).map(|ip| ip.floating_ip_address.clone()),
        provisioning: one.provisioning_status.clone(),
        operating: one.operating_status.clone(),
        amphorae: Vec::new(),
    }
}

/// Adds the amphorae, which only administrators see.
async fn amphorae(clients: &CloudClients, rows: &mut [Balancer]) -> Result<(), Unread> {
    let with = |row: &&mut Balancer| row.provider.as_deref().is_none_or(|name| name != "ovn");
    let mut rows: Vec<_> = rows.iter_mut().filter(with).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let unread = |error| Unread::new("amphorae of load balancers", &error);
    let admin = LoadBalancerAdmin::new(Arc::clone(&clients.operator)).await.map_err(unread)?;
    for row in &mut rows {
        let (all, _) = admin.amphorae(&row.id).await.map_err(unread)?;
        let shown = all.iter().map(|one| {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".to_owned());
            format!("{} {}", text(&one.role), text(&one.status))
        });
        row.amphorae = shown.collect();
        row.amphorae.sort();
    }
    Ok(())
}

/// Says to which cluster a load balancer belongs: its name has that of the cluster's Cluster API object.
fn named_after_clusters(mut balancers: Part<Balancer>, clusters: &[Cluster]) -> Part<Balancer> {
    for row in &mut balancers.rows {
        let is_of = |cluster: &&Cluster| {
            cluster.stack.as_deref().is_some_and(|stack| row.name.contains(stack))
        };
        row.cluster = clusters.iter().find(is_of).map(|cluster| cluster.name.clone());
    }
    balancers
}
