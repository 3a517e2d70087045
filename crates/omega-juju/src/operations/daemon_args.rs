//! `/etc/default/DAEMON`: a file of shell that the init script sources.
//!
//! The init script of openstack-pkg-tools sets `DAEMON_ARGS`, sources `/etc/default/openstack` and
//! this file (with dash, and only if the daemon's user can read it), and appends `--log-file`.

use crate::UnitPath;

/// Why a file can't be edited safely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unsafe {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) why: String,
    pub(super) next: String,
}

/// Returns how often `words` name `directory` with `--config-dir`.
pub(super) fn count(words: &[String], directory: &UnitPath) -> usize {
    let same = |value: &str| value.trim_end_matches('/') == directory.as_str();
    let joined = words.iter().filter_map(|word| word.strip_prefix("--config-dir="));
    let split = words.windows(2).filter_map(|pair| match pair {
        [flag, value] if flag == "--config-dir" => Some(value.as_str()),
        _ => None,
    });
    joined.chain(split).filter(|value| same(value)).count()
}

/// Returns whether `words` name `file` with `--config-file`.
pub(super) fn has_config_file(words: &[String], file: &UnitPath) -> bool {
    let joined = words
        .iter()
        .any(|word| word.strip_prefix("--config-file=").is_some_and(|v| v == file.as_str()));
    joined
        || words
            .windows(2)
            .any(|pair| matches!(pair, [flag, value] if flag == "--config-file" && value == file.as_str()))
}

/// Returns how often the lines of `text` add the flag.
pub(super) fn count_in(text: &str, directory: &UnitPath) -> usize {
    let lines = text.lines().map(str::trim).filter_map(Assignment::read);
    lines
        .filter(|value| !value.plus)
        .map(|value| {
            let words: Vec<String> = value.inner.split_whitespace().map(str::to_owned).collect();
            count(&words, directory)
        })
        .sum()
}

/// Returns the line that carries the flag.
pub(super) fn flag_line(directory: &UnitPath) -> String {
    format!("DAEMON_ARGS=\"$DAEMON_ARGS --config-dir {directory}\"\n")
}

/// Returns `text` so changed that it gives the flag once. Lines that exist for the flag alone, in
/// whatever spelling, make room for one good line at the end; all others are kept byte for byte.
///
/// Only for a text without carriage returns.
pub(super) fn edit(text: &str, directory: &UnitPath) -> Result<String, Unsafe> {
    structure(text)?;
    let mut kept = String::new();
    let mut carried = None;
    for (nth, raw) in text.split_inclusive('\n').enumerate() {
        let line = nth + 1;
        let no = |why: &str, next: String| Err(Unsafe { line, why: why.to_owned(), next });
        let take_out = || format!("take `--config-dir {directory}` out of line {line}");
        match Line::read(raw, directory) {
            Line::FlagAlone => continue,
            Line::Reset => {
                let next = format!("make it DAEMON_ARGS=\"$DAEMON_ARGS …\" in line {line}");
                return no("it replaces the daemon's arguments: --config-file is lost", next);
            }
            Line::Literal => {
                let next = format!("put double quotes around the value in line {line}");
                return no("single quotes keep `$DAEMON_ARGS` as it is", next);
            }
            Line::FlagAmongOthers { effective: true } if carried.is_none() => carried = Some(line),
            Line::FlagAmongOthers { .. } => {
                return no("it carries the flag together with something else", take_out());
            }
            Line::Restart if carried.is_some() => {
                return no("it drops the flag that a line above it adds", take_out());
            }
            Line::Mention => return no("it names the directory in a way of its own", take_out()),
            Line::Restart | Line::Other => {}
        }
        kept.push_str(raw);
    }
    if carried.is_none() {
        if !kept.is_empty() && !kept.ends_with('\n') {
            kept.push('\n');
        }
        kept.push_str(&flag_line(directory));
    }
    Ok(kept)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// `DAEMON_ARGS="$DAEMON_ARGS --config-dir D"`, in whatever spelling.
    FlagAlone,
    /// The flag, and other arguments.
    FlagAmongOthers { effective: bool },
    /// `DAEMON_ARGS="--debug"`: the arguments so far are lost.
    Reset,
    /// `DAEMON_ARGS="--config-file=… …"`: they are lost, and the file is said again.
    Restart,
    /// `DAEMON_ARGS='$DAEMON_ARGS …'`
    Literal,
    /// The directory is named outside such a line.
    Mention,
    /// Anything else.
    Other,
}

