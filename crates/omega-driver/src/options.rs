//! The driver's options, as `conf.py` declares them, and how oslo.config reads them.

use std::{collections::BTreeMap, fmt};

use omega_core::{
    Diagnostic, Retry, Touched, nearest_name,
    values::{AsciiText, NotAscii},
};
use semver::Version;
use serde::{Deserialize, Serialize};

pub use crate::oslo_config::{read_back, read_line, reference};
use crate::{
    ApiResources, DriverRelease,
    oslo_config::{strip, unquoted},
    release::Source,
};

/// The name of [`Section::CapiHelm`].
pub const SECTION: &str = "capi_helm";

/// A section of the driver's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// `[capi_helm]`.
    CapiHelm,
    /// `[capi_helm_cluster_labels]`, since 1.4.0: defaults for the labels of clusters.
    ClusterLabels,
}

impl Section {
    /// Returns its name, without brackets.
    pub fn name(self) -> &'static str {
        match self {
            Self::CapiHelm => SECTION,
            Self::ClusterLabels => "capi_helm_cluster_labels",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.name())
    }
}

/// The type of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `StrOpt`.
    Text,
    /// `IntOpt`.
    Integer,
    /// `BoolOpt`: one of eight words, in any case.
    Boolean,
    /// `ListOpt`: items separated by commas.
    List,
}

/// An option of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionSpec {
    /// The section.
    pub section: Section,
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its default as a Python literal: `'magnum'`, `2048`, `None`.
    pub default: &'static str,
}

/// The options of every release, taken from its `conf.py`: section, name, type, default.
const TABLE: &str = include_str!("../data/magnum-capi-helm-options.txt");

/// Returns every release with its options.
fn releases() -> impl Iterator<Item = (DriverRelease, Vec<OptionSpec>)> {
    TABLE.split("## ").skip(1).filter_map(|release| {
        let version = release.split_whitespace().next()?.parse().ok()?;
        Some((version, release.lines().filter_map(row).collect()))
    })
}

fn row(line: &'static str) -> Option<OptionSpec> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let section = match cells.next()? {
        "[capi_helm]" => Section::CapiHelm,
        "[capi_helm_cluster_labels]" => Section::ClusterLabels,
        _ => return None,
    };
    let name = cells.next()?;
    let kind = match cells.next()? {
        "StrOpt" => Kind::Text,
        "IntOpt" => Kind::Integer,
        "BoolOpt" => Kind::Boolean,
        "ListOpt" => Kind::List,
        _ => return None,
    };
    Some(OptionSpec { section, name, kind, default: cells.next()? })
}

/// Returns the options of `release`, or of the release that it is assumed to behave like.
pub fn options(release: &DriverRelease) -> Vec<OptionSpec> {
    let like = release.assumed_like().unwrap_or_else(|| release.clone());
    let of = releases().find(|(version, _)| *version == like);
    of.map(|(_, options)| options).unwrap_or_default()
}

/// Returns the first release that has the option, if any does.
pub fn first_with(section: Section, name: &str) -> Option<DriverRelease> {
    let has =
        |options: &[OptionSpec]| options.iter().any(|o| o.section == section && o.name == name);
    releases().filter(|(_, options)| has(options)).map(|(version, _)| version).min()
}

impl DriverRelease {
    /// Returns the version of the chart that it installs if `default_helm_chart_version` is not set.
    pub fn default_chart(&self) -> Version {
        if self.source() >= Source::V1_2_0 { Version::new(0, 10, 1) } else { Version::new(0, 4, 0) }
    }
}

/// Why oslo.config would not read a value as it is written, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfit {
    /// Why.
    pub why: &'static str,
    /// What to write.
    pub next: &'static str,
}

