//! What omega-capi expects of accounts, roles and tokens, asked of the simulator and of a real
//! API server. `live` needs `OMEGA_LAB_KUBECONFIG` and `OMEGA_LAB_DIR`; without them it fails.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::{path::Path, time::Duration};

use futures::future::BoxFuture;
use omega_capi::{
    Error, Management, Namespaces,
    access::{DriverRights, Mint, MintedKubeconfig, Reach, mint_kubeconfig, prove_rights},
    releases::read_releases,
    served::discover_versions,
};
use omega_core::{Context, kubeconfig::Kubeconfig, values::Secret};
use omega_driver::{DriverRelease, Overrides};

fn rights(home: &str, namespaces: &[&str]) -> DriverRights {
    DriverRights {
        account: format!("{home}/driver").parse().unwrap(),
        reach: Reach::Namespaces(namespaces.iter().map(|name| name.parse().unwrap()).collect()),
        driver: DriverRelease::v1_4_0(),
        overrides: Overrides::default(),
        autoscaler: false,
        additive: false,
    }
}

fn kubeconfig(path: &Path) -> Kubeconfig {
    let bytes = Secret::new(std::fs::read(path).unwrap());
    Kubeconfig::parse(bytes, jiff::Timestamp::now()).unwrap()
}

/// `home` and names that begin so are nobody else's.
async fn an_account_may_do_what_the_driver_does_where_it_does_it(
    mint: &Mint,
    home: &str,
    read: impl Fn(&Path) -> Kubeconfig,
    connect: impl Fn(Kubeconfig) -> BoxFuture<'static, Management>,
) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("driver.kubeconfig");
    let [one, two] = [format!("{home}-1"), format!("{home}-2")];
    let wanted = |namespaces: &[&str]| MintedKubeconfig {
        rights: rights(home, namespaces),
        path: path.clone(),
        lifetime: 3_600,
        renew_before: None,
        server: None,
    };
    let both = wanted(&[&one, &two]);
    let ctx = Context::default();
    let minted = mint_kubeconfig(&ctx, mint, &both).await.unwrap();
    assert!(minted.rights_changed && minted.file.changed());
    let minted = mint_kubeconfig(&ctx, mint, &both).await.unwrap();
    assert!(!minted.rights_changed && !minted.file.changed());

    let account = connect(read(&path)).await;
    let proof = prove_rights(&account, &both.rights).await.unwrap();
    assert!(proof.holds() && proof.tests > 50, "{proof:?}");
    assert!(discover_versions(&account).await.unwrap().has_group("cluster.x-k8s.io"));
    let only = |name: &str| Namespaces::Only(vec![name.parse().unwrap()]);
    assert_eq!(read_releases(&account, &only(&one)).await.unwrap().releases, []);
    for (place, right) in [
        (only("kube-system"), "secrets in kube-system"),
        (only(&format!("{home}-12")), &format!("secrets in {home}-12")),
        (Namespaces::All, "secrets"),
    ] {
        let error = read_releases(&account, &place).await.unwrap_err();
        let Error::Forbidden { verb, resource, .. } = error else { panic!("{error:?}") };
        assert_eq!((verb.as_str(), resource.as_str()), ("list", right));
    }

    // What is taken away is gone, and named.
    let minted = mint_kubeconfig(&ctx, mint, &wanted(&[&two])).await.unwrap();
    assert!(minted.rights_changed && !minted.file.changed());
    let mut proof = prove_rights(&account, &both.rights).await.unwrap();
    for _ in 0..50 {
        if !proof.holds() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        proof = prove_rights(&account, &both.rights).await.unwrap();
    }
    let lost = |right: &str| proof.missing.contains(&format!("{right} in {one}"));
    assert!(lost("list secrets") && lost("patch namespaces") && lost("deletecollection secrets"));
    assert!(lost("get clusters.cluster.x-k8s.io"), "{:?}", proof.missing);
    assert!(proof.missing.iter().all(|right| !right.contains(&two)), "{:?}", proof.missing);
}

