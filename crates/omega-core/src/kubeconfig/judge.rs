//! What the current context says, and whether both readers can use it.

use std::net::IpAddr;

use url::{Host, Url};

use super::{
    KubeconfigError,
    credential::certificates,
    document::Node,
    error::{FLATTEN, driver, no},
    go_scalar::{go_flag, go_text},
    types::{self, base64},
};
use crate::{
    pyyaml::{Kind, Scalar},
    shown_address,
};

/// The current context, and what it names.
pub(super) struct Current<'a> {
    pub(super) context: String,
    pub(super) cluster: &'a Node,
    pub(super) user: &'a Node,
}

/// A name: equal to another for Go if the text is, for `PyYAML` also if both are text or neither is.
#[derive(Clone, Default, PartialEq, Eq)]
struct Name {
    text: String,
    is_text: bool,
}

pub(super) fn current(document: &Node) -> Result<Current<'_>, KubeconfigError> {
    let use_context = "kubectl config use-context NAME --kubeconfig FILE";
    let is_empty = |list: &str| match document.get(list) {
        Some(Node::List(all)) => all.is_empty(),
        Some(Node::Scalar(_) | Node::Map(_)) | None => true,
    };
    // kubectl writes the users last.
    if is_empty("users") {
        return no("it has no users: is the file complete?", "get it from the cluster again");
    }
    let Some(context) = name(document, "current-context")? else {
        return no("it has no current context", use_context);
    };
    let Some(entry) = named(document, "contexts", "context", &context)? else {
        let why = format!("its current context `{}` is not in it", context.text);
        return no(why, use_context);
    };
    let context = context.text;
    let (cluster, user) = (name(entry, "cluster")?, name(entry, "user")?);
    let (cluster, user) = (cluster.unwrap_or_default(), user.unwrap_or_default());
    match (
        named(document, "clusters", "cluster", &cluster)?,
        named(document, "users", "user", &user)?,
    ) {
        (Some(cluster), Some(user)) => Ok(Current { context, cluster, user }),
        (None, _) => no(format!("cluster `{}` is not in it", cluster.text), FLATTEN),
        (_, None) => no(format!("user `{}` is not in it", user.text), FLATTEN),
    }
}

/// Returns what the entry with this name in `list` holds. The driver looks at the name of each entry
/// before.
fn named<'a>(
    document: &'a Node,
    list: &str,
    what: &str,
    wanted: &Name,
) -> Result<Option<&'a Node>, KubeconfigError> {
    let Some(Node::List(all)) = document.get(list) else { return Ok(None) };
    let mut found = None;
    for one in all {
        if one.get("name").is_none() {
            return driver(&format!("an entry of its {list} has no name"), FLATTEN);
        }
        let Some(name) = name(one, "name")?.filter(|name| name.text == wanted.text) else {
            continue;
        };
        if name != *wanted {
            let why = format!(
                "the name `{}` is in quotes in one place only, and without them it is a date or a number",
                name.text
            );
            return driver(&why, "write it in quotes everywhere");
        }
        found = one.get(what).filter(|value| !value.is_null());
    }
    Ok(found)
}

fn name(of: &Node, key: &str) -> Result<Option<Name>, KubeconfigError> {
    let is_text = |one: &Scalar| one.kind != Kind::Plain || one.is_text();
    let Some(Node::Scalar(one)) = of.get(key).filter(|found| !found.is_null()) else {
        return Ok(None);
    };
    if one.kind == Kind::Plain && !go_text(&one.text) {
        return types::not_text(key);
    }
    let name = Name { text: one.text.clone(), is_text: is_text(one) };
    Ok(Some(name).filter(|name| !name.text.is_empty()))
}

/// Returns the text of a field; `None` if it is absent, null or empty.
pub(super) fn text(of: &Node, key: &str) -> Result<Option<String>, KubeconfigError> {
    let Some(Node::Scalar(one)) = of.get(key) else { return Ok(None) };
    if !one.is_null() && !one.is_text() {
        // Go says more of what it takes for a number.
        name(of, key)?;
        let why = format!("{key} without quotes is a date or a number");
        return driver(&why, "write the value in quotes");
    }
    Ok(name(of, key)?.map(|name| name.text))
}

