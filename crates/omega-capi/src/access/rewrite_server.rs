use serde_json::Value;

/// Why a kubeconfig can't be rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotRewritten {
    #[error("it is not a kubeconfig with a current context, its cluster and a server")]
    NoKubeconfig,
    #[error("its server is not written in place (an anchor, or several lines)")]
    NotInPlace,
}

/// Returns the server of the current context, and the index of its cluster.
fn server(document: &Value) -> Option<(String, usize)> {
    let first = |list: &str, name: &Value| {
        let list = document.get(list)?.as_array()?;
        let at = list.iter().position(|one| one.get("name") == Some(name))?;
        Some((at, list.get(at)?.clone()))
    };
    let (_, context) = first("contexts", document.get("current-context")?)?;
    let (at, cluster) = first("clusters", context.get("context")?.get("cluster")?)?;
    Some((cluster.get("cluster")?.get("server")?.as_str()?.to_owned(), at))
}

fn document(text: &str) -> Option<Value> {
    serde_saphyr::from_str(text).ok()
}

/// Returns the server of the current context as it is written.
pub(super) fn server_in(text: &str) -> Result<String, NotRewritten> {
    let found = document(text).as_ref().and_then(server);
    found.map(|(server, _)| server).ok_or(NotRewritten::NoKubeconfig)
}

/// Returns `text` with another server in the current context's cluster. All other bytes stay, and the
/// rest of the document is verified to be the same.
pub(super) fn rewritten(text: &str, new: &str) -> Result<String, NotRewritten> {
    let before = document(text).ok_or(NotRewritten::NoKubeconfig)?;
    let (old, at) = server(&before).ok_or(NotRewritten::NoKubeconfig)?;
    let mut wanted = before;
    let place = wanted.pointer_mut(&format!("/clusters/{at}/cluster/server"));
    *place.ok_or(NotRewritten::NoKubeconfig)? = new.into();
    let quoted = format!("\"{new}\"");
    for (begin, _) in text.match_indices(&old) {
        let (Some(before), Some(after)) = (text.get(..begin), text.get(begin + old.len()..)) else {
            continue;
        };
        for written in [new, &quoted] {
            let candidate = format!("{before}{written}{after}");
            if document(&candidate).as_ref() == Some(&wanted) {
                return Ok(candidate);
            }
        }
    }
    Err(NotRewritten::NotInPlace)
}

#[cfg(test)]
mod tests {
    use super::{NotRewritten, rewritten, server_in};

    const BLOCK: &str = "# by hand
apiVersion: v1
clusters:
- cluster: {server: https://10.20.0.50:64430, certificate-authority-data: QQ==}   # near
  name: near
- cluster:
    certificate-authority-data: QQ==   # theirs
    server: https://10.20.0.50:6443  # in the tenant's network
  name: k8s
- {name: other, cluster: {server: https://10.20.0.50:6443}}
contexts:
- context: {cluster: k8s, user: admin}
  name: https://10.20.0.50:6443
current-context: https://10.20.0.50:6443
users:
- {name: admin, user: {token: x}}
";

    #[test]
    fn only_the_server_of_the_current_context_changes() {
        assert_eq!(server_in(BLOCK).unwrap(), "https://10.20.0.50:6443");
        let new = rewritten(BLOCK, "https://10.12.7.40:6443").unwrap();
        let expected = BLOCK.replace(
            "server: https://10.20.0.50:6443  # in",
            "server: https://10.12.7.40:6443  # in",
        );
        assert_eq!(new, expected);
        assert_eq!(rewritten(&new, "https://10.20.0.50:6443").unwrap(), BLOCK);
    }

    #[test]
    fn however_it_is_written() {
        let json = r#"{"clusters":[{"name":"a","cluster":{"server":"https://a:1"}}],"contexts":[{"name":"a","context":{"cluster":"a"}}],"current-context":"a"}"#;
        let new = rewritten(json, "https://[fd00::1]:6443").unwrap();
        assert_eq!(new, json.replace("https://a:1", "https://[fd00::1]:6443"));
        let flow = "clusters: [{name: a, cluster: {server: https://a:1}}]\ncontexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a\n";
        let new = rewritten(flow, "https://[fd00::1]:6443").unwrap();
        assert_eq!(new, flow.replace("https://a:1", "\"https://[fd00::1]:6443\""));
        let crlf = flow.replace('\n', "\r\n");
        assert!(rewritten(&crlf, "https://b:2").unwrap().ends_with("current-context: a\r\n"));
    }

    #[test]
    fn what_is_written_otherwise_is_refused() {
        let shared = "clusters: [{name: a, cluster: {server: &s https://a:1}}, {name: b, cluster: {server: *s}}]\ncontexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a\n";
        assert_eq!(rewritten(shared, "https://b:2"), Err(NotRewritten::NotInPlace));
        for bad in ["", "a", "clusters: []", "{", "current-context: a\ncontexts: []\n"] {
            assert_eq!(rewritten(bad, "https://b:2"), Err(NotRewritten::NoKubeconfig), "{bad}");
        }
    }
}
