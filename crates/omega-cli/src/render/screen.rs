use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use serde_json::Value;

use super::{layout::wrap, printable::printable};
use crate::{environment::Environment, systems::Systems};

/// The output format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Plain text.
    #[default]
    Text,
    /// One JSON document with a schema version.
    Json,
}

/// Standard output, for the result only; or where a question is asked.
#[derive(Debug)]
pub(crate) struct Screen {
    /// The output format.
    pub(crate) format: Format,
    /// The width in columns. Without a terminal nothing is wrapped.
    pub(crate) width: usize,
    /// Whether to use colours.
    pub(crate) colour: bool,
    systems: Arc<Systems>,
    stream: Stream,
    lost: Mutex<Option<io::Error>>,
}

impl Screen {
    /// Returns the screen for this environment.
    pub(crate) fn new(environment: &Environment, format: Format) -> Self {
        let terminal = environment.stdout_is_terminal;
        let width = width(environment, terminal, &console::Term::stdout());
        let colour = environment.colour(terminal);
        let (stream, systems) = (Stream::Out, Arc::default());
        Self { format, width, colour, systems, stream, lost: Mutex::default() }
    }

    /// Returns the screen for a question, and for what it is about: stderr, or else stdout, if that is
    /// a terminal and has no document. `None` if there is none, or nobody can answer.
    pub(crate) fn asking(environment: &Environment, format: Format) -> Option<Self> {
        let (stream, term) = if environment.stderr_is_terminal {
            (Stream::Err, console::Term::stderr())
        } else if environment.stdout_is_terminal && format == Format::Text {
            (Stream::Out, console::Term::stdout())
        } else {
            return None;
        };
        let (width, colour) = (width(environment, true, &term), environment.colour(true));
        let screen = Self {
            format: Format::Text,
            width,
            colour,
            systems: Arc::default(),
            stream,
            lost: Mutex::default(),
        };
        environment.stdin_is_terminal.then_some(screen)
    }

    /// Returns what `show` prints on 80 columns.
    #[cfg(test)]
    pub(crate) fn kept(show: impl FnOnce(&Self)) -> String {
        let kept = std::sync::Arc::new(Mutex::new(String::new()));
        let stream = Stream::Kept(std::sync::Arc::clone(&kept));
        let (format, width, colour) = (Format::Text, 80, false);
        let systems = Arc::default();
        show(&Self { format, width, colour, systems, stream, lost: Mutex::default() });
        kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Names `systems` in commands that are suggested.
    pub(crate) fn with_systems(self, systems: Arc<Systems>) -> Self {
        Self { systems, ..self }
    }

    /// Returns `text` with the systems in the commands in it, so that they can be pasted.
    pub(crate) fn pasted(&self, text: &str) -> String {
        self.systems.in_commands(text)
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
            let document = serde_json::to_value(document).map(rounded);
            match document.and_then(|document| serde_json::to_string_pretty(&document)) {
                Ok(text) => self.write(&text),
                Err(error) => tracing::error!(%error, "the result could not be written as JSON"),
            }
        }
    }

    /// Prints a complete document, whatever the format.
    pub(crate) fn raw(&self, text: &str) {
        self.write(text);
    }

    /// Prints a question. The answer is on the same line.
    pub(crate) fn ask(&self, question: &str) {
        self.put(question);
    }

    fn write(&self, text: &str) {
        self.put(&format!("{text}\n"));
    }

    fn put(&self, text: &str) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.is_none() {
            *lost = match &self.stream {
                Stream::Out => written(io::stdout().lock(), text),
                Stream::Err => written(io::stderr().lock(), text),
                #[cfg(test)]
                Stream::Kept(kept) => {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
                    None
                }
            };
        }
    }

    /// Returns whether a write has failed, for whatever reason: what follows is not printed.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Returns the error of a failed write. A closed pipe (`| head`) is not an error.
    pub(crate) fn lost(&self) -> Option<io::Error> {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.take().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }
}

/// Rounds every fraction to thousandths: they are seconds, and nobody needs more of them.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let exact = number.as_f64().unwrap_or_default();
            serde_json::Number::from_f64((exact * 1000.0).round() / 1000.0)
                .map_or(Value::Number(number), Value::Number)
        }
        Value::Array(all) => all.into_iter().map(rounded).collect(),
        Value::Object(all) => all.into_iter().map(|(key, one)| (key, rounded(one))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// Where text goes.
#[derive(Clone, Debug)]
enum Stream {
    Out,
    Err,
    /// For tests.
    #[cfg(test)]
    Kept(std::sync::Arc<Mutex<String>>),
}

fn written(mut to: impl io::Write, text: &str) -> Option<io::Error> {
    to.write_all(text.as_bytes()).and_then(|()| to.flush()).err()
}

/// Returns the maximum width of a line: COLUMNS, the terminal's width, or no limit.
pub(super) fn width(environment: &Environment, terminal: bool, term: &console::Term) -> usize {
    let columns = environment.get("COLUMNS").and_then(|columns| columns.parse().ok());
    let seen = || term.size_checked().filter(|_| terminal).map(|(_, columns)| columns.into());
    columns.or_else(seen).unwrap_or(if terminal { 80 } else { usize::MAX })
}
