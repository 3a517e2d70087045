//! `retarget_kubeconfig` with a far end that is made up: the laws, the bytes, the refusals.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use omega_core::testing::{self, Undo, World, check_laws};
use tempfile::TempDir;

use super::*;
use crate::access::Shown;

const ADMIN: &str = include_str!("../../../omega-core/fixtures/kube/admin.yaml");
const OLD: &str = "https://10.20.0.50:6443";
const NEW: &str = "https://10.12.7.40:6443";

fn now() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

type Spoil = Arc<Mutex<Option<(usize, testing::Fault)>>>;

/// A file, and a decoy beside it.
struct Desk {
    home: Arc<TempDir>,
    retarget: Retarget,
    writes: Arc<AtomicUsize>,
    spoil: Spoil,
}

impl Desk {
    fn new(
        home: &Arc<TempDir>,
        text: &str,
        mode: u32,
        far: EndpointCheck,
        ids: [Option<&str>; 2],
    ) -> Self {
        let file = home.path().join("kubeconfig");
        for path in [&file, &home.path().join("kubeconfig2")] {
            std::fs::write(path, text).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let writes = Arc::new(AtomicUsize::new(0));
        let spoil = Spoil::default();
        let ids = ids.map(|id| id.map(ToOwned::to_owned));
        let (counted, spoiled) = (Arc::clone(&writes), Arc::clone(&spoil));
        let retarget = Retarget::asking(
            now(),
            move |_| {
                let far = far.clone();
                Box::pin(async move { Ok(far) })
            },
            move |kubeconfig| {
                let [old, new] = ids.clone();
                let here = kubeconfig.facts.server.as_str().starts_with(OLD);
                Box::pin(async move { if here { old } else { new } })
            },
            move |path, bytes| {
                let nth = counted.fetch_add(1, Ordering::Relaxed);
                let fault = spoiled.lock().unwrap().filter(|(at, _)| *at == nth).map(|(_, f)| f);
                if !matches!(
                    fault,
                    Some(testing::Fault::Lost | testing::Fault::Ignored | testing::Fault::Refused)
                ) {
                    persist(path, bytes)?;
                }
                match fault {
                    Some(testing::Fault::Lost | testing::Fault::AnswerLost) => {
                        Err(io::Error::other("spoiled"))
                    }
                    Some(testing::Fault::Refused) => Err(io::Error::other(testing::REFUSAL)),
                    Some(testing::Fault::Ignored) | None => Ok(()),
                }
            },
        );
        Self { home: Arc::clone(home), retarget, writes, spoil }
    }

    fn look(&self, name: &str) -> (String, u32) {
        let path = self.home.path().join(name);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        (std::fs::read_to_string(path).unwrap(), mode)
    }

    fn wanted(&self) -> RetargetedKubeconfig {
        RetargetedKubeconfig {
            path: self.home.path().join("kubeconfig"),
            server: NEW.parse().unwrap(),
        }
    }
}

impl World for Desk {
    type Target = Retarget;
    type Snapshot = [(String, u32); 2];

    fn target(&self) -> &Retarget {
        &self.retarget
    }
    fn snapshot(&self) -> Self::Snapshot {
        ["kubeconfig", "kubeconfig2"].map(|name| self.look(name))
    }
    fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }
    fn spoil_write(&self, nth: usize, fault: testing::Fault) {
        *self.spoil.lock().unwrap() = Some((nth, fault));
    }
}

fn works() -> EndpointCheck {
    EndpointCheck::Works("as it should".to_owned())
}

