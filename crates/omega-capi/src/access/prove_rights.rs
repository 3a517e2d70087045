//! What an account may do, asked as that account.

use futures::{StreamExt as _, TryStreamExt as _, future::try_join, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DriverRights, Reach};
use crate::{Error, Management, Namespace, Verb, list::JSON};
use omega_driver::{Need, driver_reads};

/// Questions at the same time: the API server's own fairness is not to be tried.
const AT_ONCE: usize = 8;
/// Of the proof's own objects, none of which is ever made.
const NAME: &str = "omega-proof";
/// A namespace that is never made: what holds there holds everywhere.
const NOWHERE: &str = "magnum-omega-proof";
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsProof {
    /// Questions asked and calls made.
    pub asked: usize,
    /// What the driver needs and is not allowed: `list secrets in magnum-x`.
    pub missing: Vec<String>,
    /// What nobody should have given it.
    pub excess: Vec<ExcessRight>,
}

/// A right that the account should not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcessRight {
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
#[derive(Clone)]
struct Question {
    need: Need,
    namespace: String,
    name: String,
    wanted: bool,
}

/// Asks `account`, a handle that authenticates as it, what it may do, and makes the driver's own
/// reads. It asks and tries what has to be refused, too.
///
/// # Guarantees
///
/// Nothing is written, not even as a dry run: reviews are POSTs that change nothing. For each
/// namespace one asks for all rules (`SelfSubjectRulesReview`); what is not among them, and what has
/// to be refused, is asked one by one (`SelfSubjectAccessReview`).
///
/// # Caveats
///
/// Reviews ask the authorizers. What admission would refuse (a policy, a quota, a webhook) is not
/// seen; that would need a dry run of each write.
///
/// # Errors
///
/// Fails if it can't be asked; [`Error::Unauthorized`] if the credentials are not accepted.
pub async fn prove_rights(
    account: &Management,
    rights: &DriverRights,
) -> Result<RightsProof, Error> {
    let (calls, never) = (calls(rights), never(rights));
    let mut asked = calls.len() + never.len();
    let mut questions = never;
    for (place, needs) in needs(rights) {
        asked += needs.len();
        let rules = rules(account, place).await?;
        questions.extend(needs.into_iter().filter(|question| !rules.give(question)));
    }
    let mut proof = RightsProof { asked, ..RightsProof::default() };
    let answers = stream::iter(questions).map(|q| answer(account, q)).buffered(AT_ONCE);
    let tried = stream::iter(calls).map(|call| attempt(account, call)).buffered(AT_ONCE);
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

/// Where the driver's calls go: each namespace, or one that is not there yet.
fn places(rights: &DriverRights) -> Vec<&str> {
    match &rights.reach {
        Reach::Everywhere => vec![""],
        Reach::Namespaces(names) => names.iter().map(Namespace::as_str).collect(),
    }
}

/// What is needed, by where.
fn needs(rights: &DriverRights) -> Vec<(&str, Vec<Question>)> {
    let all = rights.needs();
    let in_place = |place| {
        let question = |need: &Need| Question {
            need: need.clone(),
            namespace: str::to_owned(place),
            // A namespace is asked for by its name, as it is in itself.
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

/// What has to be refused.
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
        // It is tried below as well; only the question says what gives it.
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

/// What an account may do in a namespace.
struct Rules(Vec<ResourceRule>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceRule {
    verbs: Vec<String>,
    #[serde(default)]
    api_groups: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
}

impl Rules {
    /// Whether they give it to everything of its name. What they don't may be given otherwise.
    fn give(&self, question: &Question) -> bool {
        let Need { group, resource, verb } = &question.need;
        let has = |words: &[String], word: &String| words.iter().any(|w| w == "*" || w == word);
        self.0.iter().any(|rule| {
            has(&rule.verbs, verb)
                && has(&rule.api_groups, group)
                && has(&rule.resources, resource)
                && (rule.resource_names.is_empty() || rule.resource_names.contains(&question.name))
        })
    }
}

/// Asks for all rules at once; of no namespace, for those that hold everywhere.
async fn rules(account: &Management, place: &str) -> Result<Rules, Error> {
    const PATH: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let place = if place.is_empty() { NOWHERE } else { place };
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
        "spec": { "namespace": place },
    });
    let mut answer = account.send(Verb::Review, PATH, &body).await?;
    let rules = answer.pointer_mut("/status/resourceRules").map(Value::take).unwrap_or_default();
    let rules: Option<Vec<ResourceRule>> = serde_json::from_value(rules)
        .map_err(|_| account.malformed(Verb::Review, PATH, "its rules are no list of rules"))?;
    Ok(Rules(rules.unwrap_or_default()))
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
        return Err(account.malformed(Verb::Review, PATH, "it does not say whether it is allowed"));
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
            Answer::Excess(ExcessRight { right, by: by.to_owned() })
        }
        (true, true) | (false, false) => Answer::Fine,
    })
}

/// One read as the driver makes it, or one that has to be refused.
struct Call {
    path: String,
    wanted: bool,
}

/// The driver's own reads (1.4.0, `kubernetes.py`), and helm's list of releases.
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
    // Of secrets only the names, where it is a list.
    let accept = if path.contains('?') { METADATA } else { JSON };
    match (wanted, account.get(&path, accept).await.map(drop)) {
        (true, Err(Error::Forbidden { verb, resource, .. })) => {
            Ok(Answer::Missing(format!("{verb} {resource}")))
        }
        // It may, and there is none.
        (true, Ok(()) | Err(Error::Status { code: 404, .. }))
        | (false, Err(Error::Forbidden { .. })) => Ok(Answer::Fine),
        (false, Ok(()) | Err(Error::Status { code: 404, .. })) => {
            let (verb, resource) = crate::rights::rights(Verb::Get, &path);
            let by = format!("GET {path} was not refused");
            Ok(Answer::Excess(ExcessRight { right: format!("{verb} {resource}"), by }))
        }
        (_, Err(error)) => Err(error),
    }
}