impl OptionSpec {
    /// Checks that oslo.config reads `value` as it is written.
    ///
    /// # Errors
    ///
    /// Refuses a value that oslo.config would read as another one, or reject.
    pub fn check(&self, value: &str) -> Result<(), Unfit> {
        let no = |why, next| Err(Unfit { why, next });
        if value.is_empty() {
            return no("it has no value", "leave it out to get the driver's default");
        }
        if strip(value) != value || value.contains(['\n', '\r']) {
            return no(
                "it has leading or trailing spaces, or several lines",
                "write it on one line, without spaces around it",
            );
        }
        if value.replace("$$", "").contains('$') {
            return no("`$` starts a substitution in oslo.config", "write `$$` for a dollar sign");
        }
        if unquoted(value) != value {
            return no("oslo.config removes the quotes", "write it without quotes");
        }
        // oslo.config 9.4.0, types.py: Boolean.TRUE_VALUES and FALSE_VALUES.
        let words = ["true", "1", "on", "yes", "false", "0", "off", "no"];
        match self.kind {
            Kind::Integer if value.parse::<i64>().is_err() => {
                no("it is not a number", "write digits only")
            }
            Kind::Boolean if !words.contains(&value.to_lowercase().as_str()) => {
                no("it is neither true nor false", "write true or false")
            }
            Kind::Integer | Kind::Boolean | Kind::Text | Kind::List => Ok(()),
        }
    }
}

/// The desired content of `[capi_helm]` and `[capi_helm_cluster_labels]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapiHelm {
    /// `kubeconfig_file`: a path on the unit.
    pub kubeconfig_file: String,
    /// `helm_chart_repo`: an `https://`, `http://` or `oci://` URL.
    pub helm_chart_repo: String,
    /// `helm_chart_name`.
    pub helm_chart_name: String,
    /// `default_helm_chart_version`. Always written: the driver's own default is 0.10.1 or older.
    pub default_helm_chart_version: String,
    /// `api_resources`, since driver 1.4.0.
    pub api_resources: Option<ApiResources>,
    /// Further options of `[capi_helm]`.
    pub options: BTreeMap<String, String>,
    /// Options of `[capi_helm_cluster_labels]`, since driver 1.4.0.
    pub cluster_labels: BTreeMap<String, String>,
}

/// Why options are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{section} {key}: {why}")]
#[non_exhaustive]
pub struct CapiHelmError {
    /// The section.
    pub section: Section,
    /// The option.
    pub key: String,
    /// What is wrong with its value.
    pub why: String,
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

impl CapiHelm {
    /// Returns the drop-in for `driver`.
    ///
    /// # Errors
    ///
    /// Refuses options that this driver does not have, and values that oslo.config would read
    /// differently.
    pub fn render(&self, driver: &DriverRelease) -> Result<AsciiText, CapiHelmError> {
        if let Some(first) = self.mistakes(driver).into_iter().next() {
            return Err(first);
        }
        let mut text = section(Section::CapiHelm, &self.pairs());
        if !self.cluster_labels.is_empty() {
            text.push('\n');
            text.push_str(&section(Section::ClusterLabels, &self.labels()));
        }
        AsciiText::new(text).map_err(|stray| ascii(Section::CapiHelm, "", &stray))
    }

    /// Returns why [`CapiHelm::render`] refuses these options, in the order of the drop-in.
    pub fn mistakes(&self, driver: &DriverRelease) -> Vec<CapiHelmError> {
        let known = options(driver);
        let all = [(Section::CapiHelm, self.pairs()), (Section::ClusterLabels, self.labels())];
        let of = |(section, pairs): (Section, Vec<Pair<'_>>)| -> Vec<CapiHelmError> {
            let nth = 0..pairs.len();
            nth.filter_map(|nth| mistake(section, &pairs, nth, &known, driver)).collect()
        };
        all.into_iter().flat_map(of).collect()
    }

    /// Returns the values that the daemons will read for the options that the graft needs.
    pub fn effective(&self) -> BTreeMap<String, String> {
        self.own().into_iter().map(|(key, value)| (key.to_owned(), read_back(&value))).collect()
    }

    fn own(&self) -> Vec<(&str, String)> {
        let mut own = vec![
            ("kubeconfig_file", self.kubeconfig_file.clone()),
            ("helm_chart_repo", self.helm_chart_repo.clone()),
            ("helm_chart_name", self.helm_chart_name.clone()),
            ("default_helm_chart_version", self.default_helm_chart_version.clone()),
        ];
        own.extend(self.api_resources.iter().map(|value| ("api_resources", value.to_string())));
        own
    }

