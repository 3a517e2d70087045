//! `export`

#![expect(clippy::doc_markdown, reason = "the names of kinds in the words of the help")]

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use omega::{
    capi::Namespace,
    clients::Connect,
    core::{Failure, FailureClass, Finding, persist_as, shell_word},
    drift::LookOptions,
    export_kubernetes::{
        Export, ExportOptions, ExportSite, Image, Object, Schedule, export_kubernetes, yaml,
    },
    run::Status,
};
use serde_json::json;

use crate::{app::App, output_file::OutputFile, render::Format};

/// The file of an output directory that has the commands for the Secrets.
const SECRETS: &str = "secrets.sh";
const SCRIPT: OutputFile = OutputFile {
    what: "an earlier script of export",
    begins: "#!/bin/sh\n# Makes the Secrets of the sites.\n",
    holds: "",
    flag: "--output-dir DIRECTORY",
};
const MANIFEST: OutputFile = OutputFile {
    what: "an earlier manifest of export",
    begins: "",
    holds: "app.kubernetes.io/managed-by: omega-cli",
    flag: "--output-dir DIRECTORY",
};
const RULES: OutputFile = OutputFile {
    what: "an earlier rules file of export",
    begins: "",
    holds: "- name: omega-drift",
    flag: "--rules-file FILE",
};

/// `export`
#[derive(Clone, Debug, Args)]
pub(crate) struct ExportArgs {
    /// What is written.
    #[command(subcommand)]
    what: Exported,
}

/// What can be exported.
#[derive(Clone, Debug, Subcommand)]
enum Exported {
    /// Write the objects with which a cluster runs `drift` for sites: CronJobs, alerts, least rights.
    ///
    /// For each site it writes a CronJob, a claim for its baseline and its site file. Credentials are not read: the
    /// commands that make each site's Secret of them are printed. See docs/kubernetes.md.
    Kubernetes(KubernetesArgs),
}

/// `export kubernetes`
#[derive(Clone, Debug, Args)]
struct KubernetesArgs {
    /// The image of omega-cli, with a tag or a digest.
    #[arg(long)]
    image: Image,
    /// A site whose management cluster will run the jobs (repeatable) [default: omega.toml, unless
    /// --elsewhere].
    #[arg(long = "site", alias = "sites", value_name = "FILE", num_args = 1..)]
    sites: Vec<PathBuf>,
    /// A site with another management cluster, which is read with a kubeconfig of the Secret (repeatable).
    #[arg(long, value_name = "FILE", num_args = 1..)]
    elsewhere: Vec<PathBuf>,
    /// The namespace of the objects, which is written too.
    #[arg(long, short = 'n', default_value = "omega")]
    namespace: Namespace,
    /// When the sites are looked at: minute, hour, day, month, weekday, in UTC.
    #[arg(long, default_value = "*/5 * * * *", conflicts_with = "once")]
    schedule: Schedule,
    /// Write a Job for each site, which looks once, instead of a CronJob.
    #[arg(long)]
    once: bool,
    /// Don't look at this rule or source, as `drift --skip` has it (repeatable).
    #[arg(long, value_name = "RULE")]
    skip: Vec<String>,
    /// The storage class of the volumes for the baselines [default: that of the cluster].
    #[arg(long, value_name = "NAME")]
    storage_class: Option<String>,
    /// A label by which your Prometheus selects a PrometheusRule (repeatable).
    #[arg(long = "rule-label", value_name = "KEY=VALUE", value_parser = label, conflicts_with = "rules_file")]
    rule_labels: Vec<(String, String)>,
    /// Write the alerts to this rules file of Prometheus, and no PrometheusRule.
    #[arg(long, value_name = "FILE")]
    rules_file: Option<PathBuf>,
    /// Write a file for each kind of object, and the commands for the Secrets, to this directory.
    #[arg(long, value_name = "DIRECTORY")]
    output_dir: Option<PathBuf>,
}

fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("write release=kube-prometheus-stack")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

impl App {
    /// Writes objects. Nothing is contacted.
    pub(crate) fn export(&self, args: &ExportArgs) -> Result<Status, Failure> {
        let Exported::Kubernetes(args) = &args.what;
        let mut look = LookOptions::default();
        look.skip.clone_from(&args.skip);
        look.check_names()?;
        let export = export_kubernetes(&self.exported(args)?, &args.options())?;
        let files = written(args, &export)?;
        for finding in &export.findings {
            self.console.say(&sentence(finding));
        }
        match &args.output_dir {
            Some(directory) => self.written_to(directory, &files, &export),
            None => self.streamed(&export)?,
        }
        let items = serde_json::to_value(&export.objects).unwrap_or_default();
        let document = json!({
            "apiVersion": "v1", "kind": "List", "items": items, "secrets": export.secrets,
            "findings": export.findings, "files": files,
        });
        Ok(self.ends(Status::Done, document))
    }

