//! Reads a script of sh (dash) as far as needed to know which commands run in the shell itself.
//!
//! It knows quotes, comments, expansions, substitutions, subshells, pipelines, lists, `if`, `case`, loops,
//! groups, functions and redirections. What only bash has is refused by name: the init scripts of
//! openstack-pkg-tools run in sh, and dash reads none of a file that it can't parse. A here-document is
//! refused too: what is in it is not code.

mod commands;
mod reader;
mod words;

use self::reader::Reader;
use super::daemon_args::Unsafe;

/// The commands of a script, in their order.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) commands: Vec<Command>,
    /// The lines without their comments.
    pub(super) code: Vec<String>,
}

/// A simple command: assignments, and words.
#[derive(Clone, Debug)]
pub(super) struct Command {
    /// The lines, counted from 1.
    pub(super) lines: (usize, usize),
    pub(super) words: Vec<Vec<Piece>>,
    pub(super) place: Place,
    /// Whether it is in the body of a function.
    pub(super) in_function: bool,
    /// Whether nothing but a comment is beside it on its lines.
    pub(super) alone: bool,
}

/// Where a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In the shell itself, always.
    Always,
    /// In the shell itself, under a condition, or when a function is called.
    Maybe,
    /// In another process: what it sets or ends is not the shell's.
    Elsewhere,
}

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text, without its quotes. `quoted`: whether it was in quotes, or escaped.
    Text { text: String, quoted: bool },
    /// `$NAME`, or `${NAME OPERATOR WORD}`; the word is that of `-`, `=`, `?` and `+`.
    Variable { name: String, operator: String, word: Vec<Piece>, quoted: bool },
    /// Anything whose value is not known: a substitution, arithmetic.
    Unknown { quoted: bool },
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    ///
    /// Fails if sh can't parse it, or what is in it is not known here; with the line.
    pub(super) fn read(text: &str) -> Result<Self, Unsafe> {
        let mut reader = Reader::new(text);
        reader.list(Place::Always, &[])?;
        if reader.peek(0).is_some() {
            return Err(reader.open());
        }
        reader.mark_neighbours();
        Ok(reader.script)
    }
}

impl Command {
    /// Returns the name of the command, if it is plain text.
    pub(super) fn name(&self) -> Option<&str> {
        self.words.iter().find(|word| assignment(word).is_none()).and_then(|word| plain(word))
    }
}

/// Returns the text of a word without expansions.
pub(super) fn plain(word: &[Piece]) -> Option<&str> {
    match word {
        [Piece::Text { text, .. }] => Some(text),
        _ => None,
    }
}

/// Splits `NAME=VALUE` and `NAME+=VALUE`: the name, whether it is `+=`, the value.
pub(super) fn assignment(word: &[Piece]) -> Option<(&str, bool, Vec<Piece>)> {
    let (Piece::Text { text, quoted: false }, rest) = word.split_first()? else { return None };
    let (name, value) = text.split_once('=')?;
    let (name, plus) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(good)
    {
        return None;
    }
    let head = Piece::Text { text: value.to_owned(), quoted: false };
    Some((name, plus, std::iter::once(head).chain(rest.iter().cloned()).collect()))
}
