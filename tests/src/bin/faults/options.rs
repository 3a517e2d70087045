//! The command line.

use std::{path::PathBuf, time::Duration};

use crate::{fault::Fault, runbook::Runbook};

pub(crate) const USAGE: &str = "faults [RUNBOOK...] [--fault NAME] [--at FRONT:KEY] [--every K] [--timeout SECONDS] [--resume FILE] [--ci] [--list] [-v]";

/// What is run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) runbooks: Vec<Runbook>,
    pub(crate) faults: Vec<Fault>,
    /// Only what happens to this: the front and the key of a request.
    pub(crate) at: Option<String>,
    /// Only each K-th case.
    pub(crate) every: usize,
    /// The time for the whole command.
    pub(crate) timeout: Option<Duration>,
    /// Where the cases that passed are noted, and not run again.
    pub(crate) resume: Option<PathBuf>,
    /// Some cases of some runbooks, without those that wait for long.
    pub(crate) ci: bool,
    pub(crate) list: bool,
    pub(crate) verbose: bool,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Self, String> {
        let mut all = Self {
            runbooks: Vec::new(),
            faults: Vec::new(),
            at: None,
            every: 1,
            timeout: None,
            resume: None,
            ci: false,
            list: false,
            verbose: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg}: a value is missing"));
            match arg.as_str() {
                "--fault" => all.faults.push(value()?.parse()?),
                "--at" => all.at = Some(value()?.clone()),
                "--every" => {
                    let every = value()?.parse().ok().filter(|every| *every > 0);
                    all.every = every.ok_or("--every: a number from 1 on")?;
                }
                "--timeout" => {
                    let seconds = value()?.parse().map_err(|_| "--timeout: whole seconds")?;
                    all.timeout = Some(Duration::from_secs(seconds));
                }
                "--resume" => all.resume = Some(value()?.into()),
                "--ci" => all.ci = true,
                "--list" => all.list = true,
                "-v" => all.verbose = true,
                name => all.runbooks.push(name.parse()?),
            }
        }
        if all.runbooks.is_empty() {
            all.runbooks = if all.ci {
                Runbook::IN_CI.to_vec()
            } else {
                Runbook::ALL.map(|(runbook, _)| runbook).to_vec()
            };
        }
        Ok(all)
    }
}
