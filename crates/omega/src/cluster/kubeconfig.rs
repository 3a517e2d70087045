//! A cluster's kubeconfig, in a file of this machine.

use std::{path::PathBuf, time::Duration};

use jiff::Timestamp;
use omega_capi::access::{CertificateCheck, EndpointCheck, check_endpoint};
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Note, Outcome,
    PollPolicy, Subject, ensure,
    kubeconfig::{Kubeconfig, NewCredential, NewKubeconfig},
    values::Secret,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    ClusterAccess, ClusterFile, ClusterFound, FetchError, KubeconfigSource, OwnFile,
    RemovedClusterKubeconfig, kubeconfig_file::look,
};

/// That `path` holds a kubeconfig of the cluster's administrator which the cluster accepts.
///
/// # Guarantees
///
/// A file that the cluster accepts, with the cluster's server, is left as it is. The server's
/// certificate is checked with the cluster's authority before anything is written. The file is written
/// whole or not at all, readable by its owner only. The private key is made here, and is in the file
/// and nowhere else.
///
/// A file of another cluster is refused: it is another cluster's if it has another certificate
/// authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterKubeconfig {
    /// The cluster: its name or id in Magnum; from Cluster API also the name of its Cluster, or
    /// `NAMESPACE/NAME`.
    pub cluster: String,
    /// The file.
    pub path: PathBuf,
    /// Where it comes from.
    pub source: KubeconfigSource,
}

/// Fetches a cluster's kubeconfig, and returns once the cluster accepts it.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use omega::cluster::*;
/// # async fn f(ctx: &omega::core::Context, magnum: Arc<omega::openstack::container_infra::ContainerInfra>) -> Result<(), Box<dyn std::error::Error>> {
/// let access = ClusterAccess::new(ctx.now()).with_magnum(magnum);
/// let source = KubeconfigSource::Magnum;
/// let wanted = ClusterKubeconfig { cluster: "capi-test-1".into(), path: "/home/ops/capi-test-1.kubeconfig".into(), source };
/// let done = fetch_cluster_kubeconfig(ctx, &access, &wanted).await?;
/// println!("changed: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses a cluster without an address, a server whose certificate is not the cluster's, and a file
/// that is not the cluster's kubeconfig. Fails if Magnum does not permit it: only the user who created
/// the cluster may have a certificate.
pub async fn fetch_cluster_kubeconfig(
    ctx: &Context,
    access: &ClusterAccess,
    wanted: &ClusterKubeconfig,
) -> Result<Outcome<ClusterKubeconfigObserved>, EnsureError<FetchError>> {
    ensure(ctx, access, wanted).await
}

/// The cluster, the file, and what is at the cluster's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterKubeconfigObserved {
    /// The clusters with the name.
    pub clusters: Vec<ClusterFound>,
    /// The file.
    pub file: ClusterFile,
    /// What the cluster's server says: to the file's credentials if it is there and can be used,
    /// otherwise only by its certificate. None if it was not asked.
    pub endpoint: Option<EndpointCheck>,
}

/// One write: the kubeconfig is fetched and put into the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeconfigWrite {
    /// The cluster's id in its source.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// The server in it.
    pub server: Url,
    /// Where it comes from.
    pub source: KubeconfigSource,
    /// Why.
    pub why: WriteReason,
}

/// Why a kubeconfig is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteReason {
    /// There is none.
    Absent,
    /// Its client certificate expired then.
    Expired(Timestamp),
    /// The cluster had this server.
    Server(Url),
    /// The cluster does not accept its credentials.
    Refused,
    /// Others can read it.
    Readable,
}

