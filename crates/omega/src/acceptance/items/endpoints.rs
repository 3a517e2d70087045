//! D-011.2: the core services answer this machine.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::join_all;
use omega_core::{
    Context, Diagnostic as _, Evidence, Failure, Finding, Note, Severity, Subject, url_words,
};
use omega_openstack::{
    Catalog, CatalogEntry, Error, Page, Service, Transport, TransportCause, Web,
};
use url::Url;

use super::causes;
use crate::acceptance::{Answer, Chart, Item, ItemId, Stage};

/// The core services of the runbook, by their type in the catalog. `dashboard` is Horizon, which no
/// catalog lists.
pub const CORE: [&str; 10] = [
    "identity",
    "key-manager",
    "block-storage",
    "image",
    "container-infra",
    "network",
    "compute",
    "load-balancer",
    "placement",
    DASHBOARD,
];

/// Horizon, which has no type in a catalog.
pub(crate) const DASHBOARD: &str = "dashboard";

/// A list of each core service that costs little, and that is answered only once the service has had the
/// token checked: its type, its version, its path and its query. A version document proves less: services
/// answer it before they look at a token, whether or not they can check one.
///
/// Keystone's catalog is the only list that every user may read there. Barbican's list is from its database:
/// no GET reaches the Vault behind it (D-011.6 asks Vault itself).
const LISTS: [(&str, &str, &[&str], &str); 9] = [
    ("identity", "v3", &["auth", "catalog"], ""),
    ("key-manager", "v1", &["secrets"], "limit=1"),
    ("block-storage", "v3", &["volumes"], "limit=1"),
    ("image", "v2", &["images"], "limit=1"),
    ("container-infra", "v1", &["clusters"], "limit=1"),
    ("network", "v2.0", &["networks"], "limit=1"),
    ("compute", "v2.1", &["servers"], "limit=1"),
    ("load-balancer", "v2", &["lbaas", "loadbalancers"], "limit=1"),
    // It knows no versions and no limit.
    ("placement", "", &["resource_providers"], "name=omega"),
];
/// What glance-simplestreams-sync registers.
const STREAMS: &str = "product-streams";

/// The cloud whose endpoints are asked.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// It has the catalog.
    pub transport: Arc<dyn Transport>,
    /// Sends the token: for what the catalog lists.
    pub with_token: Arc<dyn Web>,
    /// Sends none: for other addresses.
    pub without_token: Arc<dyn Web>,
    /// The region, if the catalog has several.
    pub region: Option<String>,
}

/// D-011.2.
#[derive(Debug)]
pub struct Endpoints {
    /// The cloud, or why it can't be asked.
    pub cloud: Result<Cloud, Failure>,
    /// The types of the core services.
    pub core: Vec<String>,
    /// Horizon's address.
    pub horizon: Option<Url>,
    /// Whether endpoints without TLS are accepted.
    pub plain_http: bool,
}

#[async_trait]
impl Item for Endpoints {
    fn id(&self) -> ItemId {
        ItemId::Endpoints
    }

    fn effects(&self) -> Result<Vec<String>, Failure> {
        self.cloud.as_ref().map(|_| Vec::new()).map_err(Failure::clone)
    }

    async fn check(&self, _: &Context) -> Answer {
        let cloud = match &self.cloud {
            Ok(cloud) => cloud,
            Err(failure) => return Answer::unasked(failure),
        };
        match cloud.transport.token_info().await {
            Ok(token) => self.ask(cloud, &token.catalog).await.noting(notes()),
            Err(error) => without_catalog(&error).noting(notes()),
        }
    }
}

fn notes() -> [Note; 1] {
    [Note::decision(
        "D-011",
        "The runbook asks each address with curl -k and without a token: any certificate will do, and a \
         service that can't check a token passes. Here the certificate must be one that the cloud's CA \
         verifies, and a list is read with the token.",
    )]
}

