use omega_core::{
    Diagnostic as _, Touched,
    run::{HeldLock, LockHolder, LockWanted},
    values::FileMode,
};

use super::{
    Broken, Site,
    check::{Clause, no_directory},
};
use crate::{
    Access, Action, Channel, Error, FailureCode, Fence, FileAction, FileState, LockRequest,
    Payload, Probe, Reply, UnitPath,
};

type Checked<T = &'static str> = Result<T, Broken>;

/// What the actions of this part make and remove.
const HOME: &str = "/etc/omega-contract-lock";

pub(super) async fn check(channel: &dyn Channel, _: &Site) -> Result<Vec<&'static str>, Broken> {
    let home = Clause { name: "a path", channel }.path(HOME)?;
    check_at(channel, &Directory { path: home, access: Access::root(FileMode::PROGRAM) }).await
}

/// A directory that the actions make and remove.
pub(crate) struct Directory {
    pub(crate) path: UnitPath,
    pub(crate) access: Access,
}

impl Directory {
    fn made(&self) -> Action {
        FileAction::MakeDirectory { path: self.path.clone(), access: self.access.clone() }.into()
    }

    fn removed(&self) -> Action {
        no_directory(&self.path)
    }
}

pub(crate) async fn check_at(
    channel: &dyn Channel,
    home: &Directory,
) -> Result<Vec<&'static str>, Broken> {
    let clause = |name| Clause { name, channel };
    Ok(vec![
        taken(clause("a lock is taken, shown, renewed and released"), home).await?,
        again(clause("an acquisition whose answer was lost is repeated")).await?,
        refused(clause("another run is refused, and told who holds the lock"), home).await?,
        fenced(clause("a run whose lock was broken changes nothing"), home).await?,
        tokens(clause("the token only grows")).await?,
    ])
}

fn wanted(id: &str) -> LockWanted {
    let holder = LockHolder::this_process("contract", id);
    LockWanted { id: id.to_owned(), holder, instead_of: None }
}

fn fence(lock: &HeldLock) -> Fence {
    Fence { id: lock.id.clone(), token: lock.token }
}

impl Clause<'_> {
    async fn shown(&self) -> Checked<Option<HeldLock>> {
        match self.ask_one(Probe::Lock).await? {
            Reply::Lock { held } => Ok(held),
            other => Err(self.broken("a reply to Lock", other)),
        }
    }

    async fn lock(&self, request: &LockRequest) -> Checked<Option<HeldLock>> {
        let done = self.channel.lock(request).await;
        done.map_err(|error| self.broken(format!("{request} to be done"), error))
    }

    async fn take(&self, wanted: &LockWanted) -> Checked<HeldLock> {
        let held = self.lock(&LockRequest::acquire(wanted)).await?;
        held.ok_or_else(|| self.broken("the lock that was taken", "none"))
    }

    async fn release(&self, lock: &HeldLock) -> Checked<()> {
        let left = self.lock(&LockRequest::Release { fence: fence(lock) }).await?;
        self.same("lock", &left, &None)
    }

    async fn with(&self, action: &Action, lock: Option<&HeldLock>) -> Result<(), Error> {
        self.channel.act(action, Payload::Null, lock.map(fence).as_ref()).await
    }

    /// Expects that a request was refused with this code, and without an effect.
    fn is_refused<T: std::fmt::Debug>(
        &self,
        done: Result<T, Error>,
        code: &FailureCode,
        by: Option<&HeldLock>,
    ) -> Checked<()> {
        let error = match done {
            Ok(done) => return Err(self.broken(format!("a refusal ({code:?})"), done)),
            Err(error) => error,
        };
        self.same("code", &error.code(), &Some(code))?;
        self.that(error.touched() == Touched::Nothing && error.locked(), "a lock", &error)?;
        let Error::Failed { failure, .. } = &error else {
            return Err(self.broken("a failure on the unit", error));
        };
        let found = failure.held.as_ref().map(|held| &held.id);
        self.same("holder", &found, &by.map(|held| &held.id))
    }
}

