use std::{
    io::{self, Write as _},
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use super::{layout::wrap, printable::printable};
use crate::environment::Environment;

/// The output format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Plain text.
    #[default]
    Text,
    /// One JSON document with a schema version.
    Json,
}

/// Standard output, for the result only.
#[derive(Debug)]
pub(crate) struct Screen {
    /// The output format.
    pub(crate) format: Format,
    /// The width in columns. Without a terminal nothing is wrapped.
    pub(crate) width: usize,
    /// Whether to use colours.
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

    /// Prints a line of text. With `--output json` it prints nothing.
    pub(crate) fn text(&self, text: &str) {
        if self.format == Format::Text {
            self.write(&printable(text));
        }
    }

    /// Prints a sentence, wrapped.
    pub(crate) fn prose(&self, text: &str) {
        self.text(&self.wrapped(text));
    }

    /// Returns a wrapped sentence.
    pub(crate) fn wrapped(&self, text: &str) -> String {
        wrap(text, self.width).join("\n")
    }

    /// Prints the JSON document. With `--output text` it prints nothing.
    pub(crate) fn json(&self, document: &impl Serialize) {
        if self.format == Format::Json {
            match serde_json::to_string_pretty(document) {
                Ok(text) => self.write(&text),
                Err(error) => tracing::error!(%error, "the result could not be written as JSON"),
            }
        }
    }

    /// Prints a complete document, whatever the format.
    pub(crate) fn raw(&self, text: &str) {
        self.write(text);
    }

    fn write(&self, text: &str) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.is_none() {
            *lost = writeln!(io::stdout().lock(), "{text}").err();
        }
    }

    /// Returns the error of a failed write. A closed pipe (`| head`) is not an error.
    pub(crate) fn lost(&self) -> Option<io::Error> {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.take().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }
}

/// Returns the maximum width of a line: COLUMNS, the terminal's width, or no limit.
pub(super) fn width(environment: &Environment, terminal: bool, term: &console::Term) -> usize {
    let columns = environment.get("COLUMNS").and_then(|columns| columns.parse().ok());
    let seen = || term.size_checked().filter(|_| terminal).map(|(_, columns)| columns.into());
    columns.or_else(seen).unwrap_or(if terminal { 80 } else { usize::MAX })
}
