//! Which writes an admission webhook is asked about.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::admissionregistration::v1::RuleWithOperations,
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
};

use crate::served::Definition;

type Labels = BTreeMap<String, String>;

/// What the driver, helm and the controllers write in the way of a cluster.
struct Written {
    group: &'static str,
    resource: &'static str,
    operations: &'static [&'static str],
    /// Whether it is in a namespace.
    namespaced: bool,
}

const CHANGES: &[&str] = &["CREATE", "UPDATE", "DELETE"];
const CORE: &str = "cluster.x-k8s.io";
const PROVIDER: &str = "infrastructure.cluster.x-k8s.io";

const fn written(group: &'static str, resource: &'static str) -> Written {
    Written { group, resource, operations: CHANGES, namespaced: true }
}

/// The kinds of the chart (capi-helm-charts 0.4 to 0.27, `charts/openstack-cluster/templates`), those that
/// Cluster API and the OpenStack provider make of them, and what the driver and helm write of the core
/// group: the driver never deletes a namespace (magnum-capi-helm 1.4.0, `kubernetes.py`).
const WRITTEN: [Written; 21] = [
    written(CORE, "clusters"),
    written(CORE, "machinedeployments"),
    written(CORE, "machinesets"),
    written(CORE, "machines"),
    written(CORE, "machinehealthchecks"),
    written("controlplane.cluster.x-k8s.io", "kubeadmcontrolplanes"),
    written("bootstrap.cluster.x-k8s.io", "kubeadmconfigtemplates"),
    written("bootstrap.cluster.x-k8s.io", "kubeadmconfigs"),
    written(PROVIDER, "openstackclusters"),
    written(PROVIDER, "openstackmachinetemplates"),
    written(PROVIDER, "openstackmachines"),
    written(PROVIDER, "openstackservers"),
    written("addons.cluster.x-k8s.io", "clusterresourcesets"),
    written("addons.cluster.x-k8s.io", "helmchartproxies"),
    written("addons.stackhpc.com", "manifests"),
    written("addons.stackhpc.com", "helmreleases"),
    written("openstack.k-orc.cloud", "images"),
    written("", "secrets"),
    written("", "configmaps"),
    written("", "serviceaccounts"),
    Written {
        group: "",
        resource: "namespaces",
        operations: &["CREATE", "UPDATE"],
        namespaced: false,
    },
];

/// The domains of the labels of what is written, and helm's own labels of its Secrets
/// (helm 3, `pkg/storage/driver/secrets.go`).
const DOMAINS: [&str; 7] = [
    "cluster.x-k8s.io",
    "capi.stackhpc.com",
    "addons.stackhpc.com",
    "magnum.openstack.org",
    "openstack.k-orc.cloud",
    "helm.sh",
    "app.kubernetes.io",
];
const OF_HELM: [&str; 5] = ["owner", "name", "status", "version", "modifiedAt"];
/// The label that the API server sets on each namespace.
const NAME: &str = "kubernetes.io/metadata.name";

/// Whether something is so, where not everything is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Maybe {
    No,
    Unknown,
    Yes,
}

