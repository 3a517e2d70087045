use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use serde::Serialize;

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
    closed: AtomicBool,
}

impl Screen {
    /// Returns the screen for this environment.
    pub(crate) fn new(environment: &Environment, format: Format) -> Self {
        let columns = environment.get("COLUMNS").and_then(|columns| columns.parse().ok());
        let terminal = environment.stdout_is_terminal;
        let seen = || terminal_width().filter(|_| terminal);
        let width = columns.or_else(seen).unwrap_or(if terminal { 80 } else { usize::MAX });
        let colour = environment.colour(terminal);
        Self { format, width, colour, closed: AtomicBool::new(false) }
    }

    /// Prints a line for a person. With `--output json` it prints nothing.
    pub(crate) fn text(&self, text: &str) {
        if self.format == Format::Text {
            self.write(text);
        }
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

    fn write(&self, text: &str) {
        // A reader that went away (`| head`) is no error of ours.
        if !self.closed.load(Ordering::Relaxed) && writeln!(io::stdout().lock(), "{text}").is_err()
        {
            self.closed.store(true, Ordering::Relaxed);
        }
    }
}

fn terminal_width() -> Option<usize> {
    console::Term::stdout().size_checked().map(|(_, columns)| columns.into())
}
