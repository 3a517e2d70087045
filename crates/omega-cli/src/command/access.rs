//! Operations on access to the management cluster.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use omega::capi::{
    Namespace,
    access::{
        Account, DriverRights, Mint, MintedKubeconfig, Reach, Retarget, RetargetedKubeconfig,
        mint_steps,
    },
};
use omega::core::{
    Failure, FailureClass, Item, Label as _, Section, Step, TargetPlan, step, url_words,
};
use omega::driver::Overrides;
use url::Url;

use omega::{
    graft::value,
    run::{Counts, Endpoints, Job, Status},
    site::Site,
};

use super::egress::EgressArgs;
use crate::{
    app::App,
    cli::{SiteFile, WriteArgs},
};

/// An operation on the management cluster. No unit is contacted.
#[derive(Debug, Subcommand)]
pub(crate) enum Access {
    /// Create or renew a kubeconfig for the driver with the least rights that it needs.
    MintKubeconfig(MintArgs),
    /// Change a kubeconfig to another address of the same API server, if TLS can be verified there.
    RetargetKubeconfig(RetargetArgs),
    /// Check whether a pod reaches an address; the pod is removed again (D-035).
    ProbePodEgress(EgressArgs),
}

/// `mint-kubeconfig`
#[derive(Debug, Args)]
pub(crate) struct MintArgs {
    /// The site, with the administrator's kubeconfig and the driver.
    #[command(flatten)]
    site: SiteFile,
    /// The file to write, with mode 0600. It is kept if its token is valid for long enough.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    reach: ReachArgs,
    /// The account (a `ServiceAccount`).
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "omega/magnum-driver")]
    account: Account,
    /// Also grant the rights that clusters with the label `auto_scaling_enabled` need.
    #[arg(long)]
    autoscaler: bool,
    /// The token's lifetime (`90d`, `12h`), at least 10 minutes. The API server may shorten it.
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = lifetime)]
    lifetime: Duration,
    /// Renew a token that expires in less than this [default: a third of its lifetime].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    renew_before: Option<Duration>,
    /// The server to write [default: that of the site's kubeconfig].
    #[arg(long, value_name = "URL", value_parser = url)]
    server: Option<Url>,
    /// Whether and how it writes.
    #[command(flatten)]
    write: WriteArgs,
}

/// `retarget-kubeconfig`
#[derive(Debug, Args)]
pub(crate) struct RetargetArgs {
    /// The site, whose kubeconfig is changed if --file is not given.
    #[command(flatten)]
    site: SiteFile,
    /// The kubeconfig [default: that of the site file, `kubeconfig` in `[management]`].
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The floating IP or the name: `10.12.7.40`, `NAME:6443`, or a URL. Without a port, the port stays.
    #[arg(long, value_name = "ADDRESS")]
    server: String,
    /// Whether and how it writes.
    #[command(flatten)]
    write: WriteArgs,
}

/// The namespaces of the driver's clusters.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ReachArgs {
    /// Create this namespace (magnum-PROJECT_ID) and grant rights in it (repeatable).
    #[arg(long = "namespace", short = 'n', value_name = "NAMESPACE")]
    namespaces: Vec<Namespace>,
    /// Grant rights in all namespaces, for projects that do not exist yet. This can be escalated to
    /// full rights.
    #[arg(long)]
    all_namespaces: bool,
}

impl MintArgs {
    /// Refuses arguments that would fail after rights were granted.
    fn check(&self) -> Result<(), Failure> {
        let usage = |what: String| Failure::new(FailureClass::Usage, what);
        let system = |name: &&Namespace| {
            let name = name.as_str();
            name.starts_with("kube-")
                || name == "default"
                || name == self.account.namespace.as_str()
        };
        if let Some(name) = self.reach.namespaces.iter().find(system) {
            let what = format!("the driver does not use namespace {name}");
            return Err(usage(what).next("use the namespaces of its projects: magnum-PROJECT_ID"));
        }
        if let Some(server) = self.server.as_ref().filter(|url| url.scheme() != "https") {
            return Err(usage(format!("--server {server} is not https")));
        }
        if self.renew_before.is_some_and(|before| before >= self.lifetime) {
            let what = "--renew-before must be shorter than --lifetime".to_owned();
            return Err(usage(what).next("otherwise each run would create another token"));
        }
        let at = std::path::absolute(&self.out).unwrap_or_else(|_| self.out.clone());
        match at.parent().filter(|directory| !directory.is_dir()) {
            Some(directory) => {
                Err(usage(format!("directory {} does not exist", directory.display())))
            }
            None => Ok(()),
        }
    }

