//! `retarget_kubeconfig` on the simulator: the laws, the bytes, the refusals.

use omega_core::testing::{self, Tally, Undo, World, check_laws};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    access::CertificateCheck,
    sim::{Apiserver, Fault, Machine},
};

const ADMIN: &str = include_str!("../../../omega-core/fixtures/kube/admin.yaml");
const OLD: &str = "https://10.20.0.50:6443";
const NEW: &str = "https://10.12.7.40:6443";

fn now() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn file() -> PathBuf {
    PathBuf::from("/home/kubeconfig")
}

/// The API server at the new address.
#[derive(Clone, Debug)]
enum Endpoint {
    Works,
    Refuses,
    /// It does not look at the credentials.
    Anonymous,
    Certificate(CertificateCheck),
}

/// A machine with a kubeconfig and a decoy.
struct Fixture {
    machine: Machine,
    retarget: Retarget,
}

impl Fixture {
    fn new(text: &str, private: bool, endpoint: &Endpoint, ids: [Option<&str>; 2]) -> Self {
        let machine = Machine::default();
        for path in [file(), PathBuf::from("/home/kubeconfig2")] {
            machine.put(&path, text, private);
        }
        for (address, id) in ["10.20.0.50:6443", "10.12.7.40:6443"].into_iter().zip(ids) {
            let server = Apiserver::with_accounts(now());
            match id {
                Some(id) => server.modify("/api/v1/namespaces", "kube-system", |one| {
                    one["metadata"]["uid"] = json!(id);
                }),
                None => server.remove_object("/api/v1/namespaces", "kube-system"),
            }
            if address.starts_with("10.12") && matches!(endpoint, Endpoint::Refuses) {
                server.fail(Fault::BadToken);
            }
            if address.starts_with("10.12") && matches!(endpoint, Endpoint::Anonymous) {
                server.fail(Fault::Anonymous);
            }
            machine.add_server(address, &server);
        }
        if let Endpoint::Certificate(check) = endpoint {
            machine.set_certificate("10.12.7.40:6443", check.clone());
        }
        let retarget = Retarget::on(now(), Arc::new(machine.clone()));
        Self { machine, retarget }
    }

    fn file(&self, name: &str) -> (String, bool) {
        self.machine.file(&PathBuf::from("/home").join(name)).unwrap()
    }
}

fn wanted() -> RetargetedKubeconfig {
    RetargetedKubeconfig { path: file(), server: NEW.parse().unwrap() }
}

impl World for Fixture {
    type Target = Retarget;
    type Snapshot = [(String, bool); 2];

    fn target(&self) -> &Retarget {
        &self.retarget
    }
    fn snapshot(&self) -> Self::Snapshot {
        ["kubeconfig", "kubeconfig2"].map(|name| self.file(name))
    }
    fn writes(&self) -> usize {
        self.machine.writes()
    }
    fn inject_fault(&self, nth: usize, fault: testing::Fault) {
        self.machine.inject_fault(nth, fault);
    }
}

static TALLY: Tally = Tally::new();

fn any_endpoint() -> impl Strategy<Value = Endpoint> {
    let names = CertificateCheck::OtherName(vec!["10.20.0.50".to_owned()]);
    prop_oneof![
        3 => Just(Endpoint::Works),
        1 => Just(Endpoint::Refuses),
        1 => Just(Endpoint::Certificate(names)),
        1 => Just(Endpoint::Certificate(CertificateCheck::OtherAuthority)),
    ]
}

proptest! {
    fn any_file_obeys_the_laws(
        endpoint in any_endpoint(),
        text in prop::sample::select(vec![
            ADMIN.to_owned(),
            ADMIN.replace(OLD, NEW),
            ADMIN.replace(OLD, "https://127.0.0.1:6443"),
            ADMIN.replace(OLD, "https://10.12.7.40:6443/"),
            "nothing".to_owned(),
        ]),
        private: bool,
        ids in prop::sample::select(vec![[None, None], [Some("a"), Some("a")], [Some("a"), Some("b")]]),
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let world = || Fixture::new(&text, private, &endpoint, ids);
        let holds = |files: &[(String, bool); 2]| {
            files[0].1 && server_in(&files[0].0).is_ok_and(|server| server.starts_with(NEW))
        };
        TALLY.count(runtime.block_on(check_laws(world, &wanted(), Undo::None, holds)));
    }
}

#[test]
fn obeys_the_laws() {
    any_file_obeys_the_laws();
    TALLY.assert_meaningful("retargeted kubeconfigs");
}

#[tokio::test(start_paused = true)]
async fn one_server_changes_and_no_other_byte() {
    let fixture = Fixture::new(ADMIN, false, &Endpoint::Works, [None, None]);
    assert!(
        retarget_kubeconfig(&Context::default(), &fixture.retarget, &wanted())
            .await
            .unwrap()
            .changed()
    );
    assert_eq!(fixture.file("kubeconfig"), (ADMIN.replace(OLD, NEW), true));
    assert_eq!(fixture.file("kubeconfig2"), (ADMIN.to_owned(), false));
    assert!(
        !retarget_kubeconfig(&Context::default(), &fixture.retarget, &wanted())
            .await
            .unwrap()
            .changed()
    );
}