/// Whether a field is there with a value that is not the zero value.
pub(super) fn is_set(of: &Node, key: &str) -> bool {
    match of.get(key) {
        Some(found) if found.is_null() => false,
        Some(Node::Scalar(one)) if go_flag(one) == Some(false) => false,
        Some(Node::Scalar(one)) => !one.text.is_empty(),
        Some(Node::List(all)) => !all.is_empty(),
        // Go asks whether a struct is there, and whether a map has something in it.
        Some(Node::Map(entries)) => key != "as-user-extra" || !entries.is_empty(),
        None => false,
    }
}

pub(super) fn server(cluster: &Node) -> Result<Url, KubeconfigError> {
    let set = "kubectl config set-cluster NAME --server https://ADDRESS:6443";
    let text = text(cluster, "server")?.unwrap_or_default();
    let Ok(url) = text.trim_end_matches('/').parse::<Url>() else {
        return no(format!("its server `{}` is not a URL", shown_address(&text)), set);
    };
    // The URL appears in plans, journals and messages.
    if !url.username().is_empty() || url.password().is_some() {
        return no("its server has a user or a password in it, which is not read", set);
    }
    if url.scheme() != "https" {
        return no(format!("its server `{url}` is not https"), set);
    }
    // A URL drops blanks, and the driver appends paths to the text.
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || "?#\\".contains(c)) {
        return no(format!("its server `{url}` has blanks, a query or a fragment"), set);
    }
    if is_here(&url) {
        let next = format!("use an address that the units can reach: {set}");
        return no(format!("its server `{url}` is an address of the local machine"), next);
    }
    let unread = ["insecure-skip-tls-verify", "tls-server-name", "proxy-url"];
    match unread.into_iter().find(|key| is_set(cluster, key)) {
        Some(key) => no(
            format!("it uses `{key}`, which the driver does not read"),
            "use a server address that the server's certificate covers, and the CA of that certificate",
        ),
        None => Ok(url),
    }
}

/// Whether the address is that of the local machine. Loopback addresses other than 127.0.0.1 are
/// used on purpose (network namespaces, test clouds) and count as remote.
fn is_here(url: &Url) -> bool {
    let ip: IpAddr = match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            return name == "localhost" || name.ends_with(".localhost");
        }
        Some(Host::Ipv4(ip)) => ip.into(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical(),
        None => return true,
    };
    ip.is_unspecified() || ip == IpAddr::from([127, 0, 0, 1]) || (ip.is_ipv6() && ip.is_loopback())
}

/// Returns what `KEY-data` holds; `None` if it is absent for both readers. The driver takes a `KEY` that
/// is there for the path of a file, and a `KEY-data` that is there for the file's content, empty or not.
/// It fails on null.
pub(super) fn data(of: &Node, key: &str) -> Result<Option<Vec<u8>>, KubeconfigError> {
    let name = format!("{key}-data");
    let content = of.get(&name);
    if of.get(key).is_some() && content.is_some() {
        let why = format!("it has an empty `{key}` beside `{name}`");
        return driver(&why, &format!("remove the line `{key}`"));
    }
    let Some(content) = content else { return Ok(None) };
    if content.is_null() {
        return driver(&format!("its `{name}` is null"), &format!("remove the line `{name}`"));
    }
    // That it is base64 was checked.
    let bytes = text(of, &name)?.and_then(|text| base64(&text));
    Ok(Some(bytes.unwrap_or_default()))
}

/// The driver takes an empty file for one.
pub(super) fn empty<T>(key: &str) -> Result<T, KubeconfigError> {
    driver(&format!("its `{key}-data` is empty"), &format!("remove the line `{key}-data`"))
}

pub(super) fn ca(cluster: &Node) -> Result<Option<String>, KubeconfigError> {
    if let Some(path) = text(cluster, "certificate-authority")? {
        return no(format!("its CA is in a separate file (`{path}`)"), FLATTEN);
    }
    let Some(pem) = data(cluster, "certificate-authority")? else { return Ok(None) };
    if pem.is_empty() {
        return empty("certificate-authority");
    }
    certificates("certificate-authority-data", &pem)?;
    // Comments may have any encoding.
    Ok(Some(String::from_utf8_lossy(&pem).into_owned()))
}