    fn wanted(&self, site: &Site) -> Result<MintedKubeconfig, Failure> {
        let driver = value("driver.version", &site.driver()?.version)?;
        let overrides = site.capi_helm.get("api_resources").map_or("{}", String::as_str);
        let overrides = Overrides::of_line(overrides).map_err(|error| {
            Failure::from_error("could not use the site's api_resources", &error)
        })?;
        let reach = if self.reach.all_namespaces {
            Reach::Everywhere
        } else {
            Reach::Namespaces(self.reach.namespaces.iter().cloned().collect())
        };
        let (account, autoscaler) = (self.account.clone(), self.autoscaler);
        Ok(MintedKubeconfig {
            rights: DriverRights { account, reach, driver, overrides, autoscaler, additive: false },
            path: std::path::absolute(&self.out).unwrap_or_else(|_| self.out.clone()),
            lifetime: self.lifetime.as_secs(),
            renew_before: self.renew_before.map(|before| before.as_secs()),
            server: self.server.clone(),
        })
    }
}

impl App {
    pub(crate) async fn access(&self, operation: &Access) -> Result<Status, Failure> {
        match operation {
            Access::MintKubeconfig(args) => self.mint(args).await,
            Access::RetargetKubeconfig(args) => self.retarget(args).await,
            Access::ProbePodEgress(args) => self.egress(args).await,
        }
    }

    async fn retarget(&self, args: &RetargetArgs) -> Result<Status, Failure> {
        let path = if let Some(file) = &args.file {
            file.clone()
        } else {
            let site = Self::site(&args.site.site)?;
            self.connect(&site).path(site.kubeconfig()?)
        };
        let path = std::path::absolute(&path).unwrap_or(path);
        let wanted = RetargetedKubeconfig::at(&path, &args.server).map_err(|error| Failure {
            class: FailureClass::Usage,
            ..Failure::from_error(format!("could not retarget {}", path.display()), &error)
        })?;
        let server = wanted.server.to_string();
        let retarget = Arc::new(Retarget::new(self.ctx.now()));
        let label = retarget.label();
        let steps = vec![step(&retarget, wanted)];
        let job = self.job_of(&args.site, steps, (label, server), Counts::default);
        let lock = || self.runs.lock(&args.site.site, &self.task);
        let _lock = (!args.write.plan).then(lock).transpose()?;
        let (report, next) = self.carry_out(&args.site.site, &job, args.write).await?;
        // With --file no site file is read.
        let bare = || self.given.clone().without("--plan");
        let next = if args.file.is_some() { next.map(|_| bare()) } else { next };
        Ok(self.shown(&report, next.as_ref()))
    }

    /// Returns the job of this command on the target with this label and endpoint.
    fn job_of(
        &self,
        site: &SiteFile,
        steps: Vec<Box<dyn Step>>,
        (label, server): (String, String),
        counts: impl Fn() -> Counts + Send + Sync + 'static,
    ) -> Job {
        let items = steps.into_iter().map(Item::Step).collect();
        let target = TargetPlan::shared(label, vec![Section::new("", &self.task, items)]);
        let endpoints = Endpoints::from([("management".to_owned(), server)]);
        let site = site.site.display().to_string();
        Job::new(&self.task, site, vec![target]).on(endpoints, counts)
    }

