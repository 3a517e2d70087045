//! Every rule of omega, of every kind, with the decisions that it checks.

use std::collections::BTreeMap;

use omega_capi::{coherence, constellation::UNTESTED, health::HealthCause, workload::Question};
use omega_core::CheckRule;
use omega_driver::template;
use serde::{Deserialize, Serialize};

use crate::{
    acceptance::ItemId,
    cluster::{NOT_LOOKED, PREREQUISITE_RULES},
    doctor::Cause,
    drift, graft,
    lint::{self, bundle, config_file},
    live, stuck_delete, teardown,
};

/// What kind of rule it is, and so which command checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CheckKind {
    /// Of a Juju bundle.
    LintBundle,
    /// Of an address plan.
    LintNetwork,
    /// Of a site file.
    LintSite,
    /// Of the cluster templates that Magnum has.
    LintTemplates,
    /// Of a file of options.
    LintFile,
    /// Of what runs.
    Live,
    /// Whether driver, chart, Cluster API and templates fit together.
    Coherence,
    /// Of a cluster template.
    Template,
    /// Whether the installed versions were tested together.
    Constellation,
    /// A gate of the graft.
    Graft,
    /// What must hold before a cluster is created.
    Prerequisite,
    /// Of a workload cluster, from the inside.
    Workload,
    /// Of a workload cluster, from its objects.
    Health,
    /// A cause that the doctor finds.
    Doctor,
    /// A gate or wait of the release of a stuck delete.
    StuckDelete,
    /// A gate or wait of a teardown.
    Teardown,
    /// An item of the acceptance bar.
    Acceptance,
    /// A silent change that `drift` names.
    Drift,
}

impl CheckKind {
    /// Returns what it is, in the operator's words.
    pub fn title(self) -> &'static str {
        match self {
            Self::LintBundle => "lint of a bundle",
            Self::LintNetwork => "lint of the address plan",
            Self::LintSite => "lint of the site file",
            Self::LintTemplates => "lint of the templates",
            Self::LintFile => "lint of a file",
            Self::Live => "live check",
            Self::Coherence => "coherence",
            Self::Template => "cluster template",
            Self::Constellation => "constellation",
            Self::Graft => "gate of the graft",
            Self::Prerequisite => "prerequisite of a cluster",
            Self::Workload => "workload cluster",
            Self::Health => "health of a cluster",
            Self::Doctor => "doctor",
            Self::StuckDelete => "stuck delete",
            Self::Teardown => "teardown",
            Self::Acceptance => "acceptance",
            Self::Drift => "drift",
        }
    }

    /// Returns the command that checks `rule`, without the program's name.
    fn command(self, rule: &str) -> String {
        match self {
            Self::LintBundle => "lint bundle bundle.yaml".to_owned(),
            Self::LintNetwork => "lint network bundle.yaml".to_owned(),
            Self::LintSite => "lint site".to_owned(),
            Self::LintTemplates => "lint templates".to_owned(),
            Self::LintFile => "lint file 00-capi-helm.conf".to_owned(),
            Self::Live => format!("check live --only {rule}"),
            Self::Coherence => "check-coherence".to_owned(),
            Self::Template => "ensure-cluster-template --plan".to_owned(),
            Self::Constellation => "check-constellation".to_owned(),
            Self::Graft => "verify graft".to_owned(),
            Self::Prerequisite => "check cluster-prerequisites --template NAME".to_owned(),
            Self::Workload => "check workload --cluster NAME".to_owned(),
            Self::Health | Self::Doctor => "doctor".to_owned(),
            Self::StuckDelete => "release-stuck-delete --cluster NAME --plan".to_owned(),
            Self::Teardown => "teardown --plan".to_owned(),
            Self::Acceptance => format!("accept --only {rule}"),
            Self::Drift => "drift".to_owned(),
        }
    }
}

/// A rule, and what is known of it without a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// Its name, which no other rule has.
    pub rule: String,
    /// Its kind: of several the first.
    pub kind: CheckKind,
    /// The decisions that it checks; often none.
    pub decisions: Vec<String>,
    /// The commands that check it, without the program's name.
    pub commands: Vec<String>,
}

/// Returns every rule of every kind, in the order of the kinds; within a kind in its own order.
///
/// A gate that several commands ask is there once, with all of them. Two rules of one name that are not the
/// same gate are a defect, which a test finds.
pub fn checks() -> Vec<Check> {
    let mut all: Vec<Check> = Vec::new();
    let mut places = BTreeMap::new();
    for (kind, rule, decisions) in rules() {
        let command = kind.command(&rule);
        if let Some(known) = places.get(&rule).and_then(|at: &usize| all.get_mut(*at)) {
            if !known.commands.contains(&command) {
                known.commands.push(command);
            }
            for one in decisions {
                if !known.decisions.iter().any(|known| known == one) {
                    known.decisions.push(one.to_owned());
                }
            }
            continue;
        }
        places.insert(rule.clone(), all.len());
        let decisions = decisions.iter().map(|one| (*one).to_owned()).collect();
        all.push(Check { rule, kind, decisions, commands: vec![command] });
    }
    all
}

