use futures::{StreamExt as _, TryStreamExt as _, future::try_join, stream};
use k8s_openapi::api::authorization::v1::ResourceRule;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DriverRights, Reach};
use crate::{
    Error, Management, Namespace, Verb,
    list::{JSON, METADATA_LIST},
};
use omega_driver::{Need, driver_reads};

/// How many requests are sent at the same time, below the limits of the API server's fairness.
const CONCURRENT: usize = 8;
/// The name of objects that never exist.
const NAME: &str = "omega-proof";
/// A namespace that never exists: rights in it are cluster-wide.
const NOWHERE: &str = "magnum-omega-proof";

/// The tested rights of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsProof {
    /// The number of tests.
    #[serde(rename = "asked")]
    pub tests: usize,
    /// Missing rights that the driver needs: `list secrets in magnum-x`.
    pub missing: Vec<String>,
    /// Rights that it must not have.
    pub excess: Vec<ExcessRight>,
}

/// A right that the account should not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcessRight {
    /// `delete nodes`.
    pub right: String,
    /// The binding that gives it, from the API server.
    pub by: String,
}

impl RightsProof {
    /// Returns whether no right is missing or excessive.
    pub fn holds(&self) -> bool {
        self.missing.is_empty() && self.excess.is_empty()
    }
}

/// A right to test, in a namespace.
#[derive(Clone)]
struct Question {
    need: Need,
    namespace: String,
    name: String,
    wanted: bool,
}

/// Tests the rights of `account`, a client that authenticates as it, by access reviews and the reads of
/// the driver. It also tests that other rights are denied.
///
/// # Guarantees
///
/// It writes nothing, not even as a dry run: reviews are POSTs that change nothing. It reads all rules
/// of each namespace (`SelfSubjectRulesReview`). Rights that are not among them, and those that must
/// be denied, are tested one by one (`SelfSubjectAccessReview`).
///
/// # Caveats
///
/// Reviews only ask the authorizers. What admission would reject (a policy, a quota, a webhook) is not
/// tested; that would need a dry run of each write.
///
/// # Errors
///
/// Fails if a request fails; [`Error::Unauthorized`] if the credentials are not accepted.
pub async fn prove_rights(
    account: &Management,
    rights: &DriverRights,
) -> Result<RightsProof, Error> {
    let (calls, never) = (calls(rights), never(rights));
    let mut tests = calls.len() + never.len();
    let mut questions = never;
    for (place, needs) in needs(rights) {
        tests += needs.len();
        let rules = rules(account, place).await?;
        questions.extend(needs.into_iter().filter(|question| !allows(&rules, question)));
    }
    let mut proof = RightsProof { tests, ..RightsProof::default() };
    let answers = stream::iter(questions).map(|q| answer(account, q)).buffered(CONCURRENT);
    let tried = stream::iter(calls).map(|call| attempt(account, call)).buffered(CONCURRENT);
    let (answers, tried): (Vec<Answer>, Vec<Answer>) =
        try_join(answers.try_collect(), tried.try_collect()).await?;
    for answer in answers.into_iter().chain(tried) {
        match answer {
            Answer::Missing(one) if !proof.missing.contains(&one) => proof.missing.push(one),
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
    Excess(ExcessRight),
}

/// Returns the namespaces to test; an empty name means cluster-wide.
fn places(rights: &DriverRights) -> Vec<&str> {
    match &rights.reach {
        Reach::Everywhere => vec![""],
        Reach::Namespaces(names) => names.iter().map(Namespace::as_str).collect(),
    }
}

/// Returns the needed rights by namespace.
fn needs(rights: &DriverRights) -> Vec<(&str, Vec<Question>)> {
    let all = rights.needs();
    let in_place = |place| {
        let question = |need: &Need| Question {
            need: need.clone(),
            namespace: str::to_owned(place),
            // For RBAC a namespace is in itself.
            name: if need.resource == "namespaces" { str::to_owned(place) } else { String::new() },
            wanted: true,
        };
        let mut questions: Vec<Question> = all.iter().map(question).collect();
        if rights.reach == Reach::Everywhere {
            questions.push(question(&need("create", "namespaces", "")));
        }
        (place, questions)
    };
    places(rights).into_iter().map(in_place).collect()
}

fn need(verb: &str, resource: &str, group: &str) -> Need {
    Need { group: group.to_owned(), resource: resource.to_owned(), verb: verb.to_owned() }
}

/// Returns the rights that must be denied.
fn never(rights: &DriverRights) -> Vec<Question> {
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
    if rights.reach != Reach::Everywhere {
        never.push((need("get", "secrets", ""), "kube-system"));
        // `calls` tests it too, but only a review names the binding.
        never.push((need("list", "secrets", ""), "kube-system"));
        never.push((need("list", "secrets", ""), ""));
        never.push((need("create", "namespaces", ""), ""));
    }
    let question = |(need, namespace): (Need, &str)| Question {
        need,
        namespace: namespace.to_owned(),
        name: String::new(),
        wanted: false,
    };
    never.into_iter().map(question).collect()
}

/// Returns whether the rules allow it. If they don't, another authorizer may.
fn allows(rules: &[ResourceRule], question: &Question) -> bool {
    let Need { group, resource, verb } = &question.need;
    let has = |all: &[String], one: &String| all.iter().any(|item| item == "*" || item == one);
    rules.iter().any(|rule| {
        let names = rule.resource_names.as_deref().unwrap_or_default();
        has(&rule.verbs, verb)
            && has(rule.api_groups.as_deref().unwrap_or_default(), group)
            && has(rule.resources.as_deref().unwrap_or_default(), resource)
            && (names.is_empty() || names.contains(&question.name))
    })
}

/// Reads the rules of the account in a namespace.
async fn rules(account: &Management, place: &str) -> Result<Vec<ResourceRule>, Error> {
    const PATH: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let place = if place.is_empty() { NOWHERE } else { place };
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
        "spec": { "namespace": place },
    });
    let mut answer = account.send(Verb::Review, PATH, &body).await?;
    let rules = answer.pointer_mut("/status/resourceRules").map(Value::take).unwrap_or_default();
    let rules: Option<Vec<ResourceRule>> = serde_json::from_value(rules)
        .map_err(|_| account.malformed(Verb::Review, PATH, "its rules are not a list of rules"))?;
    Ok(rules.unwrap_or_default())
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
    let answer = account.send(Verb::Review, PATH, &body).await?;
    let status = |key: &str| answer.get("status").and_then(|status| status.get(key));
    let Some(allowed) = status("allowed").and_then(Value::as_bool) else {
        return Err(account.malformed(Verb::Review, PATH, "it has no status.allowed"));
    };
    let place = match namespace.as_str() {
        "" => String::new(),
        place => format!(" in {place}"),
    };
    let right = format!("{need}{place}");
    Ok(match (wanted, allowed) {
        (true, false) => Answer::Missing(right),
        (false, true) => {
            let by = status("reason").and_then(Value::as_str).unwrap_or("no reason given");
            Answer::Excess(ExcessRight { right, by: by.to_owned() })
        }
        (true, true) | (false, false) => Answer::Fine,
    })
}

