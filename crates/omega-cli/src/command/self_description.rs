//! Schemas, completion scripts and manual pages.

use std::{fs, path::Path};

use clap_complete::env::Shells;
use omega::{
    acceptance::AcceptanceReport,
    core::{Event, Failure, FailureClass, Touched},
    drift::ChangeLine,
    run::{PlanFile, Report, Status},
    site::Site,
};
use schemars::schema_for;
use serde_json::json;

use crate::{
    app::App,
    cli::{SchemaName, Stored},
    documents::JournalLine,
    help,
};

impl App {
    /// Prints the schema, which is JSON whatever `--output` is.
    pub(crate) fn schema(&self, of: SchemaName) -> Status {
        let stored = match of {
            SchemaName::Printed(document) => {
                self.screen
                    .raw(&serde_json::to_string_pretty(&document.schema()).unwrap_or_default());
                return Status::Done;
            }
            SchemaName::Stored(stored) => stored,
        };
        let schema = match stored {
            Stored::Site => schema_for!(Site),
            Stored::Plan => schema_for!(PlanFile),
            Stored::Report => schema_for!(Report),
            Stored::Journal => schema_for!(JournalLine),
            Stored::Event => schema_for!(Event),
            Stored::Acceptance => schema_for!(AcceptanceReport),
            Stored::DriftChange => schema_for!(ChangeLine<'static>),
        };
        self.screen.raw(&serde_json::to_string_pretty(&schema).unwrap_or_default());
        Status::Done
    }

    pub(crate) fn completions(&self, shell: clap_complete::Shell) -> Status {
        let name = shell.to_string();
        let shells = Shells::builtins();
        let mut script = Vec::new();
        let written = shells.completer(&name).map(|shell| {
            shell.write_registration("COMPLETE", "omega-cli", "omega-cli", "omega-cli", &mut script)
        });
        match written {
            Some(Ok(())) => {
                self.screen.raw(String::from_utf8_lossy(&script).trim_end());
                Status::Done
            }
            Some(Err(_)) | None => Status::Error,
        }
    }

    /// Writes omega-cli.1 and a page for each subcommand.
    pub(crate) fn man(&self, directory: &Path) -> Result<Status, Failure> {
        fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(help::command(), directory))
            .and_then(|()| notes(directory))
            .map_err(|error| {
                let what = format!("could not write the manual pages to {}", directory.display());
                let failure = Failure::new(FailureClass::Error, what).because(error.to_string());
                let next = "some pages may be there, and incomplete: remove them, and run it again in a \
                            directory with room";
                Failure { touched: Touched::Maybe, ..failure.next(next) }
            })?;
        self.screen.text(&format!("The manual pages are in {}.", directory.display()));
        Ok(self.ends(Status::Done, json!({ "directory": directory })))
    }
}

/// Gives what follows the options of each page the heading that manual pages have for it, and the options
/// of the synopsis their values.
fn notes(directory: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("omega-cli") && name.ends_with(".1") {
            let page = fs::read_to_string(&path)?;
            fs::write(&path, with_values(&page.replace("\n.SH EXTRA\n", "\n.SH NOTES\n")))?;
        }
    }
    Ok(())
}

/// Adds to each option of the synopsis the value that the list of options has:
/// `\fB\-\-site\fR \fI<SITE>\fR`.
fn with_values(page: &str) -> String {
    const OPTION: &str = "\\fB\\-\\-";
    let Some((head, rest)) = page.split_once("\n.SH DESCRIPTION\n") else {
        return page.to_owned();
    };
    let mut head = head.to_owned();
    for line in rest.lines().filter(|line| line.starts_with("\\fB")) {
        let named = line.find(OPTION).and_then(|at| line.get(at..)?.split_once("\\fR"));
        let Some((option, after)) = named else { continue };
        let value = after.trim_start_matches([' ', '[', '=']).strip_prefix("\\fI");
        let Some((value, _)) = value.and_then(|value| value.split_once("\\fR")) else { continue };
        head = head.replace(&format!("{option}\\fR"), &format!("{option}\\fR \\fI{value}\\fR"));
    }
    format!("{head}\n.SH DESCRIPTION\n{rest}")
}

#[cfg(test)]
mod tests {
    use omega::core::Entry;

    use super::*;

    #[test]
    fn a_synopsis_has_the_values_of_options() {
        let mut command = help::command();
        command.build();
        let plan = command.find_subcommand("plan").unwrap().clone();
        let mut page = Vec::new();
        clap_mangen::Man::new(plan).render(&mut page).unwrap();
        let page = with_values(&String::from_utf8(page).unwrap());
        let synopsis = page.split_once(".SH SYNOPSIS").unwrap().1;
        let synopsis = synopsis.split_once(".SH").unwrap().0;
        assert!(synopsis.contains(r"[\fB\-\-site\fR \fI<SITE>\fR]"), "{synopsis}");
        assert!(synopsis.contains(r"[\fB\-\-read\-only\fR]"), "{synopsis}");
    }

    /// A schema that names no property describes nothing.
    #[test]
    fn each_schema_names_what_is_in_it() {
        for (schema, property) in [
            (schema_for!(Site), "management"),
            (schema_for!(PlanFile), "endpoints"),
            (schema_for!(Report), "exit_code"),
            (schema_for!(AcceptanceReport), "verdict"),
        ] {
            let properties = schema.get("properties").unwrap();
            assert!(properties.get(property).is_some(), "{property}: {properties}");
        }
        // The first line of a journal has no `entry`.
        let lines = schema_for!(JournalLine);
        let first = lines.pointer("/anyOf/0/properties/format");
        assert!(first.is_some(), "{lines:?}");
        for schema in [schema_for!(Entry), schema_for!(Event)] {
            assert!(schema.get("oneOf").unwrap().as_array().unwrap().len() > 3, "{schema:?}");
        }
    }
}
