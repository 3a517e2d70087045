//! `public-hostname`

use std::net::IpAddr;

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "public-hostname",
    decision: Some("D-019"),
    severity: Severity::Broken,
    reason: "Public endpoints are names that the certificate has; internal and admin endpoints stay addresses, as nothing inside resolves names.",
    source: "openstack/charms.openstack charms_openstack/ip.py; juju/charm-helpers charmhelpers/contrib/openstack/ip.py",
};

/// The charms whose API has an entry in the catalog. Horizon and Vault have none.
const WITHOUT_ENDPOINT: [&str; 2] = ["openstack-dashboard", "vault"];

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for application in &input.bundle.applications {
        let Some(charm) = application.charm() else { continue };
        let is_api = input.policy.clustered.iter().any(|one| one == charm)
            && !WITHOUT_ENDPOINT.contains(&charm);
        if is_api && application.option_text("os-public-hostname").is_none_or(str::is_empty) {
            let summary = "os-public-hostname is not set: the public endpoint becomes an address";
            let remedy = format!(
                "set os-public-hostname: the name of {charm} that DNS has for its public virtual IP"
            );
            hits.push(Hit::new(application.place, &application.name, summary, remedy));
        }
        let name = application.option("os-public-hostname");
        let is_no_name = |text: &str| text.parse::<IpAddr>().is_ok() || text.contains(['/', ' ']);
        if let Some(value) = name.filter(|value| value.text().is_some_and(is_no_name)) {
            let summary = "os-public-hostname is not a name: no certificate has it";
            let remedy = "write the name alone, as DNS has it";
            hits.push(Hit::new(value.place, &application.name, summary, remedy));
        }
        for option in ["os-internal-hostname", "os-admin-hostname"] {
            let Some(value) = application.option(option).filter(|value| value.text() != Some(""))
            else {
                continue;
            };
            let summary = format!("{option} is set, but no DNS inside the cloud resolves it");
            hits.push(Hit::new(
                value.place,
                &application.name,
                summary,
                format!("leave {option} out until the cloud has DNS"),
            ));
        }
    }
    hits
}
