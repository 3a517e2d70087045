use std::fs;

use omega_core::values::Sha256;
use tempfile::TempDir;

use super::*;
use crate::site::file_tests_good;

const ADMIN: &str = include_str!("../../../omega-core/fixtures/kube/admin.yaml");
const WHEEL: &str = "magnum_capi_helm-1.4.0-py3-none-any.whl";
const CA: &str = include_str!("../../../omega-core/fixtures/tls/ca.crt");

/// `line:column message`
fn told(text: &str) -> Vec<String> {
    let found = Site::parse_all(Path::new("omega.toml"), text);
    let place = |error: &SiteError| {
        let (line, column) = error.line_and_column().unwrap();
        format!("{line}:{column} {error}")
    };
    found.map_or_else(|errors| errors.iter().map(place).collect(), |_| Vec::new())
}

#[test]
fn a_good_file_has_no_mistake() {
    assert_eq!(told(file_tests_good()), [""; 0]);
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let text = "[management]\nkubeconfg = \"x\"\nsources = [\"10.12.4\"]\n\n[drver]\n\n\
                [driver]\nwheel = \"w\"\n\n[helm]\nversion = 3\nsha256 = \"12\"\nfile = \"h\"\nurl = \"u\"\n\n\
                [chart]\nrepo = \"https://me@c\"\nversion = \"x\"\n\n[timeouts]\nask = \"0s\"\n";
    insta::assert_snapshot!(told(text).join("\n"));
}

#[test]
fn an_option_that_the_driver_does_not_have_is_pointed_at() {
    let text = format!("{}[capi_helm]\napi_resource = \"{{}}\"\n", file_tests_good());
    let told = told(&text);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("api_resource") && told[0].contains(":16 "), "{told:?}");
    assert!(Site::parse(Path::new("omega.toml"), &text).is_err());
}

#[test]
fn what_is_not_toml_is_told_in_plain_words() {
    for (text, what) in [
        (
            "[driver]\nversion = 1.4.0\n",
            "2:14 omega.toml, line 2: not a value: a text is written in quotes",
        ),
        (
            "[driver]\nversion = v1\n",
            "2:11 omega.toml, line 2: not a value: a text is written in quotes",
        ),
        ("[driver]\n[driver]\n", "2:2 omega.toml, line 2: this key or table is there twice"),
        ("[cloud]\nname = \"x\n", "2:10 omega.toml, line 2: unterminated string"),
    ] {
        let told = told(text);
        assert!(told[0].starts_with(what), "{told:?}");
    }
}

#[test]
fn syntax_is_told_alone() {
    let told = told("[cloud\nname = 1\n");
    assert!(told[0].contains("unclosed table"), "{told:?}");
}

/// A machine with a cloud, a kubeconfig, a helm and juju.
struct Here(TempDir);

impl Here {
    fn new() -> Self {
        let here = Self(tempfile::tempdir().unwrap());
        let auth = "auth_url: 'https://10.0.0.1:5000/v3', username: u, password: p, \
                    user_domain_name: d, project_name: m, project_domain_name: d";
        let clouds = format!(
            "clouds:\n  here:\n    auth: {{{auth}}}\n    cacert: {ca}\n  \
             no-ca:\n    auth: {{{auth}}}\n    cacert: {none}\n  \
             no-pem:\n    auth: {{{auth}}}\n    cacert: {words}\n  \
             half:\n    auth: {{auth_url: nonsense}}\n",
            ca = here.path("ca.pem"),
            none = here.path("none.pem"),
            words = here.path("words"),
        );
        here.write("clouds.yaml", &clouds);
        here.write("ca.pem", CA);
        here.write("words", "just words");
        here.write("k.yaml", ADMIN);
        here.write("helm", "helm");
        here.write(WHEEL, "wheel");
        here.write("driver.whl", "wheel");
        here.write("empty", "");
        here.write("juju", "");
        for (file, mode) in [("clouds.yaml", 0o600), ("k.yaml", 0o600), ("juju", 0o755)] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(here.0.path().join(file), mode).unwrap();
        }
        here
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    /// Validates a site file of this text, on a machine whose PATH is `path`.
    fn validate(&self, text: &str, path: &str) -> Validation {
        self.write("omega.toml", text);
        let mut machine = Machine::new(self.0.path());
        machine.cwd = self.0.path().to_path_buf();
        machine.variables.insert("PATH".to_owned(), path.to_owned());
        validate(&self.0.path().join("omega.toml"), &machine, Timestamp::now()).unwrap()
    }
}

