//! Kubeconfigs from the field: what both readers take is taken, and what one refuses is refused with its
//! name. `tests/oracle/run` asks both readers.

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
        (name("1:30"), driver),
        (name("2024-01-31"), driver),
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
