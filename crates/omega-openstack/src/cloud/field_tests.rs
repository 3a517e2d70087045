//! Configurations from the field that were read wrongly, and the kinds of fault that they belong to.
//! Each names its public source.

use omega_core::Diagnostic as _;

use super::{
    AuthScope, CloudConfig, DomainRef, Interface, ProjectRef, UserRef,
    tests::{Place, place},
};
use crate::{Credential, Service};

const AUTH: &str = "auth_url: http://k/identity, username: op, password: x, project_name: ops";
const DOMAINS: &str = "user_domain_name: opsdom, project_domain_name: opsdom";

/// A place whose clouds.yaml has the cloud `a` with these keys inside of `auth`, and beside it.
fn with(auth: &str, beside: &str) -> Place {
    place().with("cwd/clouds.yaml", &format!("clouds: {{ a: {{ auth: {{ {auth} }}, {beside} }} }}"))
}

fn read(place: &Place) -> CloudConfig {
    place.load(Some("a")).unwrap_or_else(|error| panic!("{error}: {:?}", error.found()))
}

/// The user's domain and the project's.
fn domains(config: &CloudConfig) -> (String, String) {
    let Credential::Password { user: UserRef::Named { domain, .. }, .. } = &config.credential
    else {
        panic!("{:?}", config.credential)
    };
    let AuthScope::Project(ProjectRef::Named { domain: project, .. }) = &config.scope else {
        panic!("{:?}", config.scope)
    };
    (domain.to_string(), project.to_string())
}

fn opsdom() -> (String, String) {
    ("opsdom".to_owned(), "opsdom".to_owned())
}