/// A read of the driver, or one that must be denied.
struct Call {
    path: String,
    wanted: bool,
}

/// Returns the reads of the driver (1.4.0, `kubernetes.py`), and helm's list of releases.
fn calls(rights: &DriverRights) -> Vec<Call> {
    let mut all = Vec::new();
    for place in places(rights) {
        let place = if place.is_empty() { NOWHERE } else { place };
        let mut call = |path: String| all.push(Call { path, wanted: true });
        let secrets = format!("/api/v1/namespaces/{place}/secrets");
        call(format!("{secrets}/{NAME}"));
        call(format!("{secrets}?labelSelector=owner%3Dhelm&limit=1"));
        for read in driver_reads(&rights.driver, &rights.overrides) {
            let path = format!("/apis/{}/namespaces/{place}/{}", read.at, read.plural);
            let rest = if read.class.verb() == "list" { "?limit=1" } else { "/omega-proof" };
            call(format!("{path}{rest}"));
        }
    }
    if rights.reach != Reach::Everywhere {
        let path = "/api/v1/namespaces/kube-system/secrets?limit=1".to_owned();
        all.push(Call { path, wanted: false });
    }
    all
}

async fn attempt(account: &Management, call: Call) -> Result<Answer, Error> {
    let Call { path, wanted } = call;
    // Lists of secrets are read without their data.
    let accept = if path.contains('?') { METADATA_LIST } else { JSON };
    match (wanted, account.get(&path, accept).await.map(drop)) {
        (true, Err(Error::Forbidden { verb, resource, .. })) => {
            Ok(Answer::Missing(format!("{verb} {resource}")))
        }
        // Allowed, but there is none.
        (true, Ok(()) | Err(Error::Status { code: 404, .. }))
        | (false, Err(Error::Forbidden { .. })) => Ok(Answer::Fine),
        (false, Ok(()) | Err(Error::Status { code: 404, .. })) => {
            let (verb, resource) = crate::rights::rights(Verb::Get, &path);
            let by = format!("GET {path} was allowed");
            Ok(Answer::Excess(ExcessRight { right: format!("{verb} {resource}"), by }))
        }
        (_, Err(error)) => Err(error),
    }
}
