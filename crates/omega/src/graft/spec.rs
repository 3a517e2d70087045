//! Turns the site file into typed desired facts, each from its part of the file.

use std::str::FromStr;

use omega_capi::coherence::Combination;
use omega_core::{
    Diagnostic, Failure, FailureClass,
    kubeconfig::{AuthKind, Kubeconfig},
};
use omega_driver::{ApiResources, CapiHelm, DriverRelease, Overrides};
use omega_juju::{
    Download, PipSource, UnitPath,
    operations::{
        ConvergeServices, EnsureHelm, HelmSource, PinDriver, PlaceKubeconfig, StageDropin,
    },
};
use omega_openstack::network::{Cidr, Flow, Ports, SgRule};
use semver::Version;

use crate::site::{Chart, Site};

/// Which of `sources` is wrong, and why.
type WrongSource = (usize, Failure);

/// Makes the desired facts of a site.
#[derive(Clone, Copy, Debug)]
pub struct SiteSpec<'a>(&'a Site);

impl<'a> SiteSpec<'a> {
    /// Makes those of `site`.
    pub fn new(site: &'a Site) -> Self {
        Self(site)
    }

    /// Returns where the kubeconfig goes on a unit.
    ///
    /// # Errors
    ///
    /// As all of these: names the key that is missing or has an invalid value.
    pub fn path(&self) -> Result<UnitPath, Failure> {
        value("management.path", self.0.kubeconfig_path())
    }

    /// Returns the driver's release. Needs `[driver]`.
    ///
    /// # Errors
    ///
    /// As [`SiteSpec::path`].
    pub fn release(&self) -> Result<DriverRelease, Failure> {
        value("driver.version", &self.0.driver()?.version)
    }

    /// Returns the driver's release, which must be one whose reads are known.
    ///
    /// # Errors
    ///
    /// As [`SiteSpec::path`].
    pub fn known_release(&self) -> Result<DriverRelease, Failure> {
        let release = self.release()?;
        release.require_known().map_err(|error| {
            let what = format!("driver.version in the site file: {error}");
            Failure { next: error.next(), ..Failure::new(FailureClass::Usage, what) }
        })?;
        Ok(release)
    }

    /// Returns the version of the chart. Needs `[chart]`.
    ///
    /// # Errors
    ///
    /// As [`SiteSpec::path`].
    pub fn chart_version(&self) -> Result<Version, Failure> {
        let text = &self.0.chart()?.version;
        text.parse().map_err(|_| {
            let what = format!("chart.version in the site file: {text:?} is not a version");
            Failure::new(FailureClass::Usage, what).next("write it in full, without a v: 0.25.1")
        })
    }

    /// Returns the addresses of the conductors, in the order of the file. Needs `sources` in
    /// `[management]`.
    ///
    /// # Errors
    ///
    /// As [`SiteSpec::path`]; refuses an address that is there twice.
    pub fn peers(&self) -> Result<Vec<Cidr>, Failure> {
        let (peers, mistakes) = self.peers_and_mistakes()?;
        mistakes.into_iter().next().map_or(Ok(peers), |(_, failure)| Err(failure))
    }

    /// Returns the addresses of the conductors, and which of `sources` is wrong, and why.
    pub(crate) fn peers_and_mistakes(self) -> Result<(Vec<Cidr>, Vec<WrongSource>), Failure> {
        let (mut peers, mut mistakes) = (Vec::new(), Vec::new());
        for (nth, source) in self.0.sources()?.iter().enumerate() {
            match value::<Cidr>("management.sources", source) {
                // `10.0.0.1` and `10.0.0.1/32` are the same address, and so the same rule.
                Ok(peer) if peers.contains(&peer) => {
                    let what = format!("management.sources has a duplicate: {peer}");
                    let failure = Failure::new(FailureClass::Usage, what);
                    mistakes.push((nth, failure.next("keep one of the two")));
                }
                Ok(peer) => peers.push(peer),
                Err(failure) => mistakes.push((nth, failure)),
            }
        }
        Ok((peers, mistakes))
    }

    /// Returns a rule for each source: the port is that of the management API.
    ///
    /// # Errors
    ///
    /// As [`SiteSpec::path`].
    pub fn rules(&self, kubeconfig: &Kubeconfig) -> Result<Vec<SgRule>, Failure> {
        let (_, port) = kubeconfig.facts.endpoint();
        let ports = Ports::one(port).map_err(|error| {
            Failure::new(FailureClass::Usage, format!("the kubeconfig's server: {error}"))
        })?;
        let group = self.0.security_group()?;
        let rule = |peer| SgRule::ingress(group, Flow::tcp(ports, peer));
        Ok(self.peers()?.into_iter().map(rule).collect())
    }

    /// Returns the kubeconfig on a unit. Needs `kubeconfig` in `[management]`.
    ///
    /// # Errors
    ///
    /// As [`SiteSpec::path`].
    pub fn kubeconfig(&self, kubeconfig: &Kubeconfig) -> Result<PlaceKubeconfig, Failure> {
        let source = self.0.kubeconfig()?.display().to_string();
        Ok(PlaceKubeconfig::new(self.path()?, kubeconfig, &source))
    }

