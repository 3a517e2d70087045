//! Mints a kubeconfig for the driver: a token of its account, in a file.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, Failure, Label, Note, Outcome,
    PollPolicy, Subject, ensure,
    kubeconfig::{Kubeconfig, KubeconfigFacts},
    persist,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use url::Url;

use super::{
    DriverRights, DriverRightsObserved, FileObserved, MintError, MintedFacts, RightsProof,
    Standing, driver_rights::account_uid, ensure_driver_rights, issued, mint_error::shown,
    minted_file, prove_rights,
};
use crate::{Error, Management};

/// How long what was just bound may take to reach the authorizer, which watches it.
const PATIENCE: Duration = Duration::from_secs(10);
/// A clock that is off by more is worth saying. `Date` has whole seconds.
const SKEW: i64 = 60;

/// That `path` holds a kubeconfig with a token of the account, which can do what the driver does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MintedKubeconfig {
    /// Whose, and what it may do.
    pub rights: DriverRights,
    /// Where.
    pub path: PathBuf,
    /// For how long a token is asked, in seconds; at least 600. The API server may give less.
    pub lifetime: u64,
    /// How many seconds before its end a token is replaced; by default a third of its life.
    pub renew_before: Option<u64>,
    /// The server to write; by default the one that is in the file, else the management cluster's
    /// own kubeconfig's.
    pub server: Option<Url>,
}

/// Makes a handle that authenticates as a kubeconfig says.
type Connect =
    Arc<dyn Fn(Kubeconfig) -> BoxFuture<'static, Result<Management, Error>> + Send + Sync>;

/// What mints: the management cluster as its administrator, and this machine's files.
#[derive(Clone)]
pub struct Mint {
    management: Management,
    server: Url,
    ca_pem: Option<String>,
    connect: Connect,
    began: (Timestamp, Instant),
}

impl Mint {
    /// Returns what mints on `management`, which `facts` is about. `now`: this machine's clock.
    pub fn new(management: Management, facts: &KubeconfigFacts, now: Timestamp) -> Self {
        let connect = |kubeconfig: Kubeconfig| -> BoxFuture<'static, Result<Management, Error>> {
            Box::pin(async move { Management::connect(&kubeconfig).await })
        };
        Self::connecting(management, facts, now, connect)
    }

    /// Does the same with another way to connect.
    pub fn connecting<F>(
        management: Management,
        facts: &KubeconfigFacts,
        now: Timestamp,
        connect: F,
    ) -> Self
    where
        F: Fn(Kubeconfig) -> BoxFuture<'static, Result<Management, Error>> + Send + Sync + 'static,
    {
        let (server, ca_pem) = (facts.server.clone(), facts.ca_pem.clone());
        let (connect, began) = (Arc::new(connect), (now, Instant::now()));
        Self { management, server, ca_pem, connect, began }
    }

    /// Returns the management cluster.
    pub fn management(&self) -> &Management {
        &self.management
    }

    /// What this machine takes for now.
    fn here(&self) -> Timestamp {
        let (then, instant) = self.began;
        SignedDuration::try_from(instant.elapsed()).map_or(then, |passed| then + passed)
    }

    /// Uses `kubeconfig` as the driver would, until its rights are there or patience ends.
    async fn prove(
        &self,
        kubeconfig: Kubeconfig,
        rights: &DriverRights,
        patience: Duration,
    ) -> Result<RightsProof, Error> {
        let account = (self.connect)(kubeconfig).await?;
        let start = Instant::now();
        loop {
            let late = start.elapsed() >= patience;
            match prove_rights(&account, rights).await {
                Ok(proof) if proof.missing.is_empty() || late => return Ok(proof),
                // An account that was just made is not known at once either.
                Ok(_) | Err(Error::Unauthorized { .. }) if !late => {}
                other => return other,
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    async fn write(&self, wanted: &MintedKubeconfig, server: &Url) -> Result<(), MintError> {
        let rights = &wanted.rights;
        let token = issued::issue(&self.management, &rights.account, wanted.lifetime).await?;
        let bytes = minted_file::text(&rights.account, server, self.ca_pem.as_deref(), &token);
        let kubeconfig = Kubeconfig::parse(bytes.clone(), self.here())
            .map_err(|error| MintError::Unusable(error.to_string()))?;
        let proof = self.prove(kubeconfig, rights, PATIENCE).await;
        let proof = proof
            .map_err(|source| MintError::NotAccepted { server: server.to_string(), source })?;
        if !proof.holds() {
            return Err(MintError::Rights { account: rights.account.to_string(), proof });
        }
        persist(&wanted.path, bytes.expose()).map_err(|error| MintError::File {
            path: wanted.path.clone(),
            why: error.to_string(),
            writing: true,
        })
    }
}

impl Label for Mint {
    fn label(&self) -> String {
        self.management.label()
    }
}

impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mint").field("management", &self.management).finish_non_exhaustive()
    }
}

