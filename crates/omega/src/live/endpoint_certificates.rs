//! `endpoint-certificates`: the public endpoints show certificates that clients accept, for long enough.

#![allow(clippy::single_match_else, reason = "it reads better so")]

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use jiff::Timestamp;
use omega_core::{
    Clock, Evidence, Failure, Gate, Severity, Subject, Verdict, chain,
    kubeconfig::{RENEW_WITHIN, expires_soon},
};
use omega_openstack::{
    Catalog, CertificateReader, Error, ServedCertificates, Transport, TransportCause,
};
use url::Url;

use super::judgement::Judged;
use crate::{
    acceptance::items::{DASHBOARD, catalog_types, public_endpoint},
    lint::Rule,
};

pub(super) const RULE: Rule = Rule {
    id: "endpoint-certificates",
    decision: Some("D-008"),
    severity: Severity::Broken,
    reason: "Clients reach a public endpoint by its name: the certificate must cover it, be of the cloud's CA, and last.",
    source: "RFC 9525; D-019: public endpoints have names that external DNS resolves; openstack/charm-vault src/config.yaml: default-ttl, 8759h",
};

/// The gate that each core service's public endpoint, Horizon and the units of Vault show a certificate that
/// covers the name in its address, that the CA verifies, and that does not end within 30 days.
#[derive(Clone, Debug)]
pub struct EndpointCertificates {
    /// The cloud, whose catalog has the endpoints.
    pub transport: Arc<dyn Transport>,
    /// Keystone's address, for who gets no catalog.
    pub auth_url: Url,
    /// The region, if the catalog has several.
    pub region: Option<String>,
    /// The core services, by their types.
    pub core: Vec<String>,
    /// Horizon's address, if the site names it.
    pub horizon: Option<Url>,
    /// The addresses of the units of Vault.
    pub vault: Vec<Url>,
    /// Trusts the cloud's CA.
    pub reader: CertificateReader,
    /// Trusts the CA of Vault's own certificates, or why it can't be used.
    pub vault_reader: Result<CertificateReader, Failure>,
    /// Whether endpoints without TLS are accepted.
    pub plain_http: bool,
    /// For the ends of certificates.
    pub clock: Clock,
}

/// An address to look at.
struct Address {
    service: String,
    url: Url,
    of_vault: bool,
}

impl EndpointCertificates {
    /// Returns the addresses; what has none is reported.
    fn addresses(&self, catalog: &Catalog, judged: &mut Judged) -> Vec<Address> {
        let mut all = Vec::new();
        for service in self.core.iter().filter(|service| *service != DASHBOARD) {
            let types = catalog_types(service);
            let listed = types
                .iter()
                .find_map(|name| public_endpoint(catalog, name, self.region.as_deref()));
            let Some(listed) = listed else {
                let remedy = format!("openstack endpoint list --service {service}");
                judged.unknown(format!("{service} has no public endpoint in the catalog"), remedy);
                continue;
            };
            match listed.parse() {
                Ok(url) => all.push(Address { service: service.clone(), url, of_vault: false }),
                Err(_) => {
                    let remedy = format!("openstack endpoint list --service {service}");
                    judged.broken(format!("{service}: {listed} is not an address"), remedy);
                }
            }
        }
        all
    }

    /// Returns the addresses that the site names, and no catalog.
    fn named(&self) -> impl Iterator<Item = Address> {
        let horizon = self.horizon.iter().map(|url| (DASHBOARD.to_owned(), url, false));
        let vault = self
            .vault
            .iter()
            .map(|url| (format!("vault {}", url.host_str().unwrap_or_default()), url, true));
        horizon.chain(vault).map(|(service, url, of_vault)| Address {
            service,
            url: url.clone(),
            of_vault,
        })
    }

    async fn look(&self, address: &Address) -> Result<ServedCertificates, String> {
        let reader = match (&self.vault_reader, address.of_vault) {
            (Ok(reader), true) => reader,
            (Err(failure), true) => return Err(failure.message.clone()),
            (_, false) => &self.reader,
        };
        reader.read(&address.url).await.map_err(|error| {
            if let Error::Unreachable { cause: TransportCause::Tls, .. } = &error {
                return format!("{NO_TLS}{}", chain(&error).last().cloned().unwrap_or_default());
            }
            chain(&error).join(": ")
        })
    }