/// A digest, for what is not read.
const SHA: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A site file with one table; `line:column key`; what the message and the next step say.
const BAD: &[(&str, &str, &str, &str)] = &[
    // What a table has, and must have.
    ("[management]\nsource = [\"10.0.0.1\"]", "2:1 management.source", "unknown key", "`sources`?"),
    ("[ssh]\nzzzzzz = 1", "2:1 ssh.zzzzzz", "unknown key", "the keys here are user, identity"),
    (
        "[driver]\nwheel = \"magnum_capi_helm-1.4.0-py3-none-any.whl\"\nsha256 = \"@WHEEL@\"",
        "1:1 driver.version",
        "is missing",
        "add it",
    ),
    (
        "[conductor]\nunit = [{ name = \"m/0\" }]",
        "2:9 conductor.unit[0].ssh",
        "is missing",
        "add it",
    ),
    ("[lint]\nrelease = \"carcal\"", "2:11 lint.release", "not a release that omega", "`caracal`?"),
    ("[lint]\nceph = \"x\"", "2:8 lint.ceph", "not a release that omega", "quincy, reef, squid"),
    (
        "[lint]\nresolvers = [\"dns.example\"]",
        "2:13 lint.resolvers",
        "\"dns.example\" is no address",
        "docs/site-file.md",
    ),
    (
        "[network.tenants]\nproject1 = \"10.20.1.0\"",
        "2:12 network.tenants.project1",
        "has no length",
        "docs/site-file.md",
    ),
    // Kinds of values, in plain words.
    (
        "[compute]\nreserved_host_memory = -1",
        "2:24 compute.reserved_host_memory",
        "expected a whole number from 0 to 4294967295, found -1",
        "docs/site-file.md",
    ),
    (
        "[compute]\nreserved_host_memory = \"8192\"",
        "2:24 compute.reserved_host_memory",
        "expected a whole number from 0 to 4294967295, found the text \"8192\"",
        "without quotes: 8192",
    ),
    (
        "[compute]\nresume_guests = \"true\"",
        "2:17 compute.resume_guests",
        "expected true or false",
        "without quotes: true",
    ),
    (
        "[management]\nserver = 3",
        "2:10 management.server",
        "expected a text in quotes, found 3",
        "\"3\"",
    ),
    (
        "[management]\nsources = \"10.0.0.1\"",
        "2:11 management.sources",
        "expected an array, found the text",
        "[\"10.0.0.1\"]",
    ),
    ("driver = 3", "1:10 driver", "expected a table, found 3", "docs/site-file.md"),
    (
        "[timeouts]\nask = 30",
        "2:7 timeouts.ask",
        "expected a duration in quotes (\"30s\"), found 30",
        "see [timeouts]",
    ),
    (
        "[timeouts]\nask = \"soon\"",
        "2:7 timeouts.ask",
        "not a duration: write 30s",
        "see [timeouts]",
    ),
    (
        "[trust]\ncert_manager = \"babican\"",
        "2:16 trust.cert_manager",
        "is not one of barbican, x509keypair, local",
        "`barbican`?",
    ),
    (
        "[template.t]\nimage = \"i\"\nexternal_network = \"n\"\nflavor = \"f\"\nmaster_flavor = \"m\"\nlabels = { a = 1.5 }",
        "6:16 template.t.labels.a",
        "expected a text, a whole number, or true or false, found 1.5",
        "docs/",
    ),
    (
        "[acceptance]\nhorizon = \"horizon.example\"",
        "2:11 acceptance.horizon",
        "an address must be http(s)://host[:port]",
        "see [acceptance]",
    ),
    (
        "[acceptance]\nhorizon = \"https://h\"\nvault = [\"https://v\", \"ftp://v\"]",
        "3:23 acceptance.vault[1]",
        "an address must be http(s)",
        "https://10.12.8.11:8200",
    ),
    ("[network]\npool = \"10.20.0.0\"", "2:8 network.pool", "has no length", "see [network]"),
    ("[cloud]\nopenrc = 1", "2:10 cloud.openrc", "expected a text in quotes, found 1", "\"1\""),
    ("[cloud]", "1:1 cloud.name", "no cloud is named", "`name` or `openrc` in [cloud]"),
    // Values that the operations read.
    (
        "[driver]\nversion = \"9.9.9\"",
        "2:11 driver.version",
        "known releases: 1.1.0, 1.2.0",
        "pin 1.4.0",
    ),
    (
        "[driver]\nversion = \"one\"",
        "2:11 driver.version",
        "is not a version of a Python package, such as 1.4.0",
        "correct the value",
    ),
    (
        "[helm]\nversion = \"three\"\nfile = \"helm\"\nsha256 = \"@HELM@\"",
        "2:11 helm.version",
        "\"three\" is not a version",
        "3.17.3",
    ),
    (
        "[chart]\nrepo = \"https://c\"\nversion = \"v1\"",
        "3:11 chart.version",
        "\"v1\" is not a version",
        "0.25.1",
    ),
    (
        "[chart]\nrepo = \"charts\"\nversion = \"0.25.1\"",
        "2:8 chart.repo",
        "not an address, which begins with https:// or http:// or oci://",
        "https://host/path",
    ),
    (
        "[driver]\nversion = \"1.4.0\"\nindex = \"pypi\"",
        "3:9 driver.index",
        "not an address",
        "https://host/path",
    ),
    (
        "[management]\nsources = [\"10.0.0.1\", \"10.0.0.1/32\"]",
        "2:24 management.sources[1]",
        "has a duplicate: 10.0.0.1",
        "keep one",
    ),
    (
        "[management]\nsources = []",
        "2:11 management.sources",
        "at least one address",
        "10.20.0.0/16",
    ),
    (
        "[management]\npath = \"/etc/magnum/../x\"",
        "2:8 management.path",
        "not an absolute path",
        "correct",
    ),
    (
        "[capi_helm]\nminimum_flavour_ram = \"1\"",
        "2:23 capi_helm.minimum_flavour_ram",
        "has no such option",
        "`minimum_flavor_ram`?",
    ),
    (
        "[capi_helm_cluster_labels]\noctavia_providr = \"ovn\"",
        "2:19 capi_helm_cluster_labels.octavia_providr",
        "has no such option",
        "`octavia_provider`?",
    ),
    (
        "[capi_helm]\nminimum_flavor_ram = \"much\"",
        "2:22 capi_helm.minimum_flavor_ram",
        "it is not a number",
        "digits only",
    ),
    (
        "[capi_helm]\nhelm_chart_name = \"x\"",
        "2:19 capi_helm.helm_chart_name",
        "another part of the site file sets it already",
        "remove it from this table",
    ),
    (
        "[driver]\nversion = \"1.3.0\"\n[capi_helm]\napi_resources = \"{}\"",
        "4:17 capi_helm.api_resources",
        "driver 1.3.0 has no such option",
        "since 1.4.0",
    ),
    (
        "[capi_helm]\napi_resources = '{\"Cluster\": {\"api_version\": \"cluster.x-k8s.io/v1beta2\"}}'",
        "2:17 capi_helm.api_resources",
        "D-042",
        "leave it out",
    ),
    (
        "[capi_helm]\napi_resources = '{,}'",
        "2:17 capi_helm.api_resources",
        "the driver could not be imported",
        "json.tool",
    ),
    (
        "[template.\"\"]\nimage = \"i\"\nexternal_network = \"n\"\nflavor = \"f\"\nmaster_flavor = \"m\"",
        "1:1 template.\"\"",
        "[template.NAME]",
        "correct",
    ),
    (
        "[template.t]\nimage = \"i\"\nexternal_network = \"n\"\nflavor = \"f\"\nmaster_flavor = \"m\"\ndns_nameserver = \"dns.example\"",
        "1:1 template.t",
        "the DNS server \"dns.example\" is not an address",
        "dns_nameserver",
    ),
    (
        "[compute]\napplication = \"Nova_Compute\"\nresume_guests = true",
        "2:15 compute.application",
        "is not the name of an application",
        "juju status",
    ),
    (
        "[conductor]\napplication = \"Magnum!\"",
        "2:15 conductor.application",
        "is not the name of a Juju application",
        "juju status",
    ),
    (
        "[conductor]\nunit = [{ name = \"m/0\", ssh = \"h:ssh\" }]",
        "2:31 conductor.unit[0].ssh",
        "must be [user@]host[:port]",
        "ubuntu@",
    ),
    (
        "[acceptance]\nhorizon = \"https://h\"\ncore = [\"identity\", \"keystone\", \"dashboard\"]",
        "3:21 acceptance.core[1]",
        "`keystone` is not a type of service",
        "`identity`?",
    ),
    (
        "[acceptance]\nhorizon = \"https://h\"\n[acceptance.create_cluster]\ntemplate = \"t\"\nmaster_count = 2",
        "5:16 acceptance.create_cluster.master_count",
        "is not odd",
        "1, 3 or 5",
    ),
    // Empty names.
    (
        "[management]\nsecurity_group = \"\"",
        "2:18 management.security_group",
        "is empty",
        "write a value",
    ),
    ("[trust]\ndomain = \" \"", "2:10 trust.domain", "is empty", "write a value"),
    ("[health]\nclusters = [\"\"]", "2:13 health.clusters[0]", "is empty", "write a value"),
    (
        "[prove]\nimage = \"\"\nflavor = \"f\"\nexternal_network = \"n\"",
        "2:9 prove.image",
        "is empty",
        "write a value",
    ),
    // What contradicts itself, and where only one would count.
    (
        "[management]\nproject = { id = \"1\", name = \"p\" }",
        "2:11 management.project",
        "only the id would count",
        "keep `id`",
    ),
    (
        "[management]\nproject = { id = \"1\", domain = \"d\" }",
        "2:11 management.project",
        "only the id would count",
        "keep `id`",
    ),
    (
        "[management]\nproject = { name = \"p\" }",
        "2:11 management.project",
        "needs an `id`, or a `name`",
        "`domain`",
    ),
    (
        "[helm]\nversion = \"3.17.3\"\nsha256 = \"@HELM@\"",
        "1:1 helm",
        "either `file` or `url`",
        "add the one",
    ),
    // Files and programs of this machine.
    (
        "[management]\nkubeconfig = \"none.yaml\"",
        "2:14 management.kubeconfig",
        "No such file",
        "check the path",
    ),
    ("[management]\nkubeconfig = \"words\"", "2:14 management.kubeconfig", "can't be used", ""),
    ("[cloud]\nname = \"no-ca\"", "2:8 cloud.name", "none.pem: No such file", "`cacert`"),
    ("[cloud]\nname = \"no-pem\"", "2:8 cloud.name", "words", "`cacert`"),
    (
        "[cloud]\nname = \"half\"",
        "2:8 cloud.name",
        "auth_url",
        "write the address of Keystone with its scheme",
    ),
    ("[cloud]\nname = \"her\"", "2:8 cloud.name", "there is no cloud \"her\"", "choose a cloud"),
    ("[cloud]\nopenrc = \"none\"", "2:10 cloud.openrc", "No such file", ""),
    (
        "[driver]\nversion = \"1.4.0\"\nwheel = \"magnum_capi_helm-1.4.0-2-py3-none-any.whl\"\nsha256 = \"@WHEEL@\"",
        "3:9 driver.wheel",
        "No such file",
        "relative",
    ),
    (
        "[driver]\nversion = \"1.4.0\"\nwheel = \"driver.whl\"\nsha256 = \"@WHEEL@\"",
        "3:9 driver.wheel",
        "pip does not take \"driver.whl\" for a wheel of 1.4.0",
        "magnum_capi_helm-1.4.0-py3-none-any.whl",
    ),
    (
        "[helm]\nversion = \"3.17.3\"\nurl = \"https://get.helm.sh/h.tar.gz\"\nsha256 = \"@HELM@\"",
        "3:7 helm.url",
        "an archive is not the program",
        "`archive_sha256`, and `member`",
    ),
    (
        "[helm]\nversion = \"3.17.3\"\nfile = \"words\"\nsha256 = \"@HELM@\"",
        "3:8 helm.file",
        "does not match helm.sha256",
        "get the file again",
    ),
    ("[ssh]\nidentity = [\"none\"]", "2:13 ssh.identity[0]", "a private key can't be used", ".pub"),
    (
        "[ssh]\nidentity = [\"words\"]",
        "2:13 ssh.identity[0]",
        "a private key can't be used",
        ".pub",
    ),
    ("[ssh]\nknown_hosts = [\"none\"]", "2:16 ssh.known_hosts[0]", "No such file", "known hosts"),
    (
        "[conductor]\nunit = [{ name = \"m/0\", ssh = \"h\" }]\n[ssh]\nknown_hosts = [\"words\"]",
        "4:15 ssh.known_hosts",
        "every unit would be refused",
        "ssh-keyscan",
    ),
    (
        "[acceptance]\nhorizon = \"https://h\"\nvault = [\"https://v\"]\nvault_ca = \"words\"",
        "4:12 acceptance.vault_ca",
        "could not use the CA of Vault",
        "",
    ),
    (
        "[juju]\nprogram = \"/nowhere/juju\"",
        "2:11 juju.program",
        "/nowhere/juju can't be started",
        "install juju",
    ),
    (
        "[acceptance]\nhorizon = \"https://h\"\n[[acceptance.hypervisor]]\ndomains = [\"d\"]",
        "3:1 acceptance.hypervisor[0]",
        "there is no program virsh",
        "`ssh`",
    ),
];