/// Ensures the account with its rights, and then the kubeconfig.
///
/// A token that is more than a third of its life (or `renew_before`) from its end, is accepted and
/// has the right rights, is left. What is written was used first: every call of the driver, and
/// calls that have to be refused.
///
/// # Errors
///
/// Names the verb and the resource of a right that is missing or too much, and leaves the file as
/// it was. Refuses drivers that know no tokens, and a file that was not minted for the account.
pub async fn mint_kubeconfig(
    ctx: &Context,
    mint: &Mint,
    wanted: &MintedKubeconfig,
) -> Result<(Outcome<DriverRightsObserved>, Outcome<MintObserved>), Failure> {
    // What is refused is refused before anything is given.
    omega_core::plan(mint, wanted).await.map(drop).map_err(Failure::from)?;
    let rights = ensure_driver_rights(ctx, &mint.management, &wanted.rights).await?;
    Ok((rights, ensure(ctx, mint, wanted).await?))
}

/// The file, and the two clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MintObserved {
    /// What is in the file.
    pub file: FileObserved,
    /// What time it is at the management cluster, which decides.
    pub there: Timestamp,
    /// What time it is on this machine.
    pub here: Timestamp,
    /// The server that the kubeconfig has to have.
    pub server: Url,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MintChange {
    /// The file.
    pub path: PathBuf,
    /// The server in it.
    pub server: Url,
    /// Why.
    pub why: Why,
}

/// Why a kubeconfig is minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// There is none.
    Absent,
    /// Its token has ended, or soon will.
    Ends,
    /// Its token is not accepted.
    Refused,
    /// Its token lives longer than was asked for.
    TooLong,
    /// Its server is another one.
    Server,
    /// Others can read it.
    Readable,
}

impl MintedKubeconfig {
    /// Returns why the file is to be written, as far as that can be told without using it.
    fn stale(&self, file: &MintedFacts, seen: &MintObserved) -> Option<Why> {
        let life = file.life();
        let asked = i64::try_from(self.lifetime).unwrap_or(i64::MAX);
        // What is renewed earlier than it can be got is renewed for ever.
        let before = self.renew_before.and_then(|before| i64::try_from(before).ok());
        let before = before.map_or(life / 3, |before| before.min(life / 3 * 2));
        let reasons = [
            (file.server != seen.server, Why::Server),
            (!file.private, Why::Readable),
            (file.expires.as_second() - seen.there.as_second() <= before, Why::Ends),
            (life > asked, Why::TooLong),
        ];
        reasons.into_iter().find(|(so, _)| *so).map(|(_, why)| why)
    }
}

impl Desired for MintedKubeconfig {
    const KIND: &'static str = "capi.minted-kubeconfig.v1";
    type Target = Mint;
    type Observed = MintObserved;
    type Change = MintChange;
    type Undo = Self;
    type Error = MintError;

    fn subject(&self) -> Subject {
        subject(&self.path)
    }

    fn key(&self) -> String {
        self.path.display().to_string()
    }

    async fn observe(&self, mint: &Mint) -> Result<MintObserved, MintError> {
        let there = mint.management.time().await?;
        let here = mint.here();
        let ca_pem = mint.ca_pem.as_deref();
        let (file, kubeconfig) =
            minted_file::look(&self.path, &self.rights.account, ca_pem, there)?;
        let current = kubeconfig.as_ref().map(|kubeconfig| kubeconfig.facts.server.clone());
        let server = self.server.clone().or(current).unwrap_or_else(|| mint.server.clone());
        let mut seen = MintObserved { file, there, here, server };
        let FileObserved::Minted(facts) = &seen.file else { return Ok(seen) };
        if self.stale(facts, &seen).is_none()
            && let Some(kubeconfig) = kubeconfig
        {
            let standing = self.standing(mint, facts, kubeconfig).await?;
            seen.file = FileObserved::Minted(MintedFacts { standing, ..facts.clone() });
        }
        Ok(seen)
    }