/// openstack/openstacksdk, `openstack/tests/unit/config/base.py` and `config/_util.py`.
#[test]
fn a_hyphen_is_an_underscore() {
    let auth = "auth-url: 'http://k/identity', username: op, password: x, project-name: ops, \
                user-domain-name: opsdom, project-domain-name: opsdom";
    let config = read(&with(auth, "region-name: RegionTwo, network-endpoint-override: 'http://n'"));
    assert_eq!(config.region.as_deref(), Some("RegionTwo"));
    assert_eq!(domains(&config), opsdom());
    assert_eq!(config.endpoints.len(), 1);
    let tenant = format!("{}, tenant-name: ops", AUTH.replace(", project_name: ops", ""));
    assert_eq!(
        domains(&read(&with(&tenant, "user-domain-name: opsdom, domain-name: opsdom"))),
        opsdom()
    );
    // The client ignores these, and would use the public endpoint and a password.
    for (beside, key) in
        [("endpoint-type: internal", "endpoint-type"), ("auth-type: v3token", "auth-type")]
    {
        let error = with(AUTH, beside).error(Some("a"));
        assert!(
            error.starts_with(&format!("a: {key} from /cwd/clouds.yaml: the openstack client")),
            "{error}"
        );
    }
    insta::assert_snapshot!(with(AUTH, "region-name: One, region_name: Two").error(Some("a")), @"
    a: region_name from /cwd/clouds.yaml: it is also there as region-name
    correct region_name in /cwd/clouds.yaml
    ");
}

/// openstacksdk, `openstack/config/loader.py`, `_fix_backwards_auth`.
#[test]
fn what_stands_beside_auth_counts_as_inside() {
    let beside = "user_domain_name: opsdom, project_domain_name: opsdom";
    assert_eq!(domains(&read(&with(AUTH, beside))), opsdom());
    let config = read(&with("auth_url: 'http://k'", "username: op, password: x, project_id: p1"));
    assert_eq!(config.scope, AuthScope::Project(ProjectRef::Id("p1".into())));
    let error = with(&format!("{AUTH}, {DOMAINS}"), "user_domain_name: other").error(Some("a"));
    insta::assert_snapshot!(error, @"
    a: user_domain_name from /cwd/clouds.yaml: it contradicts user_domain_name, which is also there
    correct user_domain_name in /cwd/clouds.yaml
    ");
}

/// openstacksdk, `openstack/config/loader.py`, `_handle_domain_id`.
#[test]
fn a_lone_domain_is_the_users_and_the_projects() {
    for auth in ["domain_name: opsdom", "domain_id: opsdom"] {
        assert_eq!(domains(&read(&with(&format!("{AUTH}, {auth}"), ""))), opsdom());
    }
    assert_eq!(domains(&read(&with(AUTH, "domain_name: opsdom"))), opsdom());
    let own = read(&with(&format!("{AUTH}, domain_name: opsdom, user_domain_name: staff"), ""));
    assert_eq!(domains(&own), ("staff".to_owned(), "opsdom".to_owned()));
    let scope = AUTH.replace("project_name: ops", "domain_name: opsdom, user_domain_name: opsdom");
    let scope = read(&with(&scope, "")).scope;
    assert_eq!(scope, AuthScope::Domain(DomainRef::Name("opsdom".into())), "no project: the scope");
    let default = read(&with(&format!("{AUTH}, default_domain_name: opsdom"), ""));
    assert_eq!(domains(&default), opsdom());
}

/// terraform-provider-openstack#405.
#[test]
fn the_region_of_the_variables_fills_what_the_file_leaves_open() {
    let variables = [("OS_CLOUD", "a"), ("OS_REGION_NAME", "RegionTwo")];
    let open = with(AUTH, DOMAINS).set(&variables);
    let config = open.load(None).unwrap();
    assert_eq!(config.region.as_deref(), Some("RegionTwo"));
    assert!(open.origins(&config).contains("region_name = RegionTwo (OS_REGION_NAME)"));
    let said = with(AUTH, &format!("{DOMAINS}, region_name: RegionOne")).set(&variables);
    insta::assert_snapshot!(said.error(None), @r"
    a: region_name from OS_REGION_NAME: it is RegionTwo, and /cwd/clouds.yaml has RegionOne
    correct OS_REGION_NAME
    ");
    let mut site = said.set(&[("OS_REGION_NAME", "")]);
    site.lookup.region = Some("RegionThree".to_owned());
    assert_eq!(
        read(&site).region.as_deref(),
        Some("RegionThree"),
        "the site file has the last word"
    );
}

/// openstacksdk, `openstack/config/loader.py`, `_get_region`.
#[test]
fn a_region_has_values_of_its_own_and_is_not_guessed() {
    let regions = "regions: [One, {name: Two, values: {auth: {project_name: two}, \
                   network_endpoint_override: 'http://two/net', interface: internal}}]";
    let place = with(AUTH, &format!("{DOMAINS}, {regions}"));
    insta::assert_snapshot!(place.error(Some("a")), @"a: regions from /cwd/clouds.yaml: there are One, Two: choose one with OS_REGION_NAME");
    let place = place.set(&[("OS_REGION_NAME", "Two")]);
    let config = read(&place);
    let AuthScope::Project(ProjectRef::Named { name, .. }) = &config.scope else { panic!() };
    assert_eq!((name.as_str(), config.region.as_deref()), ("two", Some("Two")));
    assert_eq!(config.interfaces, [Interface::Internal]);
    assert_eq!(config.endpoints[0].1.as_str(), "http://two/net");
    let place = place.set(&[("OS_REGION_NAME", "One")]);
    assert!(read(&place).endpoints.is_empty());
    assert!(place.set(&[("OS_REGION_NAME", "Three")]).error(Some("a")).contains("has One, Two"));
    for several in ["region_name: 'One,Two'", "region_name: [One, Two]"] {
        assert!(with(AUTH, several).error(Some("a")).contains("choose one"), "{several}");
    }
    assert_eq!(read(&with(AUTH, "regions: [One]")).region.as_deref(), Some("One"));
}

/// openstack-exporter#608, kubernetes/cloud-provider-openstack#2091.
#[test]
fn an_address_that_is_given_wins_over_the_catalog() {
    let beside = "network_endpoint_override: 'http://k/override/net', \
                  container_infra_endpoint_override: 'http://k/override/magnum/v1', \
                  volumev3_endpoint_override: 'http://k/override/cinder', \
                  load_balancer_endpoint: 'http://k/override/lb', \
                  object_store_endpoint_override: 'http://k/not/used'";
    let config = read(&with(AUTH, beside));
    let endpoints: Vec<_> = config.endpoints.iter().map(|(s, url)| format!("{s} {url}")).collect();
    insta::assert_snapshot!(endpoints.join("\n"), @"
    network http://k/override/net
    container-infra http://k/override/magnum/v1
    block-storage http://k/override/cinder
    load-balancer http://k/override/lb
    ");
    let place = with(AUTH, "image_endpoint_override: 'http://file'")
        .set(&[("OS_NETWORK_ENDPOINT_OVERRIDE", "http://variable/net")]);
    let services: Vec<_> = read(&place).endpoints.into_iter().map(|(service, _)| service).collect();
    assert_eq!(services, [Service::Network, Service::Image]);
    let place = place.set(&[("OS_IMAGE_ENDPOINT_OVERRIDE", "http://variable/image")]);
    insta::assert_snapshot!(place.error(Some("a")), @"a: image_endpoint_override from OS_IMAGE_ENDPOINT_OVERRIDE: it contradicts /cwd/clouds.yaml: unset the variable, or change the file");
    for (beside, why) in [
        ("network_endpoint_override: 'http://k/%(project_id)s'", "it is a template"),
        ("network_endpoint_override: 'http://u:p@k/'", "a user or a password"),
        ("endpoint_override: 'http://k'", "it names no service"),
    ] {
        assert!(with(AUTH, beside).error(Some("a")).contains(why), "{beside}");
    }
}

/// What the openstack client honours and omega can't is refused by its name.
#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    let lines = [
        (AUTH, "cert: /c.pem, key: /k.pem"),
        (AUTH, "cloud: vexxhost"),
        (AUTH, "network_region_name: RegionTwo"),
        (AUTH, "interface: internal, identity_endpoint_type: adminURL"),
        (AUTH, "identity_api_version: 2"),
        (AUTH, "auth_plugin: token"),
        (AUTH, "interface: internal, endpoint_type: public"),
        (&format!("{AUTH}, trust_id: t"), ""),
        (&format!("{AUTH}, system_scope: all"), ""),
        (&AUTH.replace("http://k/identity", "'http://{region_name}.k'"), ""),
    ]
    .map(|(auth, beside)| with(auth, beside).error(Some("a")));
    insta::assert_snapshot!(lines.join("\n"), @"
    a: cert from /cwd/clouds.yaml: it is not supported: omega logs in without a client certificate: use a password or an application credential
    correct cert in /cwd/clouds.yaml
    a: cloud from /cwd/clouds.yaml: it is not supported: it names a profile: write its values into the file
    correct cloud in /cwd/clouds.yaml
    a: network_region_name from /cwd/clouds.yaml: omega has no setting of its own for network: use network_endpoint_override
    correct network_region_name in /cwd/clouds.yaml
    a: identity_endpoint_type from /cwd/clouds.yaml: omega has no setting of its own for identity: use identity_endpoint_override
    correct identity_endpoint_type in /cwd/clouds.yaml
    a: identity_api_version from /cwd/clouds.yaml: omega speaks version 3 of Keystone's API only
    correct identity_api_version in /cwd/clouds.yaml
    a: auth_plugin from /cwd/clouds.yaml: it is not supported: write it as auth_type
    correct auth_plugin in /cwd/clouds.yaml
    a: endpoint_type from /cwd/clouds.yaml: it contradicts interface, which is also there
    correct endpoint_type in /cwd/clouds.yaml
    a: trust_id from /cwd/clouds.yaml: it is not supported: omega can't log in with a trust: use an application credential
    correct trust_id in /cwd/clouds.yaml
    a: system_scope from /cwd/clouds.yaml: a login has one scope, and project_name is another: remove one of them
    correct system_scope in /cwd/clouds.yaml
    a: auth_url from /cwd/clouds.yaml: it is a template: write the address itself
    write the address of Keystone with its scheme in /cwd/clouds.yaml: https://HOST:5000/v3
    ");
    for same in
        ["interface: internal, network_interface: internalURL", "identity_interface: public"]
    {
        read(&with(AUTH, same));
    }
}

/// cloudnull/substation#11 and #12.
#[test]
fn only_the_cloud_that_is_used_is_judged() {
    let clouds = format!(
        "clouds:\n  a: {{ auth: {{ {AUTH} }} }}\n  b:\n    auth_type: v3multifactor\n    auth: {{ auth_url: 'http://k', \
         auth_methods: [v3password, v3totp], twice: 1, twice: 2 }}\n  c: text\n  d: {{ regions: 3, profile: x }}\n"
    );
    let place = place().with("cwd/clouds.yaml", &clouds);
    read(&place);
    let errors = ["b", "c", "d"].map(|cloud| place.error(Some(cloud)));
    insta::assert_snapshot!(errors.join("\n"), @"
    b: twice from /cwd/clouds.yaml: it is there twice
    correct twice in /cwd/clouds.yaml
    c: the cloud from /cwd/clouds.yaml: it is not a list of keys and values
    correct the cloud in /cwd/clouds.yaml
    d: profile from /cwd/clouds.yaml: it is not supported: write its values into the file
    correct profile in /cwd/clouds.yaml
    ");
    let secure = "clouds: { b: [odd], a: { auth: { password: y } } }";
    read(&place.with("cwd/secure.yaml", secure));
}

/// openstacksdk, `openstack/config/cloud_region.py`, `get_interface`.
#[test]
fn interfaces_are_a_list_of_preferences() {
    let config = read(&with(AUTH, "interface: [internal, publicURL]"));
    assert_eq!(config.interfaces, [Interface::Internal, Interface::Public]);
    assert_eq!(read(&with(AUTH, "")).interfaces, [Interface::Public]);
    let error = with(AUTH, "interface: [internal, {}]").error(Some("a"));
    assert!(error.contains("it is not a list of names"), "{error}");
}

/// openstack-exporter#24.
#[test]
fn verification_is_not_switched_off_by_what_the_client_does_not_read() {
    let lines = [
        (format!("{AUTH}, verify: False"), ""),
        (format!("{AUTH}, insecure: true"), ""),
        (format!("{AUTH}, cacert: /ca.pem"), ""),
        (format!("{AUTH}, region_name: RegionTwo"), ""),
        (format!("{AUTH}, network_endpoint_override: 'http://n'"), ""),
        (format!("{AUTH}, colour: blue"), ""),
        (AUTH.to_owned(), "verify: 'False'"),
        (AUTH.to_owned(), "verify: /ca.pem"),
        (AUTH.to_owned(), "insecure: 'yes'"),
    ]
    .map(|(auth, beside)| with(&auth, beside).error(Some("a")));
    insta::assert_snapshot!(lines.join("\n"), @"
    a: auth.verify from /cwd/clouds.yaml: it is below auth, where the openstack client refuses it: write it beside auth
    correct auth.verify in /cwd/clouds.yaml
    a: auth.insecure from /cwd/clouds.yaml: it is below auth, where the openstack client refuses it: write it beside auth
    correct auth.insecure in /cwd/clouds.yaml
    a: auth.cacert from /cwd/clouds.yaml: it is below auth, where the openstack client refuses it: write it beside auth
    correct auth.cacert in /cwd/clouds.yaml
    a: auth.region_name from /cwd/clouds.yaml: it is below auth, where the openstack client refuses it: write it beside auth
    correct auth.region_name in /cwd/clouds.yaml
    a: auth.network_endpoint_override from /cwd/clouds.yaml: it is below auth, where the openstack client refuses it: write it beside auth
    correct auth.network_endpoint_override in /cwd/clouds.yaml
    a: auth.colour from /cwd/clouds.yaml: no login method has such a key
    correct auth.colour in /cwd/clouds.yaml
    a: verify from /cwd/clouds.yaml: the openstack client takes this text for the path of a CA: write the path as cacert, or `insecure: true` to verify nothing
    correct verify in /cwd/clouds.yaml
    a: verify from /cwd/clouds.yaml: the openstack client takes this text for the path of a CA: write the path as cacert, or `insecure: true` to verify nothing
    correct verify in /cwd/clouds.yaml
    a: insecure from /cwd/clouds.yaml: neither true nor false
    correct insecure in /cwd/clouds.yaml
    ");
    for (beside, verify) in [
        ("verify: false", false),
        ("insecure: yes", false),
        ("insecure: false, verify: false", false),
        ("insecure: 'TRUE'", false),
        ("verify: ~", true),
        ("insecure: no", true),
    ] {
        assert_eq!(read(&with(AUTH, beside)).verify, verify, "{beside}");
    }
}

/// jenkinsci/openstack-cloud-plugin#162.
#[test]
fn the_address_of_a_login_is_keystones() {
    for (given, wanted) in [
        ("http://k/identity/v3/auth/tokens", "http://k/identity/v3"),
        ("http://k/identity/v3/auth/tokens/", "http://k/identity/v3"),
        ("http://k:5000/", "http://k:5000/"),
        ("http://k/auth/tokens/of/ours", "http://k/auth/tokens/of/ours"),
    ] {
        let config = read(&with(&AUTH.replace("http://k/identity", &format!("'{given}'")), ""));
        assert_eq!(config.auth_url.as_str(), wanted);
    }
    let error = with(&AUTH.replace("http://k/identity", "'http://k/?x=1'"), "").error(Some("a"));
    assert!(error.contains("it has a query"), "{error}");
}

/// The openstack client mixes the variables into the cloud that `OS_CLOUD` names.
#[test]
fn variables_beside_os_cloud_do_not_contradict_the_file() {
    let place = with(AUTH, DOMAINS).set(&[
        ("OS_CLOUD", "a"),
        ("OS_USERNAME", "op"),
        ("OS_AUTH_TYPE", "password"),
    ]);
    place.load(None).unwrap();
    let place = place.set(&[("OS_PROJECT_NAME", "other")]);
    insta::assert_snapshot!(place.error(None), @"a: project_name from OS_PROJECT_NAME: it contradicts /cwd/clouds.yaml: unset the variable, or change the file");
    let place = place.set(&[("OS_CERT", "/c.pem")]);
    read(&place);
}

/// An error of the YAML is told in plain words, with its place, and without the file's text.
#[test]
fn a_broken_file_is_told_with_its_line() {
    let broken = "clouds:\n  a:\n    auth:\n      password: hunter2\n     auth_url: [";
    let error = place().with("cwd/clouds.yaml", broken).error(Some("a"));
    assert!(error.starts_with("/cwd/clouds.yaml: line "), "{error}");
    let next = "not valid YAML: check the indentation and the quotes; tabs do not indent\n\
                correct that in /cwd/clouds.yaml";
    assert!(error.ends_with(next), "{error}");
    let json =
        r#"{"clouds": {"a": {"auth": {"auth_url": "http://k", "user_id": "u", "password": "p"}}}}"#;
    read(&place().with("etc/openstack/clouds.json", json));
    let secure = format!("clouds: {{ a: {{ auth: {{ {AUTH} }} }} }}");
    read(&place().with("cwd/secure.yaml", &secure));
    for (text, why) in
        [("- 1", "it is not a list of keys and values"), ("clouds: 1", "`clouds` is not")]
    {
        assert!(place().with("cwd/clouds.yaml", text).error(Some("a")).contains(why), "{text}");
    }
}

/// osc-lib 4.7, `shell.py`: the openstack command reads these beside `OS_CLOUD` and `--os-cloud`. What it
/// would take from the variable, and openstacksdk from the file, is refused.
#[test]
fn the_interface_and_the_ca_of_the_variables_fill_what_the_file_leaves_open() {
    let variables = [("OS_INTERFACE", "internal"), ("OS_CACERT", "/v.pem")];
    for named in [None, Some("a")] {
        let open = with(AUTH, DOMAINS).set(&variables).set(&[("OS_CLOUD", "a")]);
        let config = open.load(named).unwrap();
        assert_eq!(config.interfaces, [Interface::Internal]);
        assert_eq!(config.cacert.as_deref(), Some(std::path::Path::new("/v.pem")));
        assert!(open.origins(&config).contains("cacert = /v.pem (OS_CACERT)"));
        let alike = with(AUTH, &format!("{DOMAINS}, interface: internalURL, cacert: /v.pem"));
        alike.set(&variables).set(&[("OS_CLOUD", "a")]).load(named).unwrap();
        for said in ["interface: public", "cacert: /f.pem"] {
            let place = with(AUTH, &format!("{DOMAINS}, {said}")).set(&variables);
            let error = place.set(&[("OS_CLOUD", "a")]).error(named);
            assert!(error.contains("it contradicts /cwd/clouds.yaml"), "{error}");
        }
    }
    // The command does not read this one.
    let old = with(AUTH, DOMAINS).set(&[("OS_ENDPOINT_TYPE", "internalURL")]);
    assert_eq!(read(&old).interfaces, [Interface::Public]);
    assert!(old.set(&[("OS_CLOUD", "a")]).error(None).contains("interface from OS_ENDPOINT_TYPE"));
}

/// A neighbour's values, and what the file merges from, are nobody's fault.
#[test]
fn an_odd_neighbour_and_many_merges_are_read() {
    let clouds = (0..300).fold(
        format!(
            "d: &d {{ {DOMAINS} }}\nclouds:\n  odd: {{x: .inf, y: !!int 5, ~: z, t: !!set {{a}}}}\n"
        ),
        |text, n| format!("{text}  c{n}: {{<<: *d, auth: {{ {AUTH} }}, region_name: R{n}}}\n"),
    );
    let config = place().with("cwd/clouds.yaml", &clouds).load(Some("c299")).unwrap();
    assert_eq!((config.region.as_deref(), domains(&config)), (Some("R299"), opsdom()));
}
