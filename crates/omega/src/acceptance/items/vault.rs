//! D-011.6: Vault is unsealed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::join_all;
use omega_core::{Context, Evidence, Failure, Finding, Note, Severity, Subject};
use omega_openstack::{Error, Page, Web};
use serde::Deserialize;
use url::Url;

use super::endpoints::unanswered;
use crate::acceptance::{Answer, Chart, Item, ItemId, Stage};

/// The units of Vault: each is asked by itself, because each has its own seal.
#[derive(Clone, Debug)]
pub struct VaultServers {
    /// Asks them. It sends no token.
    pub web: Arc<dyn Web>,
    /// Their addresses.
    pub addresses: Vec<Url>,
}

/// D-011.6.
#[derive(Debug)]
pub struct Vault {
    /// The units, or why they can't be asked.
    pub servers: Result<VaultServers, Failure>,
}

/// What a unit says of itself (vault, `http/sys_seal.go`): without authentication, and 200 in any state.
#[derive(Debug, Deserialize)]
struct SealStatus {
    initialized: bool,
    sealed: bool,
    /// How many shares there are.
    n: Option<u64>,
    /// How many of them unseal it.
    t: Option<u64>,
    /// How many were given since it was sealed.
    progress: Option<u64>,
    version: Option<String>,
}

/// What the status of `sys/health` means (vault, `http/sys_health.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Active,
    Standby,
    Other(u16),
}

#[async_trait]
impl Item for Vault {
    fn id(&self) -> ItemId {
        ItemId::Vault
    }

    fn effects(&self) -> Result<Vec<String>, Failure> {
        self.servers.as_ref().map(|_| Vec::new()).map_err(Failure::clone)
    }

    async fn check(&self, _: &Context) -> Answer {
        let servers = match &self.servers {
            Ok(servers) => servers,
            Err(failure) => return Answer::unasked(failure),
        };
        let all = servers.addresses.iter().map(|address| ask(&*servers.web, address));
        judge(&join_all(all).await).noting([note()])
    }
}

fn note() -> Note {
    Note::decision(
        "D-011",
        "v1 unseals by hand after each restart of a unit. Reading the state does not prove that the \
         operator can: restart a unit once and unseal it.",
    )
}

/// A unit and its answers.
struct Asked {
    address: Url,
    seal: Result<Page, Error>,
    health: Result<Page, Error>,
}

async fn ask(web: &dyn Web, address: &Url) -> Asked {
    let at = |path: &str| {
        let mut url = address.clone();
        url.set_path(path);
        url
    };
    let (seal, health) = (at("/v1/sys/seal-status"), at("/v1/sys/health"));
    let (seal, health) = futures::join!(web.get(&seal), web.get(&health));
    Asked { address: address.clone(), seal, health }
}

fn judge(all: &[Asked]) -> Answer {
    let mut findings: Vec<Finding> = all.iter().filter_map(finding).collect();
    let roles: Vec<Role> = all.iter().filter_map(role).collect();
    let is_unsealed = findings.is_empty() && !roles.is_empty();
    if is_unsealed && !roles.contains(&Role::Active) {
        let subject = Subject::new("vault", "all units");
        let why = "every unit is unsealed, and none is active";
        let none = Finding::broken("vault-no-leader", subject, why);
        findings.push(none.remedy("check the storage behind Vault (etcd), and vault's log"));
    }
    let evidence = all.iter().filter_map(shown).collect();
    let stage = |one: &Asked| {
        let took = one.seal.as_ref().map_or(Duration::ZERO, |page| page.took);
        Stage::new(one.address.as_str(), Duration::ZERO, took).failed(finding(one).is_some())
    };
    let title = "Time to answer, by unit of Vault".to_owned();
    let chart = Chart::Stages { title, stages: all.iter().map(stage).collect() };
    Answer::judged(findings, evidence).charting(chart)
}

fn finding(asked: &Asked) -> Option<Finding> {
    let subject = Subject::new("vault", asked.address.as_str());
    let page = match &asked.seal {
        Ok(page) => page,
        Err(error) => {
            let mut found = unanswered(&subject, error);
            found.rule = found.rule.replace("endpoint-", "vault-");
            let remedy = match found.rule.as_str() {
                "vault-certificate" => {
                    "check who issued its certificate: `vault_ca` in [acceptance] names the CA"
                }
                _ => "check that the unit's vault runs, and the route to it: juju status vault",
            };
            return Some(found.remedy(remedy));
        }
    };
    let Some(status) = status(page) else {
        let why = format!("it answers {} and no seal status: is it Vault?", page.status);
        return Some(Finding::broken("vault-unknown", subject, why).severity(Severity::Unknown));
    };
    if !status.initialized {
        let remedy = "initialise it once (phase 02), and keep the key shares apart";
        let why = "it is not initialised";
        return Some(Finding::broken("vault-uninitialised", subject, why).remedy(remedy));
    }
    if !status.sealed {
        return None;
    }
    let shares = status.t.map(|threshold| {
        let given = status.progress.unwrap_or_default();
        format!(" ({given} of {threshold} key shares given)")
    });
    let why = format!("it is sealed{}", shares.unwrap_or_default());
    let remedy = format!(
        "VAULT_ADDR={} vault operator unseal, with as many key shares, each at the hidden prompt; a \
         unit is sealed after each restart",
        asked.address.as_str().trim_end_matches('/')
    );
    Some(Finding::broken("vault-sealed", subject, why).remedy(remedy))
}

fn status(page: &Page) -> Option<SealStatus> {
    serde_json::from_slice(&page.body).ok().filter(|_| page.status == 200)
}

fn role(asked: &Asked) -> Option<Role> {
    let page = asked.health.as_ref().ok()?;
    Some(match page.status {
        200 => Role::Active,
        // 473: a performance standby (Enterprise).
        429 | 473 => Role::Standby,
        other => Role::Other(other),
    })
}

fn shown(asked: &Asked) -> Option<Evidence> {
    let status = status(asked.seal.as_ref().ok()?)?;
    let role = match role(asked) {
        Some(Role::Active) => Some("active".to_owned()),
        Some(Role::Standby) => Some("standby".to_owned()),
        // What the seal status says already.
        Some(Role::Other(501 | 503)) | None => None,
        Some(Role::Other(other)) => Some(format!("health {other}")),
    };
    let seal = match (status.initialized, status.sealed) {
        (false, _) => "not initialised",
        (true, true) => "sealed",
        (true, false) => "unsealed",
    };
    let shares = status.t.zip(status.n).filter(|(_, n)| *n > 0);
    let parts = [
        Some(seal.to_owned()),
        role,
        shares.map(|(t, n)| format!("{t} of {n} key shares unseal it")),
        status.version.map(|version| format!("version {version}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Some(Evidence::text(asked.address.as_str(), parts.join(", ")))
}

#[cfg(test)]
#[path = "vault_tests.rs"]
mod tests;