    fn diff(&self, seen: &MintObserved) -> Result<Delta<MintChange>, Conflict> {
        if !self.rights.driver.takes_tokens() {
            let why = format!("driver {} can't authenticate by a token", self.rights.driver);
            return Err(Conflict::new(why, "pin the driver 1.4.0 first (omega-cli pin-driver)")
                .seen("driver 1.3.0 or newer", "a driver that insists on a client certificate"));
        }
        let write = |why| {
            let (path, server) = (self.path.clone(), seen.server.clone());
            Ok(Delta::Changes(vec![MintChange { path, server, why }]))
        };
        let file = match &seen.file {
            FileObserved::Absent => return write(Why::Absent),
            FileObserved::Foreign(what) => return Err(foreign(&self.path, what)),
            FileObserved::Minted(file) => file,
        };
        match (self.stale(file, seen), &file.standing) {
            (Some(why), _) => write(why),
            (None, Standing::Refused | Standing::NotAsked) => write(Why::Refused),
            (None, Standing::Accepted(proof)) => self.judged(proof),
        }
    }

    async fn apply(&self, _: &Context, mint: &Mint, change: &MintChange) -> Result<(), MintError> {
        mint.write(self, &change.server).await
    }

    fn notes(&self, seen: &MintObserved, _: Timestamp) -> Vec<Note> {
        let mut notes = Vec::new();
        let skew = seen.here.as_second() - seen.there.as_second();
        if skew.abs() > SKEW {
            notes.push(Note::new(format!(
                "this machine's clock is {} s {} the management cluster's ({}), which decides \
                 when a token ends",
                skew.abs(),
                if skew > 0 { "ahead of" } else { "behind" },
                seen.there
            )));
        }
        if let FileObserved::Minted(file) = &seen.file {
            notes.push(Note::new(format!("the token in it ends {}", file.expires)));
            let asked = i64::try_from(self.lifetime).unwrap_or(i64::MAX);
            if file.life() < asked {
                notes.push(Note::new(format!(
                    "it was given for {} s, less than the {asked} s that are asked for: the API \
                     server has a limit of its own, or less was asked for when it was minted",
                    file.life()
                )));
            }
        }
        notes
    }

    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(1), Duration::from_secs(15))
    }
}

impl MintedKubeconfig {
    /// Uses the kubeconfig that is there.
    async fn standing(
        &self,
        mint: &Mint,
        facts: &MintedFacts,
        kubeconfig: Kubeconfig,
    ) -> Result<Standing, Error> {
        // A token of an account that is gone is still accepted for some 10 s: from a cache.
        let account = account_uid(&mint.management, &self.rights.account).await?;
        if account.as_ref() != Some(&facts.account) {
            return Ok(Standing::Refused);
        }
        match mint.prove(kubeconfig, &self.rights, Duration::ZERO).await {
            Ok(proof) => Ok(Standing::Accepted(proof)),
            Err(Error::Unauthorized { .. }) => Ok(Standing::Refused),
            Err(error) => Err(error),
        }
    }

    /// What is to be done about rights that are not right: wait for what the roles of our own are
    /// to give, refuse what others gave.
    fn judged(&self, proof: &RightsProof) -> Result<Delta<MintChange>, Conflict> {
        let ours = format!("\"{}", self.rights.account.role());
        let mut others = proof.excess.iter().filter(|one| !one.by.contains(&ours));
        if let Some(one) = others.next() {
            let why = format!("{} may {}, by somebody else's hand", self.rights.account, one.right);
            let next = "take that binding away, or use another account (--account NAMESPACE/NAME)";
            return Err(Conflict::new(why, next).seen("refused", one.by.clone()));
        }
        if proof.holds() { Ok(Delta::Satisfied) } else { Ok(Delta::Wait(shown(proof))) }
    }
}

fn subject(path: &Path) -> Subject {
    Subject::new("kubeconfig", path.display().to_string())
}

fn foreign(path: &Path, what: &str) -> Conflict {
    let why = format!("{} was not minted for this account", path.display());
    Conflict::new(why, "name another file, or move this one away")
        .seen("no file, or one that was", what)
}

impl Describe for MintChange {
    fn describe(&self) -> Diff {
        let Self { path, server, why } = self;
        let (verb, effect) = match why {
            Why::Absent => (ChangeKind::Create, "a new token"),
            Why::Ends => (ChangeKind::Update, "a new token: the one in it ends soon, or has"),
            Why::Refused => (ChangeKind::Update, "a new token: the one in it is not accepted"),
            Why::TooLong => {
                (ChangeKind::Update, "a new token: the one in it lives longer than asked")
            }
            Why::Server => (ChangeKind::Update, "a new token: the server in it is another"),
            Why::Readable => (ChangeKind::Update, "a new token: others could read the one in it"),
        };
        Diff::new(verb, subject(path), effect).with(format!("0600, for {server}"))
    }
}