async fn a_token_is_asked_for_within_the_servers_bounds(mint: &Mint, home: &str) {
    let directory = tempfile::tempdir().unwrap();
    let wanted = MintedKubeconfig {
        rights: rights(home, &[&format!("{home}-1")]),
        path: directory.path().join("driver.kubeconfig"),
        lifetime: 10,
        renew_before: None,
        server: None,
    };
    let failure = mint_kubeconfig(&Context::default(), mint, &wanted).await.unwrap_err();
    let words = "may not specify a duration less than 10 minutes";
    assert!(failure.causes.iter().any(|cause| cause.contains(words)), "{failure:?}");
    assert!(!wanted.path.exists());
}

mod simulated {
    use std::sync::Arc;

    use omega_capi::{
        Management,
        access::Mint,
        sim::{Apiserver, Machine},
    };
    use omega_core::{
        kubeconfig::{AuthKind, Kubeconfig, KubeconfigFacts},
        values::{Secret, Sha256},
    };

    fn token(kubeconfig: &Kubeconfig) -> String {
        let text = std::str::from_utf8(kubeconfig.bytes.expose()).unwrap();
        let token = text.lines().find_map(|line| line.trim().strip_prefix("token:")).unwrap();
        token.trim().trim_matches('"').to_owned()
    }

    #[tokio::test]
    async fn contract() {
        let now = jiff::Timestamp::now();
        let server = Apiserver::with_accounts(now);
        let facts = KubeconfigFacts {
            sha256: Sha256::of(b""),
            size: 0,
            context: "lab".to_owned(),
            server: "https://127.77.2.1:6443".parse().unwrap(),
            token_expires: None,
            account: None,
            ca_pem: None,
            auth: AuthKind::Token,
        };
        let machine = Machine::with_server("127.77.2.1:6443", &server);
        let management = Management::over(server.clone(), "simulator");
        let mint = Mint::on(management, &facts, now, Arc::new(machine.clone()));
        Box::pin(super::an_account_may_do_what_the_driver_does_where_it_does_it(
            &mint,
            "contract",
            |path| {
                let (text, private) = machine.file(path).unwrap();
                assert!(private);
                Kubeconfig::parse(Secret::from(text), now).unwrap()
            },
            move |kubeconfig| {
                let server = server.with_token(&token(&kubeconfig));
                Box::pin(async move { Management::over(server, "account") })
            },
        ))
        .await;
        super::a_token_is_asked_for_within_the_servers_bounds(&mint, "contract").await;
    }
}

mod live {
    use std::{env, path::Path};

    use omega_capi::{Management, access::Mint};

    #[expect(clippy::disallowed_methods, reason = "the lab says by variable where it is")]
    fn variable(name: &str) -> String {
        env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
    }

    #[expect(clippy::disallowed_methods, reason = "the lab's kubectl, run as a person would")]
    fn remove(namespaces: &[&str]) {
        let kubectl = format!("{}/bin/kubectl", variable("OMEGA_LAB_DIR"));
        let mut kubectl = std::process::Command::new(kubectl);
        let kubectl = kubectl.env("KUBECONFIG", variable("OMEGA_LAB_KUBECONFIG"));
        let arguments = ["delete", "namespace", "--wait=false", "--ignore-not-found"];
        assert!(kubectl.args(arguments).args(namespaces).status().unwrap().success());
    }

    #[tokio::test]
    #[ignore = "needs the lab's management cluster: tests/lab/run contract"]
    async fn contract() {
        let admin = super::kubeconfig(Path::new(&variable("OMEGA_LAB_KUBECONFIG")));
        let management = Management::connect(&admin).await.unwrap();
        let mint = Mint::new(management, &admin.facts, jiff::Timestamp::now());
        let home = format!("omega-access-{}", std::process::id());
        Box::pin(super::an_account_may_do_what_the_driver_does_where_it_does_it(
            &mint,
            &home,
            super::kubeconfig,
            |kubeconfig| Box::pin(async move { Management::connect(&kubeconfig).await.unwrap() }),
        ))
        .await;
        super::a_token_is_asked_for_within_the_servers_bounds(&mint, &home).await;
        remove(&[&home, &format!("{home}-1"), &format!("{home}-2")]);
    }
}