async fn refused(text: &str, endpoint: &Endpoint, ids: [Option<&str>; 2]) -> String {
    let fixture = Fixture::new(text, false, endpoint, ids);
    let error =
        retarget_kubeconfig(&Context::default(), &fixture.retarget, &wanted()).await.unwrap_err();
    assert_eq!(fixture.file("kubeconfig"), (text.to_owned(), false), "untouched");
    let failure = omega_core::Failure::from(error);
    assert_eq!(failure.class, omega_core::FailureClass::Refused);
    let found = failure.found.unwrap_or_default();
    format!("{} | {found}", failure.causes.join("; "))
}

#[tokio::test(start_paused = true)]
async fn what_would_not_work_is_refused_by_its_reason() {
    let names = vec!["10.20.0.50".to_owned(), "kubernetes".to_owned()];
    let other_name = Endpoint::Certificate(CertificateCheck::OtherName(names));
    let tls = ADMIN.replace("    server:", "    tls-server-name: kubernetes\n    server:");
    assert_ne!(tls, ADMIN);
    let without_ca: Vec<_> =
        ADMIN.lines().filter(|line| !line.contains("certificate-authority-data")).collect();
    let without_ca = without_ca.join("\n");
    let all = [
        refused(ADMIN, &other_name, [None, None]).await,
        refused(ADMIN, &Endpoint::Certificate(CertificateCheck::OtherAuthority), [None, None])
            .await,
        refused(
            &without_ca,
            &Endpoint::Certificate(CertificateCheck::OtherAuthority),
            [None, None],
        )
        .await,
        refused(ADMIN, &Endpoint::Refuses, [None, None]).await,
        refused(ADMIN, &Endpoint::Anonymous, [None, None]).await,
        refused(ADMIN, &Endpoint::Works, [Some("id-a"), Some("id-b")]).await,
        refused(&tls, &Endpoint::Works, [None, None]).await,
    ];
    let expected = [
        "the certificate at https://10.12.7.40:6443 does not cover that address | 10.20.0.50, kubernetes",
        "another CA signed the certificate at https://10.12.7.40:6443 | ",
        "the kubeconfig has no CA, and this machine trusts none that signed the certificate at \
         https://10.12.7.40:6443 | ",
        "https://10.12.7.40:6443 refused the kubeconfig's credentials | ",
        "https://10.12.7.40:6443 refused the kubeconfig's credentials | ",
        "https://10.12.7.40:6443 is another cluster | kube-system id-b",
        "the driver could not use it with server https://10.12.7.40:6443 | the kubeconfig can't be \
         used: it uses `tls-server-name`, which the driver does not read",
    ];
    assert_eq!(all, expected);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_moved_since_is_not_written_over() {
    let fixture = Fixture::new(ADMIN, true, &Endpoint::Works, [None, None]);
    let wanted = wanted();
    let plan = omega_core::plan(&fixture.retarget, &wanted).await.unwrap();
    let Delta::Changes(changes) = plan.delta().clone() else { panic!("{plan:?}") };
    fixture.machine.put(&wanted.path, &format!("{ADMIN}# more\n"), true);
    let error =
        wanted.apply(&Context::default(), &fixture.retarget, &changes[0]).await.unwrap_err();
    assert!(matches!(error, RetargetError::Moved { .. }), "{error}");
    assert_eq!(fixture.file("kubeconfig").0, format!("{ADMIN}# more\n"));
}

/// What answers, and is no API server: a proxy's page.
#[tokio::test]
async fn a_page_is_no_api_server() {
    let page = |_: http::Request<kube::client::Body>| async {
        let body = kube::client::Body::from(b"<html>welcome</html>".to_vec());
        Ok::<_, tower::BoxError>(http::Response::new(body))
    };
    let management = crate::Management::over(tower::service_fn(page), "https://10.12.7.40:6443/");
    let error = management.read::<crate::wire::Groups>("/apis", crate::list::JSON).await;
    assert!(matches!(error, Err(crate::Error::Malformed { .. })), "{error:?}");
}

/// As kubectl does: the file that a link leads to is replaced, and the link stays.
#[test]
fn a_link_stays_a_link() {
    let home = tempfile::tempdir().unwrap();
    let (real, link) = (home.path().join("real"), home.path().join("link"));
    std::fs::write(&real, ADMIN).unwrap();
    std::os::unix::fs::symlink("real", &link).unwrap();
    ThisMachine.write(&link, &Secret::from("new".to_owned())).unwrap();
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
    assert!(link.symlink_metadata().unwrap().is_symlink());
}

#[test]
fn an_address_takes_the_port_of_the_file() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("kubeconfig");
    std::fs::write(&path, ADMIN.replace(":6443", ":16443")).unwrap();
    let server = |address: &str| {
        RetargetedKubeconfig::at(&path, address).map(|wanted| wanted.written().to_owned())
    };
    for (address, expected) in [
        ("10.12.7.40", "https://10.12.7.40:16443"),
        ("10.12.7.40:6443", "https://10.12.7.40:6443"),
        ("mgmt.example.org", "https://mgmt.example.org:16443"),
        ("fd00::1", "https://[fd00::1]:16443"),
        ("mgmt.example.org:443", "https://mgmt.example.org"),
        ("https://mgmt.example.org", "https://mgmt.example.org"),
    ] {
        assert_eq!(server(address).unwrap(), expected, "{address}");
    }
    for bad in ["", "a b", "x/y", "https://x/y", "10.12.7.40:x"] {
        assert!(server(bad).is_err(), "{bad}");
    }
    let secret = server("https://me:hunter2@mgmt.example.org").unwrap_err().to_string();
    assert_eq!(secret, "\"…@mgmt.example.org\" is neither an address nor the URL of a server");
}
