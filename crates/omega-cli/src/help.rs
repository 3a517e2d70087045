//! The help: subcommands by what they are about, examples, the version.

use std::{fmt::Write as _, sync::OnceLock};

use clap::{Command, CommandFactory as _};
use omega::{capi::constellation::Dependencies, driver::DriverRelease};

use crate::{
    cli::Cli,
    completion,
    examples::{GROUPS, examples},
};

/// The heading of subcommands that are under no other.
const OTHERS: &str = "Other operations";
/// The width of the list of subcommands.
const WIDTH: usize = 100;
const NAME: usize = 28;

/// Returns the command line with its help, its examples, and what completes its values.
pub(crate) fn command() -> Command {
    let command = completion::with_values(with_examples(Cli::command(), ""));
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{}\n{{all-args-heading}}{{options}}{{after-help}}",
        grouped(&command)
    )
    .replace("{all-args-heading}", "Options:\n");
    with_version(command.help_template(template))
}

/// Returns the command line with what `--version` prints.
pub(crate) fn with_version(command: Command) -> Command {
    command.long_version(version())
}

fn grouped(command: &Command) -> String {
    let mut text = String::new();
    let mut groups: Vec<(&str, Vec<&str>)> = GROUPS
        .iter()
        .map(|(heading, shown)| (*heading, shown.iter().map(|(name, _)| *name).collect()))
        .collect();
    let known = |name: &str| groups.iter().any(|(_, names)| names.contains(&name));
    let others = command.get_subcommands().map(Command::get_name).filter(|name| !known(name));
    let others: Vec<&str> = others.collect();
    if !others.is_empty() {
        groups.push((OTHERS, others));
    }
    for (heading, names) in groups {
        let _ = writeln!(text, "\n{heading}:");
        for name in names {
            let found = command.find_subcommand(name);
            let about = found.and_then(Command::get_about).map(ToString::to_string);
            let about = about.unwrap_or_else(|| "Print the help of a subcommand".to_owned());
            let lines = crate::render::wrap(&about, WIDTH - NAME - 3);
            for (nth, line) in lines.iter().enumerate() {
                let name = if nth == 0 { name } else { "" };
                let _ = writeln!(text, "  {name:<NAME$} {line}");
            }
        }
    }
    text
}

fn with_examples(command: Command, within: &str) -> Command {
    command.mut_subcommands(|one| {
        let name = format!("{within} {}", one.get_name()).trim().to_owned();
        let examples = examples(&name);
        let mut shown = "Examples:".to_owned();
        for example in examples {
            let _ = write!(shown, "\n  omega-cli {example}");
        }
        let one = with_examples(one, &name);
        if examples.is_empty() { one } else { one.after_help(shown) }
    })
}

/// Returns version, commit, and what of other projects is supported.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let drivers = DriverRelease::known().map(|release| release.to_string()).join(", ");
        let charts: Vec<_> = Dependencies::tags().collect();
        let (first, last) = (charts.first(), charts.last());
        let text = |chart: Option<&&_>| chart.map(ToString::to_string).unwrap_or_default();
        format!(
            "{} (commit {})\nmagnum-capi-helm  {drivers}\ncapi-helm-charts  {} to {}\n\
             Cluster API       1.5 and later, without a cluster: its OpenStack provider 0.10 to 0.15",
            env!("CARGO_PKG_VERSION"),
            env!("OMEGA_COMMIT"),
            text(first),
            text(last),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(command: &Command, within: &str, each: &mut dyn FnMut(&str, &Command)) {
        for one in command.get_subcommands().filter(|one| one.get_name() != "help") {
            let name = format!("{within} {}", one.get_name()).trim().to_owned();
            each(&name, one);
            walk(one, &name, each);
        }
    }

    #[test]
    fn each_subcommand_is_in_one_group() {
        let command = command();
        let text = grouped(&command);
        let names: Vec<&str> =
            GROUPS.iter().flat_map(|(_, shown)| shown.iter().map(|(name, _)| *name)).collect();
        for one in command.get_subcommands() {
            let count = names.iter().filter(|name| **name == one.get_name()).count();
            assert!(count <= 1, "{}", one.get_name());
            assert!(text.contains(&format!("  {} ", one.get_name())), "{}", one.get_name());
        }
        for name in names.iter().filter(|name| **name != "help") {
            assert!(command.find_subcommand(name).is_some(), "{name}");
        }
    }

    #[test]
    fn each_subcommand_has_examples_that_the_program_takes() {
        walk(&command(), "", &mut |name, one| {
            let shown = one.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = shown.lines().filter_map(|line| line.trim().strip_prefix("omega-cli "));
            let examples: Vec<&str> = examples.collect();
            assert!(!examples.is_empty(), "{name} has no example");
            for example in examples {
                let words = shlex::split(&format!("omega-cli {example}")).unwrap();
                // What follows # is a comment.
                let words = words.into_iter().take_while(|word| word != "#");
                let parsed = command().try_get_matches_from(words);
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
                assert!(example.starts_with(name.split(' ').next().unwrap()), "{name}: {example}");
            }
        });
    }
}
