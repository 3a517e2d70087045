//! `lint`

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand, ValueEnum};
use omega::{
    core::{Failure, FailureClass, Severity, Touched, persist, persist_as, read_input},
    decisions::CheckResults,
    lint::{
        Edit, LintReport, Rule, SourceFile,
        bundle::{self, BundleError, Charms, Policy},
        config_file, fixed,
        network::{self, AddressPlan, NetworkSources},
        sarif, site, templates, yaml,
    },
    openstack::network::{AddressInventory, Network},
    run::Status,
    site::{PlacedSite, Site},
};
use serde_json::{Value, json};

use crate::{
    app::App,
    cli::{SiteFile, YesArgs},
    output_file::OutputFile,
    render::{self, Format, Screen},
};

/// `lint`
#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// What is checked.
    #[command(subcommand)]
    what: Linted,
}

/// What can be checked.
#[derive(Debug, Subcommand)]
enum Linted {
    /// Check a Juju bundle and its overlays against the decisions and the charms' metadata.
    Bundle(BundleArgs),
    /// Check the address plan: the site file, a bundle's virtual IPs, and what Neutron has.
    Network(NetworkArgs),
    /// Check the site file against the decisions.
    Site(SiteLintArgs),
    /// Check the cluster templates that Magnum has (read-only).
    Templates(TemplatesArgs),
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

/// `lint network`
#[derive(Debug, Args)]
struct NetworkArgs {
    /// A bundle, then its overlays in the order of `juju deploy --overlay`.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The site file [default: omega.toml, if it is there].
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// Read the networks and subnets of Neutron too. An administrator sees all of them.
    #[arg(long)]
    live: bool,
    /// Draw the plan into this file. A plan that was drawn before is replaced.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// How it is printed, and what fails.
    #[command(flatten)]
    shown: ShownArgs,
}

/// `lint site`
#[derive(Debug, Args)]
struct SiteLintArgs {
    /// The site.
    #[command(flatten)]
    file: SiteFile,
    /// How it is printed, and what fails.
    #[command(flatten)]
    shown: ShownArgs,
}

/// `lint templates`
#[derive(Debug, Args)]
struct TemplatesArgs {
    /// The site file [default: omega.toml, if it is there].
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// Only this template, by name or id.
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
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
    /// The bundle, then its overlays in the order of `juju deploy --overlay`. `-` is standard input.
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
    /// With --fix: show the changes, and make none.
    #[arg(long, requires = "fix")]
    plan: bool,
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
    /// Warnings, errors, and what could not be checked.
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

/// What there is beside the findings.
#[derive(Debug, Default)]
struct Beside {
    /// What the document has.
    document: Value,
    /// What was looked at beside the files (`3 templates`).
    asked: Option<String>,
    /// Whether `--fix --plan` has shown changes.
    pending: bool,
}

/// The site file that counts if none is named.
const SITE: &str = "omega.toml";

impl App {
    /// Checks what is written down, and with `network --live` and `templates` what the cloud has.
    pub(crate) async fn lint(&self, args: &LintArgs) -> Result<Status, Failure> {
        let shown = match &args.what {
            Linted::Bundle(args) => args.shown,
            Linted::Network(args) => args.shown,
            Linted::Site(args) => args.shown,
            Linted::Templates(args) => args.shown,
            Linted::File(args) => args.shown,
        };
        if shown.format != LintFormat::Text && self.screen.format == Format::Json {
            let what = "--format and --output json are two forms of one result";
            return Err(Failure::new(FailureClass::Usage, what).next("leave one of them out"));
        }
        match &args.what {
            Linted::Bundle(args) => self.lint_bundle(args).await,
            Linted::Network(args) => Box::pin(self.lint_network(args)).await,
            Linted::Site(args) => {
                let placed = PlacedSite::read(&args.file.site).map_err(render::site_error)?;
                let report = site::lint(&placed, Charms::known());
                // What needs a bundle or the cloud was not asked.
                let mut own = site::rules();
                let others = network::rules();
                own.retain(|rule| others.iter().all(|other| other.id != rule.id));
                self.keep_lint(Some(&args.file.site), &own, &report);
                let files: Vec<_> = placed.source.into_iter().collect();
                Ok(self.linted(&report, &site::rules(), &files, args.shown, &Beside::default()))
            }
            Linted::Templates(args) => {
                let placed = placed(args.site.as_deref())?;
                let cloud = self.connect(&placed.site).cloud().await?;
                let seen = Box::pin(templates::read(&cloud, args.template.as_deref())).await?;
                let report = templates::lint(&placed, &seen);
                // One template says nothing of the others.
                let rules = if args.template.is_none() { templates::rules() } else { Vec::new() };
                self.keep_lint(args.site.as_deref(), &rules, &report);
                let files: Vec<_> = placed.source.into_iter().collect();
                let more = Beside {
                    asked: Some(counted(seen.templates.len(), "template")),
                    ..Beside::default()
                };
                Ok(self.linted(&report, &templates::rules(), &files, args.shown, &more))
            }
            Linted::File(args) => {
                let files = read_all(&args.files)?;
                let report = config_file::lint(&files);
                self.keep_lint(None, &config_file::rules(), &report);
                let more = Beside::default();
                Ok(self.linted(&report, &config_file::rules(), &files, args.shown, &more))
            }
        }
    }