#[test]
fn each_bad_value_is_told_at_its_place_with_what_to_do() {
    let here = Here::new();
    for (text, place, message, next) in BAD {
        let text = text
            .replace("@HELM@", &Sha256::of(b"helm").to_string())
            .replace("@WHEEL@", &Sha256::of(b"wheel").to_string());
        let found = here.validate(&text, here.0.path().to_str().unwrap());
        let shown: Vec<_> = found
            .errors
            .iter()
            .map(|one| {
                let (line, column) = one.line_and_column().unwrap();
                let key = one.key().unwrap_or_default();
                (format!("{line}:{column} {key}"), one.to_string(), one.next().unwrap_or_default())
            })
            .collect();
        let [(at, what, then)] = shown.as_slice() else { panic!("{text}\n{shown:#?}") };
        assert_eq!(at, place, "{text}\n{what}");
        assert!(what.contains(message), "{text}\n{what}");
        assert!(then.contains(next) && !then.is_empty(), "{text}\n{then}");
        for foreign in ["invalid type", "invalid value", "untagged", "struct ", "relative URL"] {
            assert!(!what.contains(foreign), "{text}\n{what}");
        }
    }
}

/// No file is compared with a digest that is a placeholder still.
#[test]
fn a_digest_that_is_none_is_told_once() {
    let here = Here::new();
    for digest in ["…", "", "12"] {
        let text =
            format!("[helm]\nversion = \"3.17.3\"\nfile = \"words\"\nsha256 = \"{digest}\"\n");
        let found = here.validate(&text, here.0.path().to_str().unwrap());
        let keys: Vec<_> = found.errors.iter().filter_map(SiteError::key).collect();
        assert_eq!(keys, ["helm.sha256"], "{:?}", found.errors);
    }
}

