//! Kubeconfigs from the field: what both readers take is taken, and what one refuses is refused with its
//! name. `tests/oracle/run` asks both readers.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::SignedDuration;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};

use super::*;

/// A key pair made for this test; it opens nothing.
const ADMIN: &str = include_str!("../fixtures/kube/admin.yaml");
const TOKEN: &str = "\
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: 'https://10.20.0.50:6443'}}]
users: [{name: u, user: {token: secret}}]
";

fn read(text: &str) -> Result<KubeconfigFacts, KubeconfigError> {
    Kubeconfig::read(Secret::from(text.to_owned())).map(|read| read.facts)
}

fn field<'a>(key: &str) -> (&'a str, &'a str) {
    let line = ADMIN.lines().find(|line| line.trim_start().starts_with(&format!("{key}:")));
    let line = line.unwrap();
    (line, line.split_once(": ").unwrap().1)
}

/// `key` in lines of 76 in a block.
fn in_lines(text: &str, key: &str) -> String {
    let (line, value) = field(key);
    let lines: Vec<String> = value
        .as_bytes()
        .chunks(76)
        .map(|part| format!("        {}", str::from_utf8(part).unwrap()))
        .collect();
    text.replace(line, &format!("    {key}: |\n{}", lines.join("\n")))
}

/// kr8s-org/kr8s#484, kubernetes/kubernetes#53661.
#[test]
fn base64_in_lines_is_base64() {
    let plain = read(ADMIN).unwrap();
    let keys = ["certificate-authority-data", "client-certificate-data", "client-key-data"];
    for key in keys {
        let text = in_lines(ADMIN, key);
        assert_ne!(text, ADMIN);
        let facts = read(&text).unwrap();
        assert_eq!((&facts.ca_pem, &facts.auth), (&plain.ca_pem, &plain.auth), "{key}");
        let spaced = text.replacen("|\n", ">\n", 1);
        assert_eq!(read(&spaced).unwrap_err().reader(), Some(Reader::Go), "{key}: with blanks");
    }
    let all = keys.iter().fold(ADMIN.to_owned(), |text, key| in_lines(&text, key));
    assert_eq!(read(&all).unwrap().auth, plain.auth);
}

/// nklmilojevic/sofka#637, #638; kubernetes-client/javascript#125.
#[test]
fn an_empty_value_is_absence() {
    let plain = read(ADMIN).unwrap();
    let (ca, _) = field("certificate-authority-data");
    let (key, _) = field("client-key-data");
    let more = |line: &str, more: &str| ADMIN.replace(line, &format!("{line}\n    {more}"));
    let cluster = ["tls-server-name", "proxy-url", "insecure-skip-tls-verify", "extensions"];
    let user = [
        "token",
        "tokenFile",
        "username",
        "password",
        "as",
        "as-uid",
        "as-groups",
        "as-user-extra",
        "exec",
        "auth-provider",
    ];
    for (line, keys) in [(ca, &cluster[..]), (key, &user[..])] {
        for name in keys {
            let text = more(line, &format!("{name}: null"));
            assert_eq!(read(&text).map(|facts| facts.auth), Ok(plain.auth.clone()), "{text}");
        }
    }
    for name in ["tls-server-name", "proxy-url"] {
        assert_eq!(read(&more(ca, &format!("{name}: ''"))).unwrap().ca_pem, plain.ca_pem);
    }
    for name in ["token", "tokenFile", "username", "password", "as", "as-uid"] {
        assert_eq!(read(&more(key, &format!("{name}: \"\""))).unwrap().auth, plain.auth);
    }
    let flags = "insecure-skip-tls-verify: false\n    disable-compression: true";
    assert_eq!(read(&more(ca, flags)).unwrap().ca_pem, plain.ca_pem);
    let twice = ADMIN.replace("current-context: capi", "current-context: x\ncurrent-context: capi");
    assert_eq!(read(&twice).unwrap().context, "capi", "the last counts");
}

