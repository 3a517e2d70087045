//! A document of YAML as a tree, with what decides how each reader takes it.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::{KubeconfigError, Reader, is_no_kubeconfig, no, refused_by, scalar};

/// A document has at most so many nodes, aliases counted as what they stand for.
const MOST: usize = 200_000;

#[derive(Clone, Debug)]
pub(super) enum Node {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In order. Of equal keys the last counts, for both readers.
    Map(Vec<(String, Node)>),
}

#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// Without quotes and without the tag `!!str`: what it is depends on the reader.
    pub(super) plain: bool,
}

impl Node {
    /// Whether it is there only in form.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(one) if one.plain && scalar::is_null(&one.text))
    }

    /// Returns the value of `key` in a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn size(&self) -> usize {
        1 + match self {
            Self::Scalar(_) => 0,
            Self::List(items) => items.iter().map(Self::size).sum(),
            Self::Map(entries) => entries.iter().map(|(_, value)| 1 + value.size()).sum(),
        }
    }
}

/// Reads the one document in `text`.
///
/// # Errors
///
/// Refuses what is not YAML, and what only one of the readers parses. No message quotes the text.
pub(super) fn read(text: &str) -> Result<Node, KubeconfigError> {
    characters(text)?;
    let options = granit_parser::options! {
        disallow_directives: true,
        max_buffered_comment_events: usize::MAX,
    };
    let mut tree = Tree::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let place = error.marker();
            is_no_kubeconfig(Some((place.line(), place.col() + 1)))
        })?;
        tree.take(event, span)?;
    }
    tabs(text, &tree.covered)?;
    match tree.root {
        Some(root) => Ok(root),
        None => no("it is empty", "check the command that wrote it"),
    }
}

/// Both readers refuse characters that can't be printed. What ends a line in YAML 1.1 but not in 1.2
/// is refused here.
fn characters(text: &str) -> Result<(), KubeconfigError> {
    let odd = |c: char| {
        !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
            || matches!(c, '\u{2028}' | '\u{2029}')
    };
    match text.find(odd) {
        Some(at) => Err(is_no_kubeconfig(Some((line(text, at), 1)))),
        None => Ok(()),
    }
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

/// PyYAML takes a tab only in quotes, in a block of text and in a comment.
fn tabs(text: &str, covered: &[(usize, usize)]) -> Result<(), KubeconfigError> {
    let bare = |at: &usize| !covered.iter().any(|(from, to)| (from..to).contains(&at));
    match text.match_indices('\t').map(|(at, _)| at).find(bare) {
        Some(at) => {
            let why = format!("it has a tab between its values (line {})", line(text, at));
            Err(refused_by(Reader::Driver, &why, "write spaces instead of tabs"))
        }
        None => Ok(()),
    }
}

/// A list or a map that is not complete yet.
#[derive(Debug)]
struct Open {
    anchor: usize,
    items: Vec<Node>,
    is_map: bool,
}

#[derive(Debug, Default)]
struct Tree {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    /// Where a tab is content, or in a comment.
    covered: Vec<(usize, usize)>,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), KubeconfigError> {
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Anchor(..) => {}
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let why = "it has several documents of YAML";
                    return Err(refused_by(Reader::Driver, why, "keep the one that is needed"));
                }
            }
            Event::Comment(..) => self.cover(span),
            Event::Alias(id) => {
                // Not there: it stands for what it is part of.
                let node = self.anchors.get(&id).cloned().ok_or_else(|| is_no_kubeconfig(None))?;
                self.nodes += node.size();
                self.add(0, node)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                if style != ScalarStyle::Plain {
                    self.cover(span);
                }
                let plain = style == ScalarStyle::Plain && !is_text(tag.as_deref(), &text)?;
                self.add(anchor, Node::Scalar(Scalar { text: text.into_owned(), plain }))?;
            }
            Event::SequenceStart(_, anchor, tag) => self.begin(anchor, tag.as_deref(), false)?,
            Event::MappingStart(_, anchor, tag) => self.begin(anchor, tag.as_deref(), true)?,
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { anchor, items, is_map }) = self.open.pop() else {
                    return Err(is_no_kubeconfig(None));
                };
                let node = if is_map { map(items)? } else { Node::List(items) };
                self.add(anchor, node)?;
            }
            Event::UnresolvedAlias(_) | _ => return Err(is_no_kubeconfig(None)),
        }
        Ok(())
    }

    fn cover(&mut self, span: Span) {
        self.covered.extend(span.start.byte_offset().zip(span.end.byte_offset()));
    }

    fn begin(
        &mut self,
        anchor: usize,
        tag: Option<&Tag>,
        is_map: bool,
    ) -> Result<(), KubeconfigError> {
        let own = if is_map { "map" } else { "seq" };
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema_tag(own)) {
            return tagged();
        }
        self.open.push(Open { anchor, items: Vec::new(), is_map });
        Ok(())
    }

    fn add(&mut self, anchor: usize, node: Node) -> Result<(), KubeconfigError> {
        self.nodes += 1;
        if self.nodes > MOST {
            return no("it is too large", "check the command that wrote it");
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }
}

/// Whether a scalar is tagged as text. Other tags are refused: PyYAML's and Go's ideas of them differ.
fn is_text(tag: Option<&Tag>, text: &str) -> Result<bool, KubeconfigError> {
    match tag {
        Some(tag) if tag.is_yaml_core_schema_tag("str") => Ok(true),
        Some(_) => tagged(),
        // PyYAML has no constructor for this (`tag:yaml.org,2002:value`).
        None if text == "=" => {
            Err(refused_by(Reader::Driver, "it has the plain value `=`", "write it in quotes"))
        }
        None => Ok(false),
    }
}

fn tagged<T>() -> Result<T, KubeconfigError> {
    no("it has a tag of YAML other than !!str, !!map and !!seq", "write the value without the tag")
}

/// Pairs keys with values, and puts merged maps (`<<`) in. The readers disagree about what comes first.
fn map(items: Vec<Node>) -> Result<Node, KubeconfigError> {
    let mut entries: Vec<(String, Node)> = Vec::new();
    let mut merged: Vec<(String, Node)> = Vec::new();
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        let Node::Scalar(key) = key else {
            return no("a key in it is a list or a map", "write a self-contained one");
        };
        if key.plain && key.text == "<<" {
            merge(value, &mut merged)?;
            continue;
        }
        if key.plain && scalar::is_null(&key.text) {
            return Err(refused_by(Reader::Go, "a key in it is null", "give the key a name"));
        }
        entries.retain(|(name, _)| *name != key.text);
        entries.push((key.text, value));
    }
    let twice = merged.iter().enumerate().any(|(n, (name, _))| {
        let mut others = merged.iter().take(n).chain(&entries);
        others.any(|(other, _)| other == name)
    });
    if twice {
        let why = "a key in it is given and merged (`<<`): its readers disagree about which counts";
        return no(why, "write the values out");
    }
    entries.extend(merged);
    Ok(Node::Map(entries))
}

fn merge(value: Node, into: &mut Vec<(String, Node)>) -> Result<(), KubeconfigError> {
    match value {
        Node::Map(entries) => into.extend(entries),
        Node::List(all) if all.iter().all(|one| matches!(one, Node::Map(_))) => {
            all.into_iter().try_for_each(|one| merge(one, into))?;
        }
        Node::List(_) | Node::Scalar(_) => return Err(is_no_kubeconfig(None)),
    }
    Ok(())
}
