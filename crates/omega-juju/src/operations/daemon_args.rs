//! `/etc/default/DAEMON`: a shell script that the init script sources.
//!
//! The init script of openstack-pkg-tools sets `DAEMON_ARGS`, sources `/etc/default/openstack` and
//! this file (in dash, and only if the daemon's user can read it), and appends `--log-file`.

use super::shell_script::{Command, Piece, Place, Script, assignment, plain};
use crate::UnitPath;

/// Why a file can't be edited safely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsafe {
    /// Counted from 1.
    pub(super) line: usize,
    pub(crate) why: String,
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

/// Returns how often the assignments of `text` add the flag.
pub(crate) fn count_in(text: &str, directory: &UnitPath) -> usize {
    let Ok(script) = Script::read(text) else { return 0 };
    let here = script.commands.iter().filter(|command| command.place != Place::Elsewhere);
    let values = here.filter_map(Value::of).filter(|value| !value.plus);
    values.map(|value| value.flags(directory)).sum()
}

/// Returns the line that adds the flag.
pub(super) fn flag_line(directory: &UnitPath) -> String {
    format!("DAEMON_ARGS=\"$DAEMON_ARGS --config-dir {directory}\"\n")
}

/// Returns `text`, edited so that it adds the flag exactly once. Lines that only add the flag, in any
/// spelling, are replaced by one line at the end. All others are kept byte for byte.
///
/// `text` must have no carriage returns.
pub(crate) fn edit(text: &str, directory: &UnitPath) -> Result<String, Unsafe> {
    let script = Script::read(text)?;
    let mut edit = Edit { directory, flag: Flag::None, seen: false, removed: Vec::new() };
    for command in &script.commands {
        edit.judge(command)?;
    }
    edit.refuse_mentions(&script)?;
    let within = |line: usize, (first, last): &(usize, usize)| (*first..=*last).contains(&line);
    let lines = text.split_inclusive('\n').enumerate();
    let kept = lines.filter(|(nth, _)| !edit.removed.iter().any(|lines| within(nth + 1, lines)));
    let mut kept: String = kept.map(|(_, line)| line).collect();
    if edit.flag == Flag::None {
        if !kept.is_empty() && !kept.ends_with('\n') {
            kept.push('\n');
        }
        kept.push_str(&flag_line(directory));
    }
    Ok(kept)
}

/// What the commands up to now do with the flag.
struct Edit<'a> {
    directory: &'a UnitPath,
    flag: Flag,
    /// Whether any command adds the flag, also one that is removed.
    seen: bool,
    /// The lines that are removed.
    removed: Vec<(usize, usize)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flag {
    None,
    /// A line that stays adds it, together with something else.
    Kept,
}

impl Edit<'_> {
    fn remove(&self, line: usize, why: &str) -> Unsafe {
        let next = format!("remove `--config-dir {}` from line {line}", self.directory);
        Unsafe { line, why: why.to_owned(), next }
    }

    /// Refuses the flag or the directory where it is not in a value that was judged.
    fn refuse_mentions(&self, script: &Script) -> Result<(), Unsafe> {
        let judged: Vec<_> =
            script.commands.iter().filter_map(|one| Some((one.lines, Value::of(one)?))).collect();
        for needle in ["--config-dir", self.directory.as_str()] {
            let mentions = |text: &str| text.matches(needle).count();
            let all: usize = script.code.iter().map(|code| mentions(code)).sum();
            let known: usize = judged.iter().map(|(_, value)| mentions(&value.text)).sum();
            if all == known {
                continue;
            }
            let lines = script.code.iter().enumerate().filter(|(_, code)| mentions(code) > 0);
            let lines: Vec<usize> = lines.map(|(nth, _)| nth + 1).collect();
            let is_judged = |line: usize| {
                judged.iter().any(|((first, last), _)| (*first..=*last).contains(&line))
            };
            let other = lines.iter().find(|line| !is_judged(**line)).or(lines.first());
            let line = other.copied().unwrap_or(1);
            return Err(self.remove(line, "it contains the flag or directory in another form"));
        }
        Ok(())
    }

    fn judge(&mut self, command: &Command) -> Result<(), Unsafe> {
        let line = command.lines.0;
        if command.place == Place::Elsewhere {
            return Ok(());
        }
        if let Some(why) = ends(command).or_else(|| unclear(command)) {
            let next = "add the flag to the file by hand, then check show-args".to_owned();
            return Err(Unsafe { line, why, next });
        }
        let Some(value) = Value::of(command) else { return Ok(()) };
        let (flags, always) = (value.flags(self.directory), command.place == Place::Always);
        if value.is_flag_alone(self.directory) && command.alone && always {
            self.seen = true;
            self.removed.push(command.lines);
            return Ok(());
        }
        if flags > 0 && !always {
            return Err(self.remove(line, "it adds the flag only under a condition"));
        }
        if flags > 0 {
            let effective = flags == 1 && value.refers() && !value.is_literal() && !value.plus;
            if !effective || self.flag == Flag::Kept {
                return Err(self.remove(line, "it adds the flag together with something else"));
            }
            (self.flag, self.seen) = (Flag::Kept, true);
            return Ok(());
        }
        self.without_flag(&value, line)
    }

    /// Judges an assignment that does not add the flag.
    fn without_flag(&self, value: &Value, line: usize) -> Result<(), Unsafe> {
        let no = |why: &str, next: String| Err(Unsafe { line, why: why.to_owned(), next });
        if value.plus || (value.text.contains(WHOLE) && !value.is_literal()) {
            return Ok(());
        }
        if value.is_literal() {
            let next = format!("put double quotes around the value in line {line}");
            return no("`$DAEMON_ARGS` is not expanded in single quotes", next);
        }
        if value.refers() {
            // show-args has the truth of what it comes to, as long as no flag is before it.
            if self.seen {
                let why = "it is unclear whether it drops the flag that a previous line adds";
                return Err(self.remove(line, why));
            }
            return Ok(());
        }
        if !value.words().iter().any(|word| word.starts_with("--config-file")) {
            let next = format!("change line {line} to DAEMON_ARGS=\"$DAEMON_ARGS …\"");
            return no("it replaces the daemon's arguments: --config-file is lost", next);
        }
        if self.flag == Flag::Kept {
            return Err(self.remove(line, "it drops the flag that a previous line adds"));
        }
        Ok(())
    }
}

