//! `stage-image`: from a file, a URL or a manifest of azimuth-images.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{ArgGroup, Args};
use omega::{
    acceptance::TransferMeter,
    core::{
        Failure, FailureClass, Item, Label as _, Section, TargetPlan, open_regular, read_regular,
        run::Status,
        shown_address, step, url_words,
        values::{Hasher, Sha512},
    },
    openstack::{
        Service,
        image::{
            DownloadOptions, Downloads, ImageName, ImageSource, Images, KubernetesVersion,
            Manifest, StagedImage,
        },
    },
    run::{Engine, Job},
};

use crate::{
    app::App,
    cli::{SiteFile, WriteArgs},
};

/// `stage-image`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").required(true).args(["file", "url", "manifest"]))]
pub(crate) struct StageImageArgs {
    /// The site.
    #[command(flatten)]
    site: SiteFile,
    /// Whether and how it writes.
    #[command(flatten)]
    write: WriteArgs,
    /// A qcow2 file on this machine.
    #[arg(long, requires = "sha512", requires = "name")]
    file: Option<PathBuf>,
    /// The URL of a qcow2 file.
    #[arg(long, requires = "sha512", requires = "name")]
    url: Option<String>,
    /// A manifest of azimuth-images: a release (`0.28.0`), a URL, or a file. It says name, URL and
    /// digest.
    #[arg(long, conflicts_with = "sha512")]
    manifest: Option<String>,
    /// The image's name. With `--manifest`, the manifest's by default.
    #[arg(long)]
    name: Option<String>,
    /// The version of Kubernetes that the image has (`v1.34.8`).
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: String,
    /// The SHA-512 digest of the file, as published.
    #[arg(long, value_name = "DIGEST")]
    sha512: Option<String>,
    /// The distribution, which Magnum requires (`ubuntu`, `flatcar`).
    #[arg(long, default_value = "ubuntu")]
    os_distro: String,
    /// Of several images for the version in the manifest, the one whose name contains this.
    #[arg(long, requires = "manifest", value_name = "TEXT")]
    select: Option<String>,
    /// Keep a copy of the download in this file, once its digest is right.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Talk to Glance at this URL, not at the catalog's: to one unit behind a virtual IP, for example.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn usage(why: impl ToString) -> Failure {
    Failure::new(FailureClass::Usage, why.to_string()).next("omega-cli stage-image --help")
}

impl App {
    pub(super) async fn stage_image(&self, args: &StageImageArgs) -> Result<Status, Failure> {
        let at = &args.site.site;
        let _lock = (!args.write.plan).then(|| self.runs.lock(at, &self.task)).transpose()?;
        let site = Self::site(at)?;
        let proxies = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        let proxy = proxies.into_iter().find_map(|name| self.machine.variables.get(name));
        let mut options = DownloadOptions::default();
        options.proxy = proxy.filter(|proxy| !proxy.is_empty()).cloned();
        let downloads = Downloads::new(options);
        let image = self.image_of(args, &downloads).await?;
        if let (true, Some(file)) = (args.write.plan, &args.file) {
            // A run hashes it as it goes.
            is_whole(file, image.sha512).await?;
        }
        let connect = self.connect(&site);
        let cloud = match &args.endpoint {
            Some(url) => {
                let url = url.parse().map_err(|error| {
                    let shown = shown_address(url);
                    usage(format!("--endpoint {shown:?} is not a URL: {}", url_words(error)))
                })?;
                connect.cloud_at(Service::Image, url).await?
            }
            None => connect.cloud().await?,
        };
        if !args.write.plan {
            self.sweep_cloud(&cloud, args.write.consent).await?;
        }
        let images = Arc::new(Images::new(Arc::clone(&cloud.narrowed)).with_downloads(downloads));
        let (label, name) = (images.label(), image.name.to_string());
        let section = Section::new("", &self.task, vec![Item::Step(step(&images, image))]);
        let target = TargetPlan::shared(label, vec![section]);
        if args.write.plan {
            return self
                .one((at, args.write), vec![target], cloud.endpoints(), cloud.counts())
                .await;
        }
        // Its rate is drawn in the report of the acceptance.
        let meter = Arc::new(TransferMeter::new(self.console.clone()));
        let engine = Engine::new(self.runs.clone(), self.ctx.clone().with_events(meter.clone()));
        let job = Job::new(&self.task, at.display().to_string(), vec![target]);
        let job = job.on(cloud.endpoints(), cloud.counts());
        let report = self.apply_confirmed(&engine, &job, args.write.consent, &[]).await?;
        let status = self.shown(&report, None);
        let transfer = meter.transfer(name).filter(|_| status == Status::Done);
        if let (Some(run), Some(transfer)) = (&report.run, transfer) {
            transfer.keep(&self.runs, run)?;
        }
        Ok(status)
    }