    fn pairs(&self) -> Vec<Pair<'_>> {
        let more = self.options.iter().map(|(key, value)| (key.as_str(), value.clone()));
        self.own().into_iter().chain(more).collect()
    }

    fn labels(&self) -> Vec<Pair<'_>> {
        self.cluster_labels.iter().map(|(key, value)| (key.as_str(), value.clone())).collect()
    }
}

/// An option and its value.
type Pair<'a> = (&'a str, String);

fn section(section: Section, pairs: &[Pair<'_>]) -> String {
    let lines = pairs.iter().map(|(key, value)| format!("{key} = {value}\n"));
    std::iter::once(format!("{section}\n")).chain(lines).collect()
}

/// Returns why the option `nth` of a section is refused, if it is.
fn mistake(
    section: Section,
    pairs: &[Pair<'_>],
    nth: usize,
    known: &[OptionSpec],
    driver: &DriverRelease,
) -> Option<CapiHelmError> {
    let (key, value) = pairs.get(nth)?;
    let no = |why: String, next: Option<String>| {
        Some(CapiHelmError { section, key: (*key).to_owned(), why, next })
    };
    if pairs.iter().take(nth).any(|(other, _)| other == key) {
        let why = "another part of the site file sets it already";
        return no(why.into(), Some("remove it from this table".into()));
    }
    let here = known.iter().filter(|option| option.section == section);
    let Some(option) = here.clone().find(|option| option.name == *key) else {
        let near = nearest_name(key, here.map(|option| option.name));
        let (why, next) = unknown(section, key, near, known, driver);
        return no(why, next);
    };
    if let Err(unfit) = option.check(value) {
        return no(unfit.why.into(), Some(unfit.next.into()));
    }
    let stray = AsciiText::new(format!("{key} = {value}")).err()?;
    Some(ascii(section, key, &stray))
}

/// Returns why an option is not among the known ones, and what to write instead.
fn unknown(
    section: Section,
    key: &str,
    near: Option<&str>,
    known: &[OptionSpec],
    driver: &DriverRelease,
) -> (String, Option<String>) {
    let moved = |option: &&OptionSpec| option.section != section && option.name == key;
    if let Some(option) = known.iter().find(moved) {
        let why = format!("driver {driver} reads it from {}", option.section);
        return (why, Some(format!("set {key} in {}", option.section)));
    }
    let why = format!("driver {driver} has no such option and would ignore it");
    let next = match first_with(section, key).filter(|first| first > driver) {
        Some(first) => Some(format!("leave it out: it exists since {first}")),
        None => Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "leave it out".to_owned(),
        }),
    };
    (why, next)
}

