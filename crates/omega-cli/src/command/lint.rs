//! `lint`

use std::{
    fs::{self, Permissions},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand, ValueEnum};
use omega::{
    core::{Failure, FailureClass, Severity, Touched, persist, read_regular},
    lint::{
        Edit, LintReport, Rule, SourceFile,
        bundle::{self, BundleError, Charms, Policy},
        config_file, fixed, sarif, yaml,
    },
    run::Status,
};
use serde_json::json;

use crate::{
    app::App,
    cli::YesArgs,
    render::{self, Format, Screen},
};

/// `lint`
#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// What is checked.
    #[command(subcommand)]
    what: Linted,
}

/// What can be checked before there is a cloud.
#[derive(Debug, Subcommand)]
enum Linted {
    /// Check a Juju bundle and its overlays against the decisions and the charms' metadata.
    Bundle(BundleArgs),
    /// Check files of options as oslo.config reads them, or of Horizon's settings (*.py).
    File(FileArgs),
}

/// `lint file`
#[derive(Debug, Args)]
struct FileArgs {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How it is printed, and what fails.
    #[command(flatten)]
    shown: ShownArgs,
}

/// How findings are printed, and which ones fail.
#[derive(Clone, Copy, Debug, Args)]
struct ShownArgs {
    /// Fail on findings of this level too.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t)]
    deny: Deny,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t)]
    format: LintFormat,
}

/// `lint bundle`
#[derive(Debug, Args)]
struct BundleArgs {
    /// The bundle, then its overlays in the order of `juju deploy --overlay`.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The site file whose `[lint]` replaces values of the decisions [default: omega.toml, if it is there].
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// How it is printed, and what fails.
    #[command(flatten)]
    shown: ShownArgs,
    /// Correct what has exactly one right value, after a question. The changes are shown first.
    #[arg(long)]
    fix: bool,
    /// Without a question.
    #[command(flatten)]
    consent: YesArgs,
}

/// From which level on a finding fails the command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Errors.
    #[default]
    Error,
    /// Warnings and errors.
    Warning,
    /// Every finding.
    Note,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LintFormat {
    /// With the line that each is about.
    #[default]
    Text,
    /// As a SARIF 2.1.0 log, for code scanning.
    Sarif,
    /// As annotations of GitHub's workflows.
    Github,
}

/// The site file that counts if none is named.
const SITE: &str = "omega.toml";

impl App {
    /// Checks files. Nothing is contacted.
    pub(crate) async fn lint(&self, args: &LintArgs) -> Result<Status, Failure> {
        let shown = match &args.what {
            Linted::Bundle(args) => args.shown,
            Linted::File(args) => args.shown,
        };
        if shown.format != LintFormat::Text && self.screen.format == Format::Json {
            let what = "--format and --output json are two forms of one result";
            return Err(Failure::new(FailureClass::Usage, what).next("leave one of them out"));
        }
        match &args.what {
            Linted::Bundle(args) => self.lint_bundle(args).await,
            Linted::File(args) => {
                let files = read_all(&args.files)?;
                let report = config_file::lint(&files);
                Ok(self.linted(&report, &config_file::rules(), &files, args.shown, &[]))
            }
        }
    }

    async fn lint_bundle(&self, args: &BundleArgs) -> Result<Status, Failure> {
        let policy = Self::policy(args.site.as_deref())?;
        let mut files = read_all(&args.files)?;
        let checked = |files: &[SourceFile]| {
            bundle::lint(files, &policy, Charms::known()).map_err(|error| unreadable(&error))
        };
        let mut report = checked(&files)?;
        let mut changed = Vec::new();
        if args.fix {
            changed = self.fix(&files, &report, args.consent).await?;
            files = read_all(&args.files)?;
            report = checked(&files)?;
        }
        Ok(self.linted(&report, &bundle::rules(), &files, args.shown, &changed))
    }

    /// Shows the findings, and returns the status.
    fn linted(
        &self,
        report: &LintReport,
        rules: &[Rule],
        files: &[SourceFile],
        shown: ShownArgs,
        changed: &[String],
    ) -> Status {
        match shown.format {
            LintFormat::Text => self.screen.text(&render::lint(report, files, &self.screen)),
            LintFormat::Sarif => {
                let log = sarif(report, rules, env!("CARGO_PKG_VERSION"));
                self.screen.raw(&format!("{log:#}"));
            }
            LintFormat::Github => self.screen.raw(&render::annotations(report)),
        }
        let exit = if denied(report, shown.deny) { Status::Gate } else { Status::Done };
        let LintReport { files, findings, .. } = report;
        self.ends(exit, json!({ "files": files, "findings": findings, "fixed": changed }))
    }

