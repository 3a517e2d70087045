use std::collections::BTreeMap;

use omega_core::{Diagnostic as _, Touched, values::FileMode};

use super::{
    Broken, Site,
    check::{Clause, bytes, directory, no_directory, place, remove},
};
use crate::{
    Access, Action, Channel, Expect, FailureCode, FileAction, Payload, Probe, Reply, ServiceAction,
    ServiceName, ServiceState,
};

type Checked = Result<&'static str, Broken>;

const DROP_IN: &str = "[capi_helm]\nkubeconfig_file = /etc/magnum/contract\napi_resources = {}\n";
const DIRECTORY: &str = "/etc/magnum/contract.conf.d";

pub(super) async fn check(channel: &dyn Channel, site: &Site) -> Result<Vec<&'static str>, Broken> {
    let clause = |name| Clause { name, channel };
    Ok(vec![
        absent(clause("a service that does not exist is reported as not found")).await?,
        running(clause("a daemon and its process are reported"), site).await?,
        printed(clause("a unit file is printed with its drop-ins"), site).await?,
        restarted(clause("a restart makes a new, later process"), site).await?,
        flagged(clause("the next start uses the arguments that were reported before"), site)
            .await?,
        broken(clause("a daemon that does not start is an error with its log"), site).await?,
        programs(clause("a program is found on the daemon's PATH"), site).await?,
        secrets(clause("an option that may be secret is not read"), site).await?,
    ])
}

async fn state(clause: &Clause<'_>, service: &ServiceName) -> Result<ServiceState, Broken> {
    match clause.ask_one(Probe::Service { service: service.clone() }).await? {
        Reply::Service(state) => Ok(state),
        other => Err(clause.broken("a reply to Service", other)),
    }
}

async fn args(clause: &Clause<'_>, site: &Site) -> Result<Vec<String>, Broken> {
    match clause.ask_one(Probe::ShowArgs { service: site.service.clone() }).await? {
        Reply::ShowArgs { args: Some(args) } => Ok(args),
        other => Err(clause.broken("arguments", other)),
    }
}

fn restart(service: &ServiceName) -> Action {
    ServiceAction::RestartService { service: service.clone() }.into()
}

async fn absent(clause: Clause<'_>) -> Checked {
    let none: ServiceName =
        "no-such-daemon".parse().map_err(|error| clause.broken("a name", error))?;
    let state = state(&clause, &none).await?;
    clause.same("load state", &state.load, &"not-found".to_owned())?;
    clause.same("process", &(state.pid, state.started_ns), &(None, None))?;
    clause.same("unit file", &unit_file(&clause, &none).await?, &None)?;
    let show = clause.ask_one(Probe::ShowArgs { service: none.clone() }).await?;
    clause.same("arguments", &show, &Reply::ShowArgs { args: None })?;
    let (distribution, group) = ("magnum".to_owned(), "magnum.drivers".to_owned());
    let python = Probe::Python { service: none.clone(), distribution, group };
    let python = clause.ask_one(python).await?;
    clause.same("interpreter", &python, &Reply::Python { interpreter: None })?;
    clause.refused(&restart(&none), Payload::Null).await?;
    Ok(clause.name)
}

async fn running(clause: Clause<'_>, site: &Site) -> Checked {
    let one = state(&clause, &site.service).await?;
    let states = (one.load.as_str(), one.active.as_str(), one.sub.as_str(), one.user.as_str());
    clause.same("state", &states, &("loaded", "active", "running", "magnum"))?;
    clause.that(one.pid.is_some() && one.started_ns.is_some(), "a process", &one)?;
    clause.same("the same again", &state(&clause, &site.service).await?, &one)?;
    let args = args(&clause, site).await?;
    clause.that(
        one.cmdline.ends_with(&args),
        "the init script's arguments",
        (&one.cmdline, &args),
    )?;
    Ok(clause.name)
}

const OVERRIDES: &str = "/etc/systemd/system/magnum-conductor.service.d";
const OVERRIDE: &str = "[Service]\nEnvironment=OMEGA=contract\n";

async fn unit_file(clause: &Clause<'_>, service: &ServiceName) -> Result<Option<String>, Broken> {
    match clause.ask_one(Probe::UnitFile { service: service.clone() }).await? {
        Reply::UnitFile { text } => Ok(text),
        other => Err(clause.broken("a reply to UnitFile", other)),
    }
}

