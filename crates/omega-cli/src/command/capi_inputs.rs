//! Turns the site file, the flags and Magnum's templates into the arguments of omega-capi.

use std::{path::Path, str::FromStr};

use omega::capi::{
    constellation::{Constellation, Dependencies},
    served::{ServedApis, UnknownRelease, apis_of_dependencies, apis_of_releases},
};
use omega::core::{Diagnostic, Failure, FailureClass, read_regular};

use omega::{graft::SiteSpec, site::Site};

use crate::cli::CoherenceArgs;

/// The largest dependencies.json that is read; the real ones have 1 kB.
const DEPENDENCIES: u64 = 1 << 20;

const DEPENDENCIES_OF_A_TAG: &str =
    "get dependencies.json at that tag of capi-helm-charts: --dependencies FILE";

/// Returns the known data of the releases that were asked for, and their names, if there are any.
pub(super) fn offline(args: &CoherenceArgs) -> Result<Option<(ServedApis, String)>, Failure> {
    let unknown = |error: UnknownRelease| usage("there is no built-in data", &error);
    if let (Some(core), Some(provider)) = (&args.core, &args.provider) {
        let surface = apis_of_releases(&flag("--core", core)?, &flag("--provider", provider)?);
        let source = format!(
            "the built-in data of Cluster API {core} and its provider {provider} (offline)"
        );
        return Ok(Some((surface.map_err(unknown)?, source)));
    }
    let Some(path) = &args.dependencies else { return Ok(None) };
    let surface = apis_of_dependencies(&dependencies(path)?).map_err(unknown)?;
    Ok(Some((
        surface,
        format!("the built-in data of the releases in {} (offline)", path.display()),
    )))
}

/// Parses a version, with or without its `v`.
fn flag<T: FromStr>(name: &str, text: &str) -> Result<T, Failure> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    bare.parse().map_err(|_| {
        let what = format!("{name} {text:?} is not a valid version");
        Failure::new(FailureClass::Usage, what).next("give the full version: 1.13.2")
    })
}

fn usage(what: &str, error: &dyn Diagnostic) -> Failure {
    Failure { class: FailureClass::Usage, ..Failure::from_error(what, error) }
}

fn dependencies(path: &Path) -> Result<Dependencies, Failure> {
    let what = || format!("could not read {}", path.display());
    let bytes = read_regular(path, DEPENDENCIES)
        .map_err(|error| Failure::new(FailureClass::Usage, what()).because(error.to_string()))
        .map_err(|failure| failure.next(DEPENDENCIES_OF_A_TAG))?;
    let text = String::from_utf8_lossy(&bytes);
    Dependencies::parse(&text).map_err(|error| usage(&what(), &error))
}

/// Returns the versions that the site's chart was tested with.
pub(super) fn tested(site: &Site, file: Option<&Path>) -> Result<Constellation, Failure> {
    let chart = SiteSpec::new(site).chart_version()?;
    if let Some(path) = file {
        return Ok(Constellation { chart: Some(chart), dependencies: dependencies(path)? });
    }
    Constellation::of(&chart).ok_or_else(|| {
        let what = format!("the versions that chart {chart} was tested with are not known");
        Failure::new(FailureClass::Usage, what).next(DEPENDENCIES_OF_A_TAG)
    })
}
