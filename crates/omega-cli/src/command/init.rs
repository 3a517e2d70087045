//! `init` and `validate`

use std::{
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use clap::Args;
use omega::{
    clients::Connect,
    core::{Failure, FailureClass, chain, shell_word},
    juju::Sources,
    run::Status,
    site::{Draft, Site, SiteError, validate},
};
use serde_json::{Value, json};

use crate::{app::App, cli::SiteFile, command_line::CommandLine, render};

/// `init`
#[derive(Clone, Debug, Args)]
pub(crate) struct InitArgs {
    /// The file to write. One that exists is not overwritten.
    #[command(flatten)]
    file: SiteFile,
    /// The cloud in clouds.yaml [default: the only one of it].
    #[arg(long, value_name = "NAME")]
    cloud: Option<String>,
    /// An openrc file instead.
    #[arg(long, value_name = "FILE", conflicts_with = "cloud")]
    openrc: Option<String>,
    /// The kubeconfig of the management cluster.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<String>,
    /// The project of the management VM.
    #[arg(long, value_name = "NAME", requires = "domain")]
    project: Option<String>,
    /// The domain of the project, by name.
    #[arg(long, value_name = "NAME", requires = "project")]
    domain: Option<String>,
    /// The security group in front of the management API.
    #[arg(long, value_name = "NAME")]
    security_group: Option<String>,
    /// An address of the conductors, as the security group sees it (repeatable).
    #[arg(long = "source", value_name = "CIDR")]
    sources: Vec<String>,
    /// The Juju application of the conductor [default: magnum, if juju lists its units].
    #[arg(long, value_name = "NAME")]
    application: Option<String>,
    /// The Juju model [default: Juju's current one].
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// A unit that is reached by SSH (repeatable).
    #[arg(long = "ssh-unit", value_name = "NAME=[USER@]HOST", conflicts_with_all = ["application", "model"], value_parser = ssh_unit)]
    ssh_units: Vec<(String, String)>,
}

/// How long juju may take to answer, 10 s for its start aside. The units are only a convenience here, and
/// juju waits for minutes for a controller that is gone.
const JUJU: Duration = Duration::from_secs(5);

fn ssh_unit(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, ssh)| !name.is_empty() && !ssh.is_empty());
    let (name, ssh) = pair.ok_or_else(|| "write magnum/0=ubuntu@10.12.8.20".to_owned())?;
    Ok((name.to_owned(), ssh.to_owned()))
}

impl App {
    /// Writes a site file of what the flags, the operator and this machine tell.
    pub(crate) async fn init(&self, args: &InitArgs) -> Result<Status, Failure> {
        let path = &args.file.site;
        if path.symlink_metadata().is_ok() {
            let what = format!("{} exists and is not overwritten", path.display());
            return Err(Failure::new(FailureClass::Usage, what).next("another file: --site FILE"));
        }
        let directory = directory(path);
        if !directory.is_dir() {
            let what = format!("could not write {}", path.display());
            let next = format!(
                "make the directory: mkdir -p {}",
                shell_word(&directory.to_string_lossy())
            );
            let failure = Failure::new(FailureClass::Usage, what);
            return Err(failure.because(format!("{} is missing", directory.display())).next(next));
        }
        let project = args.project.clone().zip(args.domain.clone());
        let draft = Draft {
            cloud: args.cloud.clone(),
            openrc: args.openrc.clone(),
            kubeconfig: args.kubeconfig.clone(),
            project,
            security_group: args.security_group.clone(),
            sources: args.sources.clone(),
            application: args.application.clone(),
            model: args.model.clone(),
            units: args.ssh_units.clone(),
            found: Vec::new(),
        };
        let clouds = self.clouds();
        // What was given is checked as a whole file is, before anything is asked.
        is_sound(&draft, &clouds)?;
        self.has_openrc(&draft, directory)?;
        let draft = self.discovered(draft, &clouds).await;
        let draft = self.asked(draft, &clouds).await?;
        write_new(path, &draft.text())?;
        self.screen.text(&format!("Wrote {}. Fill in what is commented out.", path.display()));
        let words = ["omega-cli", "validate"].map(Into::into).into_iter();
        let next = CommandLine::new(words).with("--site", &path.to_string_lossy()).to_string();
        self.screen.text(&format!("Next:  {next}"));
        Ok(self.ends(Status::Done, json!({ "file": path, "found": draft.found, "next": next })))
    }

