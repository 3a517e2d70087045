use crate::Verb;

/// Returns the RBAC verb and resource that a request needs: `list`, and `secrets in magnum-x` or
/// `customresourcedefinitions.apiextensions.k8s.io`. A non-resource URL is returned as it is.
pub(crate) fn rights(verb: Verb, path: &str) -> (&'static str, String) {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    resource(verb, path).unwrap_or_else(|| (verb.rbac(), path.to_owned()))
}

fn resource(verb: Verb, path: &str) -> Option<(&'static str, String)> {
    let (group, rest) = if let Some(rest) = path.strip_prefix("/apis/") {
        let (group, rest) = rest.split_once('/')?;
        (format!(".{group}"), rest)
    } else {
        (String::new(), path.strip_prefix("/api/")?)
    };
    let (_version, rest) = rest.split_once('/')?;
    let parts: Vec<&str> = rest.split('/').collect();
    let (namespace, parts) = match parts.as_slice() {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(namespace), rest),
        all => (None, all),
    };
    let (verb, plural) = match parts {
        [plural] if verb == Verb::Get => ("list", (*plural).to_owned()),
        [plural] if verb == Verb::Delete => ("deletecollection", (*plural).to_owned()),
        [plural] | [plural, _] => (verb.rbac(), (*plural).to_owned()),
        [plural, _name, part @ ..] => (verb.rbac(), format!("{plural}/{}", part.join("/"))),
        [] => return None,
    };
    let place = namespace.map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    Some((verb, format!("{plural}{group}{place}")))
}

#[cfg(test)]
mod tests {
    use super::rights;
    use crate::Verb;

    #[test]
    fn a_path_is_named_as_in_a_role() {
        let cases = [
            ("/apis", "get /apis"),
            ("/apis/cluster.x-k8s.io/v1beta1", "get /apis/cluster.x-k8s.io/v1beta1"),
            ("/api/v1/secrets?limit=4", "list secrets"),
            ("/api/v1/namespaces", "list namespaces"),
            ("/api/v1/namespaces/a", "get namespaces"),
            ("/api/v1/namespaces/a/secrets", "list secrets in a"),
            ("/api/v1/namespaces/a/secrets/b", "get secrets in a"),
            ("/apis/apps/v1/deployments", "list deployments.apps"),
            ("/apis/apps/v1/namespaces/a/deployments/b", "get deployments.apps in a"),
        ];
        for (path, expected) in cases {
            let (verb, resource) = rights(Verb::Get, path);
            assert_eq!(format!("{verb} {resource}"), expected, "{path}");
        }
        let token = "/api/v1/namespaces/a/serviceaccounts/b/token";
        let cases = [
            (Verb::Create, token, "create serviceaccounts/token in a"),
            (Verb::Create, "/api/v1/namespaces", "create namespaces"),
            (Verb::Merge, "/api/v1/namespaces/a/secrets/b", "patch secrets in a"),
            (Verb::Apply, "/api/v1/namespaces/a/secrets/b?force=true", "patch secrets in a"),
            (Verb::Delete, "/api/v1/namespaces/a/secrets?x=y", "deletecollection secrets in a"),
            (Verb::Replace, "/api/v1/namespaces/a/secrets/b", "update secrets in a"),
            (
                Verb::Delete,
                "/apis/apps/v1/namespaces/a/deployments/b",
                "delete deployments.apps in a",
            ),
        ];
        for (verb, path, expected) in cases {
            let (verb, resource) = rights(verb, path);
            assert_eq!(format!("{verb} {resource}"), expected, "{path}");
        }
    }
}
