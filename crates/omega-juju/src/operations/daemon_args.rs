//! `/etc/default/DAEMON`: a shell script that the init script sources.
//!
//! The init script of openstack-pkg-tools sets `DAEMON_ARGS`, sources `/etc/default/openstack` and
//! this file (in dash, and only if the daemon's user can read it), and appends `--log-file`.

use crate::UnitPath;

/// Why a file can't be edited safely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unsafe {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) why: String,
    pub(super) next: String,
}

/// Returns the values of an option that is written as `OPTION=VALUE` or `OPTION VALUE`.
fn values<'a>(args: &'a [String], option: &str) -> impl Iterator<Item = &'a str> {
    let joined = args.iter().filter_map(move |arg| arg.strip_prefix(option)?.strip_prefix('='));
    let split = args.windows(2).filter_map(move |pair| match pair {
        [flag, value] if flag == option => Some(value.as_str()),
        _ => None,
    });
    joined.chain(split)
}

/// Returns how often `args` contain `--config-dir` with `directory`.
pub(super) fn count(args: &[String], directory: &UnitPath) -> usize {
    let same = |value: &&str| value.trim_end_matches('/') == directory.as_str();
    values(args, "--config-dir").filter(same).count()
}

/// Returns whether `args` contain `--config-file` with `file`.
pub(super) fn has_config_file(args: &[String], file: &UnitPath) -> bool {
    values(args, "--config-file").any(|value| value == file.as_str())
}

/// Returns how often the lines of `text` add the flag.
pub(super) fn count_in(text: &str, directory: &UnitPath) -> usize {
    let lines = text.lines().map(str::trim).filter_map(Assignment::read);
    lines
        .filter(|value| !value.plus)
        .map(|value| {
            let args: Vec<String> = value.inner.split_whitespace().map(str::to_owned).collect();
            count(&args, directory)
        })
        .sum()
}

/// Returns the line that adds the flag.
pub(super) fn flag_line(directory: &UnitPath) -> String {
    format!("DAEMON_ARGS=\"$DAEMON_ARGS --config-dir {directory}\"\n")
}

