//! What clouds.yaml, secure.yaml and variables amount to.

use std::{collections::BTreeMap, error::Error as _, fs, path::Path};

use omega_core::Diagnostic as _;
use serde_json::Value;
use tempfile::TempDir;

use super::{
    AuthScope, CloudConfig, ConfigError, Credential, DomainRef, Lookup, ProjectRef, UserRef,
};

const CLOUDS: &str = r"
clouds:
  capi-admin:
    auth:
      auth_url: https://keystone.demo:5000/v3
      username: admin
      password: 0123
      user_domain_name: admin_domain
      project_name: admin
      project_domain_name: admin_domain
    region_name: RegionOne
    interface: internal
    cacert: ~/ca.pem
    identity_api_version: 3
    networks: [{ name: public, routes_externally: true }]
  by-id:
    auth:
      auth_url: https://keystone.demo:5000
      user_id: u1
      project_id: p1
  app:
    auth_type: v3applicationcredential
    auth:
      auth_url: https://keystone.demo:5000
      application_credential_id: ac1
      application_credential_secret: s3cret
";

pub(super) struct Place {
    dir: TempDir,
    pub(super) lookup: Lookup,
}

pub(super) fn place() -> Place {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    for name in ["cwd", "home", "config/openstack", "etc/openstack"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    let lookup = Lookup {
        variables: BTreeMap::new(),
        cwd: at("cwd"),
        home: Some(at("home")),
        config_home: Some(at("config")),
        site: at("etc"),
        region: None,
    };
    Place { dir, lookup }
}

impl Place {
    pub(super) fn with(self, path: &str, text: &str) -> Self {
        fs::write(self.dir.path().join(path), text).unwrap();
        self
    }

    pub(super) fn set(mut self, variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|&(name, value)| (name.into(), value.into()));
        self.lookup.variables.extend(variables);
        self
    }

    pub(super) fn load(&self, cloud: Option<&str>) -> Result<CloudConfig, ConfigError> {
        CloudConfig::load(&self.lookup, cloud)
    }

    /// Returns the origins, without the temporary directory's name.
    pub(super) fn origins(&self, config: &CloudConfig) -> String {
        let dir = self.dir.path().display().to_string();
        let lines =
            config.origins.iter().map(|o| format!("{} = {} ({})", o.key, o.value, o.source));
        lines.collect::<Vec<_>>().join("\n").replace(&dir, "")
    }

    pub(super) fn error(&self, cloud: Option<&str>) -> String {
        let error = self.load(cloud).unwrap_err();
        let dir = self.dir.path().display().to_string();
        let parts = [Some(error.to_string()), error.found(), error.next()];
        parts.into_iter().flatten().collect::<Vec<_>>().join("\n").replace(&dir, "")
    }
}

fn body(config: &CloudConfig) -> Value {
    config.login_body()["auth"].clone()
}

