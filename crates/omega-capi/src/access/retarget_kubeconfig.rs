use std::{
    io,
    net::Ipv6Addr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Label, Note,
    Outcome, PollPolicy, Subject, ensure,
    kubeconfig::Kubeconfig,
    values::{Secret, Sha256},
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    LocalFile, LocalMachine, RetargetError, ThisMachine,
    endpoint_check::{EndpointCheck, check_endpoint, cluster_id},
    rewrite_server::{NotRewritten, rewritten, server_in},
};

/// Ensures that the current context of the kubeconfig at `path` uses `server`, and that this works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetargetedKubeconfig {
    /// The file.
    pub path: PathBuf,
    /// The address: `https://10.12.7.40:6443`.
    pub server: Url,
}

/// The target of retargeting: a machine's files and network.
#[derive(Clone, Debug)]
pub struct Retarget {
    local: Arc<dyn LocalMachine>,
    now: Timestamp,
}

impl Retarget {
    /// Creates the target for this machine, at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self::on(now, Arc::new(ThisMachine))
    }

    /// Like [`Retarget::new`], for another machine.
    pub fn on(now: Timestamp, local: Arc<dyn LocalMachine>) -> Self {
        Self { local, now }
    }
}

impl Label for Retarget {
    fn label(&self) -> String {
        "this machine".to_owned()
    }
}

/// Ensures that the kubeconfig uses the server.
///
/// It tests the new address before it writes: the kubeconfig's CA must have signed its certificate, which
/// must cover the address (the driver does not support `tls-server-name`), it must accept the
/// credentials, and it must be the same cluster. All other bytes of the file stay, and it becomes
/// readable by its owner only.
///
/// ```no_run
/// # use omega_capi::access::*;
/// # async fn f(now: jiff::Timestamp) -> Result<(), Box<dyn std::error::Error>> {
/// let server = "https://10.12.7.40:6443".parse()?;
/// let wanted = RetargetedKubeconfig { path: "capi-mgmt.kubeconfig".into(), server };
/// let done = retarget_kubeconfig(&Default::default(), &Retarget::new(now), &wanted).await?;
/// println!("changed: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses another address with the names in its certificate, or the UIDs of the two clusters.
pub async fn retarget_kubeconfig(
    ctx: &Context,
    retarget: &Retarget,
    wanted: &RetargetedKubeconfig,
) -> Result<Outcome<RetargetObserved>, EnsureError<RetargetError>> {
    ensure(ctx, retarget, wanted).await
}

/// The file, and the test of the new address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetargetObserved {
    /// The server in the file.
    pub server: String,
    /// The digest of the file.
    pub sha256: Sha256,
    /// Whether only its owner can read it.
    pub private: bool,
    /// The test of the new address.
    pub endpoint_check: EndpointCheck,
}

/// The write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetargetChange {
    path: PathBuf,
    from: String,
    to: String,
    /// The digest of the file that was read.
    before: Sha256,
}

impl Desired for RetargetedKubeconfig {
    const KIND: &'static str = "capi.retargeted-kubeconfig.v1";
    type Target = Retarget;
    type Observed = RetargetObserved;
    type Change = RetargetChange;
    type Undo = Self;
    type Error = RetargetError;

    fn subject(&self) -> Subject {
        Subject::new("kubeconfig", self.path.display().to_string())
    }

    fn key(&self) -> String {
        self.path.display().to_string()
    }

    async fn observe(&self, retarget: &Retarget) -> Result<RetargetObserved, RetargetError> {
        let LocalFile { bytes, private } = self.read(&*retarget.local)?;
        let text = self.text(&bytes)?;
        let server = server_in(text).map_err(|error| self.not_rewritten(error))?;
        let new = Secret::from(self.changed(text)?);
        let endpoint_check = match Kubeconfig::parse(new, retarget.now) {
            Err(error) => EndpointCheck::Unusable(error.to_string()),
            Ok(new) => match check_endpoint(&*retarget.local, &new).await? {
                EndpointCheck::Works(how) => same_cluster(retarget, bytes.clone(), &new, how).await,
                other @ (EndpointCheck::Unusable(_)
                | EndpointCheck::Certificate(_)
                | EndpointCheck::Refuses
                | EndpointCheck::OtherCluster(..)) => other,
            },
        };
        Ok(RetargetObserved { server, sha256: bytes.digest(), private, endpoint_check })
    }

    fn diff(&self, seen: &RetargetObserved) -> Result<Delta<RetargetChange>, Conflict> {
        if let Some(conflict) = seen.endpoint_check.refusal(self.written()) {
            return Err(conflict);
        }
        if self.is_at(&seen.server) && seen.private {
            return Ok(Delta::Satisfied);
        }
        // Another spelling of the same server is kept.
        let to = if self.is_at(&seen.server) { &seen.server } else { self.written() };
        Ok(Delta::Changes(vec![RetargetChange {
            path: self.path.clone(),
            from: seen.server.clone(),
            to: to.to_owned(),
            before: seen.sha256,
        }]))
    }

