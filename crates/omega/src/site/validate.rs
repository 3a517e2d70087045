//! A site file and the files that it names, checked without a request.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use omega_core::{Failure, FailureClass, read_regular};
use omega_juju::Sources;

use super::{Site, SiteError, mistakes, value::place};
use crate::{Machine, clients::Connect};

/// The largest site file that is read.
const MOST: u64 = 1 << 20;

/// What is wrong with a site file.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Validation {
    /// What must be corrected.
    pub errors: Vec<SiteError>,
    /// What should be.
    pub warnings: Vec<SiteError>,
    /// What the graft needs and the file does not have. Other jobs need less.
    pub missing_for_graft: Vec<&'static str>,
}

/// Checks the site file at `path`, and each file on this machine that it names: that it exists, can be
/// used, and has the digest of the site file; that what holds a secret is readable by its owner only.
/// Nothing is contacted. `now`: for the certificate of the kubeconfig.
///
/// # Errors
///
/// Fails if the site file can't be read.
pub fn validate(path: &Path, machine: &Machine, now: Timestamp) -> Result<Validation, SiteError> {
    let unreadable = |why: String| SiteError::unreadable(path, &why);
    let bytes = read_regular(path, MOST).map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))?;
    let (site, errors) = mistakes::all(path, &text);
    let mut found = Validation { errors, ..Validation::default() };
    let Some(mut site) = site else { return Ok(found) };
    if found.errors.is_empty() {
        // A table with a mistake in it is left out of what was read.
        found.missing_for_graft = site.missing_for_graft();
    }
    site.directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let connect = Connect::new(&site, machine);
    let at =
        |keys: &[&str], failure: &Failure| SiteError::of(path, &text, place(&text, keys), failure);
    for (keys, failure) in files(&connect, now) {
        found.errors.push(at(&keys, &failure));
    }
    for (keys, file) in secrets(&connect) {
        let mode = fs::metadata(&file).map_or(0, |file| file.permissions().mode() & 0o777);
        if mode & 0o077 != 0 {
            let what = format!("other users can read {}: its mode is {mode:04o}", file.display());
            let failure = Failure::new(FailureClass::Usage, what);
            let next = format!("chmod 600 '{}'", file.display());
            found.warnings.push(at(&keys, &failure.next(next)));
        }
    }
    found.errors.sort_by_key(SiteError::offset);
    found.warnings.sort_by_key(SiteError::offset);
    Ok(found)
}

type Keys = [&'static str; 2];

/// Returns what is wrong with the files that the site names.
fn files(connect: &Connect<'_>, now: Timestamp) -> Vec<(Keys, Failure)> {
    let site = connect.site;
    let mut found = Vec::new();
    if site.kubeconfig().is_ok() {
        found.extend(connect.kubeconfig(now).err().map(|one| (["management", "kubeconfig"], one)));
    }
    if site.cloud.is_some() {
        let key = if site.cloud().openrc.is_some() { "openrc" } else { "name" };
        let read = connect
            .cloud_config()
            .map_err(|error| Failure::from_error("could not load cloud credentials", &error));
        found.extend(read.err().map(|failure| (["cloud", key], failure)));
    }
    let mut sources = Sources::default();
    found.extend(connect.add_wheel(&mut sources).err().map(|one| (["driver", "wheel"], one)));
    found.extend(connect.add_helm(&mut sources).err().map(|one| (["helm", "file"], one)));
    let named = site.ssh.identity.iter().map(|file| (["ssh", "identity"], file));
    let hosts = site.ssh.known_hosts.iter().map(|file| (["ssh", "known_hosts"], file));
    let acceptance = site.acceptance();
    let ca = acceptance.vault_ca.iter().map(|file| (["acceptance", "vault_ca"], file));
    for (keys, file) in named.chain(hosts).chain(ca) {
        let file = connect.path(file);
        if let Err(error) = fs::File::open(&file) {
            let what = format!("could not read {}", file.display());
            found.push((keys, Failure::new(FailureClass::Usage, what).because(error.to_string())));
        }
    }
    found
}

/// Returns the files that hold a secret, of those that can be found.
fn secrets(connect: &Connect<'_>) -> Vec<(Keys, PathBuf)> {
    let site = connect.site;
    let kubeconfig = site.kubeconfig().ok().map(|file| connect.path(file));
    let mut files: Vec<_> =
        kubeconfig.into_iter().map(|file| (["management", "kubeconfig"], file)).collect();
    files.extend(site.ssh.identity.iter().map(|file| (["ssh", "identity"], connect.path(file))));
    let Ok(config) = connect.cloud_config() else { return files };
    for origin in config.origins {
        let file = PathBuf::from(origin.source);
        if file.is_absolute() && !files.iter().any(|(_, known)| *known == file) {
            files.push((["cloud", "name"], file));
        }
    }
    files
}

impl Site {
    /// Reads the site file as [`Site::read`] does, and tells every mistake in it.
    ///
    /// # Errors
    ///
    /// Returns the mistakes, in the order of the file.
    pub fn parse_all(path: &Path, text: &str) -> Result<Self, Vec<SiteError>> {
        match mistakes::all(path, text) {
            (Some(site), mistakes) if mistakes.is_empty() => Ok(site),
            (_, mistakes) => Err(mistakes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::file_tests_good;

    fn told(text: &str) -> Vec<String> {
        let found = Site::parse_all(Path::new("omega.toml"), text);
        let place = |error: &SiteError| {
            let (line, column) = error.line_and_column().unwrap();
            format!("{line}:{column} {error}")
        };
        found.map_or_else(|errors| errors.iter().map(place).collect(), |_| Vec::new())
    }

    #[test]
    fn a_good_file_has_no_mistake() {
        assert_eq!(told(file_tests_good()), [""; 0]);
    }

    #[test]
    fn every_mistake_is_told_at_once_with_its_place() {
        let text = "[management]\nkubeconfg = \"x\"\nsources = [\"10.12.4\"]\n\n[drver]\n\n\
                    [driver]\nwheel = \"w\"\n\n[helm]\nversion = 3\nsha256 = \"12\"\nfile = \"h\"\nurl = \"u\"\n\n\
                    [chart]\nrepo = \"https://me@c\"\nversion = \"x\"\n\n[timeouts]\nask = \"0s\"\n";
        insta::assert_snapshot!(told(text).join("\n"));
    }

    #[test]
    fn an_option_that_the_driver_does_not_have_is_pointed_at() {
        let text = format!("{}[capi_helm]\napi_resource = \"{{}}\"\n", file_tests_good());
        let told = told(&text);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("api_resource") && told[0].contains(":1 "), "{told:?}");
        assert!(Site::parse(Path::new("omega.toml"), &text).is_err());
    }

    #[test]
    fn syntax_is_told_alone() {
        let told = told("[cloud\nname = 1\n");
        assert!(told[0].contains("unclosed table"), "{told:?}");
    }
}
