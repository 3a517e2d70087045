//! The driver's options, as its own `conf.py` declares them.

use std::collections::BTreeMap;

use omega_core::{
    Diagnostic, Retry, Touched,
    values::{AsciiText, NotAscii},
};
use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use super::{ApiResources, api_resources::nearest, magnum};
use crate::UnitPath;

/// What `[capi_helm]` should say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapiHelm {
    /// `kubeconfig_file`.
    pub kubeconfig_file: UnitPath,
    /// `helm_chart_repo`: an `https://`, `http://` or `oci://` URL.
    pub helm_chart_repo: String,
    /// `helm_chart_name`.
    pub helm_chart_name: String,
    /// `default_helm_chart_version`. Always said: the driver's own default is 0.10.1 or older.
    pub default_helm_chart_version: String,
    /// `api_resources`, which driver 1.4.0 brought.
    pub api_resources: Option<ApiResources>,
    /// Further options of `[capi_helm]`.
    pub options: BTreeMap<String, String>,
    /// Options of `[capi_helm_cluster_labels]`, which driver 1.4.0 brought.
    pub cluster_labels: BTreeMap<String, String>,
}

/// Why options are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("[{section}] {key}: {why}")]
pub struct CapiHelmError {
    section: &'static str,
    key: String,
    why: String,
    next: Option<String>,
}

impl Diagnostic for CapiHelmError {
    fn next(&self) -> Option<String> {
        self.next.clone()
    }
    fn touched(&self) -> Touched {
        Touched::Nothing
    }
    fn retry(&self) -> Retry {
        Retry::Final
    }
}

/// The options of every release, taken from its `conf.py`: section, name, type, default.
const TABLE: &str = include_str!("../../data/magnum-capi-helm-options.txt");

const LABELS: &str = "capi_helm_cluster_labels";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    section: &'static str,
    name: &'static str,
    kind: &'static str,
}

/// Returns every release with its options.
fn releases() -> impl Iterator<Item = (Version, Vec<Known>)> {
    TABLE.split("## ").skip(1).filter_map(|release| {
        let version = release.split_whitespace().next()?.parse().ok()?;
        Some((version, release.lines().filter_map(row).collect()))
    })
}

/// Returns the options of the newest release that is not newer than `driver`.
fn known(driver: &Version) -> Vec<Known> {
    let older = releases().filter(|(version, _)| version <= driver);
    let newest = older.max_by(|(a, _), (b, _)| a.cmp(b));
    newest.map(|(_, options)| options).unwrap_or_default()
}

fn row(line: &'static str) -> Option<Known> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let section = cells.next()?.trim_matches(['[', ']']);
    Some(Known { section, name: cells.next()?, kind: cells.next()? })
}

impl CapiHelm {
    /// Returns the drop-in for `driver`.
    ///
    /// # Errors
    ///
    /// Refuses options that this driver does not have, and values that oslo.config would read as
    /// something else.
    pub fn render(&self, driver: &Version) -> Result<AsciiText, CapiHelmError> {
        let known = known(driver);
        let mut text = section(magnum::SECTION, &self.pairs(), &known, driver)?;
        if !self.cluster_labels.is_empty() {
            let labels = self.cluster_labels.iter();
            let labels: Vec<_> = labels.map(|(k, v)| (k.as_str(), v.clone())).collect();
            text.push('\n');
            text.push_str(&section(LABELS, &labels, &known, driver)?);
        }
        AsciiText::new(text.clone()).map_err(|stray| {
            let line = text.lines().nth(stray.line - 1).unwrap_or_default();
            ascii(line, &stray)
        })
    }

