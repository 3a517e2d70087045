//! From the site file, the flags and Magnum's templates to what omega-capi takes.

use std::{fmt::Display, path::Path, str::FromStr};

use omega::capi::{
    constellation::{Constellation, Dependencies},
    served::{ServedApis, UnknownRelease, apis_of_dependencies, apis_of_releases},
};
use omega::core::{Diagnostic, Failure, FailureClass, read_regular};

use omega::{graft::value, site::Site};

use crate::cli::CoherenceArgs;

/// The most that a dependencies.json may have; the real ones have 1 kB.
const DEPENDENCIES: u64 = 1 << 20;

/// Returns what the tables say, and of which releases, if that is what was asked for.
pub(super) fn offline(args: &CoherenceArgs) -> Result<Option<(ServedApis, String)>, Failure> {
    let unknown = |error: UnknownRelease| usage("the tables can't answer", &error);
    if let (Some(core), Some(provider)) = (&args.core, &args.provider) {
        let surface = apis_of_releases(&flag("--core", core)?, &flag("--provider", provider)?);
        let whence = format!("the tables of Cluster API {core} and its provider {provider}");
        return Ok(Some((surface.map_err(unknown)?, whence)));
    }
    let Some(path) = &args.dependencies else { return Ok(None) };
    let surface = apis_of_dependencies(&dependencies(path)?).map_err(unknown)?;
    Ok(Some((surface, format!("the tables of what {} names", path.display()))))
}

/// Reads a version, with or without its `v`.
fn flag<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Failure> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    bare.parse().map_err(|error| {
        let what = format!("{name} {text:?} is not a valid version: {error}");
        Failure::new(FailureClass::Usage, what).next("name a release in full: 1.13.2")
    })
}

fn usage(what: &str, error: &dyn Diagnostic) -> Failure {
    Failure { class: FailureClass::Usage, ..Failure::from_error(what, error) }
}

fn dependencies(path: &Path) -> Result<Dependencies, Failure> {
    let what = || format!("could not read {}", path.display());
    let bytes = read_regular(path, DEPENDENCIES)
        .map_err(|error| Failure::new(FailureClass::Usage, what()).because(error.to_string()))?;
    let text = String::from_utf8_lossy(&bytes);
    Dependencies::parse(&text).map_err(|error| usage(&what(), &error))
}

/// Returns what the site's chart was tested with.
pub(super) fn tested(site: &Site, file: Option<&Path>) -> Result<Constellation, Failure> {
    let chart = value("chart.version", &site.chart()?.version)?;
    if let Some(path) = file {
        return Ok(Constellation { chart: Some(chart), dependencies: dependencies(path)? });
    }
    Constellation::of(&chart).ok_or_else(|| {
        let what = format!("it is not known what chart {chart} was tested with");
        Failure::new(FailureClass::Usage, what)
            .next("get dependencies.json at that tag of capi-helm-charts: --dependencies FILE")
    })
}
