//! A unit's conductor: its daemon, driver, helm and options, and the kubeconfig as it uses it.

use jiff::Timestamp;
use omega_core::kubeconfig::KubeconfigFacts;
use omega_driver::{DriverRelease, Overrides, driver_reads};
use omega_juju::{
    ConductorFacts, Error, FileState, ReachState, ReleasesState, ServiceState,
    operations::magnum::{DRIVER, ENTRY_POINT},
};

use super::{
    Cause, Finding, Layer,
    cloud::causes,
    kube_api::{MINT, credential},
    report::LayerResult,
};

const APPLY: &str = "omega-cli apply graft";

/// Says how the conductor of `unit` stands, and whether it can use its kubeconfig. `wanted`: what
/// the site's kubeconfig says.
pub(super) fn judge(
    unit: &str,
    answer: &Result<ConductorFacts, Error>,
    wanted: Option<&KubeconfigFacts>,
    now: Timestamp,
) -> [LayerResult; 2] {
    let facts = match answer {
        Ok(facts) => facts,
        Err(error) => {
            let next = format!("reach the machine first: juju ssh {unit}, or ssh to its address");
            let cause = Cause::UnitUnreachable;
            let lost = Finding::broken(Layer::Conductor, cause, unit, causes(error), next);
            let unknown = Finding::unknown(Layer::DriverCredential, unit, "nobody could be asked");
            return [
                LayerResult::of(Layer::DriverCredential, "", vec![unknown]),
                LayerResult::of(Layer::Conductor, "", vec![lost]),
            ];
        }
    };
    let same = matches!((&facts.kubeconfig, wanted), (Ok(FileState::Regular(file)), Some(wanted)) if file.sha256 == wanted.sha256);
    let wanted = wanted.filter(|_| same);
    let version = driver_version(facts).unwrap_or_else(|| "no driver".to_owned());
    let authenticated = facts.authenticate.as_ref().ok().and_then(|state| state.version.clone());
    let authenticated = authenticated.map(|version| format!(", {version}")).unwrap_or_default();
    [
        LayerResult::of(
            Layer::DriverCredential,
            format!("{unit} authenticates{authenticated}"),
            credentials(unit, facts, wanted, now),
        ),
        LayerResult::of(
            Layer::Conductor,
            format!("{unit}: {DRIVER} {version}, helm and options in effect"),
            daemon(unit, facts),
        ),
    ]
}

fn driver_version(facts: &ConductorFacts) -> Option<String> {
    let python = facts.python.as_ref().ok()?.as_ref()?;
    Some(python.distribution.as_ref()?.version.clone())
}

/// Whether the kubeconfig is there, leads somewhere, is accepted, and may do enough.
fn credentials(
    unit: &str,
    facts: &ConductorFacts,
    wanted: Option<&KubeconfigFacts>,
    now: Timestamp,
) -> Vec<Finding> {
    let broken = |cause, why: String, next: &str| {
        Finding::broken(Layer::DriverCredential, cause, unit, why, next)
    };
    if matches!(facts.kubeconfig, Ok(FileState::Absent)) {
        let option = facts.options.as_ref().ok().and_then(|all| all.get("kubeconfig_file"));
        let path = option.filter(|path| !path.is_empty()).map_or("the kubeconfig", String::as_str);
        let why = format!("{path} is not there");
        return vec![broken(Cause::KubeconfigUnusable, why, "omega-cli place-kubeconfig")];
    }
    let unknown = |why: &String| Finding::unknown(Layer::DriverCredential, unit, why);
    let reach = facts.reach.as_ref().and_then(|reach| reach.as_ref().err());
    let unasked = [facts.kubeconfig.as_ref().err(), reach];
    let mut found: Vec<Finding> = unasked.into_iter().flatten().map(unknown).collect();
    let unreached = facts.reach.as_ref().and_then(|reach| unreached(reach.as_ref()));
    if let Some(why) = &unreached {
        let next = "let this unit in: omega-cli ensure-sg-rule; then check the route to it";
        found.push(broken(Cause::ManagementUnreachable, why.clone(), next));
    }
    match &facts.authenticate {
        Err(why) => found.push(unknown(why)),
        Ok(state) => found.extend(refused(unit, state, wanted, unreached.is_some(), now)),
    }
    let lists = facts.releases.as_ref().map(Vec::as_slice).unwrap_or_default();
    found.extend(lists.iter().filter_map(|list| forbidden(unit, list)));
    found
}

