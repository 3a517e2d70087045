use omega_openstack::{Request, StreamedResponse, TokenInfo};

use super::*;
use crate::acceptance::{Outcome, rehearsal::MemoryWeb};

const CATALOG: &str = r#"[
    {"type": "identity", "endpoints": [
        {"interface": "internal", "region_id": "One", "url": "https://keystone.internal:5000/v3"},
        {"interface": "public", "region_id": "Two", "url": "https://decoy:5000/v3"},
        {"interface": "public", "region_id": "One", "url": "https://keystone:5000/v3"}]},
    {"type": "volumev3", "endpoints": [
        {"interface": "public", "region_id": "One", "url": "https://cinder:8776/v3/0d00ddc1"}]},
    {"type": "placement", "endpoints": [
        {"interface": "public", "region_id": "One", "url": "http://placement:8778/placement"}]},
    {"type": "object-store", "endpoints": [
        {"interface": "public", "region_id": "One", "url": "https://swift:8080/v1/AUTH_0d00"}]},
    {"type": "product-streams", "endpoints": [
        {"interface": "public", "region_id": "One", "url": "http://10.12.8.196/streams"}]}
]"#;

/// A cloud with this catalog and nothing else.
#[derive(Debug)]
struct Listed;

#[async_trait]
impl Transport for Listed {
    async fn exchange(&self, _: &Context, _: Request) -> Result<StreamedResponse, Error> {
        Err(Error::NoProject("nothing is asked of it".to_owned()))
    }

    async fn token_info(&self) -> Result<TokenInfo, Error> {
        let name = || omega_openstack::Name { id: "x".to_owned(), name: "x".to_owned() };
        let catalog = serde_json::from_str(CATALOG).unwrap();
        Ok(TokenInfo::new(name(), None, Vec::new(), catalog))
    }

    fn label(&self) -> String {
        "listed".to_owned()
    }
}

/// What services answer to a token.
fn web() -> MemoryWeb {
    let mut web = MemoryWeb::default();
    web.answer("https://keystone:5000/v3/auth/catalog", 200, "{}", 20);
    web.answer("https://cinder:8776/v3/0d00ddc1/volumes?limit=1", 200, "{}", 30);
    web
}

/// What they answer without one: their versions, and nothing else.
fn open_web() -> MemoryWeb {
    let mut web = MemoryWeb::default();
    web.answer("https://keystone:5000/v3/auth/catalog", 401, "{}", 20);
    web.answer("https://cinder:8776/v3/0d00ddc1/volumes?limit=1", 401, "{}", 30);
    web.answer("https://keystone:5000/", 300, "{}", 20);
    web.answer("https://cinder:8776/", 300, "{}", 30);
    web.answer("http://placement:8778/placement/", 200, "{}", 10);
    web.answer("https://swift:8080/", 200, "", 10);
    web.answer("https://horizon/", 302, "", 40);
    web
}

fn endpoints(web: MemoryWeb, core: &[&str]) -> Endpoints {
    let cloud = Cloud {
        transport: Arc::new(Listed),
        with_token: Arc::new(web),
        without_token: Arc::new(open_web()),
        region: Some("One".to_owned()),
    };
    Endpoints {
        cloud: Ok(cloud),
        core: core.iter().map(|one| (*one).to_owned()).collect(),
        horizon: Some("https://horizon/".parse().unwrap()),
        plain_http: true,
    }
}

async fn check(endpoints: &Endpoints) -> Answer {
    endpoints.check(&Context::default()).await
}

fn rules(answer: &Answer) -> Vec<String> {
    let line = |one: &Finding| format!("{} {}: {}", one.rule, one.subject.name, one.summary);
    let broken = answer.findings.iter().filter(|one| one.severity != Severity::Note);
    broken.map(line).collect()
}

const ALL: [&str; 5] = ["identity", "block-storage", "placement", "object-store", "dashboard"];

