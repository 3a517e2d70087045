//! What operations need of a site file.

use std::path::Path;

use omega_core::{Failure, FailureClass};
use toml::Spanned;

use super::{Acceptance, Chart, Compute, Conductor, Driver, Helm, Project, Prove, Site};

pub(super) const CLOUD: &str = "[cloud], or the OS_* variables";
const KUBECONFIG: &str = "`kubeconfig` in [management]";
const PROJECT: &str = "`project` in [management]";
const SECURITY_GROUP: &str = "`security_group` in [management]";
const SOURCES: &str = "`sources` in [management]";
const CONDUCTOR: &str = "[conductor]";
const DRIVER: &str = "[driver]";
const HELM: &str = "[helm]";
const CHART: &str = "[chart]";

const KUBECONFIG_PATH: &str = "/etc/magnum/kubeconfig";

impl Site {
    /// Returns what the graft needs and the file does not have, as a person would name it. Without a
    /// `project` the login's own counts.
    pub fn missing_for_graft(&self) -> Vec<&'static str> {
        let Self { management, conductor, driver, helm, chart, .. } = self;
        [
            (management.kubeconfig.is_none(), KUBECONFIG),
            (management.security_group.is_none(), SECURITY_GROUP),
            (management.sources.is_none(), SOURCES),
            (conductor.is_none(), CONDUCTOR),
            (driver.is_none(), DRIVER),
            (helm.is_none(), HELM),
            (chart.is_none(), CHART),
        ]
        .into_iter()
        .filter_map(|(is_missing, what)| is_missing.then_some(what))
        .collect()
    }

    /// Checks that the file has all that the graft needs.
    ///
    /// # Errors
    ///
    /// Names everything that is missing.
    pub fn is_complete_for_graft(&self) -> Result<(), Failure> {
        match self.missing_for_graft().as_slice() {
            [] => Ok(()),
            missing => Err(needs(&missing.join(", "))),
        }
    }

    /// Returns the kubeconfig that the driver will use, as the file names it.
    ///
    /// # Errors
    ///
    /// As all of these: names the missing key.
    pub fn kubeconfig(&self) -> Result<&Path, Failure> {
        self.management.kubeconfig.as_deref().ok_or_else(|| needs(KUBECONFIG))
    }

    /// Returns the project that the management VM is in.
    ///
    /// # Errors
    ///
    /// As [`Site::kubeconfig`].
    pub fn project(&self) -> Result<&Project, Failure> {
        let project = self.management.project.as_ref().map(Spanned::get_ref);
        project.ok_or_else(|| needs(PROJECT))
    }

    /// Returns the security group in front of the management API.
    ///
    /// # Errors
    ///
    /// As [`Site::kubeconfig`].
    pub fn security_group(&self) -> Result<&str, Failure> {
        let group = self.management.security_group.as_deref();
        group.ok_or_else(|| needs(SECURITY_GROUP))
    }

    /// Returns the conductors' addresses, as the security group sees them.
    ///
    /// # Errors
    ///
    /// As [`Site::kubeconfig`].
    pub fn sources(&self) -> Result<&[String], Failure> {
        let sources = self.management.sources.as_ref().map(|all| all.get_ref().as_slice());
        sources.ok_or_else(|| needs(SOURCES))
    }

    /// Returns the path of the kubeconfig on a unit.
    pub fn kubeconfig_path(&self) -> &str {
        let path = self.management.path.as_ref().map(|path| path.get_ref().as_str());
        path.unwrap_or(KUBECONFIG_PATH)
    }

    /// Returns where the conductor runs.
    ///
    /// # Errors
    ///
    /// As [`Site::kubeconfig`].
    pub fn conductor(&self) -> Result<&Conductor, Failure> {
        self.conductor.as_ref().map(Spanned::get_ref).ok_or_else(|| needs(CONDUCTOR))
    }

    /// Returns the driver to pin.
    ///
    /// # Errors
    ///
    /// As [`Site::kubeconfig`].
    pub fn driver(&self) -> Result<&Driver, Failure> {
        self.driver.as_ref().map(Spanned::get_ref).ok_or_else(|| needs(DRIVER))
    }

    /// Returns the helm to pin.
    ///
    /// # Errors
    ///
    /// As [`Site::kubeconfig`].
    pub fn helm(&self) -> Result<&Helm, Failure> {
        self.helm.as_ref().map(Spanned::get_ref).ok_or_else(|| needs(HELM))
    }

    /// Returns the chart that the driver deploys.
    ///
    /// # Errors
    ///
    /// As [`Site::kubeconfig`].
    pub fn chart(&self) -> Result<&Chart, Failure> {
        self.chart.as_ref().map(Spanned::get_ref).ok_or_else(|| needs(CHART))
    }

    /// Returns what the charm of nova-compute should have.
    ///
    /// # Errors
    ///
    /// As [`Site::kubeconfig`].
    pub fn compute(&self) -> Result<&Compute, Failure> {
        self.compute.as_ref().map(Spanned::get_ref).ok_or_else(|| needs("[compute]"))
    }

    /// Returns what the acceptance checks.
    pub fn acceptance(&self) -> Acceptance {
        self.acceptance.as_ref().map(|one| one.get_ref().clone()).unwrap_or_default()
    }

    /// Returns the parameters of a proof cluster.
    ///
    /// # Errors
    ///
    /// As [`Site::kubeconfig`].
    pub fn prove(&self) -> Result<&Prove, Failure> {
        self.prove.as_ref().ok_or_else(|| {
            let what = "the site file has no [prove], which a proof needs";
            let next = "add it, with image, flavor and external_network; see docs/site-file.md";
            Failure::new(FailureClass::Usage, what).next(next)
        })
    }
}

fn needs(what: &str) -> Failure {
    let message = format!("the site file has no {what}, which this needs");
    Failure::new(FailureClass::Usage, message).next("add it; see docs/site-file.md")
}