    async fn apply(
        &self,
        _: &Context,
        retarget: &Retarget,
        change: &RetargetChange,
    ) -> Result<(), RetargetError> {
        let written = retarget.local.replace_server(&change.path, change.before, &change.to);
        let path = || change.path.clone();
        written.map_err(|source| {
            if source.kind() == io::ErrorKind::ResourceBusy {
                RetargetError::Moved { path: path() }
            } else {
                RetargetError::Write { path: path(), source }
            }
        })
    }

    fn notes(&self, seen: &RetargetObserved, _: Timestamp) -> Vec<Note> {
        let EndpointCheck::Works(how) = &seen.endpoint_check else { return Vec::new() };
        vec![Note::new(format!("{} works: {how}", self.written()))]
    }

    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(1), Duration::from_secs(5))
    }
}

impl RetargetedKubeconfig {
    /// Creates it from an `address`: a URL, or a name or an IP address with or without a port. The
    /// default port is that of the server in the file.
    ///
    /// # Errors
    ///
    /// Fails if there is no kubeconfig at `path`, or if `address` is not valid.
    pub fn at(path: &Path, address: &str) -> Result<Self, RetargetError> {
        let bare = match address.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => address.to_owned(),
        };
        let url = if bare.contains("://") { bare.clone() } else { format!("https://{bare}") };
        // What is before an @ may be a password: it is neither taken nor shown.
        let bare = bare.rsplit_once('@').map_or(bare.clone(), |(_, host)| format!("…@{host}"));
        let whole = |url: &Url| {
            let plain = url.username().is_empty() && url.password().is_none();
            plain && url.host().is_some() && matches!(url.path(), "" | "/")
        };
        let mut wanted = Self {
            path: path.to_owned(),
            server: url.parse().ok().filter(whole).ok_or(RetargetError::NoAddress(bare))?,
        };
        if !address.contains("://") && !url.ends_with(":443") && wanted.server.port().is_none() {
            let file = wanted.read(&ThisMachine)?;
            let old = server_in(wanted.text(&file.bytes)?).map_err(|e| wanted.not_rewritten(e))?;
            let port = old.parse::<Url>().ok().and_then(|old| old.port_or_known_default());
            // This only fails for a URL without a host.
            let _: Result<(), ()> = wanted.server.set_port(port);
        }
        Ok(wanted)
    }

    fn read(&self, local: &dyn LocalMachine) -> Result<LocalFile, RetargetError> {
        local
            .read(&self.path)
            .map_err(|source| RetargetError::Read { path: self.path.clone(), source })
    }

    fn text<'a>(&self, bytes: &'a Secret) -> Result<&'a str, RetargetError> {
        std::str::from_utf8(bytes.expose()).map_err(|_| self.not_rewritten(NotRewritten::NotText))
    }

    /// Returns the server as it is written: without a slash, as clients append paths.
    fn written(&self) -> &str {
        self.server.as_str().trim_end_matches('/')
    }

    fn is_at(&self, server: &str) -> bool {
        server.parse::<Url>().is_ok_and(|url| url == self.server)
    }

    /// Returns the text with the new server; unchanged if it has another spelling of it.
    fn changed(&self, text: &str) -> Result<String, RetargetError> {
        if server_in(text).is_ok_and(|server| self.is_at(&server)) {
            return Ok(text.to_owned());
        }
        rewritten(text, self.written()).map_err(|error| self.not_rewritten(error))
    }

    fn not_rewritten(&self, why: NotRewritten) -> RetargetError {
        let (path, next) = (self.path.clone(), why.next());
        RetargetError::NotRewritten { path, why: why.to_string(), next }
    }
}

/// Compares the clusters at the old and the new address, if both can be read.
async fn same_cluster(
    retarget: &Retarget,
    bytes: Secret,
    new: &Kubeconfig,
    how: String,
) -> EndpointCheck {
    let Ok(old) = Kubeconfig::parse(bytes, retarget.now) else { return EndpointCheck::Works(how) };
    if old.facts.server == new.facts.server {
        return EndpointCheck::Works(how);
    }
    let local = &*retarget.local;
    match futures::future::join(cluster_id(local, &old), cluster_id(local, new)).await {
        (Some(here), Some(there)) if here != there => EndpointCheck::OtherCluster(here, there),
        (Some(_), Some(_)) => {
            EndpointCheck::Works(format!("{how}, and it is the same cluster (UID of kube-system)"))
        }
        (None, _) | (_, None) => EndpointCheck::Works(how),
    }
}

impl Describe for RetargetChange {
    fn describe(&self) -> Diff {
        let subject = Subject::new("kubeconfig", self.path.display().to_string());
        let effect = if self.from == self.to {
            "0600: others can read it".to_owned()
        } else {
            format!("server {} -> {}, 0600", self.from, self.to)
        };
        Diff::new(ChangeKind::Update, subject, effect)
    }
}

#[cfg(test)]
#[path = "retarget_tests.rs"]
mod tests;