/// Returns why what stands behind a command might not run.
fn ends(command: &Command) -> Option<String> {
    let name = command.name()?;
    let ends = match name {
        "exit" => true,
        "return" => !command.in_function,
        // With redirections alone it changes those of the shell.
        "exec" => command.words.iter().filter(|word| assignment(word).is_none()).count() > 1,
        _ => false,
    };
    ends.then(|| format!("after `{name}`, later lines are not executed"))
}

/// Returns why what a command does to `DAEMON_ARGS` can't be determined.
fn unclear(command: &Command) -> Option<String> {
    /// What these do, or set before their name, stays in the shell.
    const SETS: [&str; 13] = [
        "eval", "read", "unset", "readonly", "local", "getopts", "set", ":", "command", ".",
        "shift", "trap", "export",
    ];
    let name = command.name()?;
    let text = |piece: &Piece| match piece {
        Piece::Text { text, .. } => text.clone(),
        Piece::Variable { .. } | Piece::Unknown { .. } => String::new(),
    };
    let texts: Vec<String> =
        command.words.iter().map(|word| word.iter().map(text).collect()).collect();
    let names = |what: &str| texts.iter().any(|text| text.contains(what));
    let bare = |piece: &Piece| {
        matches!(piece, Piece::Variable { quoted: false, .. } | Piece::Unknown { quoted: false })
    };
    let unclear = match name {
        "eval" => names("DAEMON_ARGS") || names("exit"),
        // dash splits what is not in quotes.
        "export" => {
            let first = command.words.first().is_some_and(|word| plain(word) != Some("export"));
            names("DAEMON_ARGS=") && (first || command.words.iter().flatten().any(bare))
        }
        _ => SETS.contains(&name) && names("DAEMON_ARGS"),
    };
    unclear.then(|| format!("it is unclear what `{name}` does to DAEMON_ARGS"))
}

/// Stands for the whole of `$DAEMON_ARGS` in a value.
const WHOLE: char = '\u{1}';
/// Stands for a part of it (`${DAEMON_ARGS%x}`).
const PART: char = '\u{2}';
/// Stands for anything whose value is not known.
const UNKNOWN: char = '\u{3}';

/// The value that a command gives `DAEMON_ARGS`.
struct Value {
    /// The text, with the characters above in the place of expansions.
    text: String,
    /// Whether it is `+=`, which dash treats as a command.
    plus: bool,
}

impl Value {
    /// Returns what a command sets, if it sets `DAEMON_ARGS` and does nothing else but set variables.
    fn of(command: &Command) -> Option<Self> {
        let words = match command.words.as_slice() {
            [first, rest @ ..] if plain(first) == Some("export") => rest,
            words => words,
        };
        let all: Option<Vec<_>> = words.iter().map(|word| assignment(word)).collect();
        let (_, plus, pieces) = all?.into_iter().rfind(|(name, _, _)| *name == "DAEMON_ARGS")?;
        let mut value = Self { text: String::new(), plus };
        value.add(&pieces);
        Some(value)
    }

    /// The init script has set `DAEMON_ARGS`, so `${DAEMON_ARGS:-x}` is its value and
    /// `${DAEMON_ARGS:+x}` is `x`.
    fn add(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Text { text, .. } => self.text.push_str(text),
                Piece::Variable { name, operator, word, .. } if name == "DAEMON_ARGS" => {
                    match operator.trim_start_matches(':') {
                        "+" => self.add(word),
                        "%" | "#" => self.text.push(PART),
                        _ => self.text.push(WHOLE),
                    }
                }
                Piece::Variable { .. } | Piece::Unknown { .. } => self.text.push(UNKNOWN),
            }
        }
    }

    /// Whether `$DAEMON_ARGS` is in it, or may be.
    fn refers(&self) -> bool {
        self.text.contains([WHOLE, PART, UNKNOWN])
    }

    /// Whether it is there in single quotes, or escaped.
    fn is_literal(&self) -> bool {
        self.text.contains("$DAEMON_ARGS") || self.text.contains("${DAEMON_ARGS")
    }

    /// The words beside `$DAEMON_ARGS`.
    fn words(&self) -> Vec<String> {
        let literal = |word: &str| matches!(word, "$DAEMON_ARGS" | "${DAEMON_ARGS}");
        let whole = |word: &str| word.chars().eq([WHOLE]) || literal(word);
        let words = self.text.split_whitespace().filter(|word| !whole(word));
        words.map(str::to_owned).collect()
    }

    /// How often it adds the flag.
    fn flags(&self, directory: &UnitPath) -> usize {
        count(&self.words(), directory)
    }

    /// Whether it adds nothing but the flag, each time in one word or two.
    fn is_flag_alone(&self, directory: &UnitPath) -> bool {
        let (words, flags) = (self.words(), self.flags(directory));
        let joined = words.iter().filter(|word| word.starts_with("--config-dir=")).count();
        let split = words.iter().filter(|word| *word == "--config-dir").count();
        flags > 0 && joined + split == flags && words.len() == joined + 2 * split
    }
}

#[cfg(test)]
#[path = "daemon_args_tests.rs"]
mod tests;
