//! What omega says of a kubeconfig, right and with a wrong rule.

use omega_core::{
    kubeconfig::{AuthKind, Kubeconfig, Reader, certificate_digest},
    values::Secret,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A kubeconfig.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Case {
    id: u32,
    text: String,
}

/// What is said of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Said {
    id: u32,
    takes: bool,
    why: Option<String>,
    reader: Option<Reader>,
    context: Option<String>,
    server: Option<String>,
    ca: Option<String>,
    certificate: Option<String>,
    token: Option<String>,
}

impl Case {
    pub(crate) fn say(&self) -> Said {
        let id = self.id;
        let kubeconfig = match Kubeconfig::read(Secret::from(self.text.clone())) {
            Ok(kubeconfig) => kubeconfig,
            Err(error) => {
                let (why, reader) = (Some(error.to_string()), error.reader());
                return Said { id, why, reader, ..Said::default() };
            }
        };
        let facts = &kubeconfig.facts;
        // The credential is a secret: it is taken from the plain form, as clients do.
        let plain = kubeconfig.plain().ok();
        let plain = plain.as_ref().and_then(|text| str::from_utf8(text.expose()).ok());
        let user = |key: &str| plain.and_then(|text| field(text, key));
        let digest = |pem: &[u8]| certificate_digest(pem).map(|digest| digest.to_string());
        let certificate = user("client-certificate-data").and_then(|data| digest(&decoded(&data)?));
        Said {
            id,
            takes: true,
            context: Some(facts.context.clone()),
            server: Some(facts.server.to_string()),
            ca: facts.ca_pem.as_ref().and_then(|pem| digest(pem.as_bytes())),
            certificate: certificate.filter(|_| facts.auth != AuthKind::Token),
            token: user("token"),
            ..Said::default()
        }
    }
}

/// The value of a key of a user in the plain form, which JSON's parser reads once it is one scalar.
fn field(plain: &str, key: &str) -> Option<String> {
    let start = format!("{key}: ");
    let value = plain.lines().find_map(|line| line.trim_start().strip_prefix(&start))?;
    match serde_json::from_str(value) {
        Ok(Value::String(text)) => Some(text),
        Ok(_) | Err(_) => Some(value.trim_matches('\'').to_owned()),
    }
}

fn decoded(data: &str) -> Option<Vec<u8>> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(data).ok()
}

/// A name, what is read instead, and what is made of what is said.
pub(crate) struct Plant(pub(crate) &'static str, fn(&str) -> String, fn(&mut Said));

impl Plant {
    pub(crate) const ALL: &[Self] = &[
        Self("an empty text is a value", |t| t.replace(": ''\n", ": 'x'\n"), same),
        Self("null is a value", |t| t.replace(": null\n", ": 'x'\n"), same),
        Self("an empty value is absent for the driver too", without_empty_data, same),
        Self("a line break ends base64", |t| t.replace("|\n      L", ">\n      L"), same),
        Self("a blank in base64 is nothing", |t| t.replace(">\n      L", "|\n      L"), same),
        Self("a tab is a blank", |t| t.replace('\t', " "), same),
        Self("a number is text to Go", |t| t.replace(": 2024\n", ": '2024'\n"), same),
        Self("`yes` is text", |t| t.replace(": yes\n", ": 'yes'\n"), same),
        Self("`08` is text to Go", |t| t.replace(": 08\n", ": '08'\n"), same),
        Self("`1:30` is text to PyYAML", |t| t.replace(": 1:30\n", ": '1:30'\n"), same),
        Self("a date is text to PyYAML", |t| t.replace(": 2024-01-31\n", ": x2024\n"), same),
        Self("!!str does nothing", |t| t.replace("!!str ", ""), same),
        Self("the first of two keys counts", first_counts, same),
        Self("a second document is nothing", |t| cut(t, "\n---\nx: y"), same),
        Self("types of other entries do not matter", |t| t.replace("{name: 5}", "{name: z}"), same),
        Self("an entry needs no name", |t| t.replace("- {}\n", "- {name: z}\n"), same),
        Self("the first of two entries counts", |t| t.replace("- {name: 'mgmt'}\n", ""), same),
        Self(
            "kind does not matter",
            |t| t.replace("kind: Pod\n", "").replace("apiVersion: v2\n", ""),
            same,
        ),
        Self("`=` is text to PyYAML", |t| t.replace(": =\n", ": '='\n"), same),
        Self("an escape of JSON is one of YAML", |t| t.replace("\\/", "/"), same),
        Self("no date is no date", |t| t.replace(" 2024-13-45\n", " x\n"), same),
        Self("`...` before is nothing", |t| t.replacen("...\n", "", 1), same),
        Self("a key need not belong to its certificate", keep, |said| {
            said.takes |= said.why.as_ref().is_some_and(|why| why.contains("does not belong"));
        }),
        Self("a reader is the other one", keep, other_reader),
        Self("a token goes beside a certificate", keep, |said| {
            said.certificate = said.certificate.take().filter(|_| said.token.is_some());
        }),
        Self("the CA does not matter", keep, |said| said.ca = None),
        Self("another server", keep, |said| {
            said.server = said.server.take().map(|text| text.replace("6443", "443"));
        }),
    ];

    /// What is said of `case` with the wrong rule.
    pub(crate) fn say(&self, case: &Case) -> Said {
        let mut said = Case { text: (self.1)(&case.text), ..case.clone() }.say();
        (self.2)(&mut said);
        said
    }
}

fn keep(text: &str) -> String {
    text.to_owned()
}

fn same(_: &mut Said) {}

fn other_reader(said: &mut Said) {
    said.reader = said.reader.map(|reader| match reader {
        Reader::Driver => Reader::Go,
        Reader::Go => Reader::Driver,
    });
}

fn without_empty_data(text: &str) -> String {
    let is_empty = |line: &&str| line.ends_with("-data: ''") || line.ends_with("-data: null");
    lines(text.lines().filter(|line| !is_empty(line)))
}

fn first_counts(text: &str) -> String {
    let is_context = |line: &&str| line.starts_with("current-context:");
    let first = text.lines().find(is_context).unwrap_or_default();
    let rest = text.lines().filter(|line| !is_context(line));
    lines(rest.chain([first]))
}

fn lines<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let mut text = all.collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

fn cut(text: &str, at: &str) -> String {
    text.split_once(at).map_or_else(|| text.to_owned(), |(before, _)| format!("{before}\n"))
}
