//! The machine of the management cluster, if the site names it.

use omega_core::{Evidence, Subject};
use omega_openstack::{Error, cloud_inventory::Server};

use super::{Cause, Layer, LayerFinding, causes, layer_result::LayerResult};

/// Checks the management cluster's server. `answer`: Nova's, if it was read.
pub(super) fn judge(
    name: Option<&str>,
    answer: Option<&Result<Vec<Server>, Error>>,
) -> LayerResult {
    let result = LayerResult::new(Layer::Vm);
    let (Some(name), Some(answer)) = (name, answer) else {
        return result.not_asked("the site file has no `server` in [management]");
    };
    let subject = || Subject::new("server", name);
    let unknown = |why: String| LayerFinding::unknown(Layer::Vm, subject(), why);
    match answer.as_deref() {
        Err(error) => result.with([unknown(causes(error))]),
        Ok([]) => {
            let why = format!("Nova has no server {name} in this project");
            let next =
                "correct `server` in [management] of the site file, or create the server again";
            result.with([broken(subject(), why).remedy(next)])
        }
        Ok([one]) => {
            let host = one.host.as_ref().map(|host| Evidence::text("host", host));
            let shown = [Evidence::text(name, &one.status)].into_iter().chain(host);
            result.shown_by(shown).with(inactive(one, subject()))
        }
        Ok(several) => {
            let ids = several.iter().map(|one| &one.id);
            let ids = Evidence::list("servers", ids);
            let why = format!("{} servers have this name", several.len());
            result.with([unknown(why).shown_by([ids])])
        }
    }
}

fn broken(subject: Subject, why: String) -> LayerFinding {
    LayerFinding::broken(Layer::Vm, Cause::VmNotActive, subject, why)
}

fn inactive(server: &Server, subject: Subject) -> Option<LayerFinding> {
    let Server { id, status, .. } = server;
    let remedy = match status.as_str() {
        "ACTIVE" => return None,
        "SHUTOFF" => format!("openstack server start {id}"),
        _ => format!("openstack server show {id}; then server start, or reboot --hard"),
    };
    let found = broken(subject, format!("the server is {status}"));
    let shown = [Evidence::text("status", status), Evidence::text("server", id)];
    Some(found.shown_by(shown).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use omega_core::Severity;

    use super::*;
    use crate::doctor::{LayerState, Report};

    fn server(status: &str) -> Server {
        Server::new("5d0c", "mgmt", status)
    }

    #[test]
    fn only_an_active_server_is_well() {
        let judged = |servers| judge(Some("mgmt"), Some(&Ok(servers)));
        let severity = |servers| judged(servers).findings[0].finding.severity;
        assert_eq!(judged(vec![server("ACTIVE")]).findings, []);
        let off = judged(vec![server("SHUTOFF")]).findings;
        assert_eq!((off[0].cause, off[0].finding.severity), (Cause::VmNotActive, Severity::Broken));
        assert_eq!(off[0].finding.remedy.as_deref(), Some("openstack server start 5d0c"));
        assert_eq!(severity(vec![]), Severity::Broken);
        let twice = vec![server("ACTIVE"), server("SHUTOFF")];
        assert_eq!(severity(twice), Severity::Unknown, "it is not known which is meant");
    }

    #[test]
    fn a_server_that_is_not_named_is_not_asked_for() {
        let unnamed = judge(None, None);
        assert_eq!(unnamed.findings, []);
        assert_eq!(Report::new(vec![unnamed]).layers[0].state, LayerState::NotAsked);
    }
}
