//! A site file and what it names on this machine, checked without a request.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use omega_core::FailureClass;

use super::{
    Site, SiteError, local, needs,
    reading::{Mistake, Reading},
    unused, value,
};
use crate::{Machine, clients::Connect};

/// What is wrong with a site file.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Validation {
    /// What must be corrected: some command refuses it.
    pub errors: Vec<SiteError>,
    /// What should be.
    pub warnings: Vec<SiteError>,
    /// What the graft needs and the file does not have. Other jobs need less.
    pub missing_for_graft: Vec<&'static str>,
}

/// Checks the site file at `path`, and everything on this machine that it names: that each file exists, can
/// be used, and has the digest of the site file; that each program is there; that what holds a secret is
/// readable by its owner only. What a command would refuse before it asks a service is an error. Nothing is
/// contacted. `now`: for the certificate of the kubeconfig.
///
/// # Errors
///
/// Fails if the site file can't be read.
pub fn validate(path: &Path, machine: &Machine, now: Timestamp) -> Result<Validation, SiteError> {
    let text = SiteError::or_input(path)?;
    let mut read = Reading::of(path, &text);
    let mut found =
        Validation { errors: std::mem::take(&mut read.mistakes), ..Validation::default() };
    let Some(mut site) = read.site.take() else { return Ok(found) };
    site.directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let connect = Connect::new(&site, machine);
    found.missing_for_graft = missing_for_graft(&site, &connect);
    let later = [value::of_some(&site), unused::misnamed(&site), local::unusable(&connect, now)];
    let later: Vec<Mistake> =
        later.concat().into_iter().filter(|one| is_comparable(&read, one)).collect();
    let later = placed(&read, &found.errors, &later);
    found.errors.extend(later);
    found.warnings = placed(&read, &found.errors, &unused::all(&site));
    let readable = |(keys, file): (_, PathBuf)| Some((keys, local::readable_by_others(&file)?));
    let others: Vec<_> = local::secrets(&connect).into_iter().filter_map(readable).collect();
    found.warnings.extend(placed(&read, &[], &others));
    if site.cloud.is_none() && !local::has_no_cloud(&connect) {
        // The variables, or a clouds.yaml of one cloud.
        found.errors.extend(local::cloud(&connect).map(SiteError::beside));
    }
    found.errors.sort_by_key(SiteError::offset);
    found.warnings.sort_by_key(SiteError::offset);
    Ok(found)
}

/// Returns the mistakes at their places. A value that has been told of is not told of again.
fn placed(read: &Reading<'_>, told: &[SiteError], all: &[Mistake]) -> Vec<SiteError> {
    let placed = all.iter().filter_map(|one| read.at(one));
    placed.filter(|one| !told.iter().any(|other| other.key() == one.key())).collect()
}

/// Whether the file has the digest that a file was compared with. A text that is none has its own mistake.
fn is_comparable(read: &Reading<'_>, (keys, failure): &Mistake) -> bool {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let digest = match keys.as_slice() {
        ["helm", "file"] => ["helm", "sha256"],
        ["driver", "wheel"] => ["driver", "sha256"],
        _ => return true,
    };
    failure.class != FailureClass::Refused || read.is_of_file(&digest)
}

fn missing_for_graft(site: &Site, connect: &Connect<'_>) -> Vec<&'static str> {
    let cloud = local::has_no_cloud(connect).then_some(needs::CLOUD);
    cloud.into_iter().chain(site.missing_for_graft()).collect()
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