/// One wrong value hides no other, of the same table neither.
#[test]
fn one_mistake_hides_no_other() {
    let text = format!(
        "[helm]\nversion = 3\nfile = 4\nurl = \"https://h\"\nsha256 = \"{SHA}\"\nmember = \"\"\n\n\
         [driver]\nversoin = \"9.9.9\"\nwheel = 1\n\n[conductor]\napplicaton = \"\"\n\
         unit = [{{ name = \"m\", ssh = 3 }}, {{ ssh = \"h\" }}]\n\n[template.t]\nimage = \"\"\n"
    );
    let found = Here::new().validate(&text, "/nowhere");
    let all: Vec<_> = found.errors.iter().map(|one| one.key().unwrap_or_default()).collect();
    let expected = [
        "helm",
        "helm",
        "helm.version",
        "helm.file",
        "helm.member",
        "driver",
        "driver.versoin",
        "driver.version",
        "driver.wheel",
        "conductor",
        "conductor.applicaton",
        "conductor.application",
        "conductor.unit[0].name",
        "conductor.unit[0].ssh",
        "conductor.unit[1].name",
        "template.t.external_network",
        "template.t.flavor",
        "template.t.master_flavor",
        "template.t.image",
    ];
    assert_eq!(
        all,
        expected,
        "{:#?}",
        found.errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    );
}

