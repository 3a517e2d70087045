//! Documents of YAML with the place of every value, as Juju reads a bundle.
//!
//! Juju decodes with goyaml, for which a later one of two equal keys counts (juju/charm v12,
//! bundledatasrc.go). A place is where a value was written: for an alias, where its anchor is.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};
use serde::{Deserialize, Serialize};

/// The largest file that is read, in bytes: the largest public bundle has some 60 KiB.
pub const LARGEST: usize = 4 << 20;
/// A file has at most so many values, aliases counted as what they stand for.
const MOST: usize = 200_000;

/// Where something is in a file. Lines and columns are counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file's number in the order in which the files were given, from 0.
    pub file: usize,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A value and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its first character.
    pub place: Place,
    /// The value.
    pub data: Data,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A scalar. Text in quotes is never null, a boolean or a number.
    Scalar {
        /// Its text, without quotes.
        text: String,
        /// Whether it is in quotes or a block.
        is_quoted: bool,
    },
    /// A list.
    List(Vec<Value>),
    /// Keys and values in the order of the file; of two equal keys, the later.
    Map(Map),
}

/// The keys of a map.
pub type Map = Vec<Entry>;

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key is.
    pub place: Place,
    /// Its value.
    pub value: Value,
}

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its value.
    pub root: Value,
    /// The keys that an equal one in the same map follows: they do not count.
    pub overridden: Vec<(String, Place)>,
}

/// Why a file is not YAML that can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// Why.
    pub why: String,
}

impl Value {
    /// Returns whether it is null: nothing, `~` or `null` without quotes.
    pub fn is_null(&self) -> bool {
        matches!(&self.data, Data::Scalar { text, is_quoted: false } if omega_core::pyyaml::is_null(text))
    }

    /// Returns whether it is a scalar in quotes or a block, which is text whatever it says.
    pub fn is_quoted(&self) -> bool {
        matches!(&self.data, Data::Scalar { is_quoted: true, .. })
    }

    /// Returns its text, if it is a scalar and not null.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar { text, .. } if !self.is_null() => Some(text),
            Data::Scalar { .. } | Data::List(_) | Data::Map(_) => None,
        }
    }

    /// Returns the entries of a map; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.data {
            Data::Map(map) => map,
            Data::Scalar { .. } | Data::List(_) => &[],
        }
    }

    /// Returns the items of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.data {
            Data::List(items) => items,
            Data::Scalar { .. } | Data::Map(_) => &[],
        }
    }

    /// Returns the value of `key`.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// Returns what it is, in words.
    pub fn kind(&self) -> &'static str {
        match &self.data {
            _ if self.is_null() => "nothing",
            Data::Scalar { .. } => "text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }

    fn size(&self) -> usize {
        1 + match &self.data {
            Data::Scalar { .. } => 0,
            Data::List(items) => items.iter().map(Self::size).sum(),
            Data::Map(map) => map.iter().map(|entry| 1 + entry.value.size()).sum(),
        }
    }
}

/// Reads every document of a file that has a value.
///
/// # Errors
///
/// Fails with the place of the first fault.
pub fn read(file: usize, text: &str) -> Result<Vec<Document>, SyntaxError> {
    if text.len() > LARGEST {
        let why = format!("the file has {} bytes; at most {LARGEST} are read", text.len());
        return Err(SyntaxError { line: 1, column: 1, why });
    }
    let mut reader = Reader { file, ..Reader::default() };
    let lines: Vec<&str> = text.lines().collect();
    let options = granit_parser::options! { emit_unresolved_aliases: true };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            let why = format!("not valid YAML: {}", error.info());
            SyntaxError { line: at.line().max(1), column: at.col() + 1, why }
        })?;
        reader.tab_before(&event, span, &lines)?;
        reader.take(event, span)?;
    }
    Ok(reader.documents)
}

/// A list or a map that is not complete yet.
struct Open {
    anchor: usize,
    place: Place,
    items: Vec<Value>,
    is_map: bool,
    /// Whether it is in brackets, or in what is.
    is_flow: bool,
}

#[derive(Default)]
struct Reader {
    file: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, Value>,
    values: usize,
    overridden: Vec<(String, Place)>,
    documents: Vec<Document>,
}