type Entry = (CheckKind, String, Vec<&'static str>);

/// Returns each kind's rules. A rule that two kinds share is there twice.
fn rules() -> Vec<Entry> {
    use CheckKind as Kind;
    let of = |kind: Kind, rules: Vec<lint::Rule>| {
        let entry =
            move |rule: lint::Rule| (kind, rule.id.to_owned(), rule.decision.into_iter().collect());
        rules.into_iter().map(entry).collect::<Vec<_>>()
    };
    let coherence = coherence::Rule::ALL
        .map(|rule| (Kind::Coherence, rule.name().to_owned(), rule.decisions().to_vec()));
    let questions =
        Question::ALL.map(|one| (Kind::Workload, one.rule().to_owned(), one.decisions().to_vec()));
    let health =
        HealthCause::ALL.map(|one| (Kind::Health, one.rule().to_owned(), one.decisions().to_vec()));
    let doctor = Cause::ALL.map(|cause| match cause.gate() {
        Some(rule) => entry(Kind::Doctor, rule),
        None => (Kind::Doctor, cause.to_string(), cause.decisions().to_vec()),
    });
    let items = ItemId::ALL
        .map(|item| (Kind::Acceptance, item.name().to_owned(), item.decisions().to_vec()));
    of(Kind::LintBundle, bundle::rules())
        .into_iter()
        .chain(of(Kind::LintNetwork, lint::network::rules()))
        .chain(of(Kind::LintSite, lint::site::rules()))
        .chain(of(Kind::LintTemplates, lint::templates::rules()))
        .chain(of(Kind::LintFile, config_file::rules()))
        .chain(of(Kind::Live, live::RULES.to_vec()))
        .chain(coherence)
        .chain(template::RULES.map(|rule| entry(Kind::Template, rule)))
        .chain([entry(Kind::Constellation, UNTESTED)])
        .chain(graft::GATES.map(|rule| entry(Kind::Graft, rule)))
        .chain(PREREQUISITE_RULES.map(|rule| entry(Kind::Prerequisite, rule)))
        .chain([entry(Kind::Prerequisite, NOT_LOOKED)])
        .chain(questions)
        .chain(health)
        .chain(doctor)
        .chain(stuck_delete::RULES.map(|rule| entry(Kind::StuckDelete, rule)))
        .chain(teardown::rules().map(|rule| entry(Kind::Teardown, rule)))
        .chain(items)
        .chain(of(Kind::Drift, drift::RULES.to_vec()))
        .collect()
}

fn entry(kind: CheckKind, rule: CheckRule) -> Entry {
    (kind, rule.name.to_owned(), rule.decisions.to_vec())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use omega_core::testing::defined_rules;

    use super::*;
    use crate::decisions::decisions;

    /// A rule that more than one kind asks (a gate of two commands, a judgement that `lint site` shares with
    /// `check-coherence`) is about the same decision in each. Another one needs another name.
    #[test]
    fn one_name_is_one_rule() {
        let mut kinds: BTreeMap<String, Vec<(CheckKind, Vec<&str>)>> = BTreeMap::new();
        for (kind, rule, decisions) in rules() {
            kinds.entry(rule).or_default().push((kind, decisions));
        }
        let shared: Vec<_> = kinds.iter().filter(|(_, of)| of.len() > 1).collect();
        for (rule, of) in shared {
            let first = of[0].1.first();
            assert!(of.iter().all(|(_, all)| all.first() == first), "{rule}: {of:?}");
            let kinds: BTreeSet<_> = of.iter().map(|(kind, _)| *kind).collect();
            assert_eq!(kinds.len(), of.len(), "{rule} is twice in one kind");
        }
        let all = checks();
        let names: BTreeSet<&str> = all.iter().map(|check| check.rule.as_str()).collect();
        assert_eq!(names.len(), all.len());
    }

    #[test]
    fn every_gate_and_wait_of_the_sources_is_a_check() {
        let names: BTreeSet<String> = checks().into_iter().map(|check| check.rule).collect();
        for one in ["omega", "omega-capi", "omega-driver", "omega-juju", "omega-openstack"] {
            let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(one).join("src");
            let (defined, unnamed) = defined_rules(&sources);
            assert!(defined.is_subset(&names), "{one}: {:?}", defined.difference(&names));
            assert!(!defined.is_empty(), "{one}");
            assert_eq!(unnamed, [""; 0], "{one}: a gate's name must be that of a CheckRule");
        }
    }

    /// Every decision that is in force has a rule, or says why not; and what a rule names is a decision.
    #[test]
    fn every_decision_in_force_is_checked_or_says_why_not() {
        let (all, checks) = (decisions().unwrap(), checks());
        let ids: BTreeSet<&str> = all.iter().map(|one| one.id.as_str()).collect();
        for check in &checks {
            for id in &check.decisions {
                assert!(ids.contains(id.as_str()), "{} names {id}", check.rule);
            }
        }
        let wrong = all.iter().filter(|one| one.is_in_force()).filter(|one| {
            let checked = checks.iter().any(|check| check.decisions.contains(&one.id));
            checked == one.unchecked.is_some()
        });
        let wrong: Vec<&str> = wrong.map(|one| one.id.as_str()).collect();
        assert_eq!(wrong, [""; 0], "each needs a rule, or `unchecked`: one of the two");
        assert!(all.iter().filter(|one| !one.is_in_force()).count() > 5);
    }

    #[test]
    fn a_rule_knows_its_commands_and_decisions() {
        let all = checks();
        let of = |rule: &str| all.iter().find(|check| check.rule == rule).unwrap();
        assert_eq!(of("kubernetes-version").decisions, ["D-034"]);
        let commands = &of("trustee-domain").commands;
        for one in ["verify graft", "check cluster-prerequisites --template NAME", "doctor"] {
            assert!(commands.iter().any(|command| command == one), "{commands:?}");
        }
        assert_eq!(of("D-011.4").commands, ["accept --only D-011.4"]);
        assert_eq!(of("ceph-release").decisions, ["D-005"]);
    }
}