/// The empty token of a user with a client certificate goes nowhere.
#[test]
fn the_plain_form_has_what_the_driver_uses() {
    let (key, _) = field("client-key-data");
    let text = ADMIN.replace(key, &format!("{key}\n    token: ''"));
    let kubeconfig = Kubeconfig::read(Secret::from(in_lines(&text, "client-key-data"))).unwrap();
    let plain = kubeconfig.plain().unwrap();
    let text = str::from_utf8(plain.expose()).unwrap();
    assert!(!text.contains("token"), "{text}");
    let again = Kubeconfig::read(plain).unwrap().facts;
    let KubeconfigFacts { server, ca_pem, auth, context, .. } = &kubeconfig.facts;
    assert_eq!(
        (&again.server, &again.ca_pem, &again.auth, &again.context),
        (server, ca_pem, auth, context)
    );
}

/// Empty, but not absent for the driver, which asks whether the key is there.
#[test]
fn an_empty_value_that_the_driver_takes_for_one_is_refused() {
    let (ca, ca_data) = field("certificate-authority-data");
    let (certificate, _) = field("client-certificate-data");
    let cases = [
        ADMIN.replace(ca, "    certificate-authority-data: ''"),
        ADMIN.replace(ca, "    certificate-authority-data:"),
        ADMIN.replace(
            ca,
            &format!("    certificate-authority: ''\n    certificate-authority-data: {ca_data}"),
        ),
        ADMIN.replace(certificate, &format!("    client-certificate: ''\n{certificate}")),
        TOKEN.replace("{token: secret}", "{token: secret, client-certificate-data: null}"),
        TOKEN.replace(
            "{token: secret}",
            "{token: a, client-key-data: '', client-certificate-data: ''}",
        ),
        TOKEN.replace("users:", "contexts2: []\nusers:").replace("{name: k,", "{}, {name: k,"),
    ];
    for text in cases {
        let error = read(&text).unwrap_err();
        assert_eq!(error.reader(), Some(Reader::Driver), "{error}\n{text}");
        assert!(error.to_string().contains("the driver (PyYAML) refuses that"), "{error}");
    }
}

/// aws-cloudformation/cfn-lint#7, VOLTTRON/volttron#1713.
#[test]
fn what_one_reader_does_not_take_is_refused_with_its_name() {
    let json = "{\"current-context\": \"c\", \"contexts\": [{\"name\": \"c\", \"context\": {\"cluster\": \
                \"k\", \"user\": \"u\"}}], \"clusters\": [{\"name\": \"k\", \"cluster\": {\"server\": \
                \"https://h:6443\"}}], \"users\": [{\"name\": \"u\", \"user\": {\"token\": \"a\tb\"}}]}";
    assert_eq!(read(json).unwrap().server.as_str(), "https://h:6443/", "a tab in quotes");
    assert!(read(&TOKEN.replace("users:", "#\ta comment\nusers:")).is_ok());
    let (driver, go) = (Some(Reader::Driver), Some(Reader::Go));
    let name = |name: &str| {
        TOKEN
            .replace("{name: k,", &format!("{{name: {name},"))
            .replace("cluster: k,", &format!("cluster: {name},"))
    };
    let cases = [
        (json.replace(": ", ":\t"), driver),
        (format!("{TOKEN}---\n{TOKEN}"), driver),
        (name("2024"), go),
        (name("yes"), go),
        (name("y"), go),
        (name("08"), go),
        (TOKEN.replace("token: secret", "token: 12345"), go),
        (TOKEN.replace("token: secret", "token: [secret]"), go),
        (TOKEN.replace("{name: u,", "{name: u, user: {}}, {name: u,"), go),
        (TOKEN.replace("{name: u,", "{name: v, user: {token: 5}}, {name: u,"), go),
        (TOKEN.replace("{name: u,", "{name: v, user: {exec: {args: [1]}}}, {name: u,"), go),
        (format!("kind: Pod\n{TOKEN}"), go),
        (format!("apiVersion: v2\n{TOKEN}"), go),
        (format!("preferences: {{colors: 'yes'}}\n{TOKEN}"), go),
        (format!("x: =\n{TOKEN}"), driver),
    ];
    for (text, reader) in cases {
        let error = read(&text).expect_err(&text);
        assert_eq!(error.reader(), reader, "{error}\n{text}");
    }
    assert!(read(&name("'2024'")).is_ok(), "in quotes it is a name");
    assert!(read(&name("!!str 2024")).is_ok());
}