#[test]
fn a_named_cloud_is_read_whole() {
    let place = place().with("config/openstack/clouds.yaml", CLOUDS);
    let config = place.load(Some("capi-admin")).unwrap();
    insta::assert_snapshot!(place.origins(&config), @"
    auth_url = https://keystone.demo:5000/v3 (/config/openstack/clouds.yaml)
    username = admin (/config/openstack/clouds.yaml)
    user_domain_name = admin_domain (/config/openstack/clouds.yaml)
    password = (secret) (/config/openstack/clouds.yaml)
    project_name = admin (/config/openstack/clouds.yaml)
    project_domain_name = admin_domain (/config/openstack/clouds.yaml)
    region_name = RegionOne (/config/openstack/clouds.yaml)
    interface = internal (/config/openstack/clouds.yaml)
    cacert = ~/ca.pem (/config/openstack/clouds.yaml)
    ");
    insta::assert_snapshot!(body(&config), @r#"{"identity":{"methods":["password"],"password":{"user":{"name":"admin","domain":{"name":"admin_domain"},"password":"0123"}}},"scope":{"project":{"name":"admin","domain":{"name":"admin_domain"}}}}"#);
    assert_eq!(config.cacert, Some(place.dir.path().join("home/ca.pem")));
    assert!(config.verify);
    assert_eq!(config.label(), "cloud capi-admin, project admin");
    assert!(!format!("{config:?}").contains("0123"), "a password is not shown");
}

#[test]
fn secure_yaml_wins_and_a_password_may_come_in() {
    let secure = "clouds: { by-id: { auth: { password: from secure } } }";
    let base = place().with("cwd/clouds.yaml", CLOUDS).set(&[("OS_PASSWORD", "from variable")]);
    let config = base.load(Some("by-id")).unwrap();
    insta::assert_snapshot!(base.origins(&config), @"
    auth_url = https://keystone.demo:5000 (/cwd/clouds.yaml)
    user_id = u1 (/cwd/clouds.yaml)
    password = (secret) (OS_PASSWORD)
    project_id = p1 (/cwd/clouds.yaml)
    ");
    let base = base.with("etc/openstack/secure.yaml", secure);
    let config = base.load(Some("by-id")).unwrap();
    assert_eq!(body(&config)["identity"]["password"]["user"]["password"], "from secure");
    let config = base.load(Some("capi-admin")).unwrap();
    let password = &body(&config)["identity"]["password"]["user"]["password"];
    assert_eq!(password, "0123", "digits stay digits, and the file's password wins");
}

#[test]
fn the_first_file_is_the_one() {
    let small = |user: &str| {
        format!(
            "clouds: {{ one: {{ auth: {{ auth_url: 'http://k', username: {user}, password: p }} }} }}"
        )
    };
    let who = |place: &Place| match place.load(None).unwrap().credential {
        Credential::Password { user: UserRef::Named { name, .. }, .. } => name,
        other @ (Credential::Password { .. }
        | Credential::Token(_)
        | Credential::ApplicationCredential { .. }) => panic!("{other:?}"),
    };
    let place = place().with("etc/openstack/clouds.yaml", &small("site"));
    assert_eq!(who(&place), "site");
    let place = place.with("config/openstack/clouds.yml", &small("user"));
    assert_eq!(who(&place), "user");
    let place = place.with("cwd/clouds.yaml", &small("cwd"));
    assert_eq!(who(&place), "cwd");
    let path = place.dir.path().join("home/mine.yaml").display().to_string();
    let place =
        place.with("home/mine.yaml", &small("named")).set(&[("OS_CLIENT_CONFIG_FILE", &path)]);
    assert_eq!(who(&place), "named");
}

#[test]
fn variables_describe_a_cloud() {
    let place = place().set(&[
        ("OS_AUTH_URL", "http://k:5000"),
        ("OS_USERNAME", "op"),
        ("OS_PASSWORD", "p"),
        ("OS_TENANT_NAME", "old"),
        ("OS_PROJECT_NAME", "new"),
        ("OS_DEFAULT_DOMAIN", "d1"),
        ("OS_INTERFACE", "publicURL"),
        ("OS_REGION_NAME", ""),
        ("OS_INSECURE", "true"),
    ]);
    let config = place.load(None).unwrap();
    insta::assert_snapshot!(place.origins(&config), @"
    auth_url = http://k:5000 (OS_AUTH_URL)
    username = op (OS_USERNAME)
    default_domain = d1 (OS_DEFAULT_DOMAIN)
    password = (secret) (OS_PASSWORD)
    project_name = new (OS_PROJECT_NAME)
    default_domain = d1 (OS_DEFAULT_DOMAIN)
    interface = publicURL (OS_INTERFACE)
    insecure = true (OS_INSECURE)
    ");
    assert!(!config.verify);
    assert_eq!(config.region, None, "an empty variable is none");
}

#[test]
fn every_method_and_scope_as_keystone_takes_it() {
    let base = [("OS_AUTH_URL", "http://k")];
    let password = [("OS_USER_ID", "u"), ("OS_PASSWORD", "p")];
    let app_by_name = [
        ("OS_AUTH_TYPE", "v3applicationcredential"),
        ("OS_APPLICATION_CREDENTIAL_NAME", "ac"),
        ("OS_APPLICATION_CREDENTIAL_SECRET", "s"),
        ("OS_USERNAME", "op"),
        ("OS_USER_DOMAIN_ID", "d"),
        ("OS_PROJECT_NAME", "not sent"),
    ];
    let cases: Vec<Vec<(&str, &str)>> = vec![
        [password.to_vec(), vec![("OS_PROJECT_ID", "p1"), ("OS_PROJECT_NAME", "ignored")]].concat(),
        [password.to_vec(), vec![("OS_PROJECT_NAME", "n"), ("OS_PROJECT_DOMAIN_NAME", "capi")]]
            .concat(),
        [password.to_vec(), vec![("OS_DOMAIN_NAME", "capi")]].concat(),
        [password.to_vec(), vec![("OS_SYSTEM_SCOPE", "all")]].concat(),
        password.to_vec(),
        vec![("OS_TOKEN", "t"), ("OS_PROJECT_ID", "p1")],
        app_by_name.to_vec(),
    ];
    let lines = cases.into_iter().map(|case| {
        let place = place().set(&base).set(&case);
        body(&place.load(None).unwrap()).to_string()
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    {"identity":{"methods":["password"],"password":{"user":{"id":"u","password":"p"}}},"scope":{"project":{"id":"p1"}}}
    {"identity":{"methods":["password"],"password":{"user":{"id":"u","password":"p"}}},"scope":{"project":{"name":"n","domain":{"name":"capi"}}}}
    {"identity":{"methods":["password"],"password":{"user":{"id":"u","password":"p"}}},"scope":{"domain":{"name":"capi"}}}
    {"identity":{"methods":["password"],"password":{"user":{"id":"u","password":"p"}}},"scope":{"system":{"all":true}}}
    {"identity":{"methods":["password"],"password":{"user":{"id":"u","password":"p"}}}}
    {"identity":{"methods":["token"],"token":{"id":"t"}},"scope":{"project":{"id":"p1"}}}
    {"identity":{"methods":["application_credential"],"application_credential":{"name":"ac","user":{"name":"op","domain":{"id":"d"}},"secret":"s"}}}
    "#);
}

#[test]
fn narrowing_leaves_nothing_of_the_admins_scope() {
    let variables = [
        ("OS_AUTH_URL", "http://k"),
        ("OS_USERNAME", "admin"),
        ("OS_PASSWORD", "p"),
        ("OS_PROJECT_NAME", "admin"),
        ("OS_TENANT_ID", "tenant-of-admin"),
        ("OS_TENANT_NAME", "tenant-of-admin"),
        ("OS_PROJECT_DOMAIN_NAME", "admin_domain"),
        ("OS_PROJECT_ID", "id-of-admin"),
    ];
    let place = place().set(&variables);
    let admin = place.load(None).unwrap();
    let domain = DomainRef::Name("capi".into());
    let project = ProjectRef::Named { name: "capi-mgmt".into(), domain };
    let narrowed = admin.in_project(project, "omega.toml");
    insta::assert_snapshot!(body(&narrowed)["scope"], @r#"{"project":{"name":"capi-mgmt","domain":{"name":"capi"}}}"#);
    assert!(!body(&narrowed).to_string().contains("of-admin"));
    assert!(!place.origins(&narrowed).contains("of-admin"), "{}", place.origins(&narrowed));
    assert_ne!(narrowed.token_key(), admin.token_key(), "a token of its own");
    assert_eq!(
        narrowed.scope,
        AuthScope::Project(ProjectRef::Named {
            name: "capi-mgmt".into(),
            domain: DomainRef::Name("capi".into()),
        })
    );
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let clouds = place().with("cwd/clouds.yaml", CLOUDS);
    let broken = "clouds:\n  a:\n    auth:\n      password: hunter2\n     auth_url: [";
    let lines = [
        place().error(None),
        place().error(Some("x")),
        clouds.error(None),
        clouds.error(Some("capi")),
        clouds.error(Some("by-id")),
        place()
            .set(&[("OS_AUTH_URL", "k:5000"), ("OS_USERNAME", "a"), ("OS_PASSWORD", "p")])
            .error(None),
        place().set(&[("OS_AUTH_URL", "nonsense")]).error(None),
        place().set(&[("OS_AUTH_URL", "http://k"), ("OS_AUTH_TYPE", "v3oidc")]).error(None),
        place()
            .set(&[
                ("OS_AUTH_URL", "http://k"),
                ("OS_USERNAME", "a"),
                ("OS_PASSWORD", "p"),
                ("OS_INTERFACE", "pubic"),
            ])
            .error(None),
        place().with("cwd/clouds.yaml", "clouds: { a: { profile: vexxhost } }").error(Some("a")),
    ];
    insta::assert_snapshot!(lines.join("\n\n"), @r#"
    no cloud is named, and neither OS_CLOUD nor OS_AUTH_URL is set
    write a clouds.yaml, or name one with OS_CLIENT_CONFIG_FILE, or set OS_AUTH_URL and the other OS_* variables

    there is no clouds.yaml for the cloud "x"
    none of /cwd/clouds.yaml, /cwd/clouds.yml, /cwd/clouds.json, /config/openstack/clouds.yaml, /config/openstack/clouds.yml, /config/openstack/clouds.json, /etc/xdg/openstack/clouds.yaml, /etc/xdg/openstack/clouds.yml, /etc/xdg/openstack/clouds.json, /etc/openstack/clouds.yaml, /etc/openstack/clouds.yml, /etc/openstack/clouds.json
    create one, or set OS_CLIENT_CONFIG_FILE

    no cloud is named, and neither OS_CLOUD nor OS_AUTH_URL is set
    clouds app, by-id, capi-admin
    choose a cloud of clouds.yaml

    there is no cloud "capi" in /cwd/clouds.yaml
    clouds app, by-id, capi-admin
    choose a cloud of clouds.yaml

    by-id: password is missing
    set it as OS_PASSWORD, or in a secure.yaml beside clouds.yaml

    environment: auth_url from OS_AUTH_URL: "k:5000" is not http:// or https:// with a host
    write the address of Keystone with its scheme in OS_AUTH_URL: https://HOST:5000/v3

    environment: auth_url from OS_AUTH_URL: "nonsense" is not a URL: it has no scheme (https://)
    write the address of Keystone with its scheme in OS_AUTH_URL: https://HOST:5000/v3

    environment: auth_type from OS_AUTH_TYPE: "v3oidc" is not supported: password, v3token or v3applicationcredential
    correct OS_AUTH_TYPE

    environment: interface from OS_INTERFACE: not an interface: "pubic" (public, internal or admin)
    correct OS_INTERFACE

    a: profile from /cwd/clouds.yaml: it is not supported: write its values into the file
    correct profile in /cwd/clouds.yaml
    "#);
    let error = place().with("cwd/clouds.yaml", broken).error(Some("a"));
    assert!(!error.contains("hunter2"), "{error}");
    assert!(error.starts_with("/cwd/clouds.yaml: "), "{error}");
    let missing = place().set(&[("OS_CLIENT_CONFIG_FILE", "/nonexistent/clouds.yaml")]);
    assert!(missing.error(Some("a")).starts_with("could not read /nonexistent/clouds.yaml"));
}

#[test]
fn an_openrc_says_where_each_value_stands() {
    let text =
        "# lab\nexport OS_AUTH_URL=http://k OS_USERNAME=op\nexport OS_PROJECT_NAME='my project'\n";
    let place =
        place().with("cwd/openrc", text).set(&[("OS_PASSWORD", "p"), ("OS_USERNAME", "leak")]);
    let config =
        CloudConfig::from_openrc(Path::new(&place.lookup.cwd.join("openrc")), &place.lookup);
    insta::assert_snapshot!(place.origins(&config.unwrap()), @"
    auth_url = http://k (/cwd/openrc:2)
    username = op (/cwd/openrc:2)
    user_domain_id = default (assumed, as the openstack client does)
    password = (secret) (OS_PASSWORD)
    project_name = my project (/cwd/openrc:3)
    project_domain_id = default (assumed, as the openstack client does)
    ");
}

/// Every failure to load a cloud says what to do, and nothing in a library's words.
#[test]
fn what_can_not_be_loaded_is_told_with_what_to_do() {
    let auth = |url: &str| {
        format!(
            "clouds: {{a: {{auth: {{auth_url: '{url}', username: u, password: p, project_id: p}}}}}}"
        )
    };
    let told = |text: &str| {
        let place = place().with("cwd/clouds.yaml", text);
        let error = place.load(Some("a")).unwrap_err();
        let why = omega_core::chain(&error).join(": ");
        let told = format!("{why}\nnext: {}", error.next().unwrap());
        told.replace(&*place.lookup.cwd.to_string_lossy(), "CWD")
    };
    let bytes = place();
    fs::write(bytes.lookup.cwd.join("clouds.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    let error = bytes.load(Some("a")).unwrap_err();
    let not_text = format!("{}\nnext: {}", error.source().unwrap(), error.next().unwrap());
    let all = [
        told("clouds: {a: [}"),
        told("a\n---\nb"),
        told(&auth("10.0.0.1:5000/v3")),
        told(&auth("keystone:5000/v3")),
        not_text,
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    CWD/clouds.yaml: line 1, column 13: not valid YAML: check the indentation and the quotes; tabs do not indent
    next: correct that in CWD/clouds.yaml
    CWD/clouds.yaml: it has several YAML documents
    next: correct that in CWD/clouds.yaml
    a: auth_url from CWD/clouds.yaml: "10.0.0.1:5000/v3" is not a URL: it has no scheme (https://)
    next: write the address of Keystone with its scheme in CWD/clouds.yaml: https://HOST:5000/v3
    a: auth_url from CWD/clouds.yaml: "keystone:5000/v3" is not http:// or https:// with a host
    next: write the address of Keystone with its scheme in CWD/clouds.yaml: https://HOST:5000/v3
    it is not text (UTF-8)
    next: check which file this is: a configuration of clouds is text
    "#);
}