fn unreached(reach: Result<&ReachState, &String>) -> Option<String> {
    let state = reach.ok()?;
    let why = || state.error.clone().unwrap_or_else(|| "no reason given".to_owned());
    (!state.tcp || !state.tls).then(why)
}

/// Why the kubeconfig does not get in. 403 gets in: it is known, and may do little.
fn refused(
    unit: &str,
    state: &ReachState,
    wanted: Option<&KubeconfigFacts>,
    unreached: bool,
    now: Timestamp,
) -> Option<Finding> {
    let why = state.error.clone().unwrap_or_else(|| "no reason given".to_owned());
    let layer = Layer::DriverCredential;
    match state.status {
        Some(200 | 403) => None,
        Some(401) if why.contains(" ended on ") => {
            Some(Finding::broken(layer, Cause::KubeconfigExpired, unit, why, MINT))
        }
        Some(401) => Some(credential(unit, &why, wanted, now)),
        Some(_) => Some(Finding::unknown(layer, unit, why)),
        None if why.starts_with("TCP") || why.starts_with("TLS") => (!unreached).then(|| {
            let next = "the kubeconfig on the unit leads elsewhere than the site's: omega-cli \
                        place-kubeconfig";
            Finding::broken(layer, Cause::ManagementUnreachable, unit, why, next)
        }),
        None if why.starts_with("HTTP") => Some(Finding::unknown(layer, unit, why)),
        None => {
            let next = "omega-cli place-kubeconfig";
            Some(Finding::broken(layer, Cause::KubeconfigUnusable, unit, why, next))
        }
    }
}

/// A right that helm misses, in its words: `secrets is forbidden: User "x" cannot list resource
/// "secrets" in API group "" in the namespace "y"`.
fn forbidden(unit: &str, list: &ReleasesState) -> Option<Finding> {
    let error = list.error.as_deref().filter(|error| error.contains("forbidden"))?;
    let namespace = &list.namespace;
    let next = format!(
        "give the kubeconfig's user that right in {namespace}: omega-cli mint-kubeconfig mends its role"
    );
    let (layer, cause) = (Layer::DriverCredential, Cause::RightsMissing);
    Some(Finding::broken(layer, cause, unit, error.trim(), next))
}

fn daemon(unit: &str, facts: &ConductorFacts) -> Vec<Finding> {
    let service = match &facts.conductor {
        Ok(service) if service.load == "not-found" => {
            let why = "this unit has no magnum-conductor";
            return vec![Finding::unknown(Layer::Conductor, unit, why)];
        }
        Ok(service) => Some(service),
        Err(_) => None,
    };
    let all = [driver(facts), helm(facts), options(facts, service), runs(service)];
    let about = |(cause, why, next): (Cause, String, String)| {
        Finding::broken(Layer::Conductor, cause, unit, why, next)
    };
    all.into_iter().flatten().map(about).chain(unasked(unit, facts)).collect()
}

/// What could not be asked is never taken for good.
fn unasked(unit: &str, facts: &ConductorFacts) -> Vec<Finding> {
    let ConductorFacts { conductor, python, helm, dropin, options, releases, .. } = facts;
    let late = options.as_ref().err().filter(|why| is_late(why));
    let all = [
        ("its service", conductor.as_ref().err()),
        ("its interpreter", python.as_ref().err()),
        ("its helm", helm.as_ref().err()),
        ("its drop-in", dropin.as_ref().err()),
        ("its options", late),
        ("helm's releases", releases.as_ref().err()),
    ];
    let unknown = |(what, why): (&str, Option<&String>)| {
        Some(Finding::unknown(Layer::Conductor, unit, format!("{what}: {}", why?)))
    };
    all.into_iter().filter_map(unknown).collect()
}

/// Whether a question was given up, and nothing is known (`omega_juju`'s agent, `run`).
fn is_late(why: &str) -> bool {
    why.contains(" did not end within ")
}

/// What is wrong, why it is thought to be, and what to do.
type Wrong = (Cause, String, String);

fn driver(facts: &ConductorFacts) -> Option<Wrong> {
    let python = facts.python.as_ref().ok()?.as_ref()?;
    let why = match &python.distribution {
        None => format!("the interpreter {} has no {DRIVER}", python.program),
        Some(found) if !found.entry_points.iter().any(|name| name == ENTRY_POINT) => {
            format!("{DRIVER} {} has no entry point {ENTRY_POINT}", found.version)
        }
        Some(_) => return None,
    };
    Some((Cause::DriverMissing, why, "omega-cli pin-driver, then converge-services".to_owned()))
}