    /// Returns what the daemons will read for the options that the graft stands on.
    pub fn effective(&self) -> BTreeMap<String, String> {
        self.own().into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn own(&self) -> Vec<(&str, String)> {
        let mut own = vec![
            ("kubeconfig_file", self.kubeconfig_file.to_string()),
            ("helm_chart_repo", self.helm_chart_repo.clone()),
            ("helm_chart_name", self.helm_chart_name.clone()),
            ("default_helm_chart_version", self.default_helm_chart_version.clone()),
        ];
        own.extend(self.api_resources.iter().map(|value| ("api_resources", value.to_string())));
        own
    }

    fn pairs(&self) -> Vec<(&str, String)> {
        let more = self.options.iter().map(|(key, value)| (key.as_str(), value.clone()));
        self.own().into_iter().chain(more).collect()
    }
}

fn section(
    section: &'static str,
    pairs: &[(&str, String)],
    known: &[Known],
    driver: &Version,
) -> Result<String, CapiHelmError> {
    let mut text = format!("[{section}]\n");
    for (nth, (key, value)) in pairs.iter().enumerate() {
        let no = |why: String, next: Option<String>| CapiHelmError {
            section,
            key: (*key).to_owned(),
            why,
            next,
        };
        if pairs.iter().take(nth).any(|(other, _)| other == key) {
            return Err(no("it is said twice".into(), Some("say it once".into())));
        }
        let mut here = known.iter().filter(|option| option.section == section);
        let Some(option) = here.clone().find(|option| option.name == *key) else {
            let near = nearest(key, here.by_ref().map(|option| option.name));
            let (why, next) = unknown(section, key, near, known, driver);
            return Err(no(why, next));
        };
        check(option.kind, value).map_err(|(why, next)| no(why, Some(next)))?;
        text.extend([*key, " = ", value, "\n"]);
    }
    Ok(text)
}

/// Returns why an option is not among the known ones, and what to write instead.
fn unknown(
    section: &str,
    key: &str,
    near: Option<&str>,
    known: &[Known],
    driver: &Version,
) -> (String, Option<String>) {
    let moved = |option: &Known| option.section != section && option.name == key;
    if let Some(option) = known.iter().find(|option| moved(option)) {
        let why = format!("driver {driver} wants it in [{}]", option.section);
        return (why, Some(format!("say it there: {key} in [{}]", option.section)));
    }
    let why = format!("driver {driver} has no such option, and would ignore it");
    let brought = releases()
        .filter(|(version, options)| {
            version > driver && options.iter().any(|o| o.section == section && o.name == key)
        })
        .map(|(version, _)| version)
        .min();
    let next = match brought {
        Some(version) => Some(format!("leave it out: {version} brought it")),
        None => near.map(|near| format!("did you mean `{near}`?")),
    };
    (why, next)
}

/// Refuses what oslo.config would not read back as it is.
fn check(kind: &str, value: &str) -> Result<(), (String, String)> {
    let no = |why: &str, next: &str| Err((why.to_owned(), next.to_owned()));
    if value.is_empty() {
        return no("it has no value", "leave it out to get the driver's default");
    }
    if value.trim() != value || value.contains(['\n', '\r']) {
        return no("spaces around it, or several lines", "write it on one line, without them");
    }
    if value.replace("$$", "").contains('$') {
        return no("`$` begins a substitution in oslo.config", "write `$$` for a dollar sign");
    }
    let quoted = |quote| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    if quoted('"') || quoted('\'') {
        return no("oslo.config takes the quotes off", "write it without them");
    }
    let words = ["true", "1", "on", "yes", "false", "0", "off", "no"];
    match kind {
        "IntOpt" if value.parse::<i64>().is_err() => no("it is not a number", "write digits only"),
        "BoolOpt" if !words.contains(&value.to_lowercase().as_str()) => {
            no("it is neither true nor false", "write true or false")
        }
        _ => Ok(()),
    }
}

fn ascii(line: &str, stray: &NotAscii) -> CapiHelmError {
    let key = line.split('=').next().unwrap_or_default().trim().to_owned();
    let why = format!("{:?} in column {} is not ASCII", stray.character, stray.column);
    let next = Some("type it again with plain quotes and hyphens".to_owned());
    CapiHelmError { section: magnum::SECTION, key, why, next }
}