impl Maybe {
    fn of(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

/// The namespaces in which the driver writes.
#[derive(Clone, Debug)]
pub(super) struct DriverNamespaces {
    /// The labels of those that exist, and of one that it would create.
    pub(super) labels: Vec<Labels>,
    /// Whether others may exist, which could not be listed.
    pub(super) more: bool,
}

impl DriverNamespaces {
    /// `prefix`: what the names begin with. `listed`: name and labels of all namespaces; none if they could
    /// not be listed.
    pub(super) fn new(prefix: &str, listed: Option<Vec<(String, Labels)>>) -> Self {
        let begins = format!("{prefix}-");
        let named = |name: &str| Labels::from([(NAME.to_owned(), name.to_owned())]);
        let more = listed.is_none();
        let ours = listed.into_iter().flatten().filter(|(name, _)| name.starts_with(&begins));
        let ours = ours.map(|(name, labels)| labels.into_iter().chain(named(&name)).collect());
        // The driver gives a new namespace no labels.
        let new = named(&format!("{begins}a-new-project"));
        Self { labels: ours.chain([new]).collect(), more }
    }

    fn selected(&self, selector: &LabelSelector) -> Maybe {
        let known = |labels: &Labels| matches(selector, &|key| Known::of(labels.get(key)));
        let best = self.labels.iter().map(known).max().unwrap_or(Maybe::No);
        if self.more && best == Maybe::No && !is_empty(selector) { Maybe::Unknown } else { best }
    }
}

/// What an admission webhook selects.
#[derive(Debug, Default)]
pub(super) struct Selection<'a> {
    pub(super) rules: &'a [RuleWithOperations],
    /// Whether its `matchPolicy` is `Exact`: it is asked only about the versions that its rules name.
    /// Otherwise a version that is served stands for all others of its resource (apiserver 0.34,
    /// `pkg/admission/plugin/webhook/generic/webhook.go`, `ShouldCallHook`).
    pub(super) exact: bool,
    /// What is served.
    pub(super) definitions: &'a [Definition],
    pub(super) namespaces: Option<&'a LabelSelector>,
    pub(super) objects: Option<&'a LabelSelector>,
    /// Whether it has `matchConditions`: expressions, which are not evaluated.
    pub(super) conditions: bool,
}

/// Which writes a webhook without an answer stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stops {
    /// None that matters.
    Nothing,
    /// It is not known, for this reason.
    Unjudged(&'static str),
    /// Some.
    Writes(Refused),
}

/// The writes that are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Deletes only.
    Deletes,
    /// Creates or updates, and maybe deletes.
    Changes,
}

/// What is known of an object's label.
enum Known<'a> {
    Absent,
    Is(&'a str),
    /// It may have it, with any value.
    Any,
}

impl<'a> Known<'a> {
    fn of(value: Option<&'a String>) -> Self {
        value.map_or(Self::Absent, |value| Self::Is(value))
    }
}

impl Selection<'_> {
    /// Returns what it stops of what is written in `namespaces`. Pure.
    pub(super) fn stops(&self, namespaces: &DriverNamespaces) -> Stops {
        let judged = WRITTEN.iter().filter_map(|one| {
            let (named, refused) = self.refused(one)?;
            Some((named, self.selects(one, namespaces), refused))
        });
        let judged: Vec<_> = judged.filter(|(_, selected, _)| *selected != Maybe::No).collect();
        let sure = |(named, selected, _): &&(Maybe, Maybe, Refused)| {
            (*named, *selected) == (Maybe::Yes, Maybe::Yes)
        };
        let surely = judged.iter().filter(sure).map(|(.., refused)| *refused);
        let changes = surely.clone().any(|one| one == Refused::Changes);
        match surely.count() {
            0 if judged.is_empty() => Stops::Nothing,
            0 if judged.iter().any(|(_, selected, _)| *selected == Maybe::Yes) => Stops::Unjudged(
                "its matchPolicy is Exact, and it is not known in which version is written",
            ),
            0 => Stops::Unjudged("its selectors depend on labels that are not known"),
            _ if self.conditions => {
                Stops::Unjudged("it has matchConditions, which are not evaluated")
            }
            _ => Stops::Writes(if changes { Refused::Changes } else { Refused::Deletes }),
        }
    }

    /// Which writes of `one` a rule names, and whether it surely does.
    fn refused(&self, one: &Written) -> Option<(Maybe, Refused)> {
        let named = |operation: &&&str| {
            let all = self.rules.iter().filter(|rule| names(rule, one, operation));
            all.map(|rule| self.names_version(rule, one)).max().unwrap_or(Maybe::No)
        };
        let of = |sure| {
            let mut all = one.operations.iter().filter(|one| named(one) == sure).peekable();
            all.peek()?;
            let deletes = all.all(|operation| *operation == "DELETE");
            Some((sure, if deletes { Refused::Deletes } else { Refused::Changes }))
        };
        of(Maybe::Yes).or_else(|| of(Maybe::Unknown))
    }

    /// Whether the rule names the version in which `one` is written, or one that stands for it. The chart
    /// and each controller write in a version of their own, so of several none is known.
    fn names_version(&self, rule: &RuleWithOperations, one: &Written) -> Maybe {
        let Some(entries) = rule.api_versions.as_ref().filter(|all| !all.iter().any(|v| v == "*"))
        else {
            return Maybe::Yes;
        };
        let is = |all: &&Definition| all.group == one.group && all.plural == one.resource;
        let served: Vec<&str> = match self.definitions.iter().find(is) {
            None if one.group.is_empty() => vec!["v1"],
            None if self.exact => return Maybe::Unknown,
            None => return Maybe::Yes,
            Some(all) => {
                let served = all.versions.iter().filter(|version| version.served);
                served.map(|version| version.name.as_str()).collect()
            }
        };
        let named = served.iter().filter(|name| entries.iter().any(|entry| entry == *name)).count();
        match named {
            0 => Maybe::No,
            some if self.exact && some < served.len() => Maybe::Unknown,
            _ => Maybe::Yes,
        }
    }

    fn selects(&self, one: &Written, namespaces: &DriverNamespaces) -> Maybe {
        // Of a namespace its own labels are asked, with either selector.
        let of_namespace = |selector: Option<&LabelSelector>| {
            selector.map_or(Maybe::Yes, |one| namespaces.selected(one))
        };
        let of_object = match self.objects {
            Some(selector) if one.namespaced => matches(selector, &label_of_written),
            selector => of_namespace(selector.filter(|_| !one.namespaced)),
        };
        of_namespace(self.namespaces).min(of_object)
    }
}