#[test]
fn what_has_no_effect_is_a_warning() {
    let here = Here::new();
    let warnings = |text: &str| -> Vec<String> {
        let found = here.validate(text, "/nowhere");
        assert_eq!(found.errors.len(), 0, "{text} {:?}", found.errors);
        let key = |one: &SiteError| one.key().unwrap_or_default().to_owned();
        found.warnings.iter().map(key).collect()
    };
    let text = "[acceptance]\nhorizon = \"https://h\"\nfailover = true\nvault_ca = \"ca.pem\"\n\
                tenant_address = \"https://t\"\ncore = [\"our-billing\"]\n";
    let expected = ["horizon", "failover", "vault_ca", "tenant_address", "core[0]"];
    assert_eq!(warnings(text), expected.map(|key| format!("acceptance.{key}")));
    assert_eq!(warnings("[acceptance]\nplain_http = true\n"), ["acceptance.core"]);
    let charms = "[lint]\nclustered = [\"keystone\", \"glanse\"]\n[lint.channels]\nhaclustr = []\n";
    assert_eq!(warnings(charms), ["lint.clustered[1]", "lint.channels.haclustr"]);
    let text = "[prove]\nimage = \"i\"\nflavor = \"f\"\nexternal_network = \"n\"\n\
                labels = { octavia_providr = \"ovn\" }\n";
    assert_eq!(warnings(text), ["prove.labels.octavia_providr"]);
    let found = here.validate(text, "/nowhere");
    assert_eq!(found.warnings[0].next(), Some("did you mean octavia_provider?"));
}

