//! A document of YAML as `PyYAML`'s `safe_load` takes it: magnum-capi-helm reads kubeconfigs so, and the
//! openstack client clouds.yaml.
//!
//! Scalars keep their text, because a second reader may take them otherwise. `tests/oracle/run` compares
//! this with `PyYAML`.

mod scalar;
mod tree;

use std::fmt;

use granit_parser::{Event, Parser, ScalarStyle, Span};

pub use scalar::{Kind, Scalar, is_null};
use tree::Tree;

/// A document has at most so many values, aliases counted as what they stand for.
const MOST: usize = 200_000;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Text, a number and so on.
    Scalar(Scalar),
    /// A list.
    List(Vec<Self>),
    /// Keys and values.
    Map(Map),
    /// A list or a map with a tag that makes something else of it: `!!set`, `!!omap`, `!!pairs`.
    Tagged,
}

/// The keys and values of a map, merged ones (`<<`) first. Of equal keys the last counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// Its keys and values.
    pub entries: Vec<(Scalar, Node)>,
    /// Whether a key of its own comes before a merged one: to `PyYAML` its own counts, to Go the later.
    pub is_disputed: bool,
}

impl Node {
    /// Returns the value of `key` in a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(map) = self else { return None };
        map.entries.iter().rev().find(|(name, _)| name.text == key).map(|(_, value)| value)
    }

    /// Does the same, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Map(map) = self else { return None };
        map.entries.iter_mut().rev().find(|(name, _)| name.text == key).map(|(_, value)| value)
    }

    /// Returns the text of a scalar, whatever it is to a reader.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(one) => Some(&one.text),
            Self::List(_) | Self::Map(_) | Self::Tagged => None,
        }
    }

    fn size(&self) -> usize {
        1 + match self {
            Self::Scalar(_) | Self::Tagged => 0,
            Self::List(items) => items.iter().map(Self::size).sum(),
            Self::Map(map) => map.entries.iter().map(|(_, value)| 1 + value.size()).sum(),
        }
    }
}

/// A file of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// None if it has comments only.
    pub root: Option<Node>,
    /// The first escape that JSON has and YAML 1.1 does not, with its line: `\/`, or half of a character
    /// (`\ud83d`). `PyYAML` takes both, Go's parser neither.
    pub json_escape: Option<(usize, &'static str)>,
}

/// Whether directives (`%YAML 1.1`) may stand before the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directives {
    /// They may.
    Allowed,
    /// They may not.
    Refused,
}

/// Why `PyYAML` does not take a text. It never quotes the text, which may have a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not YAML, in this line and column.
    Syntax(Option<(usize, usize)>),
    /// A tab between values, in this line.
    Tab(usize),
    /// It begins with `...`, in this line.
    Ended(usize),
    /// A plain value that looks like something, and is not: a date in month 13, `=`. In this line.
    Value(usize),
    /// A tag that no reader knows, in this line.
    Tag(usize),
    /// A key is a list or a map, in this line.
    Key(usize),
    /// There are several documents.
    Documents,
    /// It has too many values, most of them by aliases.
    TooLarge,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(Some((line, column))) => {
                write!(f, "line {line}, column {column}: not valid YAML")
            }
            Self::Syntax(None) => f.write_str("not valid YAML"),
            Self::Tab(line) => write!(f, "line {line}: a tab between values is not valid YAML"),
            Self::Ended(line) => write!(f, "line {line}: `...` ends a document before it began"),
            Self::Value(line) => write!(
                f,
                "line {line}: an unquoted value looks like a date, a number or a sign of YAML, but is not one"
            ),
            Self::Tag(line) => write!(f, "line {line}: a tag (`!name`) that is not known"),
            Self::Key(line) => write!(f, "line {line}: a key is a list or a map"),
            Self::Documents => f.write_str("it has several YAML documents"),
            Self::TooLarge => {
                write!(f, "its aliases (`*name`) stand for more than {MOST} values")
            }
        }
    }
}

