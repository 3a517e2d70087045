//! The types of a kubeconfig's fields, to which Go holds every entry, used or not: client-go 0.32 and
//! 0.34, `tools/clientcmd/api/v1/types.go`.

use base64::{
    Engine as _, alphabet,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig},
};

use super::{
    KubeconfigError,
    document::Node,
    error::{FLATTEN, go as refuse},
    go_scalar::{go_flag, go_text},
};
use crate::pyyaml::Kind;

/// Go's standard encoding (`encoding/base64`), without its line breaks.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Decodes base64 in lines. Anything else between is refused, as Go does.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.replace(['\r', '\n'], "")).ok()
}

/// The type of a field. Null is the zero value of each.
#[derive(Debug)]
enum Type {
    Text,
    /// Text that is base64.
    Bytes,
    Flag,
    Any,
    List(&'static Self),
    /// A map whose keys are free.
    Map(&'static Self),
    /// A struct. Fields that it does not have are ignored.
    Struct(&'static [(&'static str, Self)]),
}

use Type::{Any, Bytes, Flag, List, Map, Struct, Text};

const EXTENSIONS: Type = List(&Struct(&[("name", Text), ("extension", Any)]));
const CLUSTER: Type = Struct(&[
    ("server", Text),
    ("tls-server-name", Text),
    ("insecure-skip-tls-verify", Flag),
    ("certificate-authority", Text),
    ("certificate-authority-data", Bytes),
    ("proxy-url", Text),
    ("disable-compression", Flag),
    ("extensions", EXTENSIONS),
]);
const EXEC: Type = Struct(&[
    ("command", Text),
    ("args", List(&Text)),
    ("env", List(&Struct(&[("name", Text), ("value", Text)]))),
    ("apiVersion", Text),
    ("installHint", Text),
    ("provideClusterInfo", Flag),
    ("interactiveMode", Text),
]);
const USER: Type = Struct(&[
    ("client-certificate", Text),
    ("client-certificate-data", Bytes),
    ("client-key", Text),
    ("client-key-data", Bytes),
    ("token", Text),
    ("tokenFile", Text),
    ("as", Text),
    ("as-uid", Text),
    ("as-groups", List(&Text)),
    ("as-user-extra", Map(&List(&Text))),
    ("username", Text),
    ("password", Text),
    ("auth-provider", Struct(&[("name", Text), ("config", Map(&Text))])),
    ("exec", EXEC),
    ("extensions", EXTENSIONS),
]);
const CONTEXT: Type =
    Struct(&[("cluster", Text), ("user", Text), ("namespace", Text), ("extensions", EXTENSIONS)]);
const CONFIG: Type = Struct(&[
    ("kind", Text),
    ("apiVersion", Text),
    ("preferences", Struct(&[("colors", Flag), ("extensions", EXTENSIONS)])),
    ("clusters", List(&Struct(&[("name", Text), ("cluster", CLUSTER)]))),
    ("users", List(&Struct(&[("name", Text), ("user", USER)]))),
    ("contexts", List(&Struct(&[("name", Text), ("context", CONTEXT)]))),
    ("current-context", Text),
    ("extensions", EXTENSIONS),
]);

/// Refuses what client-go would refuse before it looks at the current context.
pub(super) fn check(document: &Node) -> Result<(), KubeconfigError> {
    typed(document, &CONFIG, "it")?;
    for (key, only) in [("kind", "Config"), ("apiVersion", "v1")] {
        if let Some(Node::Scalar(found)) = document.get(key).filter(|found| !found.is_null())
            && !found.text.is_empty()
            && found.text != only
        {
            return refuse(&format!("its {key} is not {only}"), "get it from the cluster again");
        }
    }
    ["clusters", "users", "contexts"].into_iter().try_for_each(|list| unique(document, list))
}

/// Two entries of one name: the driver takes the first.
fn unique(document: &Node, list: &str) -> Result<(), KubeconfigError> {
    let Some(Node::List(all)) = document.get(list) else { return Ok(()) };
    let name = |one: &Node| match one.get("name") {
        Some(Node::Scalar(name)) if !name.is_null() => name.text.clone(),
        _ => String::new(),
    };
    let mut names: Vec<String> = all.iter().map(name).collect();
    names.sort_unstable();
    let twice = names.iter().zip(names.iter().skip(1)).find(|(one, other)| one == other);
    match twice {
        Some((name, _)) => refuse(
            &format!("it has two {list} with the name `{name}`"),
            "remove the one that is not needed",
        ),
        None => Ok(()),
    }
}

fn typed(node: &Node, wanted: &Type, at: &str) -> Result<(), KubeconfigError> {
    if node.is_null() {
        return Ok(());
    }
    match (wanted, node) {
        (Any, _) => Ok(()),
        (Text, Node::Scalar(one)) if one.kind != Kind::Plain || go_text(&one.text) => Ok(()),
        (Text, Node::Scalar(_)) => not_text(at),
        (Bytes, Node::Scalar(one)) if base64(&one.text).is_some() => Ok(()),
        // To Go an empty list is no bytes.
        (Bytes, Node::List(all)) if all.is_empty() => Ok(()),
        (Bytes, _) => refuse(&format!("{at} is not base64"), FLATTEN),
        (Flag, Node::Scalar(one)) if go_flag(one).is_some() => Ok(()),
        (Flag, _) => refuse(&format!("{at} is neither true nor false"), "write true or false"),
        (List(each), Node::List(all)) => all.iter().try_for_each(|one| typed(one, each, at)),
        (Map(each), Node::Map(all)) => {
            all.iter().try_for_each(|(key, one)| typed(one, each, &format!("{at}.{key}")))
        }
        (Struct(fields), Node::Map(all)) => all.iter().try_for_each(|(key, one)| {
            let field = fields.iter().find(|(name, _)| name == key);
            field.map_or(Ok(()), |(name, wanted)| typed(one, wanted, name))
        }),
        (Text | List(_) | Map(_) | Struct(_), _) => {
            refuse(&format!("{at} has a value of another kind"), FLATTEN)
        }
    }
}

pub(super) fn not_text<T>(key: &str) -> Result<T, KubeconfigError> {
    refuse(&format!("{key} is a number or a boolean"), "write the value in quotes")
}
