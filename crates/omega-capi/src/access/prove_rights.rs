//! What an account may do, asked as that account.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DriverRights, Reach};
use crate::{Error, Management, Namespace, Verb, list::JSON};
use omega_driver::Need;

/// Questions at the same time: the API server's own fairness is not to be tried.
const AT_ONCE: usize = 8;
/// Of the proof's own objects, none of which is ever made.
const NAME: &str = "omega-proof";
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsProof {
    /// Questions asked and calls made.
    pub asked: usize,
    /// What the driver needs and is not allowed: `list secrets in magnum-x`.
    pub missing: Vec<String>,
    /// What nobody should have given it.
    pub excess: Vec<Excess>,
}

/// A right that the account should not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excess {
    /// `delete nodes`.
    pub right: String,
    /// What the API server says gives it.
    pub by: String,
}

impl RightsProof {
    /// Returns whether it may do what it has to, and nothing that it must not.
    pub fn holds(&self) -> bool {
        self.missing.is_empty() && self.excess.is_empty()
    }
}

/// One question: may this be done, there.
struct Question {
    need: Need,
    namespace: String,
    name: String,
    wanted: bool,
}

/// Asks `account`, a handle that authenticates as it, what it may do, and makes the driver's own
/// calls: reads, and writes as dry runs. Then it tries what has to be refused. Nothing is changed.
///
/// # Errors
///
/// Fails if it can't be asked; [`Error::Unauthorized`] if the credentials are not accepted.
pub async fn prove_rights(
    account: &Management,
    rights: &DriverRights,
) -> Result<RightsProof, Error> {
    let questions = questions(rights);
    let calls = calls(rights);
    let asked = questions.len() + calls.len();
    let mut proof = RightsProof { asked, ..RightsProof::default() };
    let mut answers = stream::iter(questions).map(|q| answer(account, q)).buffered(AT_ONCE);
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Answer::Fine => {}
            Answer::Missing(right) => proof.missing.push(right),
            Answer::Excess(excess) => proof.excess.push(excess),
        }
    }
    let mut tried = stream::iter(calls).map(|call| attempt(account, call)).buffered(AT_ONCE);
    while let Some(answer) = tried.try_next().await? {
        let right = |right: &String| proof.missing.contains(right);
        match answer {
            Answer::Missing(one) if !right(&one) => proof.missing.push(one),
            Answer::Excess(one) if proof.excess.iter().all(|known| known.right != one.right) => {
                proof.excess.push(one);
            }
            Answer::Fine | Answer::Missing(_) | Answer::Excess(_) => {}
        }
    }
    Ok(proof)
}

enum Answer {
    Fine,
    Missing(String),
    Excess(Excess),
}

/// Where the driver's calls go: each namespace, or one that is not there yet.
fn places(rights: &DriverRights) -> Vec<&str> {
    match &rights.reach {
        Reach::Everywhere => vec![""],
        Reach::Namespaces(names) => names.iter().map(Namespace::as_str).collect(),
    }
}

fn questions(rights: &DriverRights) -> Vec<Question> {
    let needs = rights.needs();
    let mut all = Vec::new();
    for place in places(rights) {
        for need in &needs {
            // A namespace is asked for by its name, as it is in itself.
            let name = if need.resource == "namespaces" { place } else { "" };
            let (namespace, name) = (place.to_owned(), name.to_owned());
            all.push(Question { need: need.clone(), namespace, name, wanted: true });
        }
    }
    let need = |verb: &str, resource: &str, group: &str| Need {
        group: group.to_owned(),
        resource: resource.to_owned(),
        verb: verb.to_owned(),
    };
    let rbac = "rbac.authorization.k8s.io";
    let mut never = vec![
        (need("delete", "nodes", ""), ""),
        (need("create", "clusterrolebindings", rbac), ""),
        (need("escalate", "clusterroles", rbac), ""),
        (need("bind", "clusterroles", rbac), ""),
        (need("impersonate", "users", ""), ""),
        (need("create", "serviceaccounts/token", ""), "kube-system"),
        (need("create", "pods", ""), "kube-system"),
        (need("delete", "customresourcedefinitions", "apiextensions.k8s.io"), ""),
    ];
    match &rights.reach {
        Reach::Everywhere => all.push(Question {
            need: need("create", "namespaces", ""),
            namespace: String::new(),
            name: String::new(),
            wanted: true,
        }),
        Reach::Namespaces(_) => {
            never.push((need("get", "secrets", ""), "kube-system"));
            // It is tried below as well; only the question says what gives it.
            never.push((need("list", "secrets", ""), "kube-system"));
            never.push((need("list", "secrets", ""), ""));
            never.push((need("create", "namespaces", ""), ""));
        }
    }
    all.extend(never.into_iter().map(|(need, namespace)| Question {
        need,
        namespace: namespace.to_owned(),
        name: String::new(),
        wanted: false,
    }));
    all
}