/// What is asked of a service.
#[derive(Debug, PartialEq, Eq)]
struct Probe {
    url: Url,
    /// Why no token is checked there, if none is.
    open: Option<&'static str>,
}

/// A question, and what it was answered.
struct Asked<'a> {
    service: &'a str,
    probe: Probe,
    answer: Result<Page, Error>,
}

impl Endpoints {
    async fn ask(&self, cloud: &Cloud, catalog: &Catalog) -> Answer {
        let (mut findings, mut asked) = (Vec::new(), Vec::new());
        for service in &self.core {
            match self.probe(service, catalog, cloud.region.as_deref()) {
                Ok(probe) => asked.push((service.as_str(), probe)),
                Err(finding) => findings.push(*finding),
            }
        }
        let all = asked.into_iter().map(|(service, probe)| async move {
            let web = if probe.open.is_some() { &cloud.without_token } else { &cloud.with_token };
            let answer = web.get(&probe.url).await;
            Asked { service, probe, answer }
        });
        let all = join_all(all).await;
        findings.extend(all.iter().filter_map(judge));
        findings.extend(others(&self.core, catalog));
        let answered = all.iter().filter(|one| judge(one).is_none()).count();
        let mut evidence = vec![Evidence::text(
            "core services that answer",
            format!("{answered} of {}", self.core.len()),
        )];
        evidence.extend(all.iter().filter_map(shown));
        Answer::judged(findings, evidence).charting(chart(&all))
    }

    /// Returns what a service is asked.
    fn probe(
        &self,
        service: &str,
        catalog: &Catalog,
        region: Option<&str>,
    ) -> Result<Probe, Box<Finding>> {
        let subject = Subject::new("service", service);
        if service == DASHBOARD {
            let open = Some("it has a login of its own");
            let url = self.horizon.clone().map(|url| Probe { url, open });
            return url.ok_or_else(|| {
                let why = "no address of Horizon is known: no catalog lists it";
                let found = Finding::broken("endpoint-not-named", subject, why);
                let remedy = "name `horizon` in [acceptance], or leave `dashboard` out of `core`";
                Box::new(found.severity(Severity::Unknown).remedy(remedy))
            });
        }
        let listed = types(service).iter().find_map(|name| public(catalog, name, region));
        let Some(listed) = listed else {
            let why = "the catalog has no public endpoint for it";
            let found = Finding::broken("endpoint-missing", subject, why);
            let remedy = format!("openstack endpoint list --service {service}");
            return Err(Box::new(found.remedy(remedy)));
        };
        let url = listed.parse::<Url>().map_err(|error| {
            let why = format!("its public endpoint is not an address: {}", url_words(error));
            let found = Finding::broken("endpoint-invalid", subject.clone(), why);
            Box::new(found.shown_by([Evidence::text("endpoint", listed)]))
        })?;
        match (url.scheme(), list_of(service, &url)) {
            ("https", Some(url)) => return Ok(Probe { url, open: None }),
            ("https", None) => {
                return Ok(Probe { url: root(url), open: Some("version document only") });
            }
            _ if self.plain_http => {
                let open = Some("version document only, because no token is sent without TLS");
                return Ok(Probe { url: root(url), open });
            }
            _ => {}
        }
        let found =
            Finding::broken("endpoint-without-tls", subject, "its public endpoint has no TLS");
        let remedy = "give the service a certificate (relation to vault:certificates); in a lab \
                      `plain_http = true` in [acceptance] accepts it";
        Err(Box::new(found.shown_by([Evidence::text("endpoint", listed)]).remedy(remedy)))
    }
}

/// The names that the catalog may list a service under.
pub(crate) fn types(service: &str) -> Vec<&str> {
    let known = [
        Service::Identity,
        Service::Network,
        Service::ContainerInfra,
        Service::BlockStorage,
        Service::LoadBalancer,
        Service::Compute,
        Service::Image,
        Service::Placement,
        Service::KeyManager,
    ];
    let same = known.iter().find(|one| one.types().contains(&service));
    same.map_or_else(|| vec![service], |one| one.types().to_vec())
}

