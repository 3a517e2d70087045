//! The kubeconfig on a unit: whether it exists, its server can be reached, it is accepted, and has
//! enough rights.

use jiff::Timestamp;
use omega_core::{Evidence, kubeconfig::KubeconfigFacts};
use omega_juju::{ConductorFacts, FailureCode, FileState, HelmFailure, ReachState, ReleasesState};

use super::Unit;
use crate::doctor::{Cause, Layer, LayerFinding, driver_credential, driver_credential::RENEW};

const LAYER: Layer = Layer::DriverCredential;

pub(super) fn judge(
    unit: Unit<'_>,
    facts: &ConductorFacts,
    wanted: Option<&KubeconfigFacts>,
    now: Timestamp,
) -> Vec<LayerFinding> {
    if matches!(facts.kubeconfig, Ok(FileState::Absent)) {
        return vec![absent(unit, facts)];
    }
    let reach = facts.reach.as_ref().and_then(|reach| reach.as_ref().err());
    let unasked = [facts.kubeconfig.as_ref().err(), reach];
    let unasked = unasked.into_iter().flatten().map(|failure| unit.unasked(LAYER, failure));
    let unreached = facts.reach.as_ref().and_then(|reach| unreached(unit, reach.as_ref().ok()?));
    let login = match &facts.authenticate {
        Err(failure) => Some(unit.unasked(LAYER, failure)),
        Ok(state) => refused(unit, state, wanted, now)
            // The unreachable API server is reported once.
            .filter(|one| one.cause != Cause::ManagementUnreachable || unreached.is_none()),
    };
    let lists = facts.releases.as_ref().map(Vec::as_slice).unwrap_or_default();
    let forbidden = lists.iter().filter_map(|list| forbidden(unit, list));
    unasked.chain(unreached.clone()).chain(login).chain(forbidden).collect()
}

fn absent(unit: Unit<'_>, facts: &ConductorFacts) -> LayerFinding {
    let option = facts.options.as_ref().ok().and_then(|all| all.get("kubeconfig_file"));
    let path = option.filter(|path| !path.is_empty()).map_or("the kubeconfig", String::as_str);
    unit.broken(LAYER, Cause::KubeconfigUnusable, format!("{path} does not exist"))
        .remedy("omega-cli place-kubeconfig")
}

fn reason(state: &ReachState) -> &str {
    state.error.as_deref().unwrap_or("no reason given")
}

fn unreached(unit: Unit<'_>, state: &ReachState) -> Option<LayerFinding> {
    (!state.tcp || !state.tls).then(|| {
        unit.broken(LAYER, Cause::ManagementUnreachable, reason(state))
            .remedy("allow this unit: omega-cli ensure-sg-rule; then check the route to it")
    })
}

/// Why the login with the kubeconfig fails. With a 403 the login worked: the user is known, but lacks
/// rights.
fn refused(
    unit: Unit<'_>,
    state: &ReachState,
    wanted: Option<&KubeconfigFacts>,
    now: Timestamp,
) -> Option<LayerFinding> {
    let why = reason(state);
    let broken = |cause, remedy| Some(unit.broken(LAYER, cause, why).remedy(remedy));
    match state.status {
        Some(200 | 403) => None,
        Some(401) if state.code == Some(FailureCode::CredentialExpired) => {
            broken(Cause::KubeconfigExpired, RENEW)
        }
        Some(401) => Some(driver_credential::refused(unit.subject(), why, wanted, now)),
        Some(_) => Some(unit.unknown(LAYER, why)),
        None => match &state.code {
            Some(FailureCode::Tcp | FailureCode::Tls | FailureCode::Proxy) => broken(
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
fn forbidden(unit: Unit<'_>, list: &ReleasesState) -> Option<LayerFinding> {
    let Some(HelmFailure::Forbidden { .. }) = list.failure() else { return None };
    let namespace = &list.namespace;
    let remedy = format!(
        "give the kubeconfig's user that right in {namespace}: omega-cli mint-kubeconfig corrects \
         its role"
    );
    let found = unit.broken(LAYER, Cause::RightsMissing, list.stderr());
    Some(found.shown_by([Evidence::text("namespace", namespace)]).remedy(remedy))
}
