//! The kubeconfig on a unit: whether it exists, its server can be reached, it is accepted, and has
//! enough rights.

use jiff::Timestamp;
use omega_core::Evidence;
use omega_juju::{ConductorFacts, FailureCode, FileState, HelmFailure, ReachState, ReleasesState};

use super::{Unit, is_in_place};
use crate::doctor::{
    Cause, Layer, LayerFinding,
    driver_credential::{self, InUse},
};

const LAYER: Layer = Layer::DriverCredential;

pub(super) fn judge(
    unit: Unit<'_>,
    facts: &ConductorFacts,
    wanted: Option<&InUse>,
    now: Timestamp,
) -> Vec<LayerFinding> {
    if matches!(facts.kubeconfig, Ok(FileState::Absent)) {
        return vec![absent(unit, facts)];
    }
    let reach = facts.reach.as_ref().and_then(|reach| reach.as_ref().err());
    let unasked = [facts.kubeconfig.as_ref().err(), reach];
    let unasked = unasked.into_iter().flatten().map(|failure| unit.unasked(LAYER, failure));
    let clock = Clocks { here: now, unit: facts.since_start.as_ref().ok().map(|one| one.now_ns) };
    let unreached =
        facts.reach.as_ref().and_then(|reach| unreached(unit, reach.as_ref().ok()?, clock));
    let connects = |one: &LayerFinding| {
        let connecting = [Cause::ManagementUnreachable, Cause::TlsFailed, Cause::ClockWrong];
        let certificate = [Cause::CertificateExpired, Cause::CertificateUntrusted];
        !connecting.contains(&one.cause) && !certificate.contains(&one.cause)
    };
    let login = match &facts.authenticate {
        Err(failure) => Some(unit.unasked(LAYER, failure)),
        Ok(state) => refused(unit, facts, state, wanted, now, clock)
            // What keeps the unit from the API server is reported once.
            .filter(|one| connects(one) || unreached.is_none()),
    };
    let lists = facts.releases.as_ref().map(Vec::as_slice).unwrap_or_default();
    let in_place = wanted.filter(|wanted| is_in_place(facts, wanted));
    let forbidden = lists.iter().filter_map(|list| forbidden(unit, list, in_place));
    unasked.chain(unreached.clone()).chain(login).chain(forbidden).collect()
}

fn absent(unit: Unit<'_>, facts: &ConductorFacts) -> LayerFinding {
    let path = path(facts);
    unit.broken(LAYER, Cause::KubeconfigUnusable, format!("{path} does not exist"))
        .remedy("omega-cli place-kubeconfig")
}

/// The kubeconfig's path on the unit, as the daemon's options name it.
fn path(facts: &ConductorFacts) -> &str {
    let option = facts.options.as_ref().ok().and_then(|all| all.values.get("kubeconfig_file"));
    option.filter(|path| !path.is_empty()).map_or("the kubeconfig", String::as_str)
}

/// What to do about a refused login with the file on the unit.
fn renew(unit: Unit<'_>, facts: &ConductorFacts, wanted: Option<&InUse>) -> String {
    let here = format!("{} on {}", path(facts), unit.0);
    match wanted {
        Some(wanted) if is_in_place(facts, wanted) => wanted.renew(),
        Some(wanted) => format!(
            "{here} is not {}, which the site file names; put that there: omega-cli place-kubeconfig",
            wanted.file
        ),
        None => format!(
            "replace {here} with a kubeconfig that the management cluster accepts, and name it in the \
             site file; with an administrator's, make one: omega-cli mint-kubeconfig --out FILE --namespace \
             magnum-PROJECT_ID; then omega-cli place-kubeconfig"
        ),
    }
}

fn reason(state: &ReachState) -> &str {
    state.error.as_deref().unwrap_or("no reason given")
}

fn unreached(unit: Unit<'_>, state: &ReachState, clocks: Clocks) -> Option<LayerFinding> {
    if let Some(code) = state.code.as_ref().filter(|code| code.is_tls()) {
        return Some(tls(unit, state, code, clocks));
    }
    let remedy = match &state.code {
        Some(FailureCode::Dns) => "correct the name resolution on the unit (/etc/resolv.conf)",
        Some(_) | None => "allow this unit: omega-cli ensure-sg-rule; then check the route to it",
    };
    (!state.tcp || !state.tls)
        .then(|| unit.broken(LAYER, Cause::ManagementUnreachable, reason(state)).remedy(remedy))
}

/// This machine's clock, and the unit's in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    here: Timestamp,
    unit: Option<i64>,
}

/// By how much the clocks may differ: the unit was read some time after this machine's clock.
const APART: i64 = 5 * 60;

