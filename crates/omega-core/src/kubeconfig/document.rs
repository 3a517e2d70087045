//! The document of a kubeconfig, as far as both of its readers take it.

use super::{
    KubeconfigError, Reader,
    error::{go, no, refused_by, tagged},
};
use crate::{
    pyyaml::{self, Directives, Fault, Kind, Map, Scalar},
    values::Secret,
};

/// A value that both readers know the kind of.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In order; each key is there once.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Whether it is there only in form.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(one) if one.is_null())
    }

    /// Returns the value of `key` in a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// Reads `bytes`. No message quotes them.
///
/// # Errors
///
/// Refuses what is not YAML, and what only one of the readers parses.
pub(super) fn read(bytes: &Secret) -> Result<Node, KubeconfigError> {
    let Ok(text) = str::from_utf8(bytes.expose()) else {
        return no("it is not text", super::error::FLATTEN);
    };
    let empty = ("it is empty", "check the command that wrote it");
    if text.trim().is_empty() {
        return no(empty.0, empty.1);
    }
    let document = pyyaml::read(text, Directives::Refused)?;
    if let Some((line, escape)) = document.json_escape {
        let why = format!("line {line} has a JSON escape ({escape}) in double quotes");
        return go(&why, "write the character itself");
    }
    match document.root {
        Some(root @ pyyaml::Node::Map(_)) => node(root),
        Some(_) => Err(Fault::Syntax(Some((1, 1))).into()),
        None => no(empty.0, empty.1),
    }
}

fn node(of: pyyaml::Node) -> Result<Node, KubeconfigError> {
    Ok(match of {
        pyyaml::Node::Scalar(one) if matches!(one.kind, Kind::Tagged(_)) => return Err(tagged()),
        pyyaml::Node::Tagged => return Err(tagged()),
        pyyaml::Node::Scalar(one) => Node::Scalar(one),
        pyyaml::Node::List(all) => Node::List(all.into_iter().map(node).collect::<Result<_, _>>()?),
        pyyaml::Node::Map(all) => map(all)?,
    })
}

fn map(Map { entries, is_disputed }: Map) -> Result<Node, KubeconfigError> {
    let mut known: Vec<(String, Node)> = Vec::new();
    if is_disputed {
        let why =
            "a key in it is given, and then merged (`<<`): its readers disagree about which counts";
        return no(why, "write the values out, or `<<` first");
    }
    for (key, value) in entries {
        if key.is_null() {
            return Err(refused_by(Reader::Go, "a key in it is null", "give the key a name"));
        }
        if matches!(key.kind, Kind::Tagged(_)) {
            return Err(tagged());
        }
        known.retain(|(name, _)| *name != key.text);
        known.push((key.text, node(value)?));
    }
    Ok(Node::Map(known))
}
