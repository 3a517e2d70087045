//! D-011.7: the snapshots of the hypervisor's domains exist.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use omega_core::{
    Context, Diagnostic as _, Evidence, Failure, Finding, Label as _, Note, Severity, Subject,
};
use omega_juju::{DomainSnapshots, Error, FailureCode, Unit};

use super::causes;
use crate::acceptance::{Answer, Item, ItemId};

/// A machine that runs the cloud's virtual machines.
#[derive(Clone, Debug)]
pub struct Hypervisor {
    /// The machine.
    pub machine: Arc<Unit>,
    /// The program: `virsh`, or a path to it.
    pub virsh: String,
    /// The domains that must have snapshots.
    pub domains: Vec<String>,
    /// The snapshots that each of them must have; any one if it is empty.
    pub snapshots: Vec<String>,
}

/// D-011.7.
#[derive(Debug)]
pub struct Snapshots {
    /// The hypervisors, or why they can't be asked.
    pub hypervisors: Result<Vec<Hypervisor>, Failure>,
}

#[async_trait]
impl Item for Snapshots {
    fn id(&self) -> ItemId {
        ItemId::Snapshots
    }

    fn effects(&self) -> Result<Vec<String>, Failure> {
        self.hypervisors.as_ref().map(|_| Vec::new()).map_err(Failure::clone)
    }

    async fn check(&self, _: &Context) -> Answer {
        let all = match &self.hypervisors {
            Ok(all) => all,
            Err(failure) => return Answer::unasked(failure),
        };
        let asked = all
            .iter()
            .map(|one| async move { (one, one.machine.snapshots(&one.virsh, &one.domains).await) });
        let (mut findings, mut evidence) = (Vec::new(), Vec::new());
        for (one, answer) in join_all(asked).await {
            match answer {
                Ok(domains) => {
                    findings.extend(domains.iter().filter_map(|domain| judge(one, domain)));
                    evidence.extend(domains.iter().filter_map(shown));
                }
                Err(error) => {
                    let subject = Subject::new("hypervisor", one.machine.label());
                    let found = Finding::broken("hypervisor-unasked", subject, causes(&error));
                    findings.push(found.severity(Severity::Unknown).remedy(remedy(one, &error)));
                }
            }
        }
        Answer::judged(findings, evidence).noting([note()])
    }
}

/// What helps if a hypervisor could not be asked.
fn remedy(one: &Hypervisor, error: &Error) -> String {
    let machine = one.machine.label();
    error.next().unwrap_or_else(|| match error.code() {
        Some(FailureCode::NoProgram) => format!(
            "install virsh on {machine} (package libvirt-clients), name its path (`virsh` in \
             [[acceptance.hypervisor]]), or name the machine that is the hypervisor (`ssh`)"
        ),
        Some(_) => format!("run virsh -r -c qemu:///system list --all on {machine}, to see why"),
        None => format!("check how {machine} is reached"),
    })
}

fn note() -> Note {
    Note::decision(
        "D-012",
        "This sees the snapshots that libvirt knows. One that was made with qemu-img alone is not \
         among them: qemu-img snapshot -l -U DISK lists it.",
    )
}

fn judge(of: &Hypervisor, state: &DomainSnapshots) -> Option<Finding> {
    let subject = Subject::new("domain", &state.domain);
    let Some(found) = &state.snapshots else {
        let said = state.error.as_deref().unwrap_or("no reason was given");
        if state.is_absent() {
            let next = format!("on {}: {} list --all", of.machine.label(), of.virsh);
            let absent = Finding::broken("domain-missing", subject, "there is no such domain");
            return Some(absent.shown_by([Evidence::sentence(said)]).remedy(next));
        }
        let why = format!("virsh could not list its snapshots: {said}");
        let next =
            "check that the user of this connection may use libvirt (root, or the group libvirt)";
        let unknown = Finding::broken("domain-unasked", subject, why).severity(Severity::Unknown);
        return Some(unknown.remedy(next));
    };
    let create = |name: &str| {
        let Hypervisor { virsh, .. } = of;
        format!("{virsh} snapshot-create-as {} {name} --atomic", state.domain)
    };
    if of.snapshots.is_empty() {
        let none = Finding::broken("snapshot-missing", subject, "it has no snapshot");
        return found.is_empty().then(|| none.decision("D-012").remedy(create("NAME")));
    }
    let missing: Vec<_> = of.snapshots.iter().filter(|name| !found.contains(name)).collect();
    let first = missing.first()?;
    let names = missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let why = format!("it has no snapshot {names}");
    let missing = Finding::broken("snapshot-missing", subject, why).decision("D-012");
    Some(missing.shown_by([Evidence::list("snapshots", found)]).remedy(create(first)))
}

fn shown(state: &DomainSnapshots) -> Option<Evidence> {
    let names = state.snapshots.as_ref().filter(|names| !names.is_empty())?;
    Some(Evidence::list(&state.domain, names))
}

#[cfg(test)]
#[path = "snapshots_tests.rs"]
mod tests;
