//! The given command line, for commands that are printed so that they can be pasted.

use std::path::Path;

/// The arguments of a command line, starting with the program's name.
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
        Self(words)
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

    /// Adds the site file if it was not given, so that the command can't use another site's file if it is
    /// pasted in another directory.
    pub(crate) fn on(self, site: &Path) -> Self {
        let given = |word: &String| word == "--site" || word.starts_with("--site=");
        if self.0.iter().any(given) { self } else { self.with("--site", &site.to_string_lossy()) }
    }
}

/// Quoted for a shell. Only a NUL can't be quoted, and it can't be in an argument.
impl std::fmt::Display for CommandLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = self.0.iter().map(String::as_str);
        f.write_str(&shlex::try_join(words).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> CommandLine {
        CommandLine::new(shlex::split(text).unwrap().into_iter().map(Into::into))
    }

    #[test]
    fn what_was_given_comes_back_with_the_site_and_as_a_shell_takes_it() {
        let plan = given("/usr/bin/omega-cli plan graft --out 'my plan' --unit magnum/0 -q");
        let apply = plan.instead("plan", "apply").without_value("--out").with("--from", "my plan");
        let expected =
            "omega-cli apply graft --unit magnum/0 -q --from 'my plan' --site omega.toml";
        assert_eq!(apply.on(Path::new("omega.toml")).to_string(), expected);
        let here = given("omega-cli stage-dropin --plan --site=x.toml --out=y");
        let again = here.without("--plan").without_value("--out").on(Path::new("omega.toml"));
        assert_eq!(again.to_string(), "omega-cli stage-dropin '--site=x.toml'");
    }
}