/// Returns `text`, edited so that it adds the flag exactly once. Lines that only add the flag, in any
/// spelling, are replaced by one line at the end. All others are kept byte for byte.
///
/// `text` must have no carriage returns.
pub(super) fn edit(text: &str, directory: &UnitPath) -> Result<String, Unsafe> {
    structure(text)?;
    let mut kept = String::new();
    let mut has_flag = false;
    for (nth, raw) in text.split_inclusive('\n').enumerate() {
        let line = nth + 1;
        let no = |why: &str, next: String| Err(Unsafe { line, why: why.to_owned(), next });
        let remove = || format!("remove `--config-dir {directory}` from line {line}");
        match Line::read(raw, directory) {
            Line::FlagAlone => continue,
            Line::Reset => {
                let next = format!("change line {line} to DAEMON_ARGS=\"$DAEMON_ARGS …\"");
                return no("it replaces the daemon's arguments: --config-file is lost", next);
            }
            Line::Literal => {
                let next = format!("put double quotes around the value in line {line}");
                return no("`$DAEMON_ARGS` is not expanded in single quotes", next);
            }
            Line::FlagAmongOthers { effective: true } if !has_flag => has_flag = true,
            Line::FlagAmongOthers { .. } => {
                return no("it adds the flag together with something else", remove());
            }
            Line::Restart if has_flag => {
                return no("it drops the flag that a previous line adds", remove());
            }
            Line::Mention => {
                return no("it contains the flag or directory in another form", remove());
            }
            Line::Restart | Line::Other => {}
        }
        kept.push_str(raw);
    }
    if !has_flag {
        if !kept.is_empty() && !kept.ends_with('\n') {
            kept.push('\n');
        }
        kept.push_str(&flag_line(directory));
    }
    Ok(kept)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// `DAEMON_ARGS="$DAEMON_ARGS --config-dir D"`, in any spelling.
    FlagAlone,
    /// The flag, and other arguments.
    FlagAmongOthers { effective: bool },
    /// `DAEMON_ARGS="--debug"`: the previous arguments are lost.
    Reset,
    /// `DAEMON_ARGS="--config-file=… …"`: they are lost, but `--config-file` is set again.
    Restart,
    /// `DAEMON_ARGS='$DAEMON_ARGS …'`
    Literal,
    /// The flag or directory occurs in any other line.
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
        let inner =
            if value.literal { value.inner.to_owned() } else { with_plain_references(value.inner) };
        let is_reference = |word: &&str| matches!(*word, REFERENCE | "${DAEMON_ARGS}");
        let words: Vec<_> = inner.split_whitespace().collect();
        let referring = words.iter().any(is_reference) || refers(&inner);
        let rest: Vec<String> =
            words.iter().filter(|word| !is_reference(word)).map(ToString::to_string).collect();
        let flags = count(&rest, directory);
        let joined = rest.iter().filter(|word| word.starts_with("--config-dir=")).count();
        let split = rest.iter().filter(|word| *word == "--config-dir").count();
        // Nothing but flags for this directory, each of which is one word or two.
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

const REFERENCE: &str = "$DAEMON_ARGS";

/// Returns whether `$DAEMON_ARGS` occurs in `text`, also next to something else.
fn refers(text: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(REFERENCE).skip(1).any(|after| !after.starts_with(is_name))
}

/// Replaces the expansions of `DAEMON_ARGS` by `$DAEMON_ARGS` or what they come to: the init script has
/// set it, so `${DAEMON_ARGS:-x}` is its value and `${DAEMON_ARGS:+x}` is `x`. One that changes the
/// value (`${DAEMON_ARGS#x}`) stays as it is.
fn with_plain_references(text: &str) -> String {
    const OPENED: &str = "${DAEMON_ARGS";
    let mut parts = text.split(OPENED);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    let mut rest = text.get(plain.len()..).unwrap_or_default();
    while let Some(from) = rest.strip_prefix(OPENED) {
        let (value, after) = match expansion(from) {
            Some((value, after)) => (value, after),
            None => (OPENED.to_owned(), from),
        };
        plain.push_str(&value);
        let next = after.find(OPENED).unwrap_or(after.len());
        let (before, next) = after.split_at(next);
        plain.push_str(before);
        rest = next;
    }
    plain
}

/// Reads `OPERATOR WORD}` after `${DAEMON_ARGS`: what it comes to, and the text after it.
fn expansion(text: &str) -> Option<(String, &str)> {
    let mut open = 1_u32;
    let end = text.char_indices().find_map(|(at, c)| {
        open += u32::from(text.get(at..).is_some_and(|rest| rest.starts_with("${")));
        open -= u32::from(c == '}');
        (open == 0).then_some(at)
    })?;
    let (inner, after) = (text.get(..end)?, text.get(end + 1..)?);
    let operator = inner.strip_prefix(':').unwrap_or(inner);
    let value = match operator.chars().next() {
        None | Some('-' | '=' | '?') => REFERENCE.to_owned(),
        Some('+') => with_plain_references(operator.get(1..)?),
        Some(_) => return None,
    };
    Some((value, after))
}

/// `DAEMON_ARGS=VALUE` on a line of its own.
struct Assignment<'a> {
    inner: &'a str,
    /// Whether the value is in single quotes.
    literal: bool,
    /// Whether it is `+=`, which dash treats as a command.
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

/// Refuses a text if dash might not execute a line that is appended to it.
fn structure(text: &str) -> Result<(), Unsafe> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut closed_too_often = false;
    let mut quote: Option<char> = None;
    let mut last = 1;
    for (nth, line) in text.lines().enumerate() {
        last = nth + 1;
        let no = |why: String| {
            let next = "add the flag to the file by hand, then check show-args".to_owned();
            Err(Unsafe { line: nth + 1, why, next })
        };
        if quote.is_none() {
            if line.contains("<<") {
                return no("it starts a here-document".to_owned());
            }
            for word in commands(line) {
                match word {
                    "return" if blocks.contains(&Block::Function) => {}
                    "exit" | "return" | "exec" => {
                        return no(format!("after `{word}`, later lines are not executed"));
                    }
                    "if" | "case" | "do" | "{" => blocks.push(Block::Other),
                    FUNCTION => blocks.push(Block::Function),
                    "fi" | "esac" | "done" | "}" => closed_too_often |= blocks.pop().is_none(),
                    _ => {}
                }
            }
        }
        quote = quotes(line, quote);
    }
    if quote.is_some()
        || closed_too_often
        || !blocks.is_empty()
        || text.trim_end_matches('\n').ends_with('\\')
    {
        let next = "close it, then check show-args".to_owned();
        let why = "a quote, block or continued line is not closed".to_owned();
        return Err(Unsafe { line: last, why, next });
    }
    Ok(())
}

/// A block that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// The body of a function.
    Function,
    /// `if`, `case`, a loop, a group.
    Other,
}

/// Stands for `NAME() {`.
const FUNCTION: &str = "() {";

/// Returns the words of `line` that may be commands or keywords.
fn commands(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim_start();
    let code = if line.starts_with('#') { "" } else { line };
    let parts = code.split(';').flat_map(|part| part.split("&&"));
    parts.flat_map(|part| part.split("||")).flat_map(|part| {
        // `NAME() {`: what follows is in the body.
        let body = part.split_once("()").and_then(|(_, rest)| rest.trim_start().strip_prefix('{'));
        let mut words = body.unwrap_or(part).split_whitespace();
        // `PATTERN) COMMAND`
        let first = words.next();
        let is_pattern = body.is_none() && first.is_some_and(|word| word.ends_with(')'));
        let first = if is_pattern { words.next() } else { first };
        let function = body.map(|_| FUNCTION);
        // `then exit`, `do exit`, `else exit`
        let second = first.filter(|word| matches!(*word, "then" | "do" | "else" | "{"));
        function.into_iter().chain(first).chain(second.and(words.next()))
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