    async fn image_of(
        &self,
        args: &StageImageArgs,
        downloads: &Downloads,
    ) -> Result<StagedImage, Failure> {
        let version: KubernetesVersion = args.kubernetes_version.parse().map_err(usage)?;
        let name = args.name.as_deref().map(str::parse::<ImageName>).transpose().map_err(usage)?;
        let mut image = match (&args.manifest, &args.file, &args.url) {
            (Some(manifest), ..) => {
                let manifest = read_manifest(manifest, downloads).await?;
                manifest.image(&version, args.select.as_deref()).map_err(usage)?
            }
            (None, file, url) => {
                let sha512 = args.sha512.as_deref().unwrap_or_default();
                let sha512: Sha512 = sha512.parse().map_err(|e| usage(format!("--sha512: {e}")))?;
                let source = match (file, url) {
                    (Some(file), _) => {
                        there(file)?;
                        ImageSource::file(file)
                    }
                    (None, url) => {
                        let url = url.as_deref().unwrap_or_default();
                        ImageSource::url(url).map_err(|error| usage(format!("--url: {error}")))?
                    }
                };
                let name = name.clone().ok_or_else(|| usage("--name is needed"))?;
                StagedImage::new(name, version, sha512, source)
            }
        };
        if let Some(name) = name {
            image.name = name;
        }
        image.keep.clone_from(&args.keep);
        image
            .with_os_distro(&args.os_distro)
            .map_err(|error| usage(format!("--os-distro: {error}")))
    }
}

/// Fails if there is no such file, which the command line names.
fn there(file: &Path) -> Result<(), Failure> {
    let missing = std::fs::metadata(file).err();
    let missing = missing.filter(|error| error.kind() == std::io::ErrorKind::NotFound);
    missing.map_or(Ok(()), |error| {
        let what = format!("could not read {}", file.display());
        let failure = Failure::new(FailureClass::Usage, what).because(error.to_string());
        Err(failure.next("check the path: --file FILE"))
    })
}

/// Fails if the file does not have the digest that was given.
async fn is_whole(file: &Path, expected: Sha512) -> Result<(), Failure> {
    let path = file.to_owned();
    let hashed = tokio::task::spawn_blocking(move || digest(&path)).await;
    let unread = |error: std::io::Error| {
        let what = format!("could not read {}", file.display());
        Failure::new(FailureClass::Error, what).because(error.to_string())
    };
    let found = hashed.map_err(std::io::Error::other).flatten().map_err(unread)?;
    if found == expected {
        return Ok(());
    }
    let what = format!("{} is not the file with the digest of --sha512", file.display());
    Err(Failure {
        expected: Some(format!("sha512 {expected}")),
        found: Some(format!("sha512 {found}")),
        ..Failure::new(FailureClass::Error, what)
    }
    .next("get the file again, or correct the digest"))
}

fn digest(path: &Path) -> std::io::Result<Sha512> {
    let (mut file, _) = open_regular(path, u64::MAX)?;
    let (mut hasher, mut chunk) = (Hasher::default(), vec![0; 1 << 20]);
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(chunk.get(..count).unwrap_or_default());
    }
}

/// The largest manifest that is read. That of azimuth-images 0.34.0 has 12 kB.
const MOST: u64 = 4 << 20;

/// What looks like a path is one, whether it is there or not: a release has no slash, and is no `.json`.
fn is_path(from: &str) -> bool {
    let path = Path::new(from);
    let is_json = path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("json"));
    from.contains('/') || is_json || path.exists()
}

async fn read_manifest(from: &str, downloads: &Downloads) -> Result<Manifest, Failure> {
    let is_url = from.contains("://");
    let text = if !is_url && is_path(from) {
        let text = read_regular(Path::new(from), MOST)
            .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
        text.map_err(|error| {
            Failure::new(FailureClass::Usage, format!("could not read the manifest {from}"))
                .because(error.to_string())
                .next("give a file, a URL, or a release of azimuth-images (0.28.0)")
        })?
    } else {
        let url = if is_url { from.to_owned() } else { Manifest::url(from) };
        downloads.text(&url).await.map_err(|error| Failure {
            causes: omega::core::chain(&error),
            ..Failure::new(FailureClass::Error, format!("could not read the manifest {from}"))
                .next("check the release or the URL, or download manifest.json by other means and give the file")
        })?
    };
    Manifest::parse(&text).map_err(usage)
}
