//! `lint`

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand, ValueEnum};
use omega::{
    core::{Failure, FailureClass, Severity, persist},
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
    /// Put right what has exactly one right answer, after a question. The changes are shown first.
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
        let show = |screen: &Screen| {
            for (file, (_, edits)) in &all {
                screen.text(&diff(&file.name, edits));
            }
        };
        self.confirm(consent, show).await?;
        for (file, (text, _)) in &all {
            persist(Path::new(&file.name), text.as_bytes()).map_err(|error| {
                Failure::new(FailureClass::Error, format!("could not write {}", file.name))
                    .because(error.to_string())
                    .next("check its directory, and run the command again")
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
    let failed = |why: String| {
        Failure::new(FailureClass::Usage, format!("could not read {name}"))
            .because(why)
            .next("omega-cli lint --help says what is read")
    };
    let size = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > yaml::LARGEST as u64 {
        return Err(failed(format!("it has {size} bytes; at most {} are read", yaml::LARGEST)));
    }
    let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        failed(format!("it is not UTF-8 from byte {} on", error.utf8_error().valid_up_to() + 1))
    })?;
    Ok(SourceFile { name, text })
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