impl ClusterKubeconfig {
    fn the_cluster<'a>(
        &self,
        seen: &'a ClusterKubeconfigObserved,
    ) -> Result<(&'a ClusterFound, &'a Url), Conflict> {
        let name = &self.cluster;
        match seen.clusters.as_slice() {
            [one] => one.server.as_ref().map(|server| (one, server)).ok_or_else(|| {
                let status = one.status.as_deref().unwrap_or("unknown");
                let why = format!("cluster {name} has no API address yet: its status is {status}");
                let next = format!("find out why: omega-cli doctor --cluster {name}; then wait until it is CREATE_COMPLETE");
                Conflict::new(why, next)
            }),
            [] => {
                let why = format!("there is no cluster {name:?} in this project");
                Err(Conflict::no_such(why, "correct the name (openstack coe cluster list)"))
            }
            many => {
                let ids: Vec<_> = many.iter().map(|one| one.id.as_str()).collect();
                let why = format!("{} clusters have the name {name:?}", many.len());
                Err(Conflict::new(why, "use its id").seen("one cluster", ids.join(", ")))
            }
        }
    }

    /// Returns why the file must be written; none if it is as it should be.
    fn reason(seen: &ClusterKubeconfigObserved, server: &Url) -> Option<WriteReason> {
        let ClusterFile::Own(OwnFile { server: old, expires, private }) = &seen.file else {
            return Some(WriteReason::Absent);
        };
        match &seen.endpoint {
            _ if old != server => Some(WriteReason::Server(old.clone())),
            Some(EndpointCheck::Works(_)) => (!private).then_some(WriteReason::Readable),
            Some(EndpointCheck::Refuses) | None => Some(WriteReason::Refused),
            // The file's credentials were not tried.
            Some(_) => Some(expires.map_or(WriteReason::Refused, WriteReason::Expired)),
        }
    }
}

impl Desired for ClusterKubeconfig {
    const KIND: &'static str = "machine.cluster-kubeconfig.v1";
    type Target = ClusterAccess;
    type Observed = ClusterKubeconfigObserved;
    type Change = KubeconfigWrite;
    type Undo = RemovedClusterKubeconfig;
    type Error = FetchError;

    fn subject(&self) -> Subject {
        Subject::new("kubeconfig", self.path.display().to_string())
    }

    fn key(&self) -> String {
        self.path.display().to_string()
    }

    async fn observe(
        &self,
        access: &ClusterAccess,
    ) -> Result<ClusterKubeconfigObserved, FetchError> {
        let (clusters, ca_pem) = access.find(self.source, &self.cluster).await?;
        let ca = clusters.first().and_then(|one| one.ca);
        let (file, kubeconfig) = look(&*access.local, &self.path, ca)?;
        let endpoint = match (clusters.as_slice(), ca_pem) {
            ([ClusterFound { server: Some(server), .. }], Some(ca_pem)) => {
                let usable = kubeconfig.filter(|one| {
                    one.facts.server == *server && one.facts.validity_error(access.now).is_none()
                });
                Some(match usable {
                    Some(kubeconfig) => check_endpoint(&*access.local, &kubeconfig).await?,
                    None => EndpointCheck::Certificate(
                        check_certificate(access, server, &ca_pem).await?,
                    ),
                })
            }
            _ => None,
        };
        Ok(ClusterKubeconfigObserved { clusters, file, endpoint })
    }

    fn diff(&self, seen: &ClusterKubeconfigObserved) -> Result<Delta<KubeconfigWrite>, Conflict> {
        let (cluster, server) = self.the_cluster(seen)?;
        if let ClusterFile::Foreign(why) = &seen.file {
            let why = format!("it is not a kubeconfig of cluster {}: {why}", self.cluster);
            return Err(Conflict::new(why, "name another file, or remove this one"));
        }
        let (Some(endpoint), Some(_)) = (&seen.endpoint, cluster.ca) else {
            let why = format!("the certificate authority of cluster {} is not known", self.cluster);
            let next = format!("examine the cluster: omega-cli doctor --cluster {}", self.cluster);
            return Err(Conflict::new(why, next));
        };
        let known = !matches!(endpoint, EndpointCheck::Refuses);
        if let Some(conflict) = known.then(|| endpoint.refusal(written(server))).flatten() {
            return Err(conflict);
        }
        let write = |why| KubeconfigWrite {
            id: cluster.id.clone(),
            path: self.path.clone(),
            server: server.clone(),
            source: self.source,
            why,
        };
        Ok(Delta::of(Self::reason(seen, server).map(write).into_iter().collect()))
    }

