//! Magnum's trustee domain, as a site names it.

use omega_openstack::identity::TrusteeDomain;

use crate::{
    clients::CloudClients,
    site::{Site, Trust},
};

/// Magnum's trustee domain, and the charm that sets it up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trustee {
    /// The domain and its administrator.
    pub trust: Trust,
    /// The application of Magnum's charm in Juju.
    pub application: String,
}

impl Trustee {
    /// Returns those of the site. The application is that of its conductor; `magnum` if it names none.
    pub fn of(site: &Site) -> Self {
        let conductor = site.conductor().ok();
        let application = conductor.and_then(|conductor| {
            let of_unit = || Some(conductor.unit.first()?.name.application().to_owned());
            conductor.application.clone().or_else(of_unit)
        });
        Self {
            trust: site.trust.clone(),
            application: application.unwrap_or_else(|| "magnum".to_owned()),
        }
    }
}

/// Returns the gate of 7.0: Magnum's trustee domain exists. `uncached`: without cached answers.
pub fn trustee_domain(trustee: &Trustee, cloud: &CloudClients, uncached: bool) -> TrusteeDomain {
    let Trustee { trust, application } = trustee;
    TrusteeDomain {
        uncached,
        domain: trust.domain.clone(),
        admin: trust.admin.clone(),
        application: application.clone(),
        ..TrusteeDomain::new((*cloud.identity).clone())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_application_is_the_one_that_the_site_names() {
        for (conductor, expected) in [
            ("application = \"magnum-k8s\"", "magnum-k8s"),
            ("unit = [{ name = \"coe/0\", ssh = \"u@h\" }]", "coe"),
        ] {
            let site = Site::parse(Path::new("omega.toml"), &format!("[conductor]\n{conductor}\n"));
            assert_eq!(Trustee::of(&site.unwrap()).application, expected);
        }
        let site = Site::parse(Path::new("omega.toml"), "").unwrap();
        assert_eq!(Trustee::of(&site).application, "magnum");
    }
}