#[test]
fn anchors_and_merged_maps_are_read() {
    let anchored = TOKEN
        .replace("{token: secret}", "&user {token: secret}")
        .replace("users: [", "users: [{name: other, user: {}}, ");
    assert!(read(&anchored).is_ok());
    let merged = format!("base: &base {{token: secret}}\n{TOKEN}")
        .replace("user: {token: secret}", "user: {<<: *base}");
    assert_eq!(read(&merged).unwrap().auth, AuthKind::Token);
    let twice = merged.replace("{<<: *base}", "{<<: *base, token: other}");
    assert_eq!(read(&twice).unwrap().auth, AuthKind::Token, "its own counts, for both");
    let twice = merged.replace("{<<: *base}", "{token: other, <<: *base}");
    assert!(read(&twice).unwrap_err().to_string().contains("disagree"), "which counts?");
    let bomb = (1..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        let all = vec![format!("*a{}", n - 1); 9].join(",");
        format!("{text}a{n}: &a{n} [{all}]\n")
    });
    assert!(read(&(bomb + TOKEN)).unwrap_err().to_string().contains("too large"));
}

#[test]
fn a_tokens_end_is_known() {
    let claims = URL_SAFE_NO_PAD.encode(br#"{"exp": 1795280131, "sub": "x"}"#);
    let facts = read(&TOKEN.replace("secret", &format!("e30.{claims}.x"))).unwrap();
    let end: Timestamp = "2026-11-21T16:55:31Z".parse().unwrap();
    assert_eq!((facts.expires(), &facts.auth), (Some(end), &AuthKind::Token));
    let day = |n: i64| end - SignedDuration::from_hours(24 * n);
    assert!(facts.expires_soon(day(29)) && !facts.expires_soon(day(31)));
    let expired = facts.validity_error(end).unwrap();
    assert!(expired.to_string().contains("its token expired on 2026-11-21"), "{expired}");
    assert_eq!(facts.validity_error(day(1)), None);
    for opaque in ["secret", "e30.e30.x", "abcdef.0123456789abcdef", "a.b.c"] {
        let facts = read(&TOKEN.replace("secret", opaque)).unwrap();
        assert_eq!(facts.expires(), None, "{opaque}");
    }
}

/// A date is text to Go. `PyYAML` compares dates as it compares texts.
#[test]
fn a_name_may_be_a_date() {
    let named = |old: &str, name: &str| {
        TOKEN.replace(&format!("{{name: {old},"), &format!("{{name: {name},"))
    };
    for name in ["2024-01-31", "2024-01-31T10:00:00Z", "1:30"] {
        let cluster = named("k", name).replace("cluster: k,", &format!("cluster: {name},"));
        assert!(read(&cluster).is_ok(), "{cluster}");
        let user = named("u", name).replace("user: u}", &format!("user: {name}}}"));
        assert!(read(&user).is_ok(), "{user}");
        let context = format!("current-context: {name}\n{}", named("c", name))
            .replace("current-context: c\n", "");
        assert_eq!(read(&context).unwrap().context, name);
        let mixed = cluster.replace(&format!("cluster: {name},"), &format!("cluster: '{name}',"));
        let error = read(&mixed).unwrap_err();
        assert_eq!(error.reader(), Some(Reader::Driver), "{error}");
        assert!(error.to_string().contains("in quotes in one place only"), "{error}");
    }
    let error = read(&TOKEN.replace("secret", "2024-01-31")).unwrap_err();
    assert!(error.to_string().contains("token without quotes is a date or a number"), "{error}");
}

#[test]
fn what_go_passes_over_is_passed_over() {
    let more = |more: &str| TOKEN.replace("{token: secret}", &format!("{{token: secret, {more}}}"));
    assert!(read(&more("as-user-extra: {}")).is_ok());
    for used in ["as-user-extra: {a: [b]}", "exec: {}", "auth-provider: {}"] {
        assert!(read(&more(used)).unwrap_err().to_string().contains("authenticates by"), "{used}");
    }
}

/// Go's parser has not the escapes that JSON has beside YAML.
#[test]
fn escapes_of_json_are_refused_with_gos_name() {
    for value in [r#""a\/b""#, r#""\ud83d\ude00""#] {
        let error = read(&format!("{TOKEN}x: {value}\n")).unwrap_err();
        assert_eq!(error.reader(), Some(Reader::Go), "{error}");
        assert!(error.to_string().contains("line 5 has a JSON escape"), "{error}");
    }
    assert!(read(&format!("{TOKEN}x: \"\\U0001F600\"\n")).is_ok());
}

#[test]
fn what_the_driver_cannot_construct_is_refused_wherever_it_stands() {
    for more in ["x: 2024-13-45", "x: {y: [2024-02-30]}", "2024-13-45: x", "x: <<", "x: 0x_"] {
        let error = read(&format!("{TOKEN}{more}\n")).unwrap_err();
        assert_eq!(error.reader(), Some(Reader::Driver), "{error}");
        assert!(error.to_string().contains("line 5 has an unquoted value"), "{error}");
    }
    assert!(read(&format!("{TOKEN}x: '2024-13-45'\n")).is_ok());
    let error = read(&format!("...\n{TOKEN}")).unwrap_err();
    assert_eq!(error.reader(), None, "neither takes it");
}

/// A certificate with its key, in PEM. The keys were made for these tests; they open nothing.
fn pairs() -> Vec<(&'static str, String, String)> {
    let made = |name, key: KeyPair| {
        let certificate = CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
        (name, certificate.pem(), key.serialize_pem())
    };
    vec![
        made("EC", KeyPair::generate().unwrap()),
        made("Ed25519", KeyPair::generate_for(&PKCS_ED25519).unwrap()),
        (
            "RSA",
            include_str!("../fixtures/tls/rsa.crt").to_owned(),
            include_str!("../fixtures/tls/rsa.key").to_owned(),
        ),
        (
            "P-521",
            include_str!("../fixtures/tls/p521.crt").to_owned(),
            include_str!("../fixtures/tls/p521.key").to_owned(),
        ),
    ]
}

fn with_pair(certificate: &str, key: &str) -> Result<KubeconfigFacts, KubeconfigError> {
    let user = format!(
        "{{client-certificate-data: {}, client-key-data: {}}}",
        STANDARD.encode(certificate),
        STANDARD.encode(key)
    );
    read(&TOKEN.replace("{token: secret}", &user))
}

#[test]
fn a_client_key_belongs_to_its_certificate() {
    for (name, certificate, key) in &pairs() {
        assert!(with_pair(certificate, key).is_ok(), "{name}");
        for (other, _, foreign) in pairs().iter().filter(|(_, _, other)| other != key) {
            let error = with_pair(certificate, foreign).unwrap_err();
            let words = "its client key does not belong to its client certificate";
            assert!(error.to_string().contains(words), "{name} {other}: {error}");
            assert_eq!(error.reader(), None, "neither takes it");
        }
    }
}

#[test]
fn what_is_around_a_block_does_not_count() {
    for (name, certificate, key) in &pairs() {
        let both = format!("{key}{certificate}");
        for (certificate, key) in [
            (&both, &both),
            (certificate, &format!("# a comment\n{key}")),
            (
                &format!("subject=CN = x\n\n{certificate}"),
                &format!("Bag Attributes: x\n{key}\nend"),
            ),
        ] {
            let facts = with_pair(certificate, key).unwrap();
            assert_ne!(facts.auth, AuthKind::Token, "{name}");
        }
    }
    let (_, certificate, key) = &pairs()[0];
    let user = format!("{key}# text\n{certificate}");
    let user =
        format!("{{client-certificate-data: {0}, client-key-data: {0}}}", STANDARD.encode(user));
    let text = TOKEN.replace("{token: secret}", &user);
    let plain = Kubeconfig::read(Secret::from(text)).unwrap().plain().unwrap();
    let plain = str::from_utf8(plain.expose()).unwrap().to_owned();
    assert!(plain.contains(&STANDARD.encode(key)), "the plain form has the bare blocks");
    assert!(plain.contains(&STANDARD.encode(certificate)));
}

#[test]
fn keys_and_certificates_that_only_openssl_takes() {
    let (_, certificate, key) = &pairs()[2];
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let error = with_pair(certificate, &encrypted).unwrap_err();
    assert!(error.to_string().contains("its client key is encrypted"), "{error}");
    let trusted = include_str!("../fixtures/tls/trusted.crt");
    let error = with_pair(trusted, key).unwrap_err();
    assert_eq!(error.reader(), Some(Reader::Go));
    assert!(error.to_string().contains("BEGIN TRUSTED CERTIFICATE"), "{error}");
}