#[tokio::test]
async fn each_core_service_answers_a_list_to_the_token_in_its_region() {
    let answer = check(&endpoints(web(), &ALL)).await;
    assert_eq!(answer.outcome, Outcome::Passed);
    let shown: Vec<String> = answer.evidence.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "core services that answer 5 of 5",
            "identity 200 from https://keystone:5000/v3/auth/catalog in 20 ms",
            "block-storage 200 from https://cinder:8776/v3/0d00ddc1/volumes?limit=1 in 30 ms",
            "placement 200 from http://placement:8778/placement/ in 10 ms; not authenticated: version \
             document only, because no token is sent without TLS",
            "object-store 200 from https://swift:8080/ in 10 ms; not authenticated: version document only",
            "dashboard 302 from https://horizon/ in 40 ms; not authenticated: it has a login of its own",
        ]
    );
    let note = answer.findings.first().unwrap();
    assert_eq!((note.severity, note.subject.name.as_str()), (Severity::Note, "product-streams"));
    assert!(note.summary.contains("glance-simplestreams-sync"), "{note:?}");
}

#[tokio::test]
async fn each_way_to_fail_has_its_rule() {
    let mut bad = web();
    bad.fail(
        "https://keystone:5000/v3/auth/catalog",
        TransportCause::Tls,
        "invalid peer certificate",
    );
    bad.answer("https://cinder:8776/v3/0d00ddc1/volumes?limit=1", 503, "", 5);
    let mut asked =
        endpoints(bad, &["identity", "volume", "placement", "key-manager", "dashboard"]);
    asked.plain_http = false;
    asked.horizon = Some("https://nobody/".parse().unwrap());
    let answer = check(&asked).await;
    assert_eq!(answer.outcome, Outcome::Failed);
    let mut found: Vec<String> =
        answer.findings.iter().map(|one| format!("{} {}", one.rule, one.subject.name)).collect();
    found.sort();
    assert_eq!(
        found,
        [
            "endpoint-certificate identity",
            "endpoint-missing key-manager",
            "endpoint-not-core object-store",
            "endpoint-not-core product-streams",
            "endpoint-status volume",
            "endpoint-unreachable dashboard",
            "endpoint-without-tls placement",
        ]
    );
}

/// Each answers its versions without a token, and every token with 401: it can't check one.
#[tokio::test]
async fn a_service_that_can_not_check_tokens_fails() {
    let mut deaf = web();
    deaf.answer("https://cinder:8776/v3/0d00ddc1/volumes?limit=1", 401, "{}", 5);
    deaf.answer("https://cinder:8776/", 300, "{}", 5);
    let answer = check(&endpoints(deaf, &ALL)).await;
    assert_eq!(answer.outcome, Outcome::Failed);
    assert_eq!(
        rules(&answer),
        ["endpoint-status block-storage: it answers 401 at \
             https://cinder:8776/v3/0d00ddc1/volumes?limit=1"]
    );
    let remedy = answer.findings[0].remedy.as_deref().unwrap();
    assert!(remedy.contains("keystone_authtoken"), "{remedy}");
}

/// If no token were sent, each would answer 401 here.
#[tokio::test]
async fn the_token_is_sent() {
    let mut asked = endpoints(web(), &ALL[..2]);
    assert_eq!(check(&asked).await.outcome, Outcome::Passed);
    if let Ok(cloud) = &mut asked.cloud {
        cloud.with_token = Arc::clone(&cloud.without_token);
    }
    let answer = check(&asked).await;
    assert_eq!(answer.outcome, Outcome::Failed);
    assert_eq!(rules(&answer).len(), 2, "{:?}", rules(&answer));
}

#[tokio::test]
async fn a_role_that_is_missing_leaves_it_open_and_another_page_fails_it() {
    let mut odd = web();
    odd.answer("https://keystone:5000/v3/auth/catalog", 403, "{}", 5);
    let answer = check(&endpoints(odd, &ALL[..2])).await;
    assert!(matches!(answer.outcome, Outcome::NotRun { .. }), "{answer:?}");
    assert!(rules(&answer)[0].starts_with("endpoint-forbidden identity: "), "{answer:?}");
    let mut odd = web();
    odd.answer("https://keystone:5000/v3/auth/catalog", 200, "<html>It works!", 5);
    let answer = check(&endpoints(odd, &ALL[..2])).await;
    assert!(rules(&answer)[0].ends_with("and not with a list"), "{answer:?}");
}

