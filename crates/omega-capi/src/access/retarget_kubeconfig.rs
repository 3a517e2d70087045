//! Points a kubeconfig at another address of the same API server.

use std::{
    fmt, io,
    net::Ipv6Addr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Label, Note,
    Outcome, PollPolicy, Subject, ensure,
    kubeconfig::Kubeconfig,
    persist, read_regular,
    values::{Secret, Sha256},
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    RetargetError,
    endpoint_check::{EndpointCheck, ask, id},
    rewrite_server::{rewritten, server_in},
};
use crate::Error;

/// The most that a kubeconfig may have.
const MOST: u64 = 4 << 20;

/// That the current context of the kubeconfig at `path` uses `server`, and that this works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetargetedKubeconfig {
    /// The file.
    pub path: PathBuf,
    /// The address: `https://10.12.7.40:6443`.
    pub server: Url,
}

type Ask =
    Arc<dyn Fn(Kubeconfig) -> BoxFuture<'static, Result<EndpointCheck, Error>> + Send + Sync>;
type Id = Arc<dyn Fn(Kubeconfig) -> BoxFuture<'static, Option<String>> + Send + Sync>;
type Write = Arc<dyn Fn(&Path, &[u8]) -> io::Result<()> + Send + Sync>;

/// What retargets: this machine's files and network.
#[derive(Clone)]
pub struct Retarget {
    ask: Ask,
    id: Id,
    write: Write,
    now: Timestamp,
}

impl Retarget {
    /// Returns what retargets from this machine, at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self::asking(now, |kubeconfig| Box::pin(ask(kubeconfig)), |k| Box::pin(id(k)), persist)
    }

    /// Does the same with other ways to ask an API server what it is worth, to read the id of its
    /// kube-system, and to write a file.
    pub fn asking<A, I, W>(now: Timestamp, ask: A, id: I, write: W) -> Self
    where
        A: Fn(Kubeconfig) -> BoxFuture<'static, Result<EndpointCheck, Error>>
            + Send
            + Sync
            + 'static,
        I: Fn(Kubeconfig) -> BoxFuture<'static, Option<String>> + Send + Sync + 'static,
        W: Fn(&Path, &[u8]) -> io::Result<()> + Send + Sync + 'static,
    {
        Self { ask: Arc::new(ask), id: Arc::new(id), write: Arc::new(write), now }
    }
}

impl Label for Retarget {
    fn label(&self) -> String {
        "this machine".to_owned()
    }
}

impl fmt::Debug for Retarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retarget").field("now", &self.now).finish_non_exhaustive()
    }
}

/// Ensures that the kubeconfig uses the server.
///
/// Before anything is written the new address is used: its certificate must be by the
/// kubeconfig's authority and cover the address (the driver knows no `tls-server-name`), it must
/// accept the credentials, and it must be the same cluster. Of the file only the server changes,
/// byte for byte, and it becomes readable by its owner only.
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
/// Refuses with the names that the certificate has instead, or the ids of the two clusters.
pub async fn retarget_kubeconfig(
    ctx: &Context,
    retarget: &Retarget,
    wanted: &RetargetedKubeconfig,
) -> Result<Outcome<RetargetObserved>, EnsureError<RetargetError>> {
    ensure(ctx, retarget, wanted).await
}

/// The file, and what is at the new address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetargetObserved {
    /// Its server.
    pub server: String,
    /// The digest of the file.
    pub sha256: Sha256,
    /// Whether only its owner can read it.
    pub private: bool,
    /// What is at the wanted address.
    pub endpoint_check: EndpointCheck,
}

/// The write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetargetChange {
    path: PathBuf,
    from: String,
    to: String,
    /// Of the file that was looked at.
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
        let (bytes, private) = self.read()?;
        let text = self.text(&bytes)?;
        let server = server_in(text).map_err(|error| self.not_rewritten(&error))?;
        let new = Secret::from(self.changed(text)?);
        let endpoint_check = match Kubeconfig::parse(new, retarget.now) {
            Err(error) => EndpointCheck::Unusable(error.to_string()),
            Ok(new) => match (retarget.ask)(new.clone()).await? {
                EndpointCheck::Works(how) => self.same(retarget, &bytes, new, how).await,
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
        if self.is(&seen.server) && seen.private {
            return Ok(Delta::Satisfied);
        }
        Ok(Delta::Changes(vec![RetargetChange {
            path: self.path.clone(),
            from: seen.server.clone(),
            to: self.written().to_owned(),
            before: seen.sha256,
        }]))
    }

    async fn apply(
        &self,
        _: &Context,
        retarget: &Retarget,
        change: &RetargetChange,
    ) -> Result<(), RetargetError> {
        let (bytes, _) = self.read()?;
        if bytes.digest() != change.before {
            return Err(RetargetError::Moved { path: self.path.clone() });
        }
        let new = Secret::from(self.changed(self.text(&bytes)?)?);
        (retarget.write)(&self.path, new.expose()).map_err(|error| self.file(&error, true))
    }

    fn notes(&self, seen: &RetargetObserved, _: Timestamp) -> Vec<Note> {
        match &seen.endpoint_check {
            EndpointCheck::Works(how) => {
                vec![Note::new(format!("{} works: {how}", self.written()))]
            }
            EndpointCheck::Unusable(_)
            | EndpointCheck::Certificate(_)
            | EndpointCheck::Refuses
            | EndpointCheck::OtherCluster(..) => Vec::new(),
        }
    }

    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(1), Duration::from_secs(5))
    }
}