/// What is known of a label of what is written.
fn label_of_written(key: &str) -> Known<'static> {
    let domain = key.split_once('/').map(|(domain, _)| domain);
    let ours = |domain: &str| {
        DOMAINS.iter().any(|one| {
            domain.strip_suffix(one).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    };
    let may = domain.map_or_else(|| OF_HELM.contains(&key), ours);
    if may { Known::Any } else { Known::Absent }
}

/// Whether the rule names the operation on it. A list that is missing names everything.
fn names(rule: &RuleWithOperations, one: &Written, operation: &str) -> bool {
    let list = |all: &Option<Vec<String>>, is: &dyn Fn(&str) -> bool| {
        all.as_ref().is_none_or(|all| all.iter().any(|entry| entry == "*" || is(entry)))
    };
    let scope = match rule.scope.as_deref() {
        Some("Namespaced") => one.namespaced,
        Some("Cluster") => !one.namespaced,
        Some(_) | None => true,
    };
    scope
        && list(&rule.operations, &|entry| entry == operation)
        && list(&rule.api_groups, &|entry| entry == one.group)
        && list(&rule.resources, &|entry| is_resource(entry, one.resource))
}

/// `secrets`, `secrets/*`, `*/*`; and `clusters/status`, which the controllers write (apiserver 0.34,
/// `pkg/admission/plugin/webhook/predicates/rules/rules.go`).
fn is_resource(entry: &str, resource: &str) -> bool {
    let (name, part) = entry.split_once('/').unwrap_or((entry, ""));
    (name == "*" || name == resource) && matches!(part, "" | "*" | "status")
}

fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
        && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
}

/// Whether an object with these labels is selected: every requirement has to hold.
fn matches<'a>(selector: &LabelSelector, label: &dyn Fn(&str) -> Known<'a>) -> Maybe {
    let equal = selector.match_labels.iter().flatten();
    let equal = equal.map(|(key, value)| is_one_of(&label(key), std::slice::from_ref(value)));
    let more = selector.match_expressions.iter().flatten().map(|one| {
        let LabelSelectorRequirement { key, operator, values } = one;
        let (known, values) = (label(key), values.as_deref().unwrap_or_default());
        match operator.as_str() {
            "In" => is_one_of(&known, values),
            "NotIn" => is_one_of(&known, values).not(),
            "Exists" => exists(&known),
            "DoesNotExist" => exists(&known).not(),
            _ => Maybe::Unknown,
        }
    });
    equal.chain(more).min().unwrap_or(Maybe::Yes)
}

fn is_one_of(known: &Known<'_>, values: &[String]) -> Maybe {
    match known {
        Known::Absent => Maybe::No,
        Known::Is(is) => Maybe::of(values.iter().any(|value| value == is)),
        Known::Any => Maybe::Unknown,
    }
}

fn exists(known: &Known<'_>) -> Maybe {
    match known {
        Known::Absent => Maybe::No,
        Known::Is(_) => Maybe::Yes,
        Known::Any => Maybe::Unknown,
    }
}

#[cfg(test)]
#[path = "webhook_reach_tests.rs"]
mod tests;