/// Returns the URL of the public endpoint of this type.
pub(crate) fn public<'a>(
    catalog: &'a Catalog,
    name: &str,
    region: Option<&str>,
) -> Option<&'a str> {
    let of_type = catalog.0.iter().filter(|entry| entry.service_type == name);
    let mut endpoints = of_type.flat_map(|entry| &entry.endpoints);
    let is_meant = |one: &&omega_openstack::Endpoint| {
        one.interface == "public"
            && region.is_none_or(|region| one.region_id.as_deref() == Some(region))
    };
    endpoints.find(is_meant).map(|one| one.url.as_str())
}

fn is_version(part: &str) -> bool {
    let rest = part.strip_prefix('v').unwrap_or_default();
    rest.starts_with(|c: char| c.is_ascii_digit())
}

/// Returns the address of a list that the service answers to a token, below the address that the catalog
/// has; None if no list of it is known.
fn list_of(service: &str, listed: &Url) -> Option<Url> {
    let same = types(service);
    let (_, version, path, query) = LISTS.into_iter().find(|(name, ..)| same.contains(name))?;
    let has_version = listed.path_segments()?.any(is_version);
    let mut url = listed.clone();
    {
        let mut parts = url.path_segments_mut().ok()?;
        parts.pop_if_empty();
        parts.extend((!has_version && !version.is_empty()).then_some(version));
        parts.extend(path);
    }
    url.set_query((!query.is_empty()).then_some(query));
    Some(url)
}

/// Returns the address of the version document: the URL up to its first version (`/v3/PROJECT`).
fn root(mut url: Url) -> Url {
    let parts: Vec<String> = url
        .path_segments()
        .into_iter()
        .flatten()
        .take_while(|part| !is_version(part))
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(parts).push("");
    }
    url.set_query(None);
    url
}

fn judge(asked: &Asked<'_>) -> Option<Finding> {
    let subject = Subject::new("service", asked.service);
    let Asked { service, probe, answer } = asked;
    let found = match answer {
        Ok(page) => refused(service, probe, page, subject)?,
        Err(error) => unanswered(&subject, error),
    };
    Some(found.shown_by([Evidence::text("address", probe.url.as_str())]))
}

/// What is wrong with a page, if anything is.
fn refused(service: &str, probe: &Probe, page: &Page, subject: Subject) -> Option<Finding> {
    let Probe { url, open } = probe;
    let status = page.status;
    let good = match (service, open) {
        // It redirects to its login.
        (DASHBOARD, _) => (200..400).contains(&status),
        // 300 is the list of versions of Keystone, Cinder, Glance and Barbican.
        (_, Some(_)) => (200..=300).contains(&status),
        (_, None) => (200..300).contains(&status),
    };
    if good {
        // A proxy's page may also have the status 200.
        let is_list = open.is_some() || page.body.trim_ascii_start().starts_with(b"{");
        let why = format!("it answers {status} at {url}, and not with a list");
        let remedy = "check what answers at this address: another page than the service's";
        return (!is_list).then(|| Finding::broken("endpoint-status", subject, why).remedy(remedy));
    }
    if (status, open) == (403, &None) {
        let why = format!(
            "it answers 403 at {url}: this user's role does not permit the list, so nothing behind it was read"
        );
        let found = Finding::broken("endpoint-forbidden", subject, why).severity(Severity::Unknown);
        return Some(found.remedy(
            "use a user in clouds.yaml who may read it (an administrator for placement; \
             load-balancer_member for load-balancer)",
        ));
    }
    let remedy = match status {
        401 => {
            "check [keystone_authtoken] of the service, and its log: openstack token issue works, and the \
             service can't check the token"
        }
        502..=504 => {
            "check the service behind its proxy, and whether it reaches Keystone: haproxy answers in its \
             place, or the service can't check tokens"
        }
        _ => "check the service's log, and its endpoint: openstack endpoint list",
    };
    let why = format!("it answers {status} at {url}");
    Some(Finding::broken("endpoint-status", subject, why).remedy(remedy))
}

