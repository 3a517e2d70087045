//! Events become a tree.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, ScalarStyle, Tag};

use super::{Fault, Kind, MOST, Map, Node, Scalar};

/// A list or a map that is not complete yet.
#[derive(Debug)]
struct Open {
    anchor: usize,
    items: Vec<Node>,
    is_map: bool,
    is_tagged: bool,
    line: usize,
}

#[derive(Debug, Default)]
pub(super) struct Tree {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    pub(super) root: Option<Node>,
    nodes: usize,
}

/// The tags that `PyYAML` has constructors for, beside those of lists and maps.
const SCALARS: [&str; 7] = ["null", "bool", "int", "float", "binary", "timestamp", "str"];

impl Tree {
    pub(super) fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), Fault> {
        match event {
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Comment(..)
            | Event::Anchor(..) => Ok(()),
            Event::Alias(id) => self.alias(id),
            Event::Scalar(text, style, anchor, tag) => {
                let kind = kind(tag.as_deref(), style).ok_or(Fault::Tag(line))?;
                let scalar = Scalar { text: text.into_owned(), kind };
                // Only a key may be `<<`.
                let is_merge = scalar.text == "<<" && self.awaits_key();
                if scalar.is_refused() && !is_merge {
                    return Err(Fault::Value(line));
                }
                self.add(anchor, Node::Scalar(scalar))
            }
            Event::SequenceStart(_, anchor, tag) => self.begin(
                anchor,
                is_tagged(tag.as_deref(), "seq", &["omap", "pairs"]),
                false,
                line,
            ),
            Event::MappingStart(_, anchor, tag) => {
                self.begin(anchor, is_tagged(tag.as_deref(), "map", &["set"]), true, line)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { anchor, items, is_map, is_tagged, line }) = self.open.pop() else {
                    return Err(Fault::Syntax(None));
                };
                let node = match (is_tagged, is_map) {
                    (true, _) => Node::Tagged,
                    (false, true) => Node::Map(map(items, line)?),
                    (false, false) => Node::List(items),
                };
                self.add(anchor, node)
            }
            Event::UnresolvedAlias(_) | _ => Err(Fault::Syntax(None)),
        }
    }

    fn awaits_key(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_map && open.items.len() % 2 == 0)
    }

    fn alias(&mut self, id: usize) -> Result<(), Fault> {
        // Not there: it stands for what it is part of.
        let node = self.anchors.get(&id).ok_or(Fault::Syntax(None))?;
        self.nodes += node.size();
        if self.nodes > MOST {
            return Err(Fault::TooLarge);
        }
        let node = node.clone();
        self.add(0, node)
    }

    fn begin(
        &mut self,
        anchor: usize,
        is_tagged: Option<bool>,
        is_map: bool,
        line: usize,
    ) -> Result<(), Fault> {
        let is_tagged = is_tagged.ok_or(Fault::Tag(line))?;
        self.open.push(Open { anchor, items: Vec::new(), is_map, is_tagged, line });
        Ok(())
    }

    fn add(&mut self, anchor: usize, node: Node) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > MOST {
            return Err(Fault::TooLarge);
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

/// The part of a tag that YAML's own begin with.
fn own(tag: &Tag) -> Option<&str> {
    let (handle, suffix) = tag.parts();
    (handle == "tag:yaml.org,2002:").then_some(suffix)
}

/// What the tag and the quotes make of a scalar. None for a tag that is not known.
fn kind(tag: Option<&Tag>, style: ScalarStyle) -> Option<Kind> {
    match tag {
        None if style == ScalarStyle::Plain => Some(Kind::Plain),
        None => Some(Kind::Text),
        Some(tag) => match own(tag).filter(|name| SCALARS.contains(name))? {
            "str" => Some(Kind::Text),
            other => Some(Kind::Tagged(other.to_owned())),
        },
    }
}

/// Whether a tag makes something else of a list or a map. None for a tag that is not known.
fn is_tagged(tag: Option<&Tag>, itself: &str, others: &[&str]) -> Option<bool> {
    match tag.map(own) {
        None => Some(false),
        Some(Some(name)) if name == itself => Some(false),
        Some(Some(name)) if others.contains(&name) => Some(true),
        Some(_) => None,
    }
}

/// Pairs keys with values, and puts merged maps (`<<`) in.
fn map(items: Vec<Node>, line: usize) -> Result<Map, Fault> {
    let mut entries: Vec<(Scalar, Node)> = Vec::new();
    let mut merged: Vec<(Scalar, Node)> = Vec::new();
    let mut is_disputed = false;
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        let Node::Scalar(key) = key else { return Err(Fault::Key(line)) };
        if key.kind != Kind::Plain || key.text != "<<" {
            entries.push((key, value));
            continue;
        }
        let own: HashSet<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
        let new = merge(value)?;
        is_disputed |= new.iter().any(|(key, _)| own.contains(key.text.as_str()));
        merged.extend(new);
    }
    let own: HashSet<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
    merged.retain(|(key, _)| !own.contains(key.text.as_str()));
    // Of two merged values the last counts, and its key is there once.
    let mut seen = HashSet::new();
    merged.reverse();
    merged.retain(|(key, _)| seen.insert(key.text.clone()));
    merged.reverse();
    merged.extend(entries);
    Ok(Map { entries: merged, is_disputed })
}

/// Of a list of maps the first counts.
fn merge(value: Node) -> Result<Vec<(Scalar, Node)>, Fault> {
    match value {
        Node::Map(map) => Ok(map.entries),
        Node::List(all) => {
            let mut merged = Vec::new();
            for one in all.into_iter().rev() {
                let Node::Map(map) = one else { return Err(Fault::Syntax(None)) };
                merged.extend(map.entries);
            }
            Ok(merged)
        }
        Node::Scalar(_) | Node::Tagged => Err(Fault::Syntax(None)),
    }
}
