//! The given command line, for commands that are printed so that they can be pasted.

use std::{fmt::Write as _, path::Path};

/// The arguments of a command line, starting with the program's name, without those that only say what
/// is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandLine(Vec<String>);

impl CommandLine {
    /// Returns the command line of `words`. Arguments that are not UTF-8 are converted.
    pub(crate) fn new(words: impl Iterator<Item = std::ffi::OsString>) -> Self {
        let mut words: Vec<String> =
            words.map(|word| word.to_string_lossy().into_owned()).collect();
        if let Some(program) = words.first_mut() {
            "omega-cli".clone_into(program);
        }
        words.retain(|word| !is_about_logging(word));
        // A suggested command is another call.
        Self(words)
            .without("--read-only")
            .without_value("--timeout")
            .without_value("--trace")
            .without_value("--break-lock")
    }

    /// Replaces the subcommand `from`.
    pub(crate) fn instead(mut self, from: &str, to: &str) -> Self {
        if let Some(word) = self.0.iter_mut().find(|word| *word == from) {
            to.clone_into(word);
        }
        self
    }

    /// Removes a flag.
    pub(crate) fn without(mut self, flag: &str) -> Self {
        self.0.retain(|word| word != flag);
        self
    }

    /// Removes an option with its value: `--out FILE` or `--out=FILE`.
    pub(crate) fn without_value(mut self, option: &str) -> Self {
        let with = format!("{option}=");
        let mut skip = false;
        self.0.retain(|word| {
            let drop = std::mem::take(&mut skip) || word == option || word.starts_with(&with);
            skip = word == option;
            !drop
        });
        self
    }

    /// Adds an option with its value.
    pub(crate) fn with(mut self, option: &str, value: &str) -> Self {
        self.0.extend([option.to_owned(), value.to_owned()]);
        self
    }

    /// Returns the site file that was given, if one was.
    pub(crate) fn site(&self) -> Option<&str> {
        let after = self.0.iter().skip_while(|word| *word != "--site").nth(1);
        let joined = self.0.iter().find_map(|word| word.strip_prefix("--site="));
        after.map(String::as_str).or(joined)
    }

    /// Adds the site file if it was not given, so that the command can't use another site's file if it is
    /// pasted in another directory.
    pub(crate) fn on(self, site: &Path) -> Self {
        let given = |word: &String| word == "--site" || word.starts_with("--site=");
        if self.0.iter().any(given) { self } else { self.with("--site", &site.to_string_lossy()) }
    }
}

fn is_about_logging(word: &str) -> bool {
    let short = word.strip_prefix('-').is_some_and(|flags| {
        !flags.is_empty() && flags.chars().all(|flag| matches!(flag, 'q' | 'v'))
    });
    short || matches!(word, "--verbose" | "--quiet")
}

/// Returns `text` with `--site SITE` in each command of omega that takes it and does not have it.
pub(crate) fn on_site(text: &str, site: &str) -> String {
    const PROGRAM: &str = "omega-cli ";
    let site = quoted(site);
    let mut parts = text.split(PROGRAM);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let whole = part.split(['\n', ';', ')', '`']).next().unwrap_or_default();
        let taken = taken(whole).filter(|_| !whole.contains("--site"));
        let (command, rest) = taken.and_then(|at| part.split_at_checked(at)).unwrap_or((part, ""));
        let added = if taken.is_some() { format!(" --site {site}") } else { String::new() };
        shown.extend([PROGRAM, command, &added, rest]);
    }
    shown
}

/// Returns `word` as a shell reads it. Characters that a terminal would obey are written out: `$'\x1b'`.
pub(crate) fn quoted(word: &str) -> String {
    if !word.chars().any(char::is_control) {
        return shlex::try_quote(word).unwrap_or_default().into_owned();
    }
    let mut text = "$'".to_owned();
    for c in word.chars() {
        match c {
            '\'' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(text, "\\x{byte:02x}");
                }
            }
            c => text.push(c),
        }
    }
    text.push('\'');
    text
}

/// Returns the length of the subcommand's name at the beginning of `words`, if it takes a site file.
fn taken(words: &str) -> Option<usize> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '-';
    let length = |text: &str| text.find(|c| !is_name(c)).unwrap_or(text.len());
    let mut command = crate::help::command();
    command.build();
    let first = length(words);
    let found = command.find_subcommand(words.get(..first)?)?;
    let has_site =
        |command: &clap::Command| command.get_arguments().any(|arg| arg.get_id() == "site");
    if has_site(found) {
        return Some(first);
    }
    let second = words.get(first..)?.strip_prefix(' ')?;
    let found = found.find_subcommand(second.get(..length(second))?)?;
    has_site(found).then_some(first + 1 + length(second))
}

/// Quoted for a shell. Only a NUL can't be quoted, and it can't be in an argument.
impl std::fmt::Display for CommandLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<String> = self.0.iter().map(|word| quoted(word)).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        for (word, shown) in [
            ("plain", "plain"),
            ("my plan", "'my plan'"),
            ("a\u{1b}[2J'\n", r"$'a\x1b[2J\'\x0a'"),
            ("\u{9b}\\", r"$'\xc2\x9b\\'"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }

    fn given(text: &str) -> CommandLine {
        CommandLine::new(shlex::split(text).unwrap().into_iter().map(Into::into))
    }

    #[test]
    fn suggested_commands_name_the_site_file() {
        for (text, expected) in [
            (
                "fix it: omega-cli doctor --cluster c9",
                "fix it: omega-cli doctor --site 'a b' --cluster c9",
            ),
            ("omega-cli runs", "omega-cli runs"),
            ("omega-cli runs sweep removes it", "omega-cli runs sweep --site 'a b' removes it"),
            ("(omega-cli explain D-042)", "(omega-cli explain D-042)"),
            ("omega-cli check health --site x", "omega-cli check health --site x"),
            (
                "omega-cli check health, then omega-cli plan graft",
                "omega-cli check --site 'a b' health, then omega-cli plan --site 'a b' graft",
            ),
            ("(`omega-cli runs sweep`)", "(`omega-cli runs sweep --site 'a b'`)"),
            ("no command", "no command"),
        ] {
            assert_eq!(on_site(text, "a b"), expected);
        }
    }

    #[test]
    fn what_was_given_comes_back_with_the_site_and_as_a_shell_takes_it() {
        let plan =
            given("/usr/bin/omega-cli plan graft -vv --trace t --out 'my plan' --unit magnum/0 -q");
        let apply = plan.instead("plan", "apply").without_value("--out").with("--from", "my plan");
        let expected = "omega-cli apply graft --unit magnum/0 --from 'my plan' --site omega.toml";
        assert_eq!(apply.on(Path::new("omega.toml")).to_string(), expected);
        let here = given("omega-cli stage-dropin --plan --site=x.toml --out=y");
        let again = here.without("--plan").without_value("--out").on(Path::new("omega.toml"));
        assert_eq!(again.to_string(), "omega-cli stage-dropin '--site=x.toml'");
    }
}