async fn printed(clause: Clause<'_>, site: &Site) -> Checked {
    let (home, path) =
        (clause.path(OVERRIDES)?, clause.path(&format!("{OVERRIDES}/contract.conf"))?);
    let reload: Action = ServiceAction::ReloadUnits.into();
    let before = unit_file(&clause, &site.service).await?.unwrap_or_default();
    let first = before.lines().next().unwrap_or_default();
    let headed = first.starts_with("# /") && first.ends_with("/magnum-conductor.service");
    clause.that(headed && before.contains("\nExecStart="), "its path and its text", &before)?;
    clause.act(&directory(&home, FileMode::PROGRAM), Payload::Null).await?;
    clause.act(&place(&path, OVERRIDE, Expect::Absent), bytes(OVERRIDE)).await?;
    clause.act(&reload, Payload::Null).await?;
    let after = unit_file(&clause, &site.service).await?.unwrap_or_default();
    let expected = format!("{before}\n# {path}\n{OVERRIDE}");
    clause.same("with a drop-in", &after, &expected)?;
    clause.act(&remove(&path, OVERRIDE), Payload::Null).await?;
    clause.act(&no_directory(&home), Payload::Null).await?;
    clause.act(&reload, Payload::Null).await?;
    clause.same("without it", &unit_file(&clause, &site.service).await?, &Some(before))?;
    Ok(clause.name)
}

async fn restarted(clause: Clause<'_>, site: &Site) -> Checked {
    let before = state(&clause, &site.service).await?;
    clause.act(&restart(&site.service), Payload::Null).await?;
    let after = state(&clause, &site.service).await?;
    clause.same("state", &after.active, &"active".to_owned())?;
    clause.that(after.pid != before.pid, "another process", (before.pid, after.pid))?;
    let times = (before.started_ns, after.started_ns);
    clause.that(times.0 < times.1, "a later start", times)?;
    Ok(clause.name)
}

/// The file that the init script sources, and the content that omega writes to it.
const DEFAULTS: &str = "/etc/default/magnum-conductor";
const FLAG: &str = "DAEMON_ARGS=\"${DAEMON_ARGS} --config-dir /etc/magnum/contract.conf.d\"\n";

async fn flagged(clause: Clause<'_>, site: &Site) -> Checked {
    let (home, defaults) = (clause.path(DIRECTORY)?, clause.path(DEFAULTS)?);
    let drop_in = clause.path(&format!("{DIRECTORY}/00.conf"))?;
    let keys = ["kubeconfig_file", "api_resources", "helm_chart_name"].map(String::from).to_vec();
    let service = site.service.clone();
    let options = Probe::Options { service, group: "capi_helm".to_owned(), keys };
    clause.act(&directory(&home, FileMode::PROGRAM), Payload::Null).await?;
    clause.act(&place(&drop_in, DROP_IN, Expect::Absent), bytes(DROP_IN)).await?;
    clause.act(&place(&defaults, FLAG, Expect::Absent), bytes(FLAG)).await?;
    let flag = ["--config-dir", DIRECTORY].map(String::from);
    let has_flag = |args: &[String]| args.windows(2).any(|pair| pair == flag);
    let next = args(&clause, site).await?;
    clause.that(has_flag(&next), "the flag in the next start", &next)?;
    let live = state(&clause, &site.service).await?.cmdline;
    clause.that(!has_flag(&live), "no flag in the running process", &live)?;
    clause.same("options", &values(&clause, options.clone()).await?, &BTreeMap::new())?;

    clause.act(&restart(&site.service), Payload::Null).await?;
    let live = state(&clause, &site.service).await?.cmdline;
    clause.that(has_flag(&live), "the flag in the running process", &live)?;
    let expected = [("kubeconfig_file", "/etc/magnum/contract"), ("api_resources", "{}")];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    clause.same("options", &values(&clause, options.clone()).await?, &expected)?;
    let reply = clause.ask_one(options).await?;
    let Reply::Options(state) = &reply else { return Err(clause.broken("options", reply)) };
    let set = state.set.get("api_resources").and_then(|all| all.last());
    let file = set.map(|source| source.file.as_str());
    clause.same("where it is set", &file, &Some(drop_in.as_str()))?;
    Ok(clause.name)
}

