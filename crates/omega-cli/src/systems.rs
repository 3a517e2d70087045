//! The systems that suggested commands act on.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use crate::command_line::{on_site, quoted};

/// What a suggested command has to name, so that it can't act on the default context of the shell in which it
/// is pasted.
#[derive(Debug, Default)]
pub(crate) struct Systems {
    /// The site file, if the operator named another than the default.
    site: Option<String>,
    named: Mutex<Named>,
}

/// What the site file names.
#[derive(Clone, Debug, Default)]
struct Named {
    kubeconfig: Option<String>,
    model: Option<String>,
    cloud: Option<String>,
}

impl Systems {
    /// Returns the systems of `site`, the site file that was given.
    pub(crate) fn new(site: Option<String>) -> Self {
        Self { site, named: Mutex::default() }
    }

    /// Remembers what the site file names: the kubeconfig of the management cluster, where it is, the Juju
    /// model, and the cloud in clouds.yaml.
    pub(crate) fn name(&self, kubeconfig: Option<&Path>, model: Option<&str>, cloud: Option<&str>) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        *named = Named {
            kubeconfig: kubeconfig.map(|path| path.display().to_string()),
            model: model.map(str::to_owned),
            cloud: cloud.map(str::to_owned),
        };
    }

    /// Returns `text` with the systems in the commands in it, so that they can be pasted.
    pub(crate) fn in_commands(&self, text: &str) -> String {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = text.to_owned();
        if let Some(site) = &self.site {
            text = on_site(&text, site);
        }
        // A command for the cluster of a user needs that cluster's kubeconfig, which is not the site's.
        if let Some(path) = named.kubeconfig.filter(|_| !text.contains("workload cluster")) {
            text = with_option(&text, &KUBECTL, &path);
            text = with_option(&text, &HELM, &path);
        }
        if let Some(model) = &named.model {
            text = with_option(&text, &JUJU, model);
        }
        if let Some(cloud) = &named.cloud {
            text = with_option(&text, &OPENSTACK, cloud);
        }
        text
    }
}

/// A program, and how its commands name the system that they act on.
struct Tool {
    name: &'static str,
    option: &'static str,
    /// Whether the option comes after the subcommand: juju has it there.
    after_verb: bool,
    /// What has the system already.
    has: &'static [&'static str],
    /// The words after the program's name with which it is a command, and no sentence.
    verbs: &'static [&'static str],
}

const KUBECTL: Tool = Tool {
    name: "kubectl",
    option: "--kubeconfig",
    after_verb: false,
    has: &["--kubeconfig", "--context"],
    verbs: &[
        "-A", "-n", "annotate", "delete", "describe", "edit", "exec", "get", "label", "logs",
        "patch", "replace", "rollout", "taint",
    ],
};

const HELM: Tool = Tool {
    name: "helm",
    option: "--kubeconfig",
    after_verb: false,
    has: &["--kubeconfig", "--kube-context"],
    verbs: &["-n", "history", "rollback", "status", "uninstall"],
};

const JUJU: Tool = Tool {
    name: "juju",
    option: "-m",
    after_verb: true,
    has: &[" -m ", "--model"],
    verbs: &[
        "add-ssh-key",
        "config",
        "debug-log",
        "disabled-commands",
        "enable-command",
        "exec",
        "resolve",
        "resolved",
        "retry-provisioning",
        "run",
        "show-machine",
        "show-status-log",
        "show-unit",
        "ssh",
        "status",
    ],
};

const OPENSTACK: Tool = Tool {
    name: "openstack",
    option: "--os-cloud",
    after_verb: false,
    has: &["--os-cloud"],
    verbs: &[
        "catalog",
        "coe",
        "console",
        "domain",
        "endpoint",
        "flavor",
        "floating",
        "image",
        "keypair",
        "limit",
        "loadbalancer",
        "network",
        "port",
        "project",
        "quota",
        "role",
        "router",
        "security",
        "server",
        "service",
        "stack",
        "subnet",
        "user",
        "volume",
    ],
};

/// Returns `text` with the option of `tool` and `value` in each command of it that does not name a system.
fn with_option(text: &str, tool: &Tool, value: &str) -> String {
    let value = quoted(value);
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(tool.name) {
        let end = at + tool.name.len();
        let (head, tail) = rest.split_at(end);
        let before = head.get(..at).and_then(|before| before.chars().next_back());
        shown.push_str(head);
        rest = tail;
        let starts = before.is_none_or(|c| matches!(c, ' ' | '(' | '`' | '\n'));
        let Some(words) = tail.strip_prefix(' ').filter(|_| starts) else { continue };
        let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
        let verb = words.split(is_end).next().unwrap_or_default();
        let command = words.split([';', ')', '`', '\n']).next().unwrap_or_default();
        let command = command.split(", ").next().unwrap_or_default();
        let padded = format!(" {command} ");
        if !tool.verbs.contains(&verb) || tool.has.iter().any(|has| padded.contains(has)) {
            continue;
        }
        if tool.after_verb {
            let (verb, after) = tail.split_at(1 + verb.len());
            shown.push_str(verb);
            rest = after;
        }
        shown.extend([" ", tool.option, " ", &value]);
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggested_commands_of_other_programs_name_the_sites_systems() {
        let systems = Systems::new(None);
        let edit = "serve it again: kubectl edit crd clusters.cluster.x-k8s.io";
        assert_eq!(systems.in_commands(edit), edit, "the site file names nothing");
        systems.name(Some(Path::new("/a b/kc")), Some("admin/openstack"), Some("capi-admin"));
        for (text, expected) in [
            (
                edit,
                "serve it again: kubectl --kubeconfig '/a b/kc' edit crd clusters.cluster.x-k8s.io",
            ),
            (
                "kubectl get --raw '/readyz?verbose'",
                "kubectl --kubeconfig '/a b/kc' get --raw '/readyz?verbose'",
            ),
            (
                "kubectl -A get pods, then kubectl logs --previous",
                "kubectl --kubeconfig '/a b/kc' -A get pods, then kubectl --kubeconfig '/a b/kc' logs --previous",
            ),
            ("helm -n magnum-a history c1", "helm --kubeconfig '/a b/kc' -n magnum-a history c1"),
            (
                "juju run magnum/leader domain-setup",
                "juju run -m admin/openstack magnum/leader domain-setup",
            ),
            (
                "look at juju status, and check the model (juju models)",
                "look at juju status -m admin/openstack, and check the model (juju models)",
            ),
            (
                "`openstack coe cluster delete` is not safe",
                "`openstack --os-cloud capi-admin coe cluster delete` is not safe",
            ),
            // These name a system, act on another one, or are no commands.
            ("kubectl get nodes --kubeconfig FILE", "kubectl get nodes --kubeconfig FILE"),
            ("kubectl config use-context NAME", "kubectl config use-context NAME"),
            (
                "kubectl describe node n, on the workload cluster",
                "kubectl describe node n, on the workload cluster",
            ),
            ("juju status -m other", "juju status -m other"),
            ("juju login -c c", "juju login -c c"),
            ("run helm on the unit; juju can't", "run helm on the unit; juju can't"),
            ("cluster-api-provider-openstack cluster", "cluster-api-provider-openstack cluster"),
            ("the openstack client", "the openstack client"),
            ("openstack --os-cloud x image list", "openstack --os-cloud x image list"),
        ] {
            assert_eq!(systems.in_commands(text), expected);
        }
    }
}