async fn taken(clause: Clause<'_>, home: &Directory) -> Checked {
    clause.same("lock", &clause.shown().await?, &None)?;
    let wanted = wanted("one");
    let lock = clause.take(&wanted).await?;
    clause.same("holder", &(&lock.id, &lock.holder), &(&wanted.id, &wanted.holder))?;
    clause.same("lock", &clause.shown().await?, &Some(lock.clone()))?;
    let renewed = clause.lock(&LockRequest::Renew { fence: fence(&lock) }).await?;
    let renewed = renewed.ok_or_else(|| clause.broken("the renewed lock", "none"))?;
    clause.same("token", &renewed.token, &lock.token)?;
    clause.that(renewed.expires >= lock.expires, "a later expiry", &renewed)?;
    for action in [home.made(), home.removed()] {
        let done = clause.with(&action, Some(&lock)).await;
        done.map_err(|error| clause.broken("the holder's action to be done", error))?;
    }
    let after = clause.shown().await?;
    let later = after.as_ref().is_some_and(|after| after.expires >= renewed.expires);
    clause.that(later, "a lock that the action renewed", &after)?;
    clause.release(&lock).await?;
    clause.same("lock", &clause.shown().await?, &None)?;
    // It is released already: nothing happens.
    clause.release(&lock).await?;
    Ok(clause.name)
}

async fn again(clause: Clause<'_>) -> Checked {
    let first = clause.take(&wanted("again")).await?;
    let second = clause.take(&wanted("again")).await?;
    clause.same("token", &second.token, &first.token)?;
    clause.release(&second).await?;
    Ok(clause.name)
}

async fn refused(clause: Clause<'_>, home: &Directory) -> Checked {
    let lock = clause.take(&wanted("first")).await?;
    for instead_of in [None, Some("another")] {
        let wanted = LockWanted { instead_of: instead_of.map(str::to_owned), ..wanted("second") };
        let done = clause.channel.lock(&LockRequest::acquire(&wanted)).await;
        clause.is_refused(done, &FailureCode::Held, Some(&lock))?;
    }
    let made = home.made();
    clause.is_refused(clause.with(&made, None).await, &FailureCode::Held, Some(&lock))?;
    for (id, token) in [("first", lock.token + 1), ("second", lock.token)] {
        let id = id.to_owned();
        let other = HeldLock { id, token, ..lock.clone() };
        let done = clause.with(&made, Some(&other)).await;
        clause.is_refused(done, &FailureCode::Fenced, Some(&lock))?;
        let renew = LockRequest::Renew { fence: fence(&other) };
        clause.is_refused(clause.channel.lock(&renew).await, &FailureCode::Fenced, Some(&lock))?;
        clause.lock(&LockRequest::Release { fence: fence(&other) }).await?;
    }
    clause.same("state", &clause.file(&home.path).await?, &FileState::Absent)?;
    let held = clause.shown().await?.map(|held| held.id);
    clause.same("lock", &held, &Some(lock.id.clone()))?;
    clause.release(&lock).await?;
    Ok(clause.name)
}

async fn fenced(clause: Clause<'_>, home: &Directory) -> Checked {
    let broken = clause.take(&wanted("broken")).await?;
    let instead_of = Some(broken.id.clone());
    let lock = clause.take(&LockWanted { instead_of, ..wanted("new") }).await?;
    clause.that(lock.token > broken.token, "a larger token", &lock)?;
    let made = home.made();
    let done = clause.with(&made, Some(&broken)).await;
    clause.is_refused(done, &FailureCode::Fenced, Some(&lock))?;
    clause.release(&lock).await?;
    // Nobody holds it, and yet the one that lost it may not.
    clause.is_refused(clause.with(&made, Some(&broken)).await, &FailureCode::Fenced, None)?;
    clause.same("state", &clause.file(&home.path).await?, &FileState::Absent)?;
    // Without a lock, what nobody holds can be changed.
    for action in [made, home.removed()] {
        clause.act(&action, Payload::Null).await?;
    }
    Ok(clause.name)
}

async fn tokens(clause: Clause<'_>) -> Checked {
    let mut last = 0;
    for _ in 0..3 {
        let lock = clause.take(&wanted("next")).await?;
        clause.that(lock.token > last, "a larger token", &lock)?;
        last = lock.token;
        clause.release(&lock).await?;
    }
    Ok(clause.name)
}
