//! The manifest of azimuth-images: which image is for which Kubernetes.

use std::collections::BTreeMap;

use omega_core::{
    json_words,
    values::{InvalidDigest, Sha512},
};
use serde::Deserialize;

use super::{ImageName, ImageSource, InvalidImage, InvalidSource, KubernetesVersion, StagedImage};

/// What a release of azimuth-images lists (`manifest.json`, a release asset since 0.1).
///
/// Its keys are names of builds (`kubernetes-1-34-jammy`), and change; an entry is selected by its
/// `kubernetes_version`. (azimuth-images 0.34.0, `bin/generate-manifest`.)
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Manifest(BTreeMap<String, ManifestEntry>);

/// One image.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct ManifestEntry {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// `sha512:` and the digest; since 0.27.0.
    pub checksum_sha512: Option<String>,
    /// What it has; none for other images.
    pub kubernetes_version: Option<String>,
}

/// A manifest that does not name the image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidManifest {
    /// Not a manifest.
    #[error("not a manifest of azimuth-images: {0}")]
    Format(String),
    /// No image has the version.
    #[error("the manifest has no image for Kubernetes {wanted}; it has {}", have.join(", "))]
    NoVersion {
        /// The version.
        wanted: String,
        /// What it has, the nearest first.
        have: Vec<String>,
    },
    /// Some have, under other names.
    #[error("the manifest has no image for Kubernetes {wanted} whose name contains {name:?}; it has {}", names.join(", "))]
    NoName {
        /// The version.
        wanted: String,
        /// What the name should contain.
        name: String,
        /// The names that there are.
        names: Vec<String>,
    },
    /// Several have.
    #[error("the manifest has several images for Kubernetes {wanted}: {}", names.join(", "))]
    Several {
        /// The version.
        wanted: String,
        /// Their names.
        names: Vec<String>,
    },
    /// Releases before 0.27.0 have only SHA-256.
    #[error(
        "the manifest has no checksum_sha512 for {0}: releases of azimuth-images before 0.27.0 lack it"
    )]
    NoChecksum(String),
    /// The digest is none.
    #[error("{name}: {source}")]
    Checksum {
        /// The image.
        name: String,
        /// What is wrong.
        source: InvalidDigest,
    },
    /// The URL is none.
    #[error("{name}: {source}")]
    Url {
        /// The image.
        name: String,
        /// What is wrong.
        source: InvalidSource,
    },
    /// The name or the version is none.
    #[error(transparent)]
    Image(#[from] InvalidImage),
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// Fails if it is not one.
    pub fn parse(json: &str) -> Result<Self, InvalidManifest> {
        serde_json::from_str(json).map_err(|error| InvalidManifest::Format(json_words(&error)))
    }

    /// Returns where the manifest of a release is.
    pub fn url(tag: &str) -> String {
        format!(
            "https://github.com/azimuth-cloud/azimuth-images/releases/download/{tag}/manifest.json"
        )
    }

    /// Returns the image for a version of Kubernetes; of several, that whose name contains `name`.
    ///
    /// # Errors
    ///
    /// Fails if there is none, or several, or it lacks a digest.
    pub fn image(
        &self,
        version: &KubernetesVersion,
        name: Option<&str>,
    ) -> Result<StagedImage, InvalidManifest> {
        let has = |entry: &&ManifestEntry| {
            let found = entry.kubernetes_version.as_deref().map(str::parse::<KubernetesVersion>);
            found.is_some_and(|found| found.is_ok_and(|found| found == *version))
        };
        let all: Vec<_> = self.0.values().filter(has).collect();
        let listed = |of: &[&ManifestEntry]| of.iter().map(|entry| entry.name.clone()).collect();
        let wanted = version.to_string();
        let fits = |entry: &&&ManifestEntry| name.is_none_or(|name| entry.name.contains(name));
        let found: Vec<_> = all.iter().filter(fits).copied().collect();
        let entry = match found.as_slice() {
            [] if all.is_empty() => {
                return Err(InvalidManifest::NoVersion { have: self.nearest(version), wanted });
            }
            [] => {
                let name = name.unwrap_or_default().to_owned();
                return Err(InvalidManifest::NoName { wanted, name, names: listed(&all) });
            }
            [one] => *one,
            many => {
                return Err(InvalidManifest::Several { wanted, names: listed(many) });
            }
        };
        let label = || entry.name.clone();
        let checksum = entry.checksum_sha512.as_deref();
        let checksum = checksum.ok_or_else(|| InvalidManifest::NoChecksum(label()))?;
        let sha512: Sha512 = checksum
            .parse()
            .map_err(|source| InvalidManifest::Checksum { name: label(), source })?;
        let source = ImageSource::url(&entry.url)
            .map_err(|source| InvalidManifest::Url { name: label(), source })?;
        let name: ImageName = entry.name.parse()?;
        Ok(StagedImage::new(name, version.clone(), sha512, source))
    }

    /// Returns the versions that are nearest to `wanted`, at most five, the nearest first.
    fn nearest(&self, wanted: &KubernetesVersion) -> Vec<String> {
        let versions =
            self.0.values().filter_map(|e| e.kubernetes_version.as_deref()?.parse().ok());
        let mut have: Vec<KubernetesVersion> = versions.collect();
        have.sort();
        have.dedup();
        have.sort_by_key(|version| version.distance(wanted));
        have.iter().take(5).map(ToString::to_string).collect()
    }
}
