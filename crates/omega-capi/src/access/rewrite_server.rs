use omega_core::pyyaml::{self, Directives, Fault, Kind, Node, Scalar};

/// Why a kubeconfig can't be rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotRewritten {
    #[error("it is empty")]
    Empty,
    #[error("it is not text (UTF-8), and so not a kubeconfig")]
    NotText,
    #[error("it is not a kubeconfig: {0}")]
    NotYaml(Fault),
    #[error("it has several YAML documents, and a kubeconfig is one")]
    Documents,
    #[error("it is YAML, and not a kubeconfig: it has no clusters and contexts")]
    NoKubeconfig,
    #[error("it has no current context")]
    NoContext,
    #[error("its current context leads to no cluster with a server")]
    NoServer,
    #[error("its server is not written in place (an anchor, or several lines)")]
    NotInPlace,
}

impl NotRewritten {
    /// Returns what to do about it.
    pub(super) fn next(self) -> &'static str {
        match self {
            Self::Empty => "check the path, and the command that wrote the file",
            Self::NotText | Self::NoKubeconfig => {
                "check the path: name the kubeconfig of the management cluster"
            }
            Self::NotYaml(_) => {
                "correct the file there, or get the kubeconfig from its cluster again"
            }
            Self::Documents => "keep only the document that is needed",
            Self::NoContext => "kubectl config use-context NAME --kubeconfig FILE; then try again",
            Self::NoServer => {
                "see which cluster its context names, and which clusters it has: kubectl config view \
                 --kubeconfig FILE"
            }
            Self::NotInPlace => {
                "kubectl config set-cluster NAME --server URL --kubeconfig FILE; then try again"
            }
        }
    }
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

fn document(text: &str) -> Result<Node, NotRewritten> {
    let document = pyyaml::read(text, Directives::Allowed).map_err(|fault| match fault {
        Fault::Documents => NotRewritten::Documents,
        Fault::Syntax(_)
        | Fault::Tab(_)
        | Fault::Ended(_)
        | Fault::Value(_)
        | Fault::Tag(_)
        | Fault::Key(_)
        | Fault::TooLarge => NotRewritten::NotYaml(fault),
    })?;
    document.root.ok_or(NotRewritten::Empty)
}

/// Returns the document, which has a server in its current context.
fn kubeconfig(text: &str) -> Result<Node, NotRewritten> {
    let mut document = document(text)?;
    if server(&mut document).is_some() {
        return Ok(document);
    }
    let has = |key: &str| document.get(key).is_some();
    let context = document.get("current-context").and_then(Node::text).unwrap_or_default();
    Err(match (has("clusters") || has("contexts"), context) {
        (false, _) => NotRewritten::NoKubeconfig,
        (true, "") => NotRewritten::NoContext,
        (true, _) => NotRewritten::NoServer,
    })
}

/// Returns the server of the current context as it is written.
pub(super) fn server_in(text: &str) -> Result<String, NotRewritten> {
    let mut document = kubeconfig(text)?;
    let server = server(&mut document).ok_or(NotRewritten::NoServer)?;
    Ok(server.text.clone())
}

/// Returns `text` with another server in the current context's cluster. All other bytes stay, and the
/// rest of the document is verified to be the same.
pub(super) fn rewritten(text: &str, new: &str) -> Result<String, NotRewritten> {
    let mut wanted = kubeconfig(text)?;
    let place = server(&mut wanted).ok_or(NotRewritten::NoServer)?;
    let as_text = Scalar { text: new.to_owned(), kind: Kind::Text };
    let old = std::mem::replace(place, as_text).text;
    let is_wanted = |candidate: &str| {
        let Ok(mut found) = document(candidate) else { return false };
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
        let mut told = Vec::new();
        for bad in [
            "",
            "# nothing\n",
            "a",
            "name: x\n",
            "{",
            "clusters: []",
            "current-context: a\ncontexts: []\n",
            "a: 1\n---\nb: 2\n",
        ] {
            let why = rewritten(bad, "https://b:2").unwrap_err();
            assert_eq!(server_in(bad), Err(why), "{bad}");
            told.push(format!("{bad:?}: {why}: {}", why.next()));
        }
        insta::assert_snapshot!(told.join("\n"), @r##"
        "": it is empty: check the path, and the command that wrote the file
        "# nothing\n": it is empty: check the path, and the command that wrote the file
        "a": it is YAML, and not a kubeconfig: it has no clusters and contexts: check the path: name the kubeconfig of the management cluster
        "name: x\n": it is YAML, and not a kubeconfig: it has no clusters and contexts: check the path: name the kubeconfig of the management cluster
        "{": it is not a kubeconfig: line 1, column 1: not valid YAML: correct the file there, or get the kubeconfig from its cluster again
        "clusters: []": it has no current context: kubectl config use-context NAME --kubeconfig FILE; then try again
        "current-context: a\ncontexts: []\n": its current context leads to no cluster with a server: see which cluster its context names, and which clusters it has: kubectl config view --kubeconfig FILE
        "a: 1\n---\nb: 2\n": it has several YAML documents, and a kubeconfig is one: keep only the document that is needed
        "##);
    }
}