    /// Returns the driver in the daemon's interpreter. Needs `[driver]`; the kubeconfig determines
    /// whether the driver must support tokens.
    ///
    /// # Errors
    ///
    /// As [`SiteSpec::path`].
    pub fn driver(&self, kubeconfig: Option<&Kubeconfig>) -> Result<PinDriver, Failure> {
        let driver = self.0.driver()?;
        let from = match (&driver.wheel, driver.sha256) {
            (Some(wheel), Some(sha256)) => {
                let name = wheel.file_name().unwrap_or(wheel.as_os_str());
                PipSource::Wheel { file_name: name.to_string_lossy().into_owned(), sha256 }
            }
            (_, _) => PipSource::Index { url: driver.index.clone() },
        };
        let token = kubeconfig.is_some_and(|one| one.facts.auth == AuthKind::Token);
        Ok(PinDriver::new(self.release()?, from).with_token(token))
    }

    /// Returns the helm on a unit. Needs `[helm]`; `bytes`: the size of its file here.
    ///
    /// # Errors
    ///
    /// As [`SiteSpec::path`].
    pub fn helm(&self, bytes: usize) -> Result<EnsureHelm, Failure> {
        let helm = self.0.helm()?;
        let from = match (&helm.file, &helm.url) {
            (_, Some(url)) => HelmSource::Url(Download {
                url: url.clone(),
                archive_sha256: helm.archive_sha256,
                member: helm.member.clone(),
            }),
            (file, None) => {
                let name = file.as_ref().map(|file| file.display().to_string());
                HelmSource::Payload { name: name.unwrap_or_default(), size: bytes }
            }
        };
        Ok(EnsureHelm::new(&helm.version, helm.sha256, from))
    }

    /// Returns the options of the driver. Needs `[chart]`.
    ///
    /// # Errors
    ///
    /// As [`SiteSpec::path`]; refuses an `api_resources` that can't work.
    pub fn capi_helm(&self) -> Result<CapiHelm, Failure> {
        let api_resources = self.0.capi_helm.get("api_resources");
        let api_resources = api_resources.map(|text| ApiResources::parse(text)).transpose();
        let kubeconfig_file = self.path()?;
        let options = self.options(self.0.chart()?, &kubeconfig_file);
        Ok(CapiHelm { api_resources: api_resources.map_err(|error| refused(&error))?, ..options })
    }

    /// Returns the options of the driver with this chart, without `api_resources`.
    pub(crate) fn options(self, chart: &Chart, kubeconfig_file: &UnitPath) -> CapiHelm {
        let mut options = self.0.capi_helm.clone();
        options.remove("api_resources");
        CapiHelm {
            kubeconfig_file: kubeconfig_file.to_string(),
            helm_chart_repo: chart.repo.clone(),
            helm_chart_name: chart.name.clone(),
            default_helm_chart_version: chart.version.clone(),
            api_resources: None,
            options,
            cluster_labels: self.0.capi_helm_cluster_labels.clone(),
        }
    }

    /// Returns the drop-in. Needs `[driver]` and `[chart]`.
    ///
    /// # Errors
    ///
    /// As [`SiteSpec::capi_helm`].
    pub fn dropin(&self) -> Result<StageDropin, Failure> {
        StageDropin::new(&self.capi_helm()?, &self.known_release()?)
            .map_err(|error| refused(&error))
    }

    /// Returns the daemons running with the files that are then on disk, after leftovers were removed or
    /// kept.
    ///
    /// # Errors
    ///
    /// As [`SiteSpec::capi_helm`].
    pub fn services(
        &self,
        dropin: &StageDropin,
        remove_leftovers: bool,
    ) -> Result<ConvergeServices, Failure> {
        let options = self.capi_helm()?.effective();
        Ok(ConvergeServices::graft(&self.release()?, dropin.sha256(), &options, remove_leftovers))
    }

    /// Returns the driver's option `api_resources`; empty if it is not set.
    ///
    /// # Errors
    ///
    /// Refuses one that can't work.
    pub fn overrides(&self) -> Result<Overrides, Failure> {
        match self.0.capi_helm.get("api_resources") {
            Some(text) => Overrides::of_line(text).map_err(|error| refused(&error)),
            None => Ok(Overrides::default()),
        }
    }

    /// Returns the versions that must fit together. Needs `[driver]` and `[chart]`.
    ///
    /// # Errors
    ///
    /// As [`SiteSpec::capi_helm`].
    pub fn combination(&self) -> Result<Combination, Failure> {
        Ok(Combination {
            driver: self.known_release()?,
            overrides: self.overrides()?,
            chart: Some(self.chart_version()?),
        })
    }
}

/// Reads a value of the site file.
///
/// # Errors
///
/// Names the key.
pub fn value<T: FromStr<Err: std::fmt::Display>>(key: &str, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error| {
        let what = format!("{key} in the site file: {error}");
        Failure::new(FailureClass::Usage, what).next("correct the value")
    })
}

/// Turns an error about a value into a failure.
fn refused(error: &impl Diagnostic) -> Failure {
    let failure = Failure::from_error("the site file has a value that can't work", error);
    Failure { class: FailureClass::Refused, ..failure }
}
