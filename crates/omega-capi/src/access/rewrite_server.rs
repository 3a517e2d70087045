use omega_core::pyyaml::{self, Directives, Kind, Node, Scalar};

/// Why a kubeconfig can't be rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotRewritten {
    #[error("it is not a kubeconfig with a current context, its cluster and a server")]
    NoKubeconfig,
    #[error("its server is not written in place (an anchor, or several lines)")]
    NotInPlace,
}

/// Returns the server of the current context, as the kubeconfig's readers find it.
fn server(document: &mut Node) -> Option<&mut Scalar> {
    let named = |list: &Node, name: &Node| {
        let Node::List(all) = list else { return None };
        all.iter().position(|one| one.get("name").and_then(Node::text) == name.text())
    };
    let contexts = document.get("contexts")?;
    let Node::List(all) = contexts else { return None };
    let context = all.get(named(contexts, document.get("current-context")?)?)?.get("context")?;
    let at = named(document.get("clusters")?, context.get("cluster")?)?;
    let Node::List(clusters) = document.get_mut("clusters")? else { return None };
    match clusters.get_mut(at)?.get_mut("cluster")?.get_mut("server")? {
        Node::Scalar(server) => Some(server),
        Node::List(_) | Node::Map(_) | Node::Tagged => None,
    }
}

fn document(text: &str) -> Option<Node> {
    pyyaml::read(text, Directives::Allowed).ok()?.root
}

/// Returns the server of the current context as it is written.
pub(super) fn server_in(text: &str) -> Result<String, NotRewritten> {
    let mut document = document(text).ok_or(NotRewritten::NoKubeconfig)?;
    let server = server(&mut document).ok_or(NotRewritten::NoKubeconfig)?;
    Ok(server.text.clone())
}

/// Returns `text` with another server in the current context's cluster. All other bytes stay, and the
/// rest of the document is verified to be the same.
pub(super) fn rewritten(text: &str, new: &str) -> Result<String, NotRewritten> {
    let mut wanted = document(text).ok_or(NotRewritten::NoKubeconfig)?;
    let place = server(&mut wanted).ok_or(NotRewritten::NoKubeconfig)?;
    let as_text = Scalar { text: new.to_owned(), kind: Kind::Text };
    let old = std::mem::replace(place, as_text).text;
    let is_wanted = |candidate: &str| {
        let Some(mut found) = document(candidate) else { return false };
        let Some(place) = server(&mut found).filter(|found| found.is_text()) else { return false };
        // With quotes or without.
        place.kind = Kind::Text;
        found == wanted
    };
    let quoted = format!("\"{new}\"");
    for (begin, _) in text.match_indices(&old) {
        let (Some(before), Some(after)) = (text.get(..begin), text.get(begin + old.len()..)) else {
            continue;
        };
        for written in [new, &quoted] {
            let candidate = format!("{before}{written}{after}");
            if is_wanted(&candidate) {
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