/// Reads the one document in `text`.
///
/// # Errors
///
/// Fails on what `PyYAML` does not take.
pub fn read(text: &str, directives: Directives) -> Result<Document, Fault> {
    characters(text)?;
    begins(text)?;
    let options = granit_parser::options! {
        disallow_directives: directives == Directives::Refused,
        max_buffered_comment_events: usize::MAX,
    };
    let mut tree = Tree::default();
    let mut reader = Reader { text, covered: Vec::new(), json_escape: None };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let place = error.marker();
            Fault::Syntax(Some((place.line(), place.col() + 1)))
        })?;
        reader.look(&event, span);
        documents += usize::from(matches!(event, Event::DocumentStart(..)));
        if documents > 1 {
            return Err(Fault::Documents);
        }
        tree.take(event, span.start.line())?;
    }
    reader.tabs()?;
    Ok(Document { root: tree.root, json_escape: reader.json_escape })
}

/// `PyYAML` refuses characters that can't be printed. What ends a line in YAML 1.1 but not in 1.2 is
/// refused here.
fn characters(text: &str) -> Result<(), Fault> {
    let odd = |c: char| {
        !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
            || matches!(c, '\u{2028}' | '\u{2029}')
    };
    match text.find(odd) {
        Some(at) => Err(Fault::Syntax(Some((line(text, at), 1)))),
        None => Ok(()),
    }
}

/// The first line that says something must not end the document (`...`).
fn begins(text: &str) -> Result<(), Fault> {
    let says = |text: &str| !text.trim().is_empty() && !text.trim_start().starts_with('#');
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().enumerate().find(|(_, line)| says(line));
    match first {
        Some((at, line)) if line.trim_end() == "..." || line.starts_with("... ") => {
            Err(Fault::Ended(at + 1))
        }
        Some(_) | None => Ok(()),
    }
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

/// What the tree does not show.
struct Reader<'a> {
    text: &'a str,
    /// Where a tab is content, or in a comment.
    covered: Vec<(usize, usize)>,
    json_escape: Option<(usize, &'static str)>,
}

impl Reader<'_> {
    fn look(&mut self, event: &Event<'_>, span: Span) {
        let place = span.start.byte_offset().zip(span.end.byte_offset());
        let style = if let Event::Scalar(_, style, ..) = event { Some(*style) } else { None };
        let is_content = style.is_some_and(|style| style != ScalarStyle::Plain);
        if is_content || matches!(event, Event::Comment(..)) {
            self.covered.extend(place);
        }
        if style == Some(ScalarStyle::DoubleQuoted) && self.json_escape.is_none() {
            let written = place.and_then(|(from, to)| self.text.get(from..to));
            let escape = written.and_then(json_escape);
            self.json_escape = escape.map(|escape| (span.start.line(), escape));
        }
    }

    /// `PyYAML` takes a tab only in quotes, in a block of text and in a comment.
    fn tabs(&self) -> Result<(), Fault> {
        let bare = |at: &usize| !self.covered.iter().any(|(from, to)| (from..to).contains(&at));
        match self.text.match_indices('\t').map(|(at, _)| at).find(bare) {
            Some(at) => Err(Fault::Tab(line(self.text, at))),
            None => Ok(()),
        }
    }
}

/// Returns the first escape of JSON alone in a text in double quotes.
fn json_escape(written: &str) -> Option<&'static str> {
    let mut rest = written;
    while let Some((_, after)) = rest.split_once('\\') {
        if after.starts_with('/') {
            return Some("`\\/`");
        }
        let hex = after.strip_prefix('u').and_then(|hex| hex.get(..4));
        let unit = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        if unit.is_some_and(|unit| (0xd800..0xe000).contains(&unit)) {
            return Some("`\\ud800` to `\\udfff`");
        }
        let mut chars = after.chars();
        chars.next();
        rest = chars.as_str();
    }
    None
}

#[cfg(test)]
#[path = "pyyaml_tests.rs"]
mod tests;