impl Reader {
    fn place(&self, span: Span) -> Place {
        Place { file: self.file, line: span.start.line(), column: span.start.col() + 1 }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), SyntaxError> {
        let place = self.place(span);
        match event {
            Event::Alias(id) => {
                let known = self.anchors.get(&id).cloned();
                let value = known.ok_or_else(|| {
                    error(place, "this alias stands for something that it is a part of")
                })?;
                self.add(0, value, place)
            }
            Event::UnresolvedAlias(name) => {
                Err(error(place, &format!("there is no anchor for the alias *{name}")))
            }
            Event::Scalar(text, style, anchor, _) => {
                let is_quoted = style != ScalarStyle::Plain;
                let data = Data::Scalar { text: text.into_owned(), is_quoted };
                self.add(anchor, Value { place, data }, place)
            }
            Event::SequenceStart(style, anchor, _) => self.begin(anchor, place, false, style),
            Event::MappingStart(style, anchor, _) => self.begin(anchor, place, true, style),
            Event::SequenceEnd | Event::MappingEnd => self.end(place),
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::Comment(..)
            | _ => Ok(()),
        }
    }

    /// Refuses a tab where a line begins: goyaml and `PyYAML` do, and this parser takes it for a space
    /// (go-yaml v2, scannerc.go, `yaml_parser_scan_to_next_token`). In brackets goyaml takes it.
    fn tab_before(&self, event: &Event<'_>, span: Span, lines: &[&str]) -> Result<(), SyntaxError> {
        let begins = matches!(
            event,
            Event::Scalar(..)
                | Event::Alias(..)
                | Event::SequenceStart(..)
                | Event::MappingStart(..)
        );
        if !begins || self.open.last().is_some_and(|open| open.is_flow) {
            return Ok(());
        }
        let place = self.place(span);
        let line = lines.get(place.line.saturating_sub(1)).copied().unwrap_or_default();
        let before = || line.chars().take(place.column.saturating_sub(1));
        let is_indent = before().all(|c| matches!(c, ' ' | '\t' | '-' | '?'));
        match before().position(|c| c == '\t') {
            Some(nth) if is_indent => {
                let place = Place { column: nth + 1, ..place };
                Err(error(place, "a tab before a key or a value: Juju takes only spaces there"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn begin(
        &mut self,
        anchor: usize,
        place: Place,
        is_map: bool,
        style: StructureStyle,
    ) -> Result<(), SyntaxError> {
        // What is read here is walked by recursion.
        if self.open.len() >= 64 {
            return Err(error(place, "more than 64 levels of lists and maps"));
        }
        let is_flow =
            style == StructureStyle::Flow || self.open.last().is_some_and(|open| open.is_flow);
        self.open.push(Open { anchor, place, items: Vec::new(), is_map, is_flow });
        Ok(())
    }

    fn end(&mut self, place: Place) -> Result<(), SyntaxError> {
        let Some(Open { anchor, place, items, is_map, is_flow: _ }) = self.open.pop() else {
            return Err(error(place, "not valid YAML"));
        };
        let data = if is_map { Data::Map(self.map(items)?) } else { Data::List(items) };
        self.add(anchor, Value { place, data }, place)
    }

    fn add(&mut self, anchor: usize, value: Value, at: Place) -> Result<(), SyntaxError> {
        self.values += value.size();
        if self.values > MOST * 8 {
            let why = format!("its aliases (`*name`) stand for more than {MOST} values");
            return Err(error(at, &why));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        if let Some(open) = self.open.last_mut() {
            open.items.push(value);
            return Ok(());
        }
        let overridden = std::mem::take(&mut self.overridden);
        self.anchors.clear();
        if !value.is_null() {
            self.documents.push(Document { root: value, overridden });
        }
        Ok(())
    }

    /// Pairs keys with values, and puts in what is merged (`<<`) and not there.
    fn map(&mut self, items: Vec<Value>) -> Result<Map, SyntaxError> {
        let (mut map, mut merged): (Map, Map) = (Vec::new(), Vec::new());
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            let Data::Scalar { text, is_quoted } = key.data else {
                return Err(error(key.place, "a key is a list or a map"));
            };
            if text == "<<" && !is_quoted {
                merged.extend(of_merge(value)?);
                continue;
            }
            if let Some(nth) = map.iter().position(|entry| entry.key == text) {
                let earlier = map.remove(nth);
                self.overridden.push((earlier.key, earlier.place));
            }
            map.push(Entry { key: text, place: key.place, value });
        }
        for entry in merged {
            if !map.iter().any(|own| own.key == entry.key) {
                map.push(entry);
            }
        }
        Ok(map)
    }
}

fn of_merge(value: Value) -> Result<Map, SyntaxError> {
    match value.data {
        Data::Map(map) => Ok(map),
        Data::List(all) => {
            all.into_iter().map(of_merge).collect::<Result<Vec<_>, _>>().map(|all| all.concat())
        }
        Data::Scalar { .. } => Err(error(value.place, "only a map can be merged (`<<`)")),
    }
}

fn error(place: Place, why: &str) -> SyntaxError {
    SyntaxError { line: place.line.max(1), column: place.column.max(1), why: why.to_owned() }
}
