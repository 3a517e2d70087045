use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use omega_core::{
    Check, Context, Delta, Event, Failure, FailureClass, Label, Outcome, PollPolicy, Touched,
    WaitError, ensure,
    kubeconfig::{Kubeconfig, KubeconfigFacts},
    plan,
    run::TargetLock,
    wait_for, with_temporary,
};
use tokio::time::Instant;
use url::Url;

use super::{
    DriverRights, DriverRightsObserved, LocalMachine, MintObserved, MintedKubeconfig,
    ProofKubeconfig, RightsProof, ThisMachine, ensure_driver_rights, mint_error::shown,
    prove_rights,
};
use crate::{Error, Management};

/// How long to wait until the authorizer knows new bindings, which it watches.
pub(super) const AUTHORIZER: PollPolicy =
    PollPolicy::new(Duration::from_secs(1), Duration::from_secs(15));

/// The target of minting: the management cluster, as its administrator, and this machine.
#[derive(Clone)]
pub struct Mint {
    pub(super) management: Management,
    pub(super) server: Url,
    pub(super) ca_pem: Option<String>,
    pub(super) local: Arc<dyn LocalMachine>,
    started: (Timestamp, Instant),
}

impl Mint {
    /// Creates the target. `facts` are those of the kubeconfig of `management`, and `now` is this
    /// machine's clock.
    pub fn new(management: Management, facts: &KubeconfigFacts, now: Timestamp) -> Self {
        Self::on(management, facts, now, Arc::new(ThisMachine))
    }

    /// Like [`Mint::new`], on another machine.
    pub fn on(
        management: Management,
        facts: &KubeconfigFacts,
        now: Timestamp,
        local: Arc<dyn LocalMachine>,
    ) -> Self {
        let (server, ca_pem) = (facts.server.clone(), facts.ca_pem.clone());
        Self { management, server, ca_pem, local, started: (now, Instant::now()) }
    }

    /// Returns the same target, whose clients refuse to send a write.
    #[must_use]
    pub fn read_only(&self) -> Self {
        Self { management: self.management.read_only(), ..self.clone() }
    }

    /// Returns the management cluster.
    pub fn management(&self) -> &Management {
        &self.management
    }

    /// Returns the time by this machine's clock.
    pub(super) fn now(&self) -> Timestamp {
        let (then, instant) = self.started;
        SignedDuration::try_from(instant.elapsed()).map_or(then, |passed| then + passed)
    }

    /// Tests the rights of a kubeconfig's account.
    pub(super) async fn proof(
        &self,
        kubeconfig: &Kubeconfig,
        rights: &DriverRights,
    ) -> Result<RightsProof, Error> {
        let account = self.local.connect(kubeconfig, self.management.deadlines()).await?;
        // It asks for rights and uses none.
        prove_rights(&account.read_only(), rights).await
    }
}

impl Label for Mint {
    fn label(&self) -> String {
        self.management.label()
    }

    fn lock(&self) -> Option<Arc<dyn TargetLock>> {
        self.management.lock()
    }
}

impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mint").field("management", &self.management).finish_non_exhaustive()
    }
}

/// The result of [`mint_kubeconfig`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Minted {
    /// Whether rights were added or removed.
    pub rights_changed: bool,
    /// The account's rights now.
    pub rights: DriverRightsObserved,
    /// The kubeconfig.
    pub file: Outcome<MintObserved>,
}

/// Ensures that the account, its rights and the kubeconfig exist.
///
/// An accepted token with the right rights is kept, unless it expires within a third of its life (or
/// `renew_before`).
///
/// # Guarantees
///
/// The order is: check everything that can be refused; add rights; test them with a token of ten
/// minutes, in a temporary file ([`ProofKubeconfig`], which the journal names); request and write the
/// long-lived token; remove rights that are no longer needed, and verify that. So a failed test
/// leaves no long-lived token, and the kubeconfig in use loses no right before the new one works.
///
/// # Errors
///
/// Names the verb and the resource of a right that is missing or excessive, and does not change the
/// file. Refuses drivers that do not support tokens, and a file that was not minted for the account.
pub async fn mint_kubeconfig(
    ctx: &Context,
    mint: &Mint,
    wanted: &MintedKubeconfig,
) -> Result<Minted, Failure> {
    // Boxed: together they are too large for the stack of a caller.
    let first = Box::pin(plan(mint, wanted)).await?;
    let stale = !matches!(first.delta(), Delta::Satisfied);
    let added = DriverRights { additive: true, ..wanted.rights.clone() };
    let added = ensure_driver_rights(ctx, &mint.management, &added).await?;
    let file = if stale {
        Box::pin(test_and_mint(ctx, mint, wanted, &first.before().server)).await?
    } else {
        Box::pin(ensure(ctx, mint, wanted)).await?
    };
    let removed = ensure_driver_rights(ctx, &mint.management, &wanted.rights).await?;
    let rights_changed = added.changed() || removed.changed();
    if removed.changed() {
        await_authorizer(ctx, mint, wanted).await?;
    }
    Ok(Minted { rights_changed, rights: removed.into_observed(), file })
}

/// Tests the rights with a token of ten minutes, and then mints.
async fn test_and_mint(
    ctx: &Context,
    mint: &Mint,
    wanted: &MintedKubeconfig,
    server: &Url,
) -> Result<Outcome<MintObserved>, Failure> {
    let proof = ProofKubeconfig {
        rights: wanted.rights.clone(),
        path: proof_path(&wanted.path, ctx.now()),
        server: Some(server.clone()),
    };
    with_temporary(ctx, mint, &proof, |_| async { Ok(ensure(ctx, mint, wanted).await?) }).await
}

/// Returns a path next to the file that is unique for this run.
pub(super) fn proof_path(path: &Path, now: Timestamp) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".proof-{:x}", now.as_microsecond()));
    path.with_file_name(name)
}

/// Waits until the authorizer knows that rights were removed.
async fn await_authorizer(
    ctx: &Context,
    mint: &Mint,
    wanted: &MintedKubeconfig,
) -> Result<(), Failure> {
    let what = format!("the rights of {} are not as expected", wanted.rights.account);
    let failure = |class, why: String| Failure {
        found: Some(why),
        touched: Touched::Maybe,
        ..Failure::new(class, what.clone())
    };
    let file = mint.local.read(&wanted.path).map_err(|error| {
        failure(FailureClass::Error, format!("{}: {error}", wanted.path.display()))
    })?;
    let kubeconfig = Kubeconfig::read(file.bytes)
        .map_err(|error| failure(FailureClass::Error, error.to_string()))?;
    let condition = |proof: &RightsProof| {
        if proof.holds() { Check::Met } else { Check::Pending(shown(proof)) }
    };
    let tell = |_: &str, _: Duration| {
        ctx.tell(&Event::Note {
            text: "waiting until the authorizer knows the new rights".to_owned(),
        });
    };
    let read = || mint.proof(&kubeconfig, &wanted.rights);
    match wait_for(ctx, AUTHORIZER, read, &condition, tell).await {
        Ok(_) => Ok(()),
        Err(WaitError::Read(error)) => {
            Err(Failure { touched: Touched::Maybe, ..Failure::from_error(what.clone(), &error) })
        }
        Err(WaitError::Cancelled) => Err(failure(FailureClass::Interrupted, String::new())),
        Err(WaitError::TimedOut(late)) => Err(failure(FailureClass::Deadline, late.why)),
        Err(WaitError::Failed { why, .. }) => Err(failure(FailureClass::Error, why)),
        Err(_) => Err(failure(FailureClass::Error, String::new())),
    }
}
