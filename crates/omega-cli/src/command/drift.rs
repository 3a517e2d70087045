//! `drift`

#![allow(clippy::unused_self, reason = "it reads better so")]

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use jiff::SignedDuration;
use omega::{
    capi::coherence::Rule,
    clients::{Reader, kubeconfig_at},
    core::{Clock, Event, Failure, FailureClass, persist_as},
    decisions::CheckResults,
    drift::{
        Acceptance, Baselines, ChangeLine, Difference, DifferenceKind, DriftReport, DriftSite,
        LookOptions, Page, Source, Take, WatchOptions, Watched, bind, metrics, serve, watch,
    },
    run::Status,
};

use super::accept::acceptable;
use crate::{
    app::App,
    cli::{LeftoverArgs, SiteFile, limit},
    output_file::OutputFile,
    render::{self, Format},
};

/// `drift`
#[derive(Clone, Debug, Args)]
pub(crate) struct DriftArgs {
    /// The site.
    #[command(flatten)]
    site: SiteFile,
    /// Leftovers.
    #[command(flatten)]
    leftovers: LeftoverArgs,
    /// Take what is seen now as the baseline. What fails, what `apply` would change and what was not seen
    /// goes on being reported.
    #[arg(long, conflicts_with = "watch")]
    accept: bool,
    /// Accept findings of this rule of coherence even if they are broken (repeatable).
    #[arg(long = "accept-finding", value_name = "RULE", value_parser = acceptable)]
    rules: Vec<Rule>,
    /// Don't look at this rule, or at one of graft, coherence, constellation and live (repeatable).
    #[arg(long, value_name = "RULE")]
    skip: Vec<String>,
    /// Read the management cluster with this kubeconfig, or as the service account of this pod
    /// (`in-cluster`), not with the site's kubeconfig, which has the driver's rights.
    #[arg(long, value_name = "KUBECONFIG")]
    reader: Option<PathBuf>,
    /// Warn this long before a credential expires.
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = days)]
    expires_within: SignedDuration,
    /// Abandon a look after this time and report everything as unknown.
    #[arg(long, value_name = "DURATION", default_value = "3m", value_parser = limit)]
    deadline: Duration,
    /// Write the metrics to this file after each look, for Prometheus' textfile collector.
    #[arg(long, value_name = "FILE.prom", value_parser = prom)]
    metrics_file: Option<PathBuf>,
    /// Look again and again, and print a line for each change.
    #[arg(long)]
    watch: bool,
    /// How often.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = limit, requires = "watch")]
    interval: Duration,
    /// Serve /metrics and /healthz here (127.0.0.1:9464).
    #[arg(long, value_name = "ADDRESS:PORT", requires = "watch")]
    listen: Option<SocketAddr>,
    /// Also at an address that other machines can connect to: there is no password and no TLS.
    #[arg(long, requires = "listen")]
    listen_anywhere: bool,
}

/// Parses a duration, also in days (`30d`).
fn days(text: &str) -> Result<SignedDuration, String> {
    let wrong = || "write 30d, 12h or 90m".to_owned();
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<u16>().ok()) {
        return Ok(SignedDuration::from_hours(i64::from(days) * 24));
    }
    let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
    if duration.is_negative() { Err(wrong()) } else { Ok(duration) }
}

/// The service account of the pod that this runs in.
const IN_CLUSTER: &str = "in-cluster";

fn reader(path: &Path) -> Reader {
    if path == Path::new(IN_CLUSTER) { Reader::pod() } else { Reader::Kubeconfig(path.into()) }
}

/// The collector reads files of this name only.
fn prom(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_prom = path.extension().is_some_and(|extension| extension == "prom");
    if is_prom { Ok(path) } else { Err("its name must end in .prom".to_owned()) }
}

const METRICS: OutputFile = OutputFile {
    what: "a file of metrics of omega",
    begins: "# HELP omega_drift_",
    holds: "",
    flag: "--metrics-file FILE.prom",
};

impl DriftArgs {
    fn options(&self) -> LookOptions {
        let mut options = LookOptions::default();
        options.skip.clone_from(&self.skip);
        options.expires_within = self.expires_within;
        options
    }
}

