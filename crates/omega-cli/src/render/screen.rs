use std::{
    io::{self, Write as _},
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use super::{layout::wrap, printable::printable};
use crate::environment::Environment;

/// What the result looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For a person.
    #[default]
    Text,
    /// One JSON document with a schema version.
    Json,
}

/// Standard output, for the result and nothing else.
#[derive(Debug)]
pub(crate) struct Screen {
    /// For a person or a program.
    pub(crate) format: Format,
    /// Columns. Off a terminal nothing is wrapped.
    pub(crate) width: usize,
    /// Whether to colour.
    pub(crate) colour: bool,
    lost: Mutex<Option<io::Error>>,
}

impl Screen {
    /// Returns the screen for this environment.
    pub(crate) fn new(environment: &Environment, format: Format) -> Self {
        let terminal = environment.stdout_is_terminal;
        let width = width(environment, terminal, &console::Term::stdout());
        let colour = environment.colour(terminal);
        Self { format, width, colour, lost: Mutex::default() }
    }

    /// Prints a line for a person. With `--output json` it prints nothing.
    pub(crate) fn text(&self, text: &str) {
        if self.format == Format::Text {
            self.write(&printable(text));
        }
    }

    /// Prints a sentence for a person, on as many lines as it takes.
    pub(crate) fn prose(&self, text: &str) {
        self.text(&self.wrapped(text));
    }

    /// Returns a sentence for a person on as many lines as it takes.
    pub(crate) fn wrapped(&self, text: &str) -> String {
        wrap(text, self.width).join("\n")
    }

    /// Prints the one JSON document. With `--output text` it prints nothing.
    pub(crate) fn json(&self, document: &impl Serialize) {
        if self.format == Format::Json {
            match serde_json::to_string_pretty(document) {
                Ok(text) => self.write(&text),
                Err(error) => tracing::error!(%error, "the result has no JSON form"),
            }
        }
    }

    /// Prints what is a document in itself, whatever the format.
    pub(crate) fn raw(&self, text: &str) {
        self.write(text);
    }

    fn write(&self, text: &str) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.is_none() {
            *lost = writeln!(io::stdout().lock(), "{text}").err();
        }
    }

    /// Returns why the result did not arrive. A reader that went away (`| head`) has what it wanted.
    pub(crate) fn lost(&self) -> Option<io::Error> {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.take().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }
}

/// Returns how many columns a line may have: COLUMNS, what the terminal says, or no limit.
pub(super) fn width(environment: &Environment, terminal: bool, term: &console::Term) -> usize {
    let columns = environment.get("COLUMNS").and_then(|columns| columns.parse().ok());
    let seen = || term.size_checked().filter(|_| terminal).map(|(_, columns)| columns.into());
    columns.or_else(seen).unwrap_or(if terminal { 80 } else { usize::MAX })
}
