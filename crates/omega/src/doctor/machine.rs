//! The machine of the management cluster, where the site names it.

use omega_openstack::{Error, cloud_inventory::Server};

use super::{Cause, Finding, Layer, cloud::causes, report::LayerResult};

/// Says how the management server stands, of which Nova told `answer`.
pub(super) fn judge(
    name: Option<&str>,
    answer: Option<&Result<Vec<Server>, Error>>,
) -> LayerResult {
    let (Some(name), Some(answer)) = (name, answer) else {
        let well = "not named (management.server in the site file)";
        return LayerResult::of(Layer::Vm, well, Vec::new());
    };
    let servers = match answer {
        Ok(servers) => servers,
        Err(error) => {
            let found = vec![Finding::unknown(Layer::Vm, name, causes(error))];
            return LayerResult::of(Layer::Vm, name, found);
        }
    };
    let broken = |why: String, next: String| {
        vec![Finding::broken(Layer::Vm, Cause::VmNotActive, name, why, next)]
    };
    let found = match servers.as_slice() {
        [] => broken(
            format!("Nova has no server {name} in this project"),
            "name the server of the management cluster in the site file, or build it again".into(),
        ),
        [one] if one.status == "ACTIVE" => Vec::new(),
        [one] => broken(
            format!("Nova says {} of server {}", one.status, one.id),
            if one.status == "SHUTOFF" {
                format!("openstack server start {}", one.id)
            } else {
                format!("openstack server show {}; then server start, or reboot --hard", one.id)
            },
        ),
        many => {
            let why = format!("{} servers have this name", many.len());
            vec![Finding::unknown(Layer::Vm, name, why)]
        }
    };
    let host = servers.first().and_then(|one| one.host.as_deref());
    let host = host.map(|host| format!(", host {host}")).unwrap_or_default();
    LayerResult::of(Layer::Vm, format!("{name} ACTIVE{host}"), found)
}

#[cfg(test)]
mod tests {
    use super::{super::Mark, *};

    fn server(status: &str) -> Server {
        Server { id: "5d0c".into(), name: "mgmt".into(), status: status.into(), host: None }
    }

    #[test]
    fn only_an_active_server_is_well() {
        let judged = |servers| judge(Some("mgmt"), Some(&Ok(servers)));
        assert_eq!(judged(vec![server("ACTIVE")]).findings, []);
        let off = judged(vec![server("SHUTOFF")]).findings;
        assert_eq!((off[0].cause, off[0].mark), (Cause::VmNotActive, Mark::Broken));
        assert_eq!(off[0].next, "openstack server start 5d0c");
        assert_eq!(judged(vec![]).findings[0].mark, Mark::Broken);
        let twice = judged(vec![server("ACTIVE"), server("SHUTOFF")]).findings;
        assert_eq!(twice[0].mark, Mark::Unknown, "it is not known which is meant");
        assert_eq!(judge(None, None).findings, []);
    }
}