fn ascii(section: Section, key: &str, stray: &NotAscii) -> CapiHelmError {
    let key = key.to_owned();
    let why = format!("{:?} in column {} is not ASCII", stray.character, stray.column);
    let next = Some("type it again with plain quotes and hyphens".to_owned());
    CapiHelmError { section, key, why, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> CapiHelm {
        CapiHelm {
            kubeconfig_file: "/etc/magnum/kubeconfig".into(),
            helm_chart_repo: "https://azimuth-cloud.github.io/capi-helm-charts".into(),
            helm_chart_name: "openstack-cluster".into(),
            default_helm_chart_version: "0.25.1".into(),
            api_resources: Some(ApiResources::parse("{}").unwrap()),
            options: [].into(),
            cluster_labels: [].into(),
        }
    }

    fn refused(change: impl FnOnce(&mut CapiHelm), driver: &str) -> String {
        let mut options = site();
        change(&mut options);
        let error = options.render(&driver.parse().unwrap()).unwrap_err();
        let next = Diagnostic::next(&error).unwrap_or_default();
        format!("{error}\n  next: {next}\n")
    }

    fn cases(all: Vec<(&str, String)>) -> String {
        let lines =
            |(title, text): (&str, String)| ["--- ".into(), title.into(), "\n".into(), text];
        all.into_iter().flat_map(lines).collect::<String>()
    }

    /// The text of the runbook's step 7.6, byte for byte.
    #[test]
    fn the_text_is_the_runbooks() {
        let text = site().render(&DriverRelease::v1_4_0()).unwrap();
        insta::assert_snapshot!(text.as_str(), @r"
        [capi_helm]
        kubeconfig_file = /etc/magnum/kubeconfig
        helm_chart_repo = https://azimuth-cloud.github.io/capi-helm-charts
        helm_chart_name = openstack-cluster
        default_helm_chart_version = 0.25.1
        api_resources = {}
        ");
    }

    #[test]
    fn what_is_refused() {
        let more = |key: &'static str, value: &'static str| {
            move |options: &mut CapiHelm| {
                options.options.insert(key.into(), value.into());
            }
        };
        let label = |key: &'static str, value: &'static str| {
            move |options: &mut CapiHelm| {
                options.cluster_labels.insert(key.into(), value.into());
            }
        };
        insta::assert_snapshot!(cases(vec![
            ("an unknown option", refused(more("minimum_flavour_ram", "1"), "1.4.0")),
            ("nothing like it", refused(more("zzz", "1"), "1.4.0")),
            ("an option that 1.3.0 does not have", refused(|_| (), "1.3.0")),
            ("an option that moved", refused(more("csi_cinder_fstype", "xfs"), "1.4.0")),
            ("a label", refused(label("octavia_providr", "ovn"), "1.4.0")),
            ("not a number", refused(more("minimum_flavor_ram", "2 GiB"), "1.4.0")),
            ("neither true nor false", refused(label("monitoring_enabled", "maybe"), "1.4.0")),
            ("set twice", refused(more("helm_chart_name", "x"), "1.4.0")),
            ("no value", refused(|o| o.helm_chart_name.clear(), "1.4.0")),
            ("a dollar", refused(|o| o.helm_chart_name = "$x".into(), "1.4.0")),
            ("quotes", refused(|o| o.helm_chart_name = "'x'".into(), "1.4.0")),
            ("one quote", refused(|o| o.helm_chart_name = "'".into(), "1.4.0")),
            ("two lines", refused(|o| o.helm_chart_name = "x\ny".into(), "1.4.0")),
            ("not ASCII", refused(|o| o.helm_chart_name = "a\u{2013}b".into(), "1.4.0")),
            ("a label that is not ASCII", refused(label("octavia_provider", "\u{e9}"), "1.4.0")),
        ]));
    }

    #[test]
    fn the_options_of_every_release_are_known() {
        let fits = |driver: &str, key: &str| {
            let mut options = CapiHelm { api_resources: None, ..site() };
            options.options.insert(key.into(), "x".into());
            options.render(&driver.parse().unwrap()).is_ok()
        };
        assert!(fits("1.1.0", "csi_cinder_fstype") && fits("1.3.0", "csi_cinder_fstype"));
        assert!(!fits("1.4.0", "csi_cinder_fstype"));
        assert!(fits("1.4.0", "k8s_control_plane_resource_conditions"));
        assert!(!fits("1.3.0", "k8s_control_plane_resource_conditions"));
        assert!(
            fits("1.4.1", "api_resources"),
            "an unknown release is assumed to be like the newest known one"
        );
    }

    #[test]
    fn the_table_has_every_known_release_and_no_row_is_lost() {
        let all: Vec<_> = releases().collect();
        assert!(all.iter().map(|(release, _)| release).eq(DriverRelease::known().iter()));
        let rows = TABLE.lines().filter(|line| line.starts_with('|')).count();
        assert_eq!(all.iter().map(|(_, options)| options.len()).sum::<usize>(), rows);
        for (release, options) in all {
            let default = |name: &str| options.iter().find(|o| o.name == name).unwrap().default;
            assert_eq!(default("namespace_prefix"), "'magnum'", "{release}");
            let chart = format!("'{}'", release.default_chart());
            assert_eq!(default("default_helm_chart_version"), chart, "{release}");
        }
        assert_eq!(first_with(Section::CapiHelm, "api_resources"), Some(DriverRelease::v1_4_0()));
        assert_eq!(first_with(Section::ClusterLabels, "api_resources"), None);
    }
}