    fn exported(&self, args: &KubernetesArgs) -> Result<Vec<ExportSite>, Failure> {
        let default = [PathBuf::from("omega.toml")];
        let is_default = args.sites.is_empty() && args.elsewhere.is_empty();
        let here: &[PathBuf] = if is_default { &default } else { &args.sites };
        let read = |path: &PathBuf| {
            let site = Self::site(path)?;
            ExportSite::read(&Connect::new(&site, &self.machine), path)
        };
        let here = here.iter().map(read);
        let elsewhere = args.elsewhere.iter().map(|path| read(path).map(ExportSite::elsewhere));
        here.chain(elsewhere).collect()
    }

    /// Prints the objects as kubectl takes them. The commands for the Secrets are comments in it.
    fn streamed(&self, export: &Export) -> Result<(), Failure> {
        if self.screen.format == Format::Json {
            return Ok(());
        }
        let mut text = String::from("# Make these Secrets first:\n");
        for line in commands(export).lines() {
            text.push_str("# ");
            text.push_str(line);
            text.push('\n');
        }
        self.screen.raw(&format!("{text}---\n{}", yaml(&export.objects)?.trim_end()));
        self.console.say(&format!("Make these Secrets first:\n{}", commands(export).trim_end()));
        Ok(())
    }

    fn written_to(&self, directory: &Path, files: &[PathBuf], export: &Export) {
        for file in files {
            self.screen.text(&format!("Wrote {}", file.display()));
        }
        let word = shell_word(&directory.to_string_lossy());
        let namespace = export.objects.iter().find(|one| one.kind() == "Namespace");
        let first = namespace.map(|one| shell_word(&directory.join(one.file()).to_string_lossy()));
        let secrets = shell_word(&directory.join(SECRETS).to_string_lossy());
        self.screen.text(&format!(
            "Next:  kubectl apply -f {}\n       sh {secrets}\n       kubectl apply -f {word}",
            first.unwrap_or_default()
        ));
    }
}

impl KubernetesArgs {
    fn options(&self) -> ExportOptions {
        let (image, namespace) = (self.image.clone(), self.namespace.clone());
        let mut options = ExportOptions::new(image, namespace, self.schedule.clone());
        options.once = self.once;
        options.skip.clone_from(&self.skip);
        options.storage_class.clone_from(&self.storage_class);
        options.rule_labels = self.rule_labels.iter().cloned().collect();
        options.rule_object = self.rules_file.is_none();
        options
    }
}

fn sentence(finding: &Finding) -> String {
    let remedy = finding.remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
    format!("{} {}: {}{remedy}", finding.subject.noun, finding.subject.name, finding.summary)
}

/// The commands that make the Secrets.
fn commands(export: &Export) -> String {
    export.secrets.iter().map(|secret| secret.command.clone() + "\n").collect()
}

/// Writes the files, and returns them.
fn written(args: &KubernetesArgs, export: &Export) -> Result<Vec<PathBuf>, Failure> {
    let mut all: Vec<(PathBuf, String, OutputFile)> = Vec::new();
    if let Some(directory) = &args.output_dir {
        let mut names: Vec<&str> = export.objects.iter().map(Object::file).collect();
        names.dedup();
        ready(directory, &names)?;
        for name in names {
            let of_it = export.objects.iter().filter(|one| one.file() == name);
            all.push((directory.join(name), yaml(of_it)?, MANIFEST));
        }
        let script =
            format!("#!/bin/sh\n# Makes the Secrets of the sites.\nset -e\n{}", commands(export));
        all.push((directory.join(SECRETS), script, SCRIPT));
    }
    if let Some(file) = &args.rules_file {
        all.push((file.clone(), yaml([&export.rules])?, RULES));
    }
    all.iter().try_for_each(|(path, _, kind)| kind.may_be_written(path))?;
    for (path, text, _) in &all {
        persist_as(path, text.as_bytes(), 0o644).map_err(|error| {
            let what = format!("could not write {}", path.display());
            Failure::new(FailureClass::Error, what)
                .because(error.to_string())
                .next("name another place: --output-dir DIRECTORY, --rules-file FILE")
        })?;
    }
    Ok(all.into_iter().map(|(path, ..)| path).collect())
}

/// Makes the directory. It has no manifest of something else, which would be applied with these.
fn ready(directory: &Path, names: &[&str]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let what = format!("could not use the directory {}", directory.display());
        Failure::new(FailureClass::Error, what)
            .because(error.to_string())
            .next("name another one: --output-dir DIRECTORY")
    };
    std::fs::create_dir_all(directory).map_err(failed)?;
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy();
        let kind = name.rsplit_once('.').map(|(_, kind)| kind).unwrap_or_default();
        if ["yaml", "yml", "json"].contains(&kind) && !names.contains(&name.as_ref()) {
            let what =
                format!("{} has {name}, which this export does not write", directory.display());
            let why = "kubectl apply -f DIRECTORY would apply it too";
            let failure = Failure::new(FailureClass::Usage, what).because(why);
            return Err(failure.next("remove it, or name another directory"));
        }
    }
    Ok(())
}