    fn clouds(&self) -> Vec<String> {
        let empty = Site::parse(Path::new("omega.toml"), "").ok();
        empty.map(|empty| Connect::new(&empty, &self.machine).cloud_names()).unwrap_or_default()
    }

    /// Adds what this machine knows: the clouds of clouds.yaml, and juju's units of magnum.
    async fn discovered(&self, mut draft: Draft, clouds: &[String]) -> Draft {
        if !clouds.is_empty() {
            draft.found.push(format!("clouds {}", clouds.join(", ")));
        }
        if let (None, None, [one]) = (&draft.cloud, &draft.openrc, clouds) {
            draft.cloud = Some(one.clone());
        }
        if !draft.units.is_empty() {
            return draft;
        }
        let application = draft.application.clone().unwrap_or_else(|| "magnum".to_owned());
        let asked = Draft { application: Some(application.clone()), ..draft.clone() };
        let Ok(mut site) = Site::parse(Path::new("omega.toml"), &asked.text()) else {
            return draft;
        };
        site.timeouts.ask = JUJU;
        let model = draft.model.as_ref().map_or_else(String::new, |model| format!(" in {model}"));
        self.console.say(&format!("Asking juju for the units of {application}{model}"));
        let connect = Connect::new(&site, &self.machine);
        match connect.units(&[], &Sources::default()).await {
            Ok(units) => {
                let names = units.iter().map(|unit| omega::core::Label::label(&**unit));
                draft.found.push(format!("units {}", names.collect::<Vec<_>>().join(", ")));
                draft.application = Some(application);
            }
            Err(failure) => {
                self.console.say(&format!("{failure}. init goes on without them."));
            }
        }
        draft
    }

    /// Checks that the openrc file that the draft names is there.
    fn has_openrc(&self, draft: &Draft, directory: &Path) -> Result<(), Failure> {
        let Some(openrc) = &draft.openrc else { return Ok(()) };
        let file = self.machine.resolve(directory, Path::new(openrc));
        if file.is_file() {
            return Ok(());
        }
        let what = format!("--openrc {openrc}: there is no file {}", file.display());
        Err(Failure::new(FailureClass::Usage, what).next(
            "the path is relative to the site file; or source an openrc, and leave --openrc out",
        ))
    }

    /// Asks for what is not known, at a terminal. An answer that can't be in a site file is asked for again.
    async fn asked(&self, mut draft: Draft, clouds: &[String]) -> Result<Draft, Failure> {
        if self.asking.is_none() {
            return Ok(draft);
        }
        if draft.cloud.is_none() && draft.openrc.is_none() {
            let set = |draft: &mut Draft, cloud| draft.cloud = Some(cloud);
            let what = ("The cloud in clouds.yaml", "a name");
            draft = self.question(what, draft, clouds, set).await?;
        }
        if draft.kubeconfig.is_none() {
            let set = |draft: &mut Draft, file| draft.kubeconfig = Some(file);
            let what = ("The kubeconfig of the management cluster", "a path");
            draft = self.question(what, draft, clouds, set).await?;
        }
        if draft.project.is_none() {
            let set = |draft: &mut Draft, project: String| {
                draft.project = project
                    .split_once('/')
                    .map(|(domain, project)| (project.to_owned(), domain.to_owned()));
            };
            let what = ("The project of the management VM, as DOMAIN/PROJECT", "DOMAIN/PROJECT");
            draft = self.question(what, draft, clouds, set).await?;
        }
        if draft.security_group.is_none() {
            let set = |draft: &mut Draft, group| draft.security_group = Some(group);
            let what = ("The security group in front of the management API", "a name");
            draft = self.question(what, draft, clouds, set).await?;
        }
        if draft.sources.is_empty() {
            let set = |draft: &mut Draft, sources: String| {
                let sources = sources.split(',').map(str::trim).filter(|one| !one.is_empty());
                draft.sources = sources.map(str::to_owned).collect();
            };
            let what = ("The conductors' addresses (CIDR, by commas)", "10.20.0.0/16, 10.21.0.1");
            draft = self.question(what, draft, clouds, set).await?;
        }
        if draft.application.is_none() && draft.units.is_empty() {
            let set = |draft: &mut Draft, name| draft.application = Some(name);
            let what = ("The Juju application of the conductor", "a name");
            draft = self.question(what, draft, clouds, set).await?;
        }
        Ok(draft)
    }

