use std::path::{Path, PathBuf};

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, Note, PollPolicy, Subject,
    kubeconfig::Kubeconfig,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    DriverRights, FileObserved, Mint, MintError, MintedFacts, RightsProof, TokenCheck,
    driver_rights::account_uid, mint::AUTHORIZER, mint_error::shown, minted_file, token,
};
use crate::Error;

/// A larger difference between the clocks, in seconds, is reported.
const SKEW: i64 = 60;

/// Ensures that `path` holds a kubeconfig with a token of the account, which has the rights that the
/// driver needs.
///
/// Excessive rights from other people's roles are refused. Those from its own roles are not checked
/// here: [`DriverRights`] removes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MintedKubeconfig {
    /// The account and its rights.
    pub rights: DriverRights,
    /// The file.
    pub path: PathBuf,
    /// The requested lifetime of the token in seconds, at least 600. The API server may shorten it.
    pub lifetime: u64,
    /// How many seconds before it expires a token is replaced; by default a third of its lifetime.
    pub renew_before: Option<u64>,
    /// The server to write; by default that of the file, or else of the management cluster's own
    /// kubeconfig.
    pub server: Option<Url>,
}

/// The file, and the two clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MintObserved {
    /// The file.
    pub file: FileObserved,
    /// The time by the management cluster's clock, which decides.
    #[serde(rename = "there")]
    pub server_time: Timestamp,
    /// The time by this machine's clock.
    #[serde(rename = "here")]
    pub local_time: Timestamp,
    /// The server that the kubeconfig must have.
    pub server: Url,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct MintChange {
    pub path: PathBuf,
    pub server: Url,
    pub why: MintReason,
}

/// Why a new kubeconfig is minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MintReason {
    /// There is no file.
    Absent,
    /// Its token has expired, or will soon.
    Ends,
    /// Its token is not accepted.
    Refused,
    /// Its token lives longer than requested.
    TooLong,
    /// It has another server.
    Server,
    /// Others can read it.
    Readable,
}

impl MintedKubeconfig {
    /// Returns why the file must be replaced, as far as can be decided without using it.
    fn stale(&self, file: &MintedFacts, seen: &MintObserved) -> Option<MintReason> {
        let life = file.life();
        let requested = i64::try_from(self.lifetime).unwrap_or(i64::MAX);
        // A token that is renewed before it can be any older would be renewed in each run.
        let before = self.renew_before.and_then(|before| i64::try_from(before).ok());
        let before = before.map_or(life / 3, |before| before.min(life / 3 * 2));
        let reasons = [
            (file.server != seen.server, MintReason::Server),
            (!file.private, MintReason::Readable),
            (file.expires.as_second() - seen.server_time.as_second() <= before, MintReason::Ends),
            (life > requested, MintReason::TooLong),
        ];
        reasons.into_iter().find(|(applies, _)| *applies).map(|(_, why)| why)
    }
}

impl Desired for MintedKubeconfig {
    const KIND: &'static str = "capi.minted-kubeconfig.v1";
    type Target = Mint;
    type Observed = MintObserved;
    type Change = MintChange;
    /// It can't be undone: the old token is gone, and the new one can't be revoked.
    type Undo = Self;
    type Error = MintError;

    fn subject(&self) -> Subject {
        subject(&self.path)
    }

    fn key(&self) -> String {
        self.path.display().to_string()
    }

    async fn observe(&self, mint: &Mint) -> Result<MintObserved, MintError> {
        let server_time = mint.management.time().await?;
        let (file, kubeconfig) = minted_file::read(
            mint.local.as_ref(),
            &self.path,
            &self.rights.account,
            mint.ca_pem.as_deref(),
            server_time,
        )?;
        let current = kubeconfig.as_ref().map(|kubeconfig| kubeconfig.facts.server.clone());
        let server = self.server.clone().or(current).unwrap_or_else(|| mint.server.clone());
        let mut seen = MintObserved { file, server_time, local_time: mint.now(), server };
        let FileObserved::Minted(facts) = &seen.file else { return Ok(seen) };
        if self.stale(facts, &seen).is_none()
            && let Some(kubeconfig) = kubeconfig
        {
            let check = self.check(mint, facts, &kubeconfig).await?;
            seen.file = FileObserved::Minted(MintedFacts { check, ..facts.clone() });
        }
        Ok(seen)
    }