async fn answer(account: &Management, question: Question) -> Result<Answer, Error> {
    const PATH: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let Question { need, namespace, name, wanted } = question;
    let (resource, part) = need.resource.split_once('/').unwrap_or((&need.resource, ""));
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "verb": need.verb, "group": need.group, "resource": resource, "subresource": part,
            "namespace": namespace, "name": name,
        } },
    });
    let answer = account.send(Verb::Create, PATH, &body).await?;
    let status = |key: &str| answer.get("status").and_then(|status| status.get(key));
    let Some(allowed) = status("allowed").and_then(Value::as_bool) else {
        return Err(account.malformed(Verb::Create, PATH, "it does not say whether it is allowed"));
    };
    let place = match namespace.as_str() {
        "" => String::new(),
        place => format!(" in {place}"),
    };
    let right = format!("{need}{place}");
    Ok(match (wanted, allowed) {
        (true, false) => Answer::Missing(right),
        (false, true) => {
            let by = status("reason").and_then(Value::as_str).unwrap_or("no reason is given");
            Answer::Excess(Excess { right, by: by.to_owned() })
        }
        (true, true) | (false, false) => Answer::Fine,
    })
}

/// One call as the driver makes it, or one that has to be refused.
struct Call {
    verb: Verb,
    path: String,
    body: Value,
    wanted: bool,
}

/// The driver's own calls (1.4.0, `kubernetes.py`), and helm's list of releases.
fn calls(rights: &DriverRights) -> Vec<Call> {
    let (dry, force) = ("dryRun=All", "fieldManager=magnum&force=true&dryRun=All");
    let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions" });
    let mut all = Vec::new();
    for place in places(rights) {
        let place = if place.is_empty() { "magnum-omega-proof" } else { place };
        let mut call = |verb, path: String, body| all.push(Call { verb, path, body, wanted: true });
        let object = |kind: &str, name: &str| json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name } });
        let namespace = format!("/api/v1/namespaces/{place}");
        call(Verb::Apply, format!("{namespace}?{force}"), object("Namespace", place));
        let secrets = format!("{namespace}/secrets");
        call(Verb::Apply, format!("{secrets}/{NAME}?{force}"), object("Secret", NAME));
        call(Verb::Get, format!("{secrets}/{NAME}"), Value::Null);
        let none = format!("{secrets}?labelSelector=magnum.openstack.org%2Fcluster-uuid%3D{NAME}");
        call(Verb::Delete, format!("{none}&{dry}"), options.clone());
        call(Verb::Get, format!("{secrets}?labelSelector=owner%3Dhelm&limit=1"), Value::Null);
        for read in omega_driver::driver_reads(&rights.driver, &rights.overrides) {
            let path = format!("/apis/{}/namespaces/{place}/{}", read.at, read.plural);
            let lists = matches!(
                read.on_404,
                omega_driver::Answer404::Raises | omega_driver::Answer404::Skips
            );
            let rest = if lists { "?limit=1".to_owned() } else { format!("/{NAME}") };
            call(Verb::Get, format!("{path}{rest}"), Value::Null);
        }
    }
    let mut never = |verb, path: &str, body| {
        all.push(Call { verb, path: path.to_owned(), body, wanted: false });
    };
    never(Verb::Delete, &format!("/api/v1/nodes/{NAME}?{dry}"), options);
    let rbac = "rbac.authorization.k8s.io";
    let admin = json!({
        "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding",
        "metadata": { "name": NAME }, "subjects": [],
        "roleRef": { "apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin" },
    });
    never(Verb::Create, &format!("/apis/{rbac}/v1/clusterrolebindings?{dry}"), admin);
    if rights.reach != Reach::Everywhere {
        never(Verb::Get, "/api/v1/namespaces/kube-system/secrets?limit=1", Value::Null);
    }
    all
}

async fn attempt(account: &Management, call: Call) -> Result<Answer, Error> {
    let Call { verb, path, body, wanted } = call;
    let sent = if verb == Verb::Get {
        // Of secrets only the names, where it is a list.
        let lists = path.contains('?');
        let accept = if lists { METADATA } else { JSON };
        account.get(&path, accept).await.map(drop)
    } else {
        account.send(verb, &path, &body).await.map(drop)
    };
    let right = || {
        let (verb, resource) = crate::rights::rights(verb, &path);
        format!("{verb} {resource}")
    };
    match (wanted, sent) {
        (true, Err(Error::Forbidden { verb, resource, .. })) => {
            Ok(Answer::Missing(format!("{verb} {resource}")))
        }
        // It may, and there is none.
        (true, Ok(()) | Err(Error::Status { code: 404, .. }))
        | (false, Err(Error::Forbidden { .. })) => Ok(Answer::Fine),
        (false, Ok(()) | Err(Error::Status { code: 404, .. })) => {
            let by = format!("{verb} {path} was not refused");
            Ok(Answer::Excess(Excess { right: right(), by }))
        }
        (_, Err(error)) => Err(error),
    }
}