#[test]
fn a_site_without_a_cloud_needs_one_for_the_graft() {
    let here = Here::new();
    let found = here.validate("", "/nowhere");
    // There are several clouds, and none is chosen.
    assert_eq!(found.missing_for_graft[0], "[cloud], or the OS_* variables");
    here.write("clouds.yaml", "clouds:\n  half:\n    auth: {auth_url: nonsense}\n");
    let found = here.validate("", "/nowhere");
    assert_eq!((found.errors.len(), found.errors[0].line_and_column()), (1, None));
    assert!(found.errors[0].to_string().contains("auth_url"), "{:?}", found.errors);
    assert!(found.errors[0].next().is_some());
}

#[test]
fn a_file_that_is_no_text_is_told_as_what_it_is() {
    let here = Here::new();
    let site = |name: &str| {
        let error = Site::read(&here.0.path().join(name)).unwrap_err();
        let place = error.line_and_column();
        (error.to_string(), error.next().unwrap().to_owned(), place)
    };
    let (what, next, _) = site("none.toml");
    assert!(what.contains("No such file") && next.contains("omega-cli init"), "{what} {next}");
    fs::create_dir(here.0.path().join("dir")).unwrap();
    let (what, next, _) = site("dir");
    assert!(what.ends_with("it is a directory"), "{what}");
    assert!(next.ends_with("dir/omega.toml") && !next.contains("init"), "{next}");
    std::os::unix::fs::symlink("gone", here.0.path().join("link")).unwrap();
    assert!(site("link").0.ends_with("it is a link to what is not there"));
    fs::write(here.0.path().join("latin"), b"[cloud]\nname = \"\xfc\"\n").unwrap();
    let (what, next, place) = site("latin");
    assert!(
        what.ends_with("latin, line 2: the byte 0xfc is not UTF-8") && place == Some((2, 9)),
        "{what}"
    );
    assert!(next.contains("iconv"), "{next}");
}

/// The page's example and the lab's file are right, with the files that they name.
#[test]
fn the_documented_file_and_the_labs_have_no_mistake() {
    let here = Here::new();
    let page = include_str!("../../../../docs/site-file.md");
    let (_, example) = page.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let digest = |line: &str, of: &str| format!("{} = \"{}\"", line.split(' ').next().unwrap(), of);
    let (wheel, helm) = (Sha256::of(b"wheel").to_string(), Sha256::of(b"helm").to_string());
    let mut digests = [wheel.as_str(), &helm].into_iter();
    let lines = example.lines().map(|line| {
        if line.starts_with("sha256 = ") {
            digest(line, digests.next().unwrap())
        } else {
            line.to_owned()
        }
    });
    let example = lines.collect::<Vec<_>>().join("\n").replace("capi-admin", "here");
    here.write("capi-mgmt.kubeconfig", ADMIN);
    here.write("vault-ca.pem", CA);
    let lab = include_str!("../../../../tests/lab/omega.toml.in")
        .replace("@SOURCES@", "\"127.77.1.10/32\", ")
        .replace("@WHEEL@", WHEEL)
        .replace("@WHEEL_SHA256@", &wheel)
        .replace("@HELM@", "helm")
        .replace("@HELM_SHA256@", &helm)
        .replace("\"lab\"", "\"here\"")
        .replace("mgmt.kubeconfig", "k.yaml");
    for text in [&example, &lab] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(here.0.path().join("capi-mgmt.kubeconfig"), mode).unwrap();
        let found = here.validate(text, here.0.path().to_str().unwrap());
        let all: Vec<_> =
            found.errors.iter().chain(&found.warnings).map(ToString::to_string).collect();
        assert_eq!(all, [""; 0], "{text}");
    }
    assert_eq!(here.validate(&example, here.0.path().to_str().unwrap()).missing_for_graft, [""; 0]);
}