    fn diff(&self, seen: &MintObserved) -> Result<Delta<MintChange>, Conflict> {
        if !self.rights.driver.takes_tokens() {
            let why = format!("driver {} can't authenticate with a token", self.rights.driver);
            return Err(Conflict::new(why, "pin the driver 1.4.0 first (omega-cli pin-driver)")
                .seen("driver 1.3.0 or newer", "a driver that requires a client certificate"));
        }
        let write = |why| {
            let (path, server) = (self.path.clone(), seen.server.clone());
            Ok(Delta::Changes(vec![MintChange { path, server, why }]))
        };
        let file = match &seen.file {
            FileObserved::Absent => return write(MintReason::Absent),
            FileObserved::Foreign(what) => return Err(foreign(&self.path, what)),
            FileObserved::Minted(file) => file,
        };
        match (self.stale(file, seen), &file.check) {
            (Some(why), _) => write(why),
            (None, TokenCheck::Refused | TokenCheck::NotChecked) => write(MintReason::Refused),
            (None, TokenCheck::Accepted(proof)) => self.judged(proof),
        }
    }

    /// Requests a token and writes it to the file. It is stored nowhere else.
    async fn apply(&self, _: &Context, mint: &Mint, change: &MintChange) -> Result<(), MintError> {
        let account = &self.rights.account;
        let token = token::request_token(&mint.management, account, self.lifetime).await?;
        let bytes = minted_file::text(account, &change.server, mint.ca_pem.as_deref(), &token)?;
        Kubeconfig::read(bytes.clone()).map_err(MintError::Unusable)?;
        let written = mint.local.write(&self.path, &bytes);
        written.map_err(|source| MintError::Write { path: self.path.clone(), source })
    }

    fn notes(&self, seen: &MintObserved, _: Timestamp) -> Vec<Note> {
        let mut notes = Vec::new();
        let skew = seen.local_time.as_second() - seen.server_time.as_second();
        if skew.abs() > SKEW {
            notes.push(Note::new(format!(
                "this machine's clock is {} s {} the management cluster's ({}), which decides \
                 when a token expires",
                skew.abs(),
                if skew > 0 { "ahead of" } else { "behind" },
                seen.server_time
            )));
        }
        if let FileObserved::Minted(file) = &seen.file {
            notes.push(Note::new(format!("its token expires {}", file.expires)));
            let requested = i64::try_from(self.lifetime).unwrap_or(i64::MAX);
            if file.life() < requested {
                notes.push(Note::new(format!(
                    "its lifetime is {} s instead of {requested} s: the API server has a lower \
                     limit, or less was requested when it was minted",
                    file.life()
                )));
            }
        }
        notes
    }

    fn poll_policy(&self) -> PollPolicy {
        AUTHORIZER
    }
}

impl MintedKubeconfig {
    /// Uses the current kubeconfig.
    async fn check(
        &self,
        mint: &Mint,
        facts: &MintedFacts,
        kubeconfig: &Kubeconfig,
    ) -> Result<TokenCheck, Error> {
        // A cache accepts the token of a deleted account for some 10 s.
        let account = account_uid(&mint.management, &self.rights.account).await?;
        if account.as_ref() != Some(&facts.account) {
            return Ok(TokenCheck::Refused);
        }
        match mint.proof(kubeconfig, &self.rights).await {
            Ok(proof) => Ok(TokenCheck::Accepted(proof)),
            Err(Error::Unauthorized { .. }) => Ok(TokenCheck::Refused),
            Err(error) => Err(error),
        }
    }

    /// Waits for missing rights, and refuses excessive ones from other people's bindings.
    fn judged(&self, proof: &RightsProof) -> Result<Delta<MintChange>, Conflict> {
        let ours = format!("\"{}", self.rights.account.role());
        let mut others = proof.excess.iter().filter(|one| !one.by.contains(&ours));
        if let Some(one) = others.next() {
            let why =
                format!("{} may {}, which omega did not allow", self.rights.account, one.right);
            let next = "remove that binding, or use another account (--account NAMESPACE/NAME)";
            return Err(Conflict::new(why, next).seen("refused", one.by.clone()));
        }
        if proof.missing.is_empty() {
            return Ok(Delta::Satisfied);
        }
        let missing = RightsProof { excess: Vec::new(), ..proof.clone() };
        Ok(Delta::Wait(shown(&missing)))
    }
}

fn subject(path: &Path) -> Subject {
    Subject::new("kubeconfig", path.display().to_string())
}

fn foreign(path: &Path, what: &str) -> Conflict {
    let why = format!("{} was not minted for this account", path.display());
    Conflict::new(why, "name another file, or move this one").seen("no file, or one that was", what)
}

impl Describe for MintChange {
    fn describe(&self) -> Diff {
        let Self { path, server, why } = self;
        let effect = match why {
            MintReason::Absent => "a new token",
            MintReason::Ends => "a new token: the current one has expired, or will soon",
            MintReason::Refused => "a new token: the current one is not accepted",
            MintReason::TooLong => "a new token: the current one lives longer than requested",
            MintReason::Server => "a new token: the file has another server",
            MintReason::Readable => "a new token: others could read the current one",
        };
        let absent = *why == MintReason::Absent;
        let verb = if absent { ChangeKind::Create } else { ChangeKind::Update };
        Diff::new(verb, subject(path), effect).with(format!("0600, for {server}"))
    }
}
