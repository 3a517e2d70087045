//! The graft on the units of the conductor.

use std::collections::BTreeMap;

use futures::future::join_all;
use omega_core::{Failure, Label as _, kubeconfig::KubeconfigFacts};
use omega_driver::{
    DriverRelease,
    options::{Section, options},
    requirements::DISTRIBUTION,
};
use omega_juju::{
    FileFacts, FileState, Unit, UnitPath,
    operations::{PreFile, PreState, capture_pre_state, magnum},
};

use super::{ConductorFile, ConductorUnit, Part, Unread};

/// The parts that come from the units.
pub(super) type Graft = (Part<ConductorUnit>, Part<ConductorFile>);

/// Reads each unit once. `kubeconfig`: the one of this machine; a unit's with the same digest is the same.
pub(super) async fn read(
    units: &[std::sync::Arc<Unit>],
    kubeconfig: Option<&KubeconfigFacts>,
    release: Option<&DriverRelease>,
) -> Graft {
    let answers = join_all(units.iter().map(|unit| one(unit, kubeconfig, release))).await;
    let (mut rows, mut files) = (Part::default(), Part::default());
    for (unit, answer) in units.iter().zip(answers) {
        match answer {
            Ok((row, of, unread)) => {
                rows.rows.push(row);
                rows.unread.extend(unread);
                files.rows.extend(of);
            }
            Err(failure) => {
                let unread = Unread::of(format!("unit {}", unit.label()), &failure);
                rows.unread.push(unread.clone());
                files.unread.push(unread);
            }
        }
    }
    (rows, files)
}

type Row = (ConductorUnit, Vec<ConductorFile>, Vec<Unread>);

async fn one(
    unit: &Unit,
    kubeconfig: Option<&KubeconfigFacts>,
    release: Option<&DriverRelease>,
) -> Result<Row, Failure> {
    let conductor = magnum::conductor();
    let newest = || DriverRelease::known().into_iter().max();
    let release = release.cloned().or_else(newest);
    let known = release.iter().flat_map(options).filter(|one| one.section == Section::CapiHelm);
    let keys: Vec<String> = known.map(|one| one.name.to_owned()).collect();
    let (state, set, helm) = futures::join!(
        capture_pre_state(unit),
        unit.options(&conductor, Section::CapiHelm.name(), keys),
        unit.helm_version(&conductor),
    );
    let state = state?;
    let mut unread = Vec::new();
    let what = |what: &str| format!("{what} on {}", unit.label());
    let set = set.unwrap_or_else(|error| {
        unread.push(Unread::new(what("options of the conductor"), &error));
        BTreeMap::new()
    });
    let helm = helm.unwrap_or_else(|error| {
        unread.push(Unread::new(what("the version of helm"), &error));
        None
    });
    let row = ConductorUnit {
        unit: state.unit.clone(),
        magnum: state.distributions.get("magnum").cloned(),
        python: state.python.as_ref().map(|one| format!("{} {}", one.program, one.version)),
        driver: drivers(&state),
        helm: state.helm.found.as_ref().map(|found| {
            let version = helm.as_deref().unwrap_or("without a version");
            format!("{} {version} sha256 {}", found.path, found.sha256)
        }),
        user: state
            .services
            .get(&conductor)
            .map(|one| one.user.clone())
            .filter(|one| !one.is_empty()),
        start: state.args.as_ref().map(|args| args.join(" ")),
        running: state
            .services
            .get(&conductor)
            .map(|one| one.cmdline.join(" "))
            .filter(|one| !one.is_empty()),
        options: set.iter().map(|(key, value)| format!("{key}={value}")).collect(),
        kubeconfig: used(&state, kubeconfig),
    };
    let broken = state.broken_metadata.iter();
    unread.extend(broken.map(|one| Unread::because(what(&one.path), &one.why)));
    let files = state.files.iter().map(|(path, file)| entry(&state.unit, path, file)).collect();
    Ok((row, files, unread))
}

/// Every distribution of the driver, in the order in which Python finds them.
fn drivers(state: &PreState) -> Vec<String> {
    let python = state.python.iter();
    let all = python.flat_map(|python| python.distribution.iter().chain(&python.others));
    all.map(|one| format!("{DISTRIBUTION} {} in {}", one.version, one.location)).collect()
}

/// The kubeconfig of the unit. What it says is known if this machine has the same file.
fn used(state: &PreState, kubeconfig: Option<&KubeconfigFacts>) -> Option<String> {
    let facts = facts(&state.files.get(&magnum::kubeconfig())?.state)?;
    let digest = format!("sha256 {}", facts.sha256);
    Some(match kubeconfig.filter(|one| one.sha256 == facts.sha256) {
        Some(same) => {
            let end = same
                .expires()
                .map_or("its end is not known".to_owned(), |end| format!("ends {end}"));
            format!("{digest}, {}, {end}", same.server)
        }
        None => format!("{digest}, not the site's: server and end are not known"),
    })
}

fn facts(state: &FileState) -> Option<&FileFacts> {
    match state {
        FileState::Regular(facts) | FileState::Link { resolved: Some(facts), .. } => Some(facts),
        FileState::Absent
        | FileState::Link { .. }
        | FileState::Directory { .. }
        | FileState::Special => None,
    }
}

fn entry(unit: &str, path: &UnitPath, file: &PreFile) -> ConductorFile {
    let what = match &file.state {
        FileState::Absent => "nothing".to_owned(),
        FileState::Regular(_) => "file".to_owned(),
        FileState::Link { target, .. } => format!("link to {target}"),
        FileState::Directory { .. } => "directory".to_owned(),
        FileState::Special => "device, socket or pipe".to_owned(),
    };
    let facts = facts(&file.state);
    ConductorFile {
        unit: unit.to_owned(),
        path: path.to_string(),
        what,
        owner: facts.map(|one| format!("{}:{}", one.owner, one.group)),
        mode: facts.map(|one| one.mode.to_string()),
        size: facts.map(|one| one.size),
        sha256: facts.map(|one| one.sha256.to_string()),
    }
}