async fn values(clause: &Clause<'_>, probe: Probe) -> Result<BTreeMap<String, String>, Broken> {
    match clause.ask_one(probe).await? {
        Reply::Options(state) => Ok(state.values),
        other => Err(clause.broken("options", other)),
    }
}

/// Removes the directory that the flag names: the daemon does not start without it.
async fn broken(clause: Clause<'_>, site: &Site) -> Checked {
    let (home, defaults) = (clause.path(DIRECTORY)?, clause.path(DEFAULTS)?);
    let drop_in = clause.path(&format!("{DIRECTORY}/00.conf"))?;
    clause.act(&remove(&drop_in, DROP_IN), Payload::Null).await?;
    clause.act(&no_directory(&home), Payload::Null).await?;
    match clause.channel.act(&restart(&site.service), Payload::Null, None).await {
        Ok(()) => return Err(clause.broken("a failed restart", "it was done")),
        Err(error) => {
            clause.same("touched", &error.touched(), &Touched::Maybe)?;
            clause.same("code", &error.code(), &Some(&FailureCode::WouldNotStart))?;
            let found = error.found().unwrap_or_default();
            let logged = found.contains("ConfigDirNotFoundError") && found.contains(DIRECTORY);
            clause.that(logged, "its log", (error.to_string(), found))?;
        }
    }
    let log = clause.ask_one(Probe::LogTail { service: site.service.clone() }).await?;
    let logged = matches!(&log, Reply::LogTail { lines }
        if lines.iter().any(|line| line.contains(DIRECTORY)));
    clause.that(logged, "its log", &log)?;
    clause.act(&remove(&defaults, FLAG), Payload::Null).await?;
    clause.act(&restart(&site.service), Payload::Null).await?;
    let state = state(&clause, &site.service).await?;
    clause.same("state", &state.active, &"active".to_owned())?;
    Ok(clause.name)
}

async fn programs(clause: Clause<'_>, site: &Site) -> Checked {
    let program =
        |name: &str| Probe::Program { name: name.to_owned(), service: site.service.clone() };
    // The process has the PATH of the init script, without /usr/local (reference 13).
    let path = ["/sbin", "/usr/sbin", "/bin", "/usr/bin"].map(String::from);
    let helm = "#!/bin/sh\n";
    let (outside, inside) = (clause.path("/usr/local/bin/helm")?, clause.path("/usr/bin/helm")?);
    let executable = |path: &crate::UnitPath, mode| -> Action {
        FileAction::SetFileMode { path: path.clone(), access: Access::root(mode) }.into()
    };
    clause.act(&place(&outside, helm, Expect::Absent), bytes(helm)).await?;
    clause.act(&executable(&outside, FileMode::PROGRAM), Payload::Null).await?;
    clause.act(&place(&inside, helm, Expect::Absent), bytes(helm)).await?;
    for (mode, expected) in [(FileMode::PUBLIC, false), (FileMode::PROGRAM, true)] {
        clause.act(&executable(&inside, mode), Payload::Null).await?;
        let reply = clause.ask_one(program("helm")).await?;
        let Reply::Program(state) = &reply else { return Err(clause.broken("a program", reply)) };
        clause.same("PATH", &state.path, &path.to_vec())?;
        clause.that(state.live, "the running process's PATH", state)?;
        let found = state.found.as_ref().map(|found| found.real.as_str());
        clause.same("helm", &found, &expected.then_some("/usr/bin/helm"))?;
    }
    clause.act(&remove(&inside, helm), Payload::Null).await?;
    clause.act(&remove(&outside, helm), Payload::Null).await?;
    Ok(clause.name)
}

async fn secrets(clause: Clause<'_>, site: &Site) -> Checked {
    for (group, key) in [("keystone_auth", "password"), ("database", "connection")] {
        let (service, group, keys) = (site.service.clone(), group.to_owned(), vec![key.to_owned()]);
        let reply = clause.ask_one(Probe::Options { service, group, keys }).await?;
        let refused = matches!(&reply, Reply::Failed(why) if why.code == FailureCode::Secret);
        clause.that(refused, "a refusal", &reply)?;
    }
    Ok(clause.name)
}