    fn policy(site: Option<&Path>) -> Result<Policy, Failure> {
        let path = match site {
            Some(path) => path,
            None if Path::new(SITE).exists() => Path::new(SITE),
            None => return Ok(Policy::default()),
        };
        Ok(Self::site(path)?.lint)
    }

    /// Shows the changes, asks, and writes them. Returns the files that changed.
    async fn fix(
        &self,
        files: &[SourceFile],
        report: &LintReport,
        consent: YesArgs,
    ) -> Result<Vec<String>, Failure> {
        let all: Vec<_> = files.iter().map(|file| (file, fixed(file, &report.findings))).collect();
        let all: Vec<_> = all.into_iter().filter(|(_, (_, edits))| !edits.is_empty()).collect();
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let modes = all.iter().map(|(file, _)| replaceable(&file.name));
        let modes = modes.collect::<Result<Vec<_>, _>>()?;
        let show = |screen: &Screen| {
            for (file, (_, edits)) in &all {
                screen.text(&diff(&file.name, edits));
            }
        };
        self.confirm(consent, show).await?;
        for (nth, ((file, (text, _)), mode)) in all.iter().zip(modes).enumerate() {
            let path = Path::new(&file.name);
            let written = persist(path, text.as_bytes());
            written.and_then(|()| fs::set_permissions(path, mode)).map_err(|error| {
                let touched = if nth == 0 { Touched::Nothing } else { Touched::Maybe };
                let changed = all.iter().take(nth).map(|(file, _)| file.name.as_str());
                let what = format!("could not write {}", file.name);
                let failure = Failure::new(FailureClass::Error, what).because(error.to_string());
                let before = changed.collect::<Vec<_>>().join(", ");
                let next = if before.is_empty() {
                    "check its directory, and run the command again".to_owned()
                } else {
                    format!("{before} is changed; check the directory, and run the command again")
                };
                Failure { touched, ..failure.next(next) }
            })?;
        }
        Ok(all.iter().map(|(file, _)| file.name.clone()).collect())
    }
}

fn diff(name: &str, edits: &[Edit]) -> String {
    let lines =
        edits.iter().map(|Edit { line, old, new }| format!("@@ line {line}\n-{old}\n+{new}"));
    format!("--- {name}\n+++ {name}\n{}", lines.collect::<Vec<_>>().join("\n"))
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<SourceFile>, Failure> {
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<SourceFile, Failure> {
    let name = path.display().to_string();
    let failed = |why: String, next: &str| {
        Failure::new(FailureClass::Usage, format!("could not read {name}")).because(why).next(next)
    };
    let bytes = read_regular(path, yaml::LARGEST as u64)
        .map_err(|error| failed(error.to_string(), "name a file that can be read"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let why = format!("it is not UTF-8 from byte {} on", error.utf8_error().valid_up_to() + 1);
        failed(why, "convert it: iconv -t UTF-8 FILE")
    })?;
    Ok(SourceFile { name, text })
}

/// Returns the mode of a file that can be replaced.
fn replaceable(name: &str) -> Result<Permissions, Failure> {
    let failed = |why: String, next: &str| {
        let what = format!("{name} can't be changed");
        Failure::new(FailureClass::Usage, what).because(why).next(next)
    };
    let found = fs::symlink_metadata(name)
        .map_err(|error| failed(error.to_string(), "run the command again"))?;
    if found.is_symlink() {
        return Err(failed("it is a link".to_owned(), "name the file that it leads to"));
    }
    if found.permissions().readonly() {
        return Err(failed("it is read-only".to_owned(), "chmod u+w FILE, or change it by hand"));
    }
    Ok(found.permissions())
}

fn unreadable(error: &BundleError) -> Failure {
    Failure::new(FailureClass::Usage, "this is not a bundle that can be read")
        .because(error.to_string())
        .next("correct the file there; `juju deploy --dry-run` reads it too")
}

fn denied(report: &LintReport, deny: Deny) -> bool {
    let of = |severities: &[Severity]| severities.iter().any(|one| report.count(*one) > 0);
    match deny {
        Deny::Error => of(&[Severity::Broken]),
        Deny::Warning => of(&[Severity::Broken, Severity::Warning]),
        Deny::Note => !report.findings.is_empty(),
    }
}