#[test]
fn each_core_service_has_a_list() {
    let address = |service: &str, listed: &str| {
        list_of(service, &listed.parse().unwrap()).map(|url| url.to_string())
    };
    for (service, listed, wanted) in [
        ("identity", "https://h:5000/v3", "https://h:5000/v3/auth/catalog"),
        ("identity", "https://h/identity", "https://h/identity/v3/auth/catalog"),
        ("key-manager", "https://h:9311", "https://h:9311/v1/secrets?limit=1"),
        ("volumev3", "https://h:8776/v3/0d00", "https://h:8776/v3/0d00/volumes?limit=1"),
        ("image", "https://h:9292/", "https://h:9292/v2/images?limit=1"),
        ("container-infra", "https://h:9511/v1", "https://h:9511/v1/clusters?limit=1"),
        ("network", "https://h:9696", "https://h:9696/v2.0/networks?limit=1"),
        ("compute", "https://h:8774/v2.1", "https://h:8774/v2.1/servers?limit=1"),
        ("load-balancer", "https://h:9876", "https://h:9876/v2/lbaas/loadbalancers?limit=1"),
        ("placement", "https://h:8778", "https://h:8778/resource_providers?name=omega"),
    ] {
        assert_eq!(address(service, listed).as_deref(), Some(wanted));
    }
    for service in CORE {
        assert_eq!(address(service, "https://h/").is_some(), service != DASHBOARD, "{service}");
    }
    assert_eq!(address("object-store", "https://h/v1"), None);
}

#[tokio::test]
async fn a_horizon_that_is_not_named_leaves_it_open() {
    let mut asked = endpoints(web(), &ALL);
    asked.horizon = None;
    let answer = check(&asked).await;
    let Outcome::NotRun { why, next } = &answer.outcome else { panic!("{answer:?}") };
    assert_eq!(why, "no address of Horizon is known: no catalog lists it");
    assert!(next.as_deref().unwrap().contains("`horizon`"));
    assert_eq!(check(&endpoints(web(), &ALL[..4])).await.outcome, Outcome::Passed);
}

#[tokio::test]
async fn a_keystone_that_does_not_answer_fails_it() {
    let sim = omega_openstack::sim::Cloud::new();
    let mut asked = endpoints(web(), &ALL);
    if let Ok(cloud) = &mut asked.cloud {
        cloud.transport = sim.admin("admin");
    }
    sim.take_down(Service::Identity);
    let answer = check(&asked).await;
    assert_eq!(answer.outcome, Outcome::Failed);
    let rules: Vec<&str> = answer.findings.iter().map(|one| one.rule.as_str()).collect();
    assert_eq!(rules, ["endpoint-unreachable", "endpoint-unasked"]);
}

#[tokio::test]
async fn a_cloud_without_credentials_leaves_it_open() {
    let failure = Failure::new(omega_core::FailureClass::Error, "could not load cloud credentials");
    let asked = Endpoints { cloud: Err(failure), ..endpoints(web(), &ALL) };
    assert!(matches!(check(&asked).await.outcome, Outcome::NotRun { .. }));
}

#[test]
fn the_version_document_is_above_the_first_version() {
    for (listed, wanted) in [
        ("https://h:9696", "https://h:9696/"),
        ("https://h:8776/v3/d5bc/", "https://h:8776/"),
        ("https://h/identity/v3", "https://h/identity/"),
        ("https://h/vault/v2.0?x=1", "https://h/vault/"),
    ] {
        assert_eq!(root(listed.parse().unwrap()).as_str(), wanted, "{listed}");
    }
}