#[tokio::test(start_paused = true)]
async fn obeys_the_laws() {
    let far_ends = [
        works(),
        EndpointCheck::Refuses,
        EndpointCheck::Certificate(Shown::OtherName(vec!["10.20.0.50".to_owned()])),
        EndpointCheck::Certificate(Shown::OtherAuthority),
    ];
    let home = Arc::new(tempfile::tempdir().unwrap());
    for far in far_ends {
        for (text, mode) in [
            (ADMIN.to_owned(), 0o600),
            (ADMIN.replace(OLD, NEW), 0o644),
            (ADMIN.replace(OLD, NEW), 0o600),
            (ADMIN.replace(OLD, "https://127.0.0.1:6443"), 0o664),
            ("nothing".to_owned(), 0o600),
        ] {
            for ids in [[None, None], [Some("a"), Some("a")], [Some("a"), Some("b")]] {
                let world = || Desk::new(&home, &text, mode, far.clone(), ids);
                let wanted = world().wanted();
                drop(check_laws(world, &wanted, Undo::None, |_| true).await);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_server_changes_and_no_other_byte() {
    let home = Arc::new(tempfile::tempdir().unwrap());
    let desk = Desk::new(&home, ADMIN, 0o644, works(), [None, None]);
    assert!(
        retarget_kubeconfig(&Context::default(), &desk.retarget, &desk.wanted())
            .await
            .unwrap()
            .changed()
    );
    assert_eq!(desk.look("kubeconfig"), (ADMIN.replace(OLD, NEW), 0o600));
    assert_eq!(desk.look("kubeconfig2"), (ADMIN.to_owned(), 0o644));
    assert!(
        !retarget_kubeconfig(&Context::default(), &desk.retarget, &desk.wanted())
            .await
            .unwrap()
            .changed()
    );
}

async fn refused(text: &str, far: EndpointCheck, ids: [Option<&str>; 2]) -> String {
    let home = Arc::new(tempfile::tempdir().unwrap());
    let desk = Desk::new(&home, text, 0o644, far, ids);
    let error =
        retarget_kubeconfig(&Context::default(), &desk.retarget, &desk.wanted()).await.unwrap_err();
    assert_eq!(desk.look("kubeconfig"), (text.to_owned(), 0o644), "untouched");
    let failure = omega_core::Failure::from(error);
    assert_eq!(failure.class, omega_core::FailureClass::Refused);
    let found = failure.found.unwrap_or_default();
    format!("{} | {found}", failure.causes.join("; "))
}

#[tokio::test(start_paused = true)]
async fn what_would_not_work_is_refused_by_its_reason() {
    let names = vec!["10.20.0.50".to_owned(), "kubernetes".to_owned()];
    let other_name = EndpointCheck::Certificate(Shown::OtherName(names));
    let tls = ADMIN.replace("    server:", "    tls-server-name: kubernetes\n    server:");
    assert_ne!(tls, ADMIN);
    let all = [
        refused(ADMIN, other_name, [None, None]).await,
        refused(ADMIN, EndpointCheck::Certificate(Shown::OtherAuthority), [None, None]).await,
        refused(ADMIN, EndpointCheck::Refuses, [None, None]).await,
        refused(ADMIN, works(), [Some("id-a"), Some("id-b")]).await,
        refused(&tls, works(), [None, None]).await,
    ];
    let expected = [
        "the certificate at https://10.12.7.40:6443 does not cover that address | 10.20.0.50, kubernetes",
        "another authority made the certificate at https://10.12.7.40:6443 | ",
        "https://10.12.7.40:6443 does not know the kubeconfig's credentials | ",
        "https://10.12.7.40:6443 is another cluster | kube-system id-b",
        "the driver could not use it with server https://10.12.7.40:6443 | the kubeconfig can't be \
         used: it uses `tls-server-name`, which the driver does not read",
    ];
    assert_eq!(all, expected);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_moved_since_is_not_written_over() {
    let home = Arc::new(tempfile::tempdir().unwrap());
    let desk = Desk::new(&home, ADMIN, 0o600, works(), [None, None]);
    let wanted = desk.wanted();
    let plan = omega_core::plan(&desk.retarget, &wanted).await.unwrap();
    let Delta::Changes(changes) = plan.delta().clone() else { panic!("{plan:?}") };
    std::fs::write(&wanted.path, format!("{ADMIN}# more\n")).unwrap();
    let error = wanted.apply(&Context::default(), &desk.retarget, &changes[0]).await.unwrap_err();
    assert!(matches!(error, RetargetError::Moved { .. }), "{error}");
    assert_eq!(desk.look("kubeconfig").0, format!("{ADMIN}# more\n"));
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
}