/// A service that does not answer.
pub(super) fn unanswered(subject: &Subject, error: &Error) -> Finding {
    let why = causes(error);
    let of = |rule, remedy: &str| Finding::broken(rule, subject.clone(), &why).remedy(remedy);
    match cause(error) {
        Some(TransportCause::Tls) => of(
            "endpoint-certificate",
            "check who issued its certificate, and for which name; `cacert` in clouds.yaml names the \
             cloud's CA",
        ),
        Some(TransportCause::Refused) => {
            of("endpoint-unreachable", "nothing listens there: check the service and its proxy")
        }
        Some(_) => of(
            "endpoint-unreachable",
            "check the route from this machine to the address, and the service behind it",
        ),
        None => {
            let next = error.next();
            of("endpoint-unasked", next.as_deref().unwrap_or("see the cause"))
                .severity(Severity::Unknown)
        }
    }
}

fn cause(error: &Error) -> Option<TransportCause> {
    if let Error::Unreachable { cause, .. } = error {
        return Some(*cause);
    }
    let Error::Login { source, .. } = error else { return None };
    cause(source)
}

/// Without a token there is no catalog. That Keystone does not answer is an answer to this item; that it
/// refuses this user is none.
fn without_catalog(error: &Error) -> Answer {
    let subject = || Subject::new("service", "identity");
    let login = if let Error::Login { source, .. } = error { Some(source) } else { None };
    let status = login.and_then(|source| source.refusal()).map(|one| one.status);
    let found = match (cause(error), status) {
        (Some(_), _) => unanswered(&subject(), error),
        (None, Some(500..)) => Finding::broken("endpoint-status", subject(), causes(error))
            .remedy("check Keystone behind its proxy"),
        _ => return Answer::unasked(&Failure::from_error("could not log in", error)),
    };
    let rest = Subject::new("services", "the other core services");
    let unknown = Finding::broken("endpoint-unasked", rest, "only Keystone's catalog lists them");
    Answer::judged(vec![found, unknown.severity(Severity::Unknown)], Vec::new())
}

/// Notes about what the catalog lists besides the core.
fn others(core: &[String], catalog: &Catalog) -> Vec<Finding> {
    let wanted: Vec<&str> = core.iter().flat_map(|name| types(name)).collect();
    let is_other = |entry: &&CatalogEntry| !wanted.contains(&entry.service_type.as_str());
    let note = |entry: &CatalogEntry| {
        let name = entry.service_type.as_str();
        let why = if name == STREAMS {
            "not core, and not asked: glance-simplestreams-sync registers the address of its own unit, \
             in plain HTTP, to which this machine needs no route"
        } else {
            "not core, and not asked"
        };
        Finding::broken("endpoint-not-core", Subject::new("service", name), why)
            .severity(Severity::Note)
            .decision("D-011")
    };
    catalog.0.iter().filter(is_other).map(note).collect()
}

fn shown(asked: &Asked<'_>) -> Option<Evidence> {
    let page = asked.answer.as_ref().ok()?;
    let took = page.took.as_millis();
    let Asked { service, probe: Probe { url, open }, .. } = asked;
    let open = open.map(|why| format!("; not authenticated: {why}")).unwrap_or_default();
    Some(Evidence::text(service, format!("{} from {url} in {took} ms{open}", page.status)))
}

fn chart(all: &[Asked<'_>]) -> Chart {
    let stage = |one: &Asked<'_>| {
        let took = one.answer.as_ref().map_or(Duration::ZERO, |page| page.took);
        Stage::new(one.service, Duration::ZERO, took).failed(judge(one).is_some())
    };
    let title = "Time to answer, by service".to_owned();
    Chart::Stages { title, stages: all.iter().map(stage).collect() }
}

#[cfg(test)]
#[path = "endpoints_tests.rs"]
mod tests;
