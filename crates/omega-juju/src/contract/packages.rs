use super::{Broken, Site, Wheel, check::Clause};
use crate::{Action, Channel, Interpreter, PackageAction, Payload, PipSource, Probe, Reply};

type Checked = Result<&'static str, Broken>;

pub(super) async fn check(channel: &dyn Channel, site: &Site) -> Result<Vec<&'static str>, Broken> {
    let clause = |name| Clause { name, channel };
    Ok(vec![
        installed(clause("a wheel is installed for the daemon's interpreter"), site).await?,
        refused(clause("what can't be installed is refused and changes nothing"), site).await?,
        replaced(clause("a version is replaced, and the old one is stored"), site).await?,
        unchanged(clause("drivers are imported again only if something changed"), site).await?,
        uninstalled(clause("a distribution is uninstalled and stored"), site).await?,
    ])
}

async fn interpreter(clause: &Clause<'_>, site: &Site) -> Result<Interpreter, Broken> {
    let probe = Probe::Python {
        service: site.service.clone(),
        distribution: site.distribution.clone(),
        group: "magnum.drivers".to_owned(),
    };
    match clause.ask_one(probe).await? {
        Reply::Python { interpreter: Some(interpreter) } => Ok(interpreter),
        other => Err(clause.broken("an interpreter", other)),
    }
}

async fn version(clause: &Clause<'_>, site: &Site) -> Result<Option<String>, Broken> {
    let interpreter = interpreter(clause, site).await?;
    Ok(interpreter.distribution.map(|distribution| distribution.version))
}

fn install(site: &Site, version: &str, source: PipSource) -> Action {
    PackageAction::PipInstall {
        service: site.service.clone(),
        distribution: site.distribution.clone(),
        version: version.to_owned(),
        source,
        break_system_packages: site.break_system_packages,
    }
    .into()
}

fn from_wheel(site: &Site, wheel: &Wheel) -> (Action, Payload) {
    let (file_name, sha256) = (wheel.file_name.clone(), wheel.bytes.digest());
    let source = PipSource::Wheel { file_name, sha256 };
    (install(site, &wheel.version, source), wheel.bytes.clone().into())
}

fn uninstall(site: &Site) -> Action {
    PackageAction::PipUninstall {
        service: site.service.clone(),
        distribution: site.distribution.clone(),
        break_system_packages: site.break_system_packages,
    }
    .into()
}

async fn installed(clause: Clause<'_>, site: &Site) -> Checked {
    let [old, _] = &site.wheels;
    let before = interpreter(&clause, site).await?;
    clause.same("distribution", &before.distribution, &None)?;
    clause.same("marker", &before.externally_managed, &site.break_system_packages)?;
    let (action, payload) = from_wheel(site, old);
    clause.act(&action, payload).await?;
    let after = interpreter(&clause, site).await?;
    let Some(found) = &after.distribution else { return Err(clause.broken("it", after)) };
    clause.same("version", &found.version, &old.version)?;
    clause.same("drivers", &found.entry_points, &vec!["k8s_capi_helm_v1".to_owned()])?;
    clause.same("the same again", &interpreter(&clause, site).await?, &after)?;
    let containing = vec!["capi".to_owned()];
    let all = Probe::Distributions { service: site.service.clone(), containing };
    let versions = [(site.distribution.clone(), old.version.clone())].into();
    let reply = clause.ask_one(all).await?;
    let Reply::Distributions(state) = &reply else { return Err(clause.broken("all", reply)) };
    clause.same("all", &state.versions, &versions)?;
    Ok(clause.name)
}

async fn refused(clause: Clause<'_>, site: &Site) -> Checked {
    let [old, new] = &site.wheels;
    clause.refused(&install(site, &new.version, PipSource::Kept), Payload::Null).await?;
    let (action, _) = from_wheel(site, new);
    clause.refused(&action, old.bytes.clone().into()).await?;
    clause.refused(&action, Payload::Null).await?;
    if site.break_system_packages {
        let (action, payload) =
            from_wheel(&Site { break_system_packages: false, ..site.clone() }, new);
        clause.refused(&action, payload).await?;
    }
    clause.same("version", &version(&clause, site).await?, &Some(old.version.clone()))?;
    Ok(clause.name)
}

async fn replaced(clause: Clause<'_>, site: &Site) -> Checked {
    let [old, new] = &site.wheels;
    let (action, payload) = from_wheel(site, new);
    clause.act(&action, payload).await?;
    clause.same("version", &version(&clause, site).await?, &Some(new.version.clone()))?;
    clause.act(&install(site, &old.version, PipSource::Kept), Payload::Null).await?;
    let back = interpreter(&clause, site).await?.distribution;
    let Some(back) = back else { return Err(clause.broken("the old one", back)) };
    clause.same("version", &back.version, &old.version)?;
    clause.same("drivers", &back.entry_points, &vec!["k8s_capi_helm_v1".to_owned()])?;
    clause.act(&install(site, &new.version, PipSource::Kept), Payload::Null).await?;
    clause.same("version", &version(&clause, site).await?, &Some(new.version.clone()))?;
    Ok(clause.name)
}

async fn unchanged(clause: Clause<'_>, site: &Site) -> Checked {
    let [old, new] = &site.wheels;
    let group = "magnum.drivers".to_owned();
    let asked =
        |known| Probe::Drivers { service: site.service.clone(), group: group.clone(), known };
    let mut inputs = None;
    // What was written within two seconds before an import may change again: it is not compared.
    for _ in 0..4 {
        match clause.ask_one(asked(None)).await? {
            Reply::Drivers(state) if inputs.is_none() => inputs = state.inputs,
            Reply::Drivers(_) => {}
            other => return Err(clause.broken("drivers", other)),
        }
    }
    clause.that(inputs.is_some(), "what the import depended on", &inputs)?;
    let again = clause.ask_one(asked(inputs.clone())).await?;
    clause.same("again", &again, &Reply::DriversUnchanged)?;
    clause.act(&install(site, &old.version, PipSource::Kept), Payload::Null).await?;
    match clause.ask_one(asked(inputs.clone())).await? {
        Reply::Drivers(state) => {
            clause.that(state.inputs != inputs, "other inputs", state.inputs)?;
        }
        other => return Err(clause.broken("an import after a package changed", other)),
    }
    clause.act(&install(site, &new.version, PipSource::Kept), Payload::Null).await?;
    Ok(clause.name)
}

async fn uninstalled(clause: Clause<'_>, site: &Site) -> Checked {
    let [_, new] = &site.wheels;
    clause.act(&uninstall(site), Payload::Null).await?;
    clause.same("version", &version(&clause, site).await?, &None)?;
    clause.refused(&uninstall(site), Payload::Null).await?;
    clause.act(&install(site, &new.version, PipSource::Kept), Payload::Null).await?;
    clause.same("version", &version(&clause, site).await?, &Some(new.version.clone()))?;
    clause.act(&uninstall(site), Payload::Null).await?;
    Ok(clause.name)
}