    /// Asks until the answer, put in by `set`, makes a site file without a mistake, or is empty. `form`: how
    /// it is written.
    async fn question(
        &self,
        (what, form): (&str, &str),
        draft: Draft,
        clouds: &[String],
        set: impl Fn(&mut Draft, String),
    ) -> Result<Draft, Failure> {
        loop {
            let answer = self.answer(&format!("{what} (Enter leaves it out): ")).await?;
            let answer = answer.trim();
            if answer.is_empty() {
                return Ok(draft);
            }
            let mut tried = draft.clone();
            set(&mut tried, answer.to_owned());
            let sound = if tried == draft {
                Err(format!("write {form}"))
            } else {
                is_sound(&tried, clouds).map_err(|failure| failure.to_string())
            };
            match sound {
                Ok(()) => return Ok(tried),
                Err(why) => self.console.say(&format!("{answer}: {why}")),
            }
        }
    }

    /// Checks the site file and what it names. Nothing is contacted.
    pub(crate) fn validate(&self, file: &SiteFile) -> Result<Status, Failure> {
        let found = validate(&file.site, &self.machine, self.ctx.now());
        let found = found.map_err(render::site_error)?;
        let shown = |errors: &[SiteError], severity: &str| -> Vec<Value> {
            let one = |error: &SiteError| {
                let place = error.line_and_column();
                self.screen.text(&format!("{severity}: {}", render::mistake(error)));
                json!({
                    "severity": severity, "message": error.to_string(), "next": error.next(), "key": error.key(),
                    "line": place.map(|(line, _)| line), "column": place.map(|(_, column)| column),
                })
            };
            errors.iter().map(one).collect()
        };
        let mut problems = shown(&found.errors, "error");
        problems.extend(shown(&found.warnings, "warning"));
        let count = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            many => format!("{many} {what}s"),
        };
        let (errors, warnings) = (found.errors.len(), found.warnings.len());
        self.screen.text(&format!(
            "{}: {}, {}. Nothing was contacted.",
            file.site.display(),
            count(errors, "error"),
            count(warnings, "warning")
        ));
        if !found.missing_for_graft.is_empty() {
            let missing = found.missing_for_graft.join(", ");
            self.screen.prose(&format!("The graft also needs: {missing}."));
        }
        let exit = if errors == 0 { Status::Done } else { Status::Usage };
        Ok(self.ends(exit, json!({
            "site": file.site, "problems": problems, "missing_for_graft": found.missing_for_graft,
        })))
    }
}

/// Whether a site file of `draft` has no mistake, and names a cloud that there is.
fn is_sound(draft: &Draft, clouds: &[String]) -> Result<(), Failure> {
    let unknown = |cloud: &&String| !clouds.is_empty() && !clouds.contains(cloud);
    if let Some(cloud) = draft.cloud.as_ref().filter(unknown) {
        let what = format!("clouds.yaml has no cloud {cloud}; it has {}", clouds.join(", "));
        return Err(Failure::new(FailureClass::Usage, what)
            .next("name one of these: --cloud NAME; or an openrc file: --openrc FILE"));
    }
    // There is no file yet that the place would be in.
    let parsed = Site::parse(Path::new("omega.toml"), &draft.text());
    parsed.map(drop).map_err(|error| {
        let next = error.next().unwrap_or("omega-cli init --help").to_owned();
        Failure::new(FailureClass::Usage, error.mistake()).next(next)
    })
}

/// Returns the directory of a file.
fn directory(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Writes a file that does not exist yet, whole or not at all.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    let mut new = tempfile::Builder::new();
    let new = new.permissions(readable).tempfile_in(directory(path));
    let written = new.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        Ok(file.persist_noclobber(path)?)
    });
    written.map(drop).map_err(|error: io::Error| {
        // Its own text names the temporary file; its cause does not.
        let why = chain(&error).pop().unwrap_or_default();
        let is_full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        let next = if is_full.contains(&error.kind()) {
            "free space there, or write it elsewhere: --site FILE"
        } else {
            "write it elsewhere: --site FILE"
        };
        Failure::new(FailureClass::Error, format!("could not write {}", path.display()))
            .because(why)
            .next(next)
    })
}