    async fn mint(&self, args: &MintArgs) -> Result<Status, Failure> {
        let site = Self::site(&args.site.site)?;
        let kubeconfig = self.connect(&site).kubeconfig(self.ctx.now())?;
        args.check()?;
        let wanted = args.wanted(&site)?;
        self.may_write(&wanted.path, &site)?;
        if let Some(server) = &args.server {
            takes_connections(server).await?;
        }
        let management = self.connect(&site).management(&kubeconfig).await?;
        let mint = Mint::new(management.clone(), &kubeconfig.facts, self.ctx.now());
        let steps = mint_steps(&Arc::new(mint), wanted).await?;
        let label = management.label();
        let counted = move || Counts {
            requests: management.requests(),
            locks: management.lock_requests(),
            ..Counts::default()
        };
        let at = (label.clone(), label);
        let job = self.job_of(&args.site, steps, at, counted);
        let lock = || self.runs.lock(&args.site.site, &self.task);
        let _lock = (!args.write.plan).then(lock).transpose()?;
        let (report, next) = self.carry_out(&args.site.site, &job, args.write).await?;
        let exit = self.shown(&report, next.as_ref());
        if exit == Status::Done && !args.write.plan {
            self.screen.prose(&format!(
                "Next:  name {} as `kubeconfig` of [management] in the site file of the graft, then \
                 omega-cli place-kubeconfig, and converge-services: the driver reads it once.",
                args.out.display()
            ));
        }
        Ok(exit)
    }

    /// The administrator's kubeconfig must not be overwritten.
    fn may_write(&self, path: &std::path::Path, site: &Site) -> Result<(), Failure> {
        let admin = self.connect(site).path(site.kubeconfig()?);
        let real = |path: &std::path::Path| std::fs::canonicalize(path).ok();
        if real(path).is_some_and(|path| Some(path) == real(&admin)) {
            let what = format!("--out {} is the administrator's kubeconfig", path.display());
            return Err(Failure::new(FailureClass::Usage, what).next("choose another file"));
        }
        Ok(())
    }
}

/// Checks the server before any right is changed: a kubeconfig with a wrong server could not be proven
/// afterwards.
async fn takes_connections(server: &Url) -> Result<(), Failure> {
    const WITHIN: Duration = Duration::from_secs(10);
    let addresses = || server.socket_addrs(|| None);
    let connect = async {
        let addresses = addresses()?;
        tokio::net::TcpStream::connect(addresses.as_slice()).await
    };
    let why = match tokio::time::timeout(WITHIN, connect).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", WITHIN.as_secs()),
    };
    let what = format!("could not connect to --server {server}");
    Err(Failure::new(FailureClass::Error, what)
        .because(why)
        .next("run this on a machine that can reach that address"))
}

/// Parses an address.
fn url(text: &str) -> Result<Url, String> {
    text.parse().map_err(|error| format!("it is not a URL: {}", url_words(error)))
}

/// Parses a duration: `90d`, or as in the site file (`12h`, `1h 30m`).
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    if let Some(days) = days.and_then(|days| days.checked_mul(86_400)) {
        return Ok(Duration::from_secs(days));
    }
    let parsed: SignedDuration = text.parse().map_err(|_| "write 90d, 12h or 1h 30m".to_owned())?;
    Duration::try_from(parsed).map_err(|_| "it can't be negative".to_owned())
}

/// Parses a token's lifetime. The limits are the API server's.
fn lifetime(text: &str) -> Result<Duration, String> {
    let found = duration(text)?;
    if (600..=u64::from(u32::MAX)).contains(&found.as_secs()) {
        return Ok(found);
    }
    Err("a lifetime must be between 10 minutes and 136 years".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn where_and_how_long_must_make_sense() {
        for bad in [
            "",
            "-n magnum-a --all-namespaces",
            "-n Magnum",
            "-n magnum-a --lifetime 5m",
            "-n magnum-a --lifetime x",
            "-n magnum-a --renew-before -1h",
            "-n magnum-a --account x",
        ] {
            let words = format!("omega-cli mint-kubeconfig --out x {bad}");
            assert!(Cli::try_parse_from(words.split_whitespace()).is_err(), "{bad}");
        }
        let good = "omega-cli mint-kubeconfig --out x -n magnum-a --lifetime 2d --account a/b";
        assert!(Cli::try_parse_from(good.split_whitespace()).is_ok());
        assert_eq!(duration("90d"), Ok(Duration::from_hours(90 * 24)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_mins(90)));
    }
}