impl RetargetedKubeconfig {
    /// Returns the fact that the kubeconfig at `path` uses `address`: a URL, or a name or an
    /// address with or without a port, which is else that of the server in the file.
    ///
    /// # Errors
    ///
    /// Fails if there is no kubeconfig, or if it is no address.
    pub fn at(path: &Path, address: &str) -> Result<Self, RetargetError> {
        let bare = match address.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => address.to_owned(),
        };
        let url = if bare.contains("://") { bare.clone() } else { format!("https://{bare}") };
        let whole = |url: &Url| url.host().is_some() && matches!(url.path(), "" | "/");
        let mut wanted = Self {
            path: path.to_owned(),
            server: url.parse().ok().filter(whole).ok_or(RetargetError::NoAddress(bare))?,
        };
        if !address.contains("://") && !url.ends_with(":443") && wanted.server.port().is_none() {
            let (bytes, _) = wanted.read()?;
            let old = server_in(wanted.text(&bytes)?).map_err(|e| wanted.not_rewritten(&e))?;
            let port = old.parse::<Url>().ok().and_then(|old| old.port_or_known_default());
            // Only a URL without a host can have no port.
            let _: Result<(), ()> = wanted.server.set_port(port);
        }
        Ok(wanted)
    }

    fn read(&self) -> Result<(Secret, bool), RetargetError> {
        let bytes = read_regular(&self.path, MOST).map_err(|error| self.file(&error, false))?;
        let found = std::fs::metadata(&self.path).map_err(|error| self.file(&error, false))?;
        Ok((Secret::new(bytes), found.permissions().mode().trailing_zeros() >= 6))
    }

    fn text<'a>(&self, bytes: &'a Secret) -> Result<&'a str, RetargetError> {
        std::str::from_utf8(bytes.expose()).map_err(|_| self.not_rewritten(&"it is not text"))
    }

    /// The server as it is written: kubectl and the driver put paths behind it.
    fn written(&self) -> &str {
        self.server.as_str().trim_end_matches('/')
    }

    fn is(&self, server: &str) -> bool {
        server.parse::<Url>().is_ok_and(|url| url == self.server)
    }

    /// Returns the text with the new server; as it is if it has that server in another spelling.
    fn changed(&self, text: &str) -> Result<String, RetargetError> {
        if server_in(text).is_ok_and(|server| self.is(&server)) {
            return Ok(text.to_owned());
        }
        rewritten(text, self.written()).map_err(|error| self.not_rewritten(&error))
    }

    fn file(&self, error: &io::Error, writing: bool) -> RetargetError {
        RetargetError::File { path: self.path.clone(), why: error.to_string(), writing }
    }

    fn not_rewritten(&self, why: &dyn fmt::Display) -> RetargetError {
        RetargetError::NotRewritten { path: self.path.clone(), why: why.to_string() }
    }

    /// Compares the clusters here and there, where both can be asked.
    async fn same(
        &self,
        retarget: &Retarget,
        bytes: &Secret,
        new: Kubeconfig,
        how: String,
    ) -> EndpointCheck {
        let Ok(old) = Kubeconfig::parse(bytes.clone(), retarget.now) else {
            return EndpointCheck::Works(how);
        };
        if old.facts.server == new.facts.server {
            return EndpointCheck::Works(how);
        }
        let ids = futures::future::join((retarget.id)(old), (retarget.id)(new)).await;
        match ids {
            (Some(here), Some(there)) if here != there => EndpointCheck::OtherCluster(here, there),
            (Some(_), Some(_)) => EndpointCheck::Works(format!("{how}, the same kube-system")),
            (None, _) | (_, None) => EndpointCheck::Works(how),
        }
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