    fn judge(
        &self,
        address: &Address,
        seen: &Result<ServedCertificates, String>,
        judged: &mut Judged,
    ) {
        let Address { service, url, .. } = address;
        let served = match seen {
            Ok(served) => served,
            Err(why) => return without(service, why, judged),
        };
        let Some(own) = served.own() else {
            return judged.broken(
                format!("{service}: its certificate is not readable"),
                "openssl s_client -connect HOST:PORT",
            );
        };
        let signed = if own.self_signed { "self-signed".to_owned() } else { own.issuer.clone() };
        let shown = format!("{url} covers {}, signed by {signed}", own.names.join(" and "));
        judged.shows(Evidence::text(service, shown));
        let end = served.chain.iter().map(|one| one.not_after).min().unwrap_or(own.not_after);
        judged.shows(Evidence::time(&format!("{service} ends"), end));
        if let Some(why) = &served.refused {
            let itself = if own.self_signed { "it is self-signed: " } else { "" };
            judged.broken(format!("{service}: {itself}{why}"), remedy(own.not_after, self.clock));
            return;
        }
        if own.self_signed {
            let why = format!(
                "{service}: its certificate is self-signed, and accepted only because `cacert` is the same"
            );
            judged.warning(why, "relate the service to vault:certificates");
        }
        let now = self.clock.now();
        if end <= now {
            let why = format!("{service}: a certificate of its chain has expired");
            judged.broken(why, RENEW);
        } else if expires_soon(Some(end), now) {
            let days = end.duration_since(now).as_hours() / 24;
            judged.warning(format!("{service}: its certificate ends in {days} days"), RENEW);
        }
    }
}

/// Marks that a server does not speak TLS, in what [`EndpointCertificates::look`] returns.
const NO_TLS: &str = "no TLS: ";
const RENEW: &str = "juju run vault/leader reissue-certificates";

fn remedy(end: Timestamp, clock: Clock) -> String {
    if end <= clock.now() {
        return RENEW.to_owned();
    }
    "check who issued it and for which name (os-public-hostname of the charm, its relation to \
     vault:certificates); `cacert` in clouds.yaml names the cloud's CA"
        .to_owned()
}

fn without(service: &str, why: &str, judged: &mut Judged) {
    match why.strip_prefix(NO_TLS) {
        Some(why) => {
            judged.broken(
                format!("{service}: {why}"),
                "check the scheme and the port of the endpoint",
            );
        }
        None => judged.unknown(
            format!("{service}: its certificate could not be read: {why}"),
            "check the service, and the route from this machine to it",
        ),
    }
}

#[async_trait]
impl Gate for EndpointCertificates {
    fn rule(&self) -> &'static str {
        RULE.id
    }

    fn subject(&self) -> Subject {
        subject()
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let mut judged = Judged::new(&RULE, subject());
        let mut all = match self.transport.token_info().await {
            Ok(token) => self.addresses(&token.catalog, &mut judged),
            Err(error) => {
                let why = chain(&error).join(": ");
                let remedy = "omega-cli doctor says why there is no login";
                judged.unknown(format!("only Keystone's catalog lists the others: {why}"), remedy);
                let service = "identity".to_owned();
                vec![Address { service, url: self.auth_url.clone(), of_vault: false }]
            }
        };
        all.extend(self.named());
        let (secure, plain): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|address| address.url.scheme() == "https");
        let seen = join_all(secure.iter().map(|address| self.look(address))).await;
        for (address, seen) in secure.iter().zip(&seen) {
            self.judge(address, seen, &mut judged);
        }
        for Address { service, url, .. } in plain {
            judged.shows(Evidence::text(&service, url.as_str()));
            if !self.plain_http {
                let remedy = "give the service a certificate (relation to vault:certificates); in a lab \
                              `plain_http = true` in [acceptance] accepts it";
                judged.broken(format!("{service}: its public endpoint has no TLS"), remedy);
            }
        }
        Ok(judged.verdict())
    }
}

pub(super) fn subject() -> Subject {
    let days = RENEW_WITHIN.as_hours() / 24;
    Subject::new("certificates", format!("of the public endpoints, for {days} days"))
}

#[cfg(test)]
#[path = "endpoint_certificates_tests.rs"]
mod tests;