    async fn lint_network(&self, args: &NetworkArgs) -> Result<Status, Failure> {
        let placed = placed(args.site.as_deref())?;
        let bundle = read_all(&args.files)?;
        if let Some(path) = &args.svg {
            PICTURE.may_be_written(path)?;
        }
        let live = if args.live { Some(self.addresses(&placed.site).await?) } else { None };
        let sources = NetworkSources { site: &placed, bundle: &bundle, live: live.as_ref() };
        let (report, plan) =
            network::lint(&sources, Charms::known()).map_err(|error| unreadable(&error))?;
        let is_whole = args.live && !bundle.is_empty();
        let rules = if is_whole { network::rules() } else { Vec::new() };
        self.keep_lint(args.site.as_deref(), &rules, &report);
        let mut document = json!({ "plan": plan });
        if let (Some(path), Value::Object(more)) = (&args.svg, &mut document) {
            draw(path, &plan)?;
            more.insert("svg".to_owned(), json!(path));
        }
        let asked = live.as_ref().map(|live| counted(live.subnets.len(), "subnet"));
        let more = Beside { document, asked, pending: false };
        let files: Vec<_> = placed.source.iter().chain(&bundle).cloned().collect();
        Ok(self.linted(&report, &network::rules(), &files, args.shown, &more))
    }

    async fn addresses(&self, site: &Site) -> Result<AddressInventory, Failure> {
        let cloud = self.connect(site).cloud().await?;
        Network::new(cloud.operator)
            .address_inventory()
            .await
            .map_err(|error| Failure::from_error("could not read the networks of Neutron", &error))
    }

    async fn lint_bundle(&self, args: &BundleArgs) -> Result<Status, Failure> {
        let policy = Self::policy(args.site.as_deref())?;
        let mut files = read_all(&args.files)?;
        let checked = |files: &[SourceFile]| {
            bundle::lint(files, &policy, Charms::known()).map_err(|error| unreadable(&error))
        };
        let mut report = checked(&files)?;
        let mut changed = Vec::new();
        let mut to_fix = Vec::new();
        if args.plan {
            to_fix = self.fixes(&files, &report);
        } else if args.fix {
            changed = self.fix(&files, &report, args.consent).await?;
            if !changed.is_empty() {
                files = read_all(&args.files)?;
                report = checked(&files)?;
            }
        }
        self.keep_lint(args.site.as_deref(), &bundle::rules(), &report);
        let pending = !to_fix.is_empty();
        let document = json!({ "fixed": changed, "to_fix": to_fix });
        let more = Beside { document, asked: None, pending };
        Ok(self.linted(&report, &bundle::rules(), &files, args.shown, &more))
    }

    /// Shows what `--fix` would change, and returns the files.
    fn fixes(&self, files: &[SourceFile], report: &LintReport) -> Vec<String> {
        let mut changed = Vec::new();
        for file in files {
            let (_, edits) = fixed(file, &report.findings);
            if !edits.is_empty() {
                self.screen.text(&diff(&file.name, &edits));
                changed.push(file.name.clone());
            }
        }
        changed
    }