fn helm(facts: &ConductorFacts) -> Option<Wrong> {
    let next = "omega-cli ensure-helm".to_owned();
    let program = facts.helm.as_ref().ok()?;
    if program.found.is_none() {
        let path = program.path.join(":");
        let why = format!("No such file or directory: 'helm' on the daemon's PATH={path}");
        return Some((Cause::Helm, why, next));
    }
    let lists = facts.releases.as_ref().ok()?;
    let why = lists.iter().filter_map(|list| list.error.as_deref()).find(|error| of_helm(error))?;
    Some((Cause::Helm, format!("helm does not run: {}", why.trim()), next))
}

/// Whether helm itself fails, and not what it asks for.
fn of_helm(error: &str) -> bool {
    let asked = [
        "forbidden",
        "Unauthorized",
        "logged in",
        "dial tcp",
        "connection refused",
        "x509",
        "i/o timeout",
        "Kubernetes cluster unreachable",
        "kubeconfig",
        "context deadline",
        "no answer within",
    ];
    !asked.iter().any(|word| error.contains(word))
}

/// Whether the options of the drop-in are in effect.
fn options(facts: &ConductorFacts, service: Option<&ServiceState>) -> Option<Wrong> {
    let restart = "omega-cli converge-services".to_owned();
    let values = match &facts.options {
        Ok(values) => values,
        Err(why) if is_late(why) => return None,
        Err(why) => {
            let why = format!("the conductor's options can't be read: {why}");
            return Some((Cause::DropIn, why, APPLY.to_owned()));
        }
    };
    let text = values.get("api_resources").map_or("{}", String::as_str);
    if let Some(why) = api_resources(text, driver_version(facts)) {
        let next = format!("leave it out: omega-cli stage-dropin, then {restart}");
        return Some((Cause::ApiResources, format!("api_resources = {text}: {why}"), next));
    }
    let dropin = facts.dropin.as_ref().ok();
    if values.get("kubeconfig_file").is_none_or(String::is_empty) {
        let why = match dropin {
            Some(FileState::Absent) => "the drop-in is not there",
            _ => "the drop-in is there and is not read",
        };
        let words = service.map(configuration).unwrap_or_default();
        let why = format!("[capi_helm] kubeconfig_file is not set for the conductor: {why}{words}");
        return Some((Cause::DropIn, why, APPLY.to_owned()));
    }
    let (Some(FileState::Regular(file)), Some(started)) =
        (dropin, service.and_then(|service| service.started_ns))
    else {
        return None;
    };
    (started < file.modified_ns).then(|| {
        let why = "the conductor has run since before the drop-in was changed: it is not loaded";
        (Cause::DropIn, why.to_owned(), restart)
    })
}

/// What the driver can't do with the option `text`.
fn api_resources(text: &str, version: Option<String>) -> Option<String> {
    let overrides = match Overrides::of_value(text) {
        Ok(overrides) => overrides,
        Err(error) => return Some(format!("{error}; the driver can't be imported")),
    };
    let driver: DriverRelease = version?.parse().ok()?;
    driver_reads(&driver, &overrides).iter().find_map(omega_capi::coherence::misread)
}

/// What the daemon's command line says of configuration, as `; it runs with ...`.
fn configuration(service: &ServiceState) -> String {
    let words = &service.cmdline;
    let is = |word: &&String| word.starts_with("--config-dir") || word.starts_with("--config-file");
    let at = words.iter().enumerate().filter(|(_, word)| is(word));
    let shown = at.map(|(nth, word)| match words.get(nth + 1) {
        Some(value) if !word.contains('=') => format!("{word} {value}"),
        _ => word.clone(),
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { String::new() } else { format!("; it runs with {}", shown.join(" ")) }
}

fn runs(service: Option<&ServiceState>) -> Option<Wrong> {
    let ServiceState { active, sub, result, .. } = service?;
    if active == "active" && sub == "running" {
        return None;
    }
    let why = format!("magnum-conductor is {active} ({sub}, {result})");
    let next = "journalctl -u magnum-conductor on the unit; then omega-cli converge-services";
    Some((Cause::ServiceDown, why, next.to_owned()))
}

#[cfg(test)]
#[path = "conductor_tests.rs"]
mod tests;