impl Clocks {
    /// Returns the unit's time, if it is another one.
    fn other(self) -> Option<Timestamp> {
        let unit = Timestamp::from_nanosecond(self.unit?.into()).ok()?;
        let apart = unit.duration_since(self.here).as_secs().abs();
        (apart > APART).then_some(unit)
    }
}

/// TLS fails on the unit. TCP works, so it is no matter of routes or rules.
fn tls(unit: Unit<'_>, state: &ReachState, code: &FailureCode, clocks: Clocks) -> LayerFinding {
    let why = reason(state);
    let broken = |cause, remedy: &str| unit.broken(LAYER, cause, why).remedy(remedy);
    if let (FailureCode::TlsExpired | FailureCode::TlsNotYetValid, Some(time)) =
        (code, clocks.other())
    {
        let times = [Evidence::time("the unit's clock", time), Evidence::time("here", clocks.here)];
        return broken(Cause::ClockWrong, "correct the clock of the unit (timedatectl)")
            .shown_by(times);
    }
    match Some(code) {
        Some(FailureCode::TlsExpired | FailureCode::TlsNotYetValid) => broken(
            Cause::CertificateExpired,
            "renew the API server's certificate; if it is valid from here, compare the unit's clock",
        ),
        Some(FailureCode::TlsUntrusted) => broken(
            Cause::CertificateUntrusted,
            "the kubeconfig on the unit has another CA than the one that signed the API server's \
             certificate: omega-cli place-kubeconfig",
        ),
        Some(FailureCode::TlsWrongHost) => broken(
            Cause::CertificateUntrusted,
            "the certificate is for another name or address than that in the kubeconfig on the unit: \
             omega-cli place-kubeconfig, or a certificate with that name",
        ),
        Some(_) | None => broken(
            Cause::TlsFailed,
            "look at what listens there: it does not speak TLS, or a proxy is in between",
        ),
    }
}

/// Why the login with the kubeconfig fails. With a 403 the login worked: the user is known, but lacks
/// rights.
fn refused(
    unit: Unit<'_>,
    facts: &ConductorFacts,
    state: &ReachState,
    wanted: Option<&InUse>,
    now: Timestamp,
    clocks: Clocks,
) -> Option<LayerFinding> {
    let why = reason(state);
    let broken = |cause, remedy| Some(unit.broken(LAYER, cause, why).remedy(remedy));
    match state.status {
        Some(200 | 403) => None,
        Some(401) if state.code == Some(FailureCode::CredentialExpired) => {
            let found = unit.broken(LAYER, Cause::KubeconfigExpired, why);
            Some(found.remedy(renew(unit, facts, wanted)))
        }
        Some(401) => {
            let in_place = wanted.filter(|wanted| is_in_place(facts, wanted));
            let known = in_place.map(|one| &one.facts);
            let renew = renew(unit, facts, wanted);
            Some(driver_credential::refused(unit.subject(), why, known, now, renew))
        }
        Some(_) => Some(unit.unknown(LAYER, why)),
        None => match &state.code {
            Some(code) if code.is_tls() => Some(tls(unit, state, code, clocks)),
            Some(FailureCode::Dns) => broken(
                Cause::ManagementUnreachable,
                "the unit can't resolve the server's name: correct its name resolution \
                 (/etc/resolv.conf), or use an address: omega-cli place-kubeconfig",
            ),
            Some(FailureCode::Tcp | FailureCode::Proxy) => broken(
                Cause::ManagementUnreachable,
                "the kubeconfig on the unit has another server than the site's: omega-cli \
                 place-kubeconfig; or a proxy is in between",
            ),
            Some(
                FailureCode::KubeconfigInvalid | FailureCode::NotFound | FailureCode::NotPermitted,
            ) => broken(Cause::KubeconfigUnusable, "omega-cli place-kubeconfig"),
            Some(_) | None => Some(unit.unknown(LAYER, why)),
        },
    }
}

/// A right that helm needs and the kubeconfig's user lacks, as the API server's message names it.
/// `in_place`: the site's kubeconfig, if it is the one on the unit.
fn forbidden(
    unit: Unit<'_>,
    list: &ReleasesState,
    in_place: Option<&InUse>,
) -> Option<LayerFinding> {
    let Some(HelmFailure::Forbidden { .. }) = list.failure() else { return None };
    let namespace = &list.namespace;
    let again = format!("omega-cli mint-kubeconfig --out FILE --namespace {namespace}");
    let how = match in_place.map(|one| one.facts.account.is_some()) {
        Some(true) => format!("correct its role: {again}"),
        Some(false) => "RBAC: it was not minted".to_owned(),
        None => format!("RBAC; of a minted one: {again}"),
    };
    let remedy = format!("give the kubeconfig's user that right in {namespace}: {how}");
    let found = unit.broken(LAYER, Cause::RightsMissing, list.stderr());
    Some(found.shown_by([Evidence::text("namespace", namespace)]).remedy(remedy))
}