    /// Keeps what a lint found that asks all of `rules`.
    fn keep_lint(&self, site: Option<&Path>, rules: &[Rule], report: &LintReport) {
        let site = match site {
            Some(path) => path.display().to_string(),
            None if Path::new(SITE).exists() => SITE.to_owned(),
            // A scratch file of this name in another directory is another one.
            None => report.files.iter().map(|file| whole(file)).collect::<Vec<_>>().join(", "),
        };
        let found = report.findings.iter().map(|one| &one.finding);
        let rules = rules.iter().map(|rule| rule.id);
        self.keep(&CheckResults::of_findings(&self.command, &site, self.ctx.now(), rules, found));
    }

    /// Shows the findings, and returns the status.
    fn linted(
        &self,
        report: &LintReport,
        rules: &[Rule],
        files: &[SourceFile],
        shown: ShownArgs,
        more: &Beside,
    ) -> Status {
        match shown.format {
            LintFormat::Text => {
                let asked = more.asked.as_deref();
                self.screen.text(&render::lint(report, files, asked, &self.screen));
            }
            LintFormat::Sarif => {
                let log = sarif(report, rules, env!("CARGO_PKG_VERSION"));
                self.screen.raw(&format!("{log:#}"));
            }
            LintFormat::Github => self.screen.raw(&render::annotations(report)),
        }
        let exit = if denied(report, shown.deny) { Status::Gate } else { Status::Done };
        let LintReport { files, findings, .. } = report;
        let mut document = json!({ "files": files, "findings": findings, "fixed": [] });
        if let (Value::Object(document), Value::Object(more)) = (&mut document, &more.document) {
            document.extend(more.clone());
        }
        // What would be changed is pending, whatever else was found.
        let exit = if more.pending { Status::Pending } else { exit };
        self.ends(exit, document)
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
            persist_as(Path::new(&file.name), text.as_bytes(), mode).map_err(|error| {
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

fn whole(file: &str) -> String {
    fs::canonicalize(file).map_or_else(|_| file.to_owned(), |path| path.display().to_string())
}

/// Returns the site file that is named, or the one that is there, or none.
fn placed(site: Option<&Path>) -> Result<PlacedSite, Failure> {
    let read = match site {
        Some(path) => PlacedSite::read(path),
        None if Path::new(SITE).exists() => PlacedSite::read(Path::new(SITE)),
        None => PlacedSite::unnamed(),
    };
    read.map_err(render::site_error)
}

/// A picture of an address plan.
const PICTURE: OutputFile = OutputFile {
    what: "a picture of a plan",
    begins: "<svg xmlns=\"http://www.w3.org/2000/svg\"",
    holds: "",
    flag: "--svg FILE",
};

fn draw(path: &Path, plan: &AddressPlan) -> Result<(), Failure> {
    persist(path, network::svg(plan).as_bytes()).map_err(|error| {
        let what = format!("could not write {}", path.display());
        Failure::new(FailureClass::Error, what)
            .because(error.to_string())
            .next("check its directory")
    })
}

/// `1 template`, `3 templates`
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Standard input, which is called `-`.
const STDIN: &str = "/dev/stdin";

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
    let source = if name == "-" { Path::new(STDIN) } else { path };
    let bytes = read_input(source, yaml::LARGEST as u64)
        .map_err(|error| failed(error.to_string(), "name a file that can be read"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let why = format!("it is not UTF-8 from byte {} on", error.utf8_error().valid_up_to() + 1);
        failed(why, "convert it: iconv -t UTF-8 FILE")
    })?;
    Ok(SourceFile { name, text })
}

/// Returns the mode of a file that can be replaced.
fn replaceable(name: &str) -> Result<u32, Failure> {
    let failed = |why: String, next: &str| {
        let what = format!("{name} can't be changed");
        Failure::new(FailureClass::Usage, what).because(why).next(next)
    };
    if name == "-" {
        return Err(failed("it is standard input".to_owned(), "name the file"));
    }
    let found = fs::symlink_metadata(name)
        .map_err(|error| failed(error.to_string(), "run the command again"))?;
    if found.is_symlink() {
        return Err(failed("it is a link".to_owned(), "name the file that it leads to"));
    }
    if found.permissions().readonly() {
        return Err(failed("it is read-only".to_owned(), "chmod u+w FILE, or change it by hand"));
    }
    Ok(found.mode() & 0o7777)
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
        Deny::Warning => of(&[Severity::Broken, Severity::Warning, Severity::Unknown]),
        Deny::Note => !report.findings.is_empty(),
    }
}