impl Line {
    fn read(raw: &str, directory: &UnitPath) -> Self {
        let text = raw.trim();
        if text.is_empty() || text.starts_with('#') {
            return Self::Other;
        }
        let Some(value) = Assignment::read(text) else {
            let mentions = text.contains("--config-dir") || text.contains(directory.as_str());
            return if mentions { Self::Mention } else { Self::Other };
        };
        let is_reference = |word: &&str| matches!(*word, "$DAEMON_ARGS" | "${DAEMON_ARGS}");
        let words: Vec<_> = value.inner.split_whitespace().collect();
        let referring = words.iter().any(is_reference);
        let rest: Vec<String> =
            words.iter().filter(|word| !is_reference(word)).map(ToString::to_string).collect();
        let flags = count(&rest, directory);
        let joined = rest.iter().filter(|word| word.starts_with("--config-dir=")).count();
        let split = rest.iter().filter(|word| *word == "--config-dir").count();
        // Nothing but flags for this directory: each is one word, or two.
        if flags > 0 && joined + split == flags && rest.len() == joined + 2 * split {
            return Self::FlagAlone;
        }
        if flags > 0 {
            let effective = flags == 1 && referring && !value.literal && !value.plus;
            return Self::FlagAmongOthers { effective };
        }
        let has_file = rest.iter().any(|word| word.starts_with("--config-file"));
        match (referring, value.literal) {
            (true, true) => Self::Literal,
            (true, false) => Self::Other,
            (false, _) if value.plus => Self::Other,
            (false, _) if has_file => Self::Restart,
            (false, _) => Self::Reset,
        }
    }
}

/// `DAEMON_ARGS=VALUE` on a line of its own.
struct Assignment<'a> {
    inner: &'a str,
    /// In single quotes.
    literal: bool,
    /// `+=`, which dash takes for a command.
    plus: bool,
}

impl<'a> Assignment<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix("export ").map_or(text, str::trim_start);
        let text = text.strip_prefix("DAEMON_ARGS")?;
        let (plus, text) = match text.strip_prefix("+=") {
            Some(text) => (true, text),
            None => (false, text.strip_prefix('=')?),
        };
        let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (inner, rest) = match quote {
            Some(quote) => text.get(1..)?.split_once(quote)?,
            None => text.split_at(text.find(char::is_whitespace).unwrap_or(text.len())),
        };
        let rest = rest.trim_start();
        let plain = !inner.contains(['\\', '`', '"', '\'']) && !inner.contains("$(");
        let ended = rest.is_empty() || rest.starts_with('#');
        (plain && ended).then_some(Self { inner, literal: quote == Some('\''), plus })
    }
}

/// Refuses a text after which a further line might not be run as one.
fn structure(text: &str) -> Result<(), Unsafe> {
    let mut open = 0_i32;
    let mut quote: Option<char> = None;
    let mut last = 1;
    for (nth, line) in text.lines().enumerate() {
        last = nth + 1;
        let no = |why: &str| {
            let next = "put the flag into the file by hand, and look at show-args".to_owned();
            Err(Unsafe { line: nth + 1, why: why.to_owned(), next })
        };
        if quote.is_none() {
            if line.contains("<<") {
                return no("it begins a here-document");
            }
            for word in commands(line) {
                match word {
                    "exit" | "return" | "exec" => return no("what follows it is not run"),
                    "if" | "case" | "do" | "{" => open += 1,
                    "fi" | "esac" | "done" | "}" => open -= 1,
                    _ => {}
                }
            }
        }
        quote = quotes(line, quote);
    }
    if quote.is_some() || open != 0 || text.trim_end_matches('\n').ends_with('\\') {
        let next = "close it, and look at show-args".to_owned();
        let why = "something is left open at the end of the file".to_owned();
        return Err(Unsafe { line: last, why, next });
    }
    Ok(())
}

/// Returns the words of `line` that may be commands or keywords.
fn commands(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim_start();
    let code = if line.starts_with('#') { "" } else { line };
    code.split(';').flat_map(|part| part.split("&&")).flat_map(|part| {
        let mut words = part.split_whitespace();
        let first = words.next();
        // `then exit`, `do exit`, `else exit`
        let second = first.filter(|word| matches!(*word, "then" | "do" | "else" | "{"));
        first.into_iter().chain(second.and(words.next()))
    })
}

/// Returns the quote that is open after `line`.
fn quotes(line: &str, mut open: Option<char>) -> Option<char> {
    let mut chars = line.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        match (open, c) {
            (None, '#') if before.is_whitespace() => return None,
            (None | Some('"'), '\\') => drop(chars.next()),
            (None, '"' | '\'') => open = Some(c),
            (Some(quote), c) if quote == c => open = None,
            _ => {}
        }
        before = c;
    }
    open
}
