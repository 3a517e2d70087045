//! The kubeconfig of the driver's account: a token in a file.

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

/// A clock that is off by more is worth saying. `Date` has whole seconds.
const SKEW: i64 = 60;

/// That `path` holds a kubeconfig with a token of the account, which can do what the driver does.
///
/// What the account may do beside that is not decided here, if its own roles give it:
/// [`DriverRights`] takes that away. What others gave it is refused.
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
    pub why: MintReason,
}

/// Why a kubeconfig is minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MintReason {
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
    fn stale(&self, file: &MintedFacts, seen: &MintObserved) -> Option<MintReason> {
        let life = file.life();
        let asked = i64::try_from(self.lifetime).unwrap_or(i64::MAX);
        // What is renewed earlier than it can be got is renewed for ever.
        let before = self.renew_before.and_then(|before| i64::try_from(before).ok());
        let before = before.map_or(life / 3, |before| before.min(life / 3 * 2));
        let reasons = [
            (file.server != seen.server, MintReason::Server),
            (!file.private, MintReason::Readable),
            (file.expires.as_second() - seen.there.as_second() <= before, MintReason::Ends),
            (life > asked, MintReason::TooLong),
        ];
        reasons.into_iter().find(|(so, _)| *so).map(|(_, why)| why)
    }
}

impl Desired for MintedKubeconfig {
    const KIND: &'static str = "capi.minted-kubeconfig.v1";
    type Target = Mint;
    type Observed = MintObserved;
    type Change = MintChange;
    /// A token that was replaced is gone, and one that was issued can't be taken back.
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
        let (file, kubeconfig) = minted_file::look(
            mint.local.as_ref(),
            &self.path,
            &self.rights.account,
            mint.ca_pem.as_deref(),
            there,
        )?;
        let current = kubeconfig.as_ref().map(|kubeconfig| kubeconfig.facts.server.clone());
        let server = self.server.clone().or(current).unwrap_or_else(|| mint.server.clone());
        let mut seen = MintObserved { file, there, here: mint.now(), server };
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
            let why = format!("driver {} can't authenticate by a token", self.rights.driver);
            return Err(Conflict::new(why, "pin the driver 1.4.0 first (omega-cli pin-driver)")
                .seen("driver 1.3.0 or newer", "a driver that insists on a client certificate"));
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
            (None, TokenCheck::Refused | TokenCheck::NotAsked) => write(MintReason::Refused),
            (None, TokenCheck::Accepted(proof)) => self.judged(proof),
        }
    }

    /// One token request. The file's write belongs to it: the token may live nowhere else.
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
        AUTHORIZER
    }
}

impl MintedKubeconfig {
    /// Uses the kubeconfig that is there.
    async fn check(
        &self,
        mint: &Mint,
        facts: &MintedFacts,
        kubeconfig: &Kubeconfig,
    ) -> Result<TokenCheck, Error> {
        // A token of an account that is gone is still accepted for some 10 s: from a cache.
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

    /// What is to be done about rights that are not right: wait for what is missing, refuse what
    /// others gave.
    fn judged(&self, proof: &RightsProof) -> Result<Delta<MintChange>, Conflict> {
        let ours = format!("\"{}", self.rights.account.role());
        let mut others = proof.excess.iter().filter(|one| !one.by.contains(&ours));
        if let Some(one) = others.next() {
            let why = format!("{} may {}, by somebody else's hand", self.rights.account, one.right);
            let next = "take that binding away, or use another account (--account NAMESPACE/NAME)";
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
    Conflict::new(why, "name another file, or move this one away")
        .seen("no file, or one that was", what)
}

impl Describe for MintChange {
    fn describe(&self) -> Diff {
        let Self { path, server, why } = self;
        let (verb, effect) = match why {
            MintReason::Absent => (ChangeKind::Create, "a new token"),
            MintReason::Ends => {
                (ChangeKind::Update, "a new token: the one in it ends soon, or has")
            }
            MintReason::Refused => {
                (ChangeKind::Update, "a new token: the one in it is not accepted")
            }
            MintReason::TooLong => {
                (ChangeKind::Update, "a new token: the one in it lives longer than asked")
            }
            MintReason::Server => (ChangeKind::Update, "a new token: the server in it is another"),
            MintReason::Readable => {
                (ChangeKind::Update, "a new token: others could read the one in it")
            }
        };
        Diff::new(verb, subject(path), effect).with(format!("0600, for {server}"))
    }
}
