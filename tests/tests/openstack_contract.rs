//! The contract of omega-openstack, kept by real services.
//!
//! The simulator keeps it in the crate's own tests. Here the lab's Keystone, Neutron and Magnum
//! do: `OMEGA_LAB_OPENRC=/path/to/openrc cargo test --test openstack_contract -- --ignored`.
//! Without the variable it fails; a plain `cargo test` reports it as ignored, not as passed.

#[cfg(test)]
mod live {
    use std::{path::Path, sync::Arc};

    use omega_openstack::{
        ApplicationCredentialRef, AuthScope, CloudConfig, Credential, DomainRef, Lookup, Method,
        ProjectRef, Request, Service, Session, SessionOptions, Transport, UserRef,
        container_infra::TemplateSpec, contract,
    };

    fn config() -> CloudConfig {
        #[expect(clippy::disallowed_methods, reason = "the lab says where its cloud is")]
        let openrc = std::env::var("OMEGA_LAB_OPENRC").expect("OMEGA_LAB_OPENRC names an openrc");
        let config = CloudConfig::from_openrc(Path::new(&openrc), &Lookup::default()).unwrap();
        let domain = DomainRef::Id("default".into());
        let admin = ProjectRef::Named { name: "admin".into(), domain };
        config.in_project(admin, "this test")
    }

    async fn session(config: CloudConfig) -> Arc<dyn Transport> {
        Arc::new(Session::new(config, &SessionOptions::default()).await.unwrap())
    }

    /// What an operator's command does: read the openrc, keep the token.
    async fn cloud() -> Arc<dyn Transport> {
        session(config()).await
    }

    #[tokio::test]
    #[ignore = "needs the lab's cloud: tests/lab/run contract"]
    async fn keystone_knows_an_application_credential() {
        let open = async |id: String, secret: String| {
            let which = ApplicationCredentialRef::Id(id);
            let credential = Credential::ApplicationCredential { which, secret: secret.into() };
            session(CloudConfig { credential, scope: AuthScope::Unscoped, ..config() }).await
        };
        contract::application_credential(cloud().await, open).await;
    }

    #[tokio::test]
    #[ignore = "needs the lab's cloud: tests/lab/run contract"]
    async fn the_cloud_keeps_the_contract() {
        // By TLS, in a region that has Keystone, Neutron and Magnum only.
        contract::sg_rules(cloud().await).await;
        contract::near_matches(cloud().await).await;
        contract::group_names(cloud().await).await;
        contract::refusals(cloud().await).await;
        contract::trustee_domain(cloud().await).await;
        // In the region with every service.
        let config = CloudConfig { region: Some("RegionOne".into()), ..config() };
        let cloud = session(config).await;
        contract::all(async || Arc::clone(&cloud)).await;
    }

    #[tokio::test]
    #[ignore = "needs the lab's cloud: tests/lab/run contract"]
    async fn neutron_and_octavia_remove_a_cluster() {
        // The lab's TLS region has no Octavia.
        let config = CloudConfig { region: Some("RegionOne".into()), ..config() };
        let cloud = session(config).await;
        let request = Request::new(Service::Network, Method::Get, &["networks"]);
        let external = cloud.send(request.query("name", "public")).await.unwrap();
        let external = external.body["networks"][0]["id"].as_str().unwrap().to_owned();
        contract::cluster_orphans(cloud, &external).await;
    }

    /// The administrator, and a member of another project, in the region with every service.
    async fn admin_and_stranger() -> [Arc<dyn Transport>; 2] {
        // The lab's TLS region has not all of them.
        let config = CloudConfig { region: Some("RegionOne".into()), ..config() };
        let domain = || DomainRef::Name("capi".into());
        let user = UserRef::Named { name: "member".into(), domain: domain() };
        let project = ProjectRef::Named { name: "capi-mgmt".into(), domain: domain() };
        let stranger = CloudConfig {
            credential: Credential::Password { user, password: "lab".to_owned().into() },
            scope: AuthScope::Project(project),
            ..config.clone()
        };
        [session(config).await, session(stranger).await]
    }