    async fn apply(
        &self,
        _: &Context,
        access: &ClusterAccess,
        change: &KubeconfigWrite,
    ) -> Result<(), FetchError> {
        let KubeconfigWrite { id, path, source, .. } = change;
        let unwritten = |source| FetchError::Write { path: path.clone(), source };
        let text = access.fetch(*source, &self.cluster, id).await?;
        if let Some(directory) = path.parent().filter(|one| !one.as_os_str().is_empty()) {
            access.local.make_directory(directory).map_err(unwritten)?;
        }
        access.local.write(path, &text).map_err(unwritten)
    }

    /// A file that replaced another one can't be restored: the old one was of no use.
    fn undo(&self, before: &ClusterKubeconfigObserved) -> Option<RemovedClusterKubeconfig> {
        let ca = before.clusters.first()?.ca?;
        let absent = matches!(before.file, ClusterFile::Absent);
        absent.then(|| RemovedClusterKubeconfig { path: self.path.clone(), ca })
    }

    fn notes(&self, seen: &ClusterKubeconfigObserved, _: Timestamp) -> Vec<Note> {
        let ClusterFile::Own(OwnFile { expires: Some(expires), .. }) = &seen.file else {
            return Vec::new();
        };
        let path = self.path.display();
        vec![Note::new(format!("{path} is an administrator's, and valid until {expires}"))]
    }

    /// A new certificate is accepted at once; the limit allows for a busy API.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(1), Duration::from_secs(15))
    }
}

/// Returns the server without a slash at its end: kubectl appends paths.
fn written(server: &Url) -> &str {
    server.as_str().trim_end_matches('/')
}

/// Checks the certificate of `server`. The token in the kubeconfig is none that a server accepts, and is
/// sent only if the certificate is valid.
async fn check_certificate(
    access: &ClusterAccess,
    server: &Url,
    ca_pem: &str,
) -> Result<CertificateCheck, FetchError> {
    let token = Secret::from("none".to_owned());
    let credential = NewCredential::Token(&token);
    let (cluster, user, ca_pem) = ("cluster", "nobody", Some(ca_pem));
    let kubeconfig = NewKubeconfig { cluster, user, server, ca_pem, credential };
    let kubeconfig = Kubeconfig::read(kubeconfig.text()?)?;
    let checked = check_endpoint(&*access.local, &kubeconfig).await?;
    Ok(if let EndpointCheck::Certificate(check) = checked {
        check
    } else {
        CertificateCheck::Covers
    })
}

impl Describe for KubeconfigWrite {
    fn describe(&self) -> Diff {
        let Self { id: _, path, server, source, why } = self;
        let subject = Subject::new("kubeconfig", path.display().to_string());
        let server = written(server);
        let from = match source {
            KubeconfigSource::Magnum => "a new client certificate, signed by Magnum",
            KubeconfigSource::Management => "Cluster API's secret",
        };
        let (verb, why) = match why {
            WriteReason::Absent => (ChangeKind::Create, String::new()),
            WriteReason::Expired(then) => (ChangeKind::Update, format!("it expired on {then}: ")),
            WriteReason::Server(old) => (ChangeKind::Update, format!("its server was {old}: ")),
            WriteReason::Refused => {
                (ChangeKind::Update, "the cluster does not accept it: ".to_owned())
            }
            WriteReason::Readable => (ChangeKind::Update, "others can read it: ".to_owned()),
        };
        Diff::new(verb, subject, format!("{why}administrator of {server}, {from}, 0600"))
    }
}
