//! Values that the file's types don't check: they are read as the operations read them.

use std::{ops::Range, path::Path};

use omega_core::{Diagnostic as _, Failure};
use omega_openstack::{container_infra::TemplateName, network::Cidr};
use semver::Version;
use toml::de::{DeTable, DeValue};

use super::{Site, SiteError};
use crate::graft::{SiteSpec, value};

/// Returns every value that no operation can use, and where it is.
pub(super) fn all(site: &Site, path: &Path, text: &str) -> Vec<SiteError> {
    let mut found = Vec::new();
    let mut at = |keys: &[&str], failure: Failure| {
        found.push(SiteError::of(path, text, place(text, keys), &failure));
    };
    for source in site.sources().unwrap_or_default() {
        let read = value::<Cidr>("management.sources", source);
        read.err().into_iter().for_each(|failure| at(&["management", "sources"], failure));
    }
    let spec = SiteSpec::new(site);
    spec.path().err().into_iter().for_each(|failure| at(&["management", "path"], failure));
    if site.driver.is_some() {
        spec.release().err().into_iter().for_each(|failure| at(&["driver", "version"], failure));
    }
    if let Ok(chart) = site.chart() {
        let read = value::<Version>("chart.version", &chart.version);
        read.err().into_iter().for_each(|failure| at(&["chart", "version"], failure));
    }
    for name in site.template.keys() {
        let read = value::<TemplateName>("[template.NAME]", name);
        read.err().into_iter().for_each(|failure| at(&["template", name], failure));
    }
    if site.acceptance.is_some() {
        let read = site.acceptance().check();
        read.err().into_iter().for_each(|failure| at(&["acceptance"], failure));
    }
    if let (Ok(options), Ok(driver)) = (spec.capi_helm(), spec.release())
        && let Err(error) = options.render(&driver)
    {
        let section = error.section.to_string();
        let keys = [section.trim_matches(['[', ']']), error.key.as_str()];
        let mut failure = Failure::new(omega_core::FailureClass::Usage, error.to_string());
        failure.next = error.next();
        at(&keys, failure);
    }
    found
}

/// Returns where the value of these keys is; the last table of them that is there, otherwise.
pub(super) fn place(text: &str, keys: &[&str]) -> Range<usize> {
    let Ok(table) = DeTable::parse(text) else { return 0..0 };
    let (mut table, mut span) = (table.get_ref(), 0..0);
    for key in keys {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref() == key) else {
            return span;
        };
        // A table's place is its header, a value's its key.
        span = name.span();
        let DeValue::Table(inner) = value.get_ref() else { return span };
        table = inner;
    }
    span
}