impl App {
    /// Says what changed on the site since the last look. It only reads there.
    pub(crate) async fn drift(&self, args: &DriftArgs) -> Result<Status, Failure> {
        let at = &args.site.site;
        let options = args.options();
        options.check_names()?;
        args.metrics_file.iter().try_for_each(|path| METRICS.may_be_written(path))?;
        let site = Self::site(at)?;
        if !options.skips(Source::Graft.name()) {
            site.is_complete_for_graft()?;
        }
        let listener = match args.listen {
            Some(address) => Some(bind(address, args.listen_anywhere).await?),
            None => None,
        };
        if let Some(path) = args.reader.as_deref().filter(|path| *path != Path::new(IN_CLUSTER)) {
            // A name that leads nowhere is no state of the site.
            let read = kubeconfig_at(path, "check the path: --reader KUBECONFIG").err();
            if let Some(failure) = read.filter(|one| one.class == FailureClass::Usage) {
                return Err(failure);
            }
        }
        let file = Baselines::new(&self.state).take(at)?;
        let named = at.display().to_string();
        let reader = args.reader.as_deref().map(reader);
        let connect = self.connect(&site);
        let connect = reader.as_ref().map_or(connect, |reader| connect.read_by(reader));
        let mut seen = DriftSite::new(connect, &named);
        seen.leftovers = args.leftovers.policy();
        seen.accepted.clone_from(&args.rules);
        seen.options = options;
        let watched = Watched::new(&file, &self.runs, &named, seen.sources(), &seen.options);
        let take = || -> futures::future::BoxFuture<'_, _> { Box::pin(seen.look(Clock::System)) };
        if !args.watch {
            return self.drift_once(args, &watched, &take).await;
        }
        let page = Page::new(WatchOptions::new(args.interval, args.deadline).stale());
        // A signal ends the loop, not the program at once: the last line is whole.
        self.ctx.mark_written();
        let watching = self.drift_watch(args, &watched, &take, &page);
        match listener {
            None => watching.await,
            Some(listener) => tokio::select! {
                ended = watching => ended,
                never = serve(listener, page.clone()) => match never {},
            },
        }
    }

    async fn drift_once(
        &self,
        args: &DriftArgs,
        watched: &Watched<'_>,
        take: &Take<'_>,
    ) -> Result<Status, Failure> {
        let acceptance = if args.accept { Acceptance::Accept } else { Acceptance::Keep };
        self.console.now("looking");
        let report = watched.once(&self.ctx, take, args.deadline, acceptance).await;
        self.console.done();
        let report = report?;
        self.drift_metrics(args, &report)?;
        self.keep(&CheckResults::of_drift(&report));
        if self.verbose {
            self.screen.text(&render::holds(&report, &self.screen));
        }
        self.screen.text(&render::drift(&report, &self.screen));
        let mut document = serde_json::to_value(&report).unwrap_or_default();
        if let (Some(failure), Some(document)) = (unread(&report), document.as_object_mut()) {
            self.console.fail(&render::failure(&failure, None, &self.screen));
            document.insert("failure".to_owned(), serde_json::json!(failure));
        }
        Ok(self.ends(report.status(), document))
    }

    async fn drift_watch(
        &self,
        args: &DriftArgs,
        watched: &Watched<'_>,
        take: &Take<'_>,
        page: &Page,
    ) -> Result<Status, Failure> {
        let options = WatchOptions::new(args.interval, args.deadline);
        let tell = |report: &DriftReport| {
            self.keep(&CheckResults::of_drift(report));
            self.drift_lines(report)?;
            self.drift_metrics(args, report)?;
            page.show(metrics(Some(report)));
            Ok(())
        };
        watch(watched, &self.ctx, take, options, &tell).await?;
        let reason = self.ctx.cancel().reason();
        Ok(Status::of(&Failure::new(FailureClass::Interrupted, "stopped"), reason))
    }

    /// Prints one line for each change.
    fn drift_lines(&self, report: &DriftReport) -> Result<(), Failure> {
        if report.recorded {
            let text = format!("recorded the baseline: {} facts", report.looked);
            self.ctx.tell(&Event::Note { text });
        }
        for one in report.news() {
            if self.screen.format == Format::Json {
                let line = serde_json::to_string(&ChangeLine::new(report, one));
                self.screen.raw(&line.unwrap_or_default());
            } else {
                self.screen.text(&render::change_line(report, one));
            }
        }
        if self.screen.is_lost() {
            let what = "the changes can't be printed any more: standard output is closed";
            return Err(Failure::new(FailureClass::Error, what));
        }
        Ok(())
    }

    fn drift_metrics(&self, args: &DriftArgs, report: &DriftReport) -> Result<(), Failure> {
        let Some(path) = &args.metrics_file else { return Ok(()) };
        written(path, &metrics(Some(report)))
    }
}

/// Returns that something could not be read, if that is so: then not all is known.
fn unread(report: &DriftReport) -> Option<Failure> {
    let unknown = |one: &&Difference| one.kind == DifferenceKind::Unknown;
    let first = report.differences.iter().find(unknown)?;
    let facts = match report.count(DifferenceKind::Unknown) {
        1 => "1 fact".to_owned(),
        many => format!("{many} facts"),
    };
    let what = format!("could not read {facts} of the site");
    let failure = Failure::new(FailureClass::Error, what).because(first.summary.clone());
    Some(match &first.next {
        Some(next) => failure.next(next.clone()),
        None => failure,
    })
}

fn written(path: &Path, text: &str) -> Result<(), Failure> {
    persist_as(path, text.as_bytes(), 0o644).map_err(|error| {
        let what = format!("could not write the metrics to {}", path.display());
        Failure::new(FailureClass::Error, what).because(error.to_string())
    })
}
