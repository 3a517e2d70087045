//! D-011.3: a server on a tenant network reaches the address of the APIs.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use omega_core::{Context, Evidence, Failure, FailureClass, Finding, Label as _, Note, Subject};
use omega_juju::{FailureCode, Probe, ReachState, Unit};
use url::Url;

use super::{Cloud, endpoints::public};
use crate::acceptance::{Answer, Chart, Item, ItemId, Stage};

/// D-011.3.
#[derive(Debug)]
pub struct Tenant {
    /// The server, or why it can't be asked.
    pub server: Result<Arc<Unit>, Failure>,
    /// The address to reach; by default the catalog's public endpoint of Keystone.
    pub address: Option<Url>,
    /// The cloud, for its catalog, or why it can't be asked.
    pub cloud: Result<Cloud, Failure>,
    /// The cloud's CA, as PEM; the server's own CAs if it is none.
    pub ca_pem: Option<String>,
}

#[async_trait]
impl Item for Tenant {
    fn id(&self) -> ItemId {
        ItemId::Tenant
    }

    fn effects(&self) -> Result<Vec<String>, Failure> {
        self.server.as_ref().map(|_| Vec::new()).map_err(Failure::clone)
    }

    async fn check(&self, _: &Context) -> Answer {
        match self.ask().await {
            Ok((server, url, state)) => {
                let chart = Chart::Stages {
                    title: "Time to answer, from the tenant's server".to_owned(),
                    stages: vec![
                        Stage::new(
                            url.as_str(),
                            Duration::ZERO,
                            Duration::from_millis(state.millis),
                        )
                        .failed(!is_good(&url, &state)),
                    ],
                };
                judge(&server, &url, &state).noting([note()]).charting(chart)
            }
            Err(failure) => Answer::unasked(&failure),
        }
    }
}

fn note() -> Note {
    Note::decision(
        "D-011",
        "The runbook looks for TCP only. Here TLS must hold too, with the cloud's CA; the CA is sent \
         along, and nothing is installed on the server.",
    )
}

impl Tenant {
    async fn ask(&self) -> Result<(String, Url, ReachState), Failure> {
        let server = self.server.as_ref().map_err(Failure::clone)?;
        let url = self.address().await?;
        let (host, port) = host(&url)?;
        let state = server.reach(Probe::Reach { host, port, ca_pem: self.ca_pem.clone() }).await;
        let what = || format!("could not ask {} what it reaches", server.label());
        let state = state.map_err(|error| Failure::from_error(what(), &error))?;
        Ok((server.label(), url, state))
    }

    async fn address(&self) -> Result<Url, Failure> {
        if let Some(url) = &self.address {
            return Ok(url.clone());
        }
        let cloud = self.cloud.as_ref().map_err(Failure::clone)?;
        let token = cloud.transport.token_info().await;
        let token =
            token.map_err(|error| Failure::from_error("could not read the catalog", &error))?;
        let listed = public(&token.catalog, "identity", cloud.region.as_deref());
        let url = listed.and_then(|url| url.parse().ok());
        url.ok_or_else(|| {
            Failure::new(FailureClass::Error, "the catalog has no public endpoint of Keystone")
                .next("name the address: `tenant_address` in [acceptance]")
        })
    }
}

fn host(url: &Url) -> Result<(String, u16), Failure> {
    let host = url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned());
    host.zip(url.port_or_known_default())
        .ok_or_else(|| Failure::new(FailureClass::Usage, format!("{url} names no host and port")))
}

fn is_good(url: &Url, state: &ReachState) -> bool {
    state.tcp && (state.tls || url.scheme() != "https")
}

fn judge(server: &str, url: &Url, state: &ReachState) -> Answer {
    let took = Evidence::took("answer after", Duration::from_millis(state.millis));
    let evidence = [
        Some(Evidence::text("server", server)),
        Some(Evidence::text("address", url.as_str())),
        state.tcp.then(|| Evidence::holds("TCP connected")),
        state.tls.then(|| Evidence::holds("TLS verified")),
        state.status.map(|status| Evidence::text("HTTP status", status.to_string())),
        Some(took),
    ];
    let evidence = evidence.into_iter().flatten().collect();
    if is_good(url, state) {
        return Answer::judged(Vec::new(), evidence);
    }
    let subject = Subject::new("server", server);
    let because = state.error.as_deref().unwrap_or("no reason was given");
    let found = if state.tcp {
        let why = format!("it connects to {url}, and TLS fails: {because}");
        Finding::broken("tenant-tls", subject, why).remedy(
            "check who issued the certificate; `cacert` in clouds.yaml names the cloud's CA",
        )
    } else {
        let refused = state.code == Some(FailureCode::Tcp) && because.contains("refused");
        let remedy = if refused {
            "nothing listens there: check the service behind the address"
        } else {
            "check the route from the tenant's network: its router has a gateway on the external \
             network, and the hosts forward to the addresses of the APIs (D-003)"
        };
        let why = format!("it does not reach {url}: {because}");
        Finding::broken("tenant-cut-off", subject, why).decision("D-003").remedy(remedy)
    };
    Answer::judged(vec![found], evidence)
}

#[cfg(test)]
#[path = "tenant_tests.rs"]
mod tests;
