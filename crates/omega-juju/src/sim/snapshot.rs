//! A snapshot of a unit, for comparison.

use std::collections::BTreeMap;

use super::{files::Node, unit::Machine};

/// Everything that an operation can change on a simulated unit, without times, process ids and
/// stored before-images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The files by path.
    pub files: BTreeMap<String, String>,
    /// The versions of distributions by name.
    pub packages: BTreeMap<String, String>,
    /// The state of systemd and of the process by service.
    pub services: BTreeMap<String, Vec<String>>,
}

impl Snapshot {
    pub(super) fn of(machine: &Machine) -> Self {
        let files = machine.files.0.iter();
        let packages = machine.python.installed.iter();
        let services = machine.services.all.iter().map(|(name, service)| {
            let mut facts = service.exec_start.clone();
            facts.extend(service.drop_ins.clone());
            match &service.process {
                None => facts.push(if service.failed { "failed" } else { "dead" }.to_owned()),
                Some(process) => {
                    facts.extend(process.cmdline.clone());
                    facts.extend(
                        process.options.iter().map(|(key, value)| format!("{key:?} {value}")),
                    );
                    facts.push(format!("driver {:?}", process.driver));
                    facts.push(format!("PATH={}", process.path.join(":")));
                }
            }
            (name.clone(), facts)
        });
        Self {
            files: files.map(|(path, node)| (path.clone(), shown(node))).collect(),
            packages: packages.map(|(name, found)| (name.clone(), found.version.clone())).collect(),
            services: services.collect(),
        }
    }
}

fn shown(node: &Node) -> String {
    match node {
        Node::File { bytes, owned, modified: _ } => {
            let (owner, group, mode) = (&owned.owner, &owned.group, owned.mode);
            format!("{owner}:{group} {mode:04o} {}", String::from_utf8_lossy(bytes))
        }
        Node::Link { target } => format!("-> {target}"),
        Node::Directory { owned, modified: _ } => {
            format!("{}:{} {:04o} directory", owned.owner, owned.group, owned.mode)
        }
        Node::Special => "special".to_owned(),
    }
}