    #[tokio::test]
    #[ignore = "needs the lab's cloud: tests/lab/run contract"]
    async fn every_service_tells_what_it_has() {
        let [admin, stranger] = admin_and_stranger().await;
        contract::cloud_inventory(admin, stranger).await;
    }

    #[tokio::test]
    #[ignore = "needs the lab's cloud: tests/lab/run contract"]
    async fn octavia_fails_a_load_balancer_over() {
        let [admin, stranger] = admin_and_stranger().await;
        contract::failovers(admin, stranger).await;
    }

    #[tokio::test]
    #[ignore = "needs the lab's cloud: tests/lab/run contract"]
    async fn the_gates_before_a_cluster_read_what_they_expect() {
        // The lab's TLS region has not all services.
        let config = CloudConfig { region: Some("RegionOne".into()), ..config() };
        let domain = || DomainRef::Name("capi".into());
        let user = UserRef::Named { name: "member".into(), domain: domain() };
        let project = ProjectRef::Named { name: "capi-mgmt".into(), domain: domain() };
        let stranger = CloudConfig {
            credential: Credential::Password { user, password: "lab".to_owned().into() },
            scope: AuthScope::Project(project),
            ..config.clone()
        };
        let (cloud, stranger) = (session(config).await, session(stranger).await);
        contract::cluster_prerequisites(cloud, stranger, spec()).await;
    }

    #[tokio::test]
    #[ignore = "needs the lab's cloud: tests/lab/run contract"]
    async fn glance_keeps_the_contract() {
        // The lab's TLS region has no Glance.
        let config = CloudConfig { region: Some("RegionOne".into()), ..config() };
        let directory = tempfile::tempdir().unwrap();
        contract::images(session(config).await, directory.path()).await;
    }

    #[tokio::test]
    #[ignore = "needs the lab's cloud: tests/lab/run contract"]
    async fn magnum_keeps_the_contract() {
        // One after the other: both look at all templates of the project.
        contract::magnum(cloud().await, spec()).await;
        // What a template names is looked up in services that the TLS region has not.
        let config = CloudConfig { region: Some("RegionOne".into()), ..config() };
        contract::cluster_templates(session(config).await, spec()).await;
    }

    #[tokio::test]
    #[ignore = "needs a cluster in the lab's cloud: tests/lab/run cluster-ensure"]
    async fn of_one_cluster_magnum_keeps_the_contract() {
        #[expect(clippy::disallowed_methods, reason = "the lab says which cluster")]
        let cluster = std::env::var("OMEGA_LAB_CLUSTER").expect("OMEGA_LAB_CLUSTER is an id");
        let domain = DomainRef::Name("capi".into());
        let project = ProjectRef::Named { name: "capi-mgmt".into(), domain };
        let config = CloudConfig { region: Some("RegionOne".into()), ..config() };
        let cloud = session(config.in_project(project, "this test")).await;
        contract::cluster_certificates(Arc::clone(&cloud), &cluster).await;
        contract::cluster_values(cloud, &cluster).await;
    }

    #[tokio::test]
    #[ignore = "needs a server in the lab's cloud: tests/lab/run guest"]
    async fn of_one_server_nova_keeps_the_contract() {
        #[expect(clippy::disallowed_methods, reason = "the lab says which server")]
        let server = std::env::var("OMEGA_LAB_SERVER").expect("OMEGA_LAB_SERVER is an id");
        let domain = DomainRef::Name("capi".into());
        let project = ProjectRef::Named { name: "capi-mgmt".into(), domain };
        let config = CloudConfig { region: Some("RegionOne".into()), ..config() };
        let cloud = session(config.in_project(project, "this test")).await;
        contract::guests(cloud, &server).await;
    }

    fn spec() -> TemplateSpec {
        TemplateSpec::new("ubuntu-kube", "public", "m1.medium", "m1.medium")
    }
}
