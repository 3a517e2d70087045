use std::{fs::File, io::Read as _, sync::Arc};

use futures::future::join_all;
use tokio::{task::JoinHandle, time::sleep};

use super::{HeldLock, LockHolder, LockRefusal, LockWanted, RENEWED_EVERY, TargetLock};
use crate::{Context, Event, Failure, FailureClass, Touched, join_at_most};

/// How many locks are asked for at the same time: each needs a connection or a process.
const TOGETHER: usize = 16;

/// The locks of a run. They are renewed until they are released. If this is dropped without that, they are no
/// longer renewed, and expire.
#[must_use = "the locks are renewed as long as this lives"]
pub struct LocksHeld {
    ctx: Context,
    locks: Vec<Arc<dyn TargetLock>>,
    renewing: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for LocksHeld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let places: Vec<String> = self.locks.iter().map(|lock| lock.place()).collect();
        f.debug_struct("LocksHeld").field("places", &places).finish_non_exhaustive()
    }
}

impl Context {
    /// Takes these locks, for `command` if the holder names none. Either all of them are taken, or none.
    ///
    /// The first in the order of their places is taken before the others: of two runs that want the same
    /// locks, one gets them.
    ///
    /// # Errors
    ///
    /// Fails with [`FailureClass::Locked`] if another run holds one, and tells which.
    pub async fn lock(
        &self,
        mut locks: Vec<Arc<dyn TargetLock>>,
        command: &str,
    ) -> Result<LocksHeld, Failure> {
        locks.sort_by_key(|lock| lock.place());
        locks.dedup_by_key(|lock| lock.place());
        let mut held =
            LocksHeld { ctx: self.clone(), locks: Vec::with_capacity(locks.len()), renewing: None };
        let Some((first, rest)) = locks.split_first() else { return Ok(held) };
        let wanted = self.wanted(command)?;
        let mut taken = vec![(first, self.take(&**first, &wanted).await)];
        if matches!(taken.as_slice(), [(_, Ok(_))]) {
            // Boxed and collected, so that the future is `Send`.
            let rests: Vec<_> = rest
                .iter()
                .map(|lock| {
                    let wanted = &wanted;
                    Box::pin(async move { (lock, self.take(&**lock, wanted).await) })
                })
                .collect();
            taken.extend(join_at_most(rests, TOGETHER).await);
        }
        let mut refused = None;
        for (lock, taken) in taken {
            match taken {
                Ok(_) => held.locks.push(Arc::clone(lock)),
                Err(failure) => refused = refused.or(Some(failure)),
            }
        }
        if let Some(failure) = refused {
            held.release().await;
            return Err(failure);
        }
        held.renewing = Some(tokio::spawn(renew(self.clone(), held.locks.clone())));
        Ok(held)
    }

    fn wanted(&self, command: &str) -> Result<LockWanted, Failure> {
        let mut id = [0; 6];
        File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut id)).map_err(
            |error| {
                Failure::new(FailureClass::Error, "could not make an id for the lock")
                    .because(error.to_string())
            },
        )?;
        let named = &self.locking().holder;
        let command = if named.command.is_empty() { command } else { &named.command };
        // An embedding program need not name itself.
        let holder = match named.pid {
            0 => LockHolder::this_process(&named.who, command),
            _ => LockHolder { command: command.to_owned(), ..named.clone() },
        };
        let holder = LockHolder { since: Some(self.now()), ..holder };
        Ok(LockWanted { id: hex::encode(id), holder, instead_of: None })
    }

    async fn take(&self, lock: &dyn TargetLock, wanted: &LockWanted) -> Result<HeldLock, Failure> {
        let held = match self.ask(lock, wanted).await? {
            Ok(taken) => return Ok(taken),
            Err(held) => held,
        };
        let is_gone = held.holder.is_gone();
        if !is_gone && self.locking().break_lock.as_ref() != Some(&held.id) {
            return Err(is_held(&lock.place(), &held));
        }
        let instead_of = Some(held.id.clone());
        match self.ask(lock, &LockWanted { instead_of, ..wanted.clone() }).await? {
            Ok(taken) => {
                let why = if is_gone { "its process no longer runs" } else { "--break-lock" };
                let text = format!("{}: took over {held} ({why})", lock.place());
                self.tell(&Event::Note { text });
                Ok(taken)
            }
            Err(held) => Err(is_held(&lock.place(), &held)),
        }
    }

    /// Asks for the lock once. The inner error is the lock of another.
    async fn ask(
        &self,
        lock: &dyn TargetLock,
        wanted: &LockWanted,
    ) -> Result<Result<HeldLock, HeldLock>, Failure> {
        match self.in_time(lock.acquire(wanted)).await {
            Some(Ok(taken)) => Ok(Ok(taken)),
            Some(Err(LockRefusal::Held(held))) => Ok(Err(*held)),
            Some(Err(LockRefusal::Failed(failure))) => {
                let Failure { message, mut causes, .. } = *failure.clone();
                causes.insert(0, message);
                let message = format!("could not lock {}", lock.place());
                Err(Failure { message, causes, touched: Touched::Nothing, ..*failure })
            }
            None => {
                let what = format!("stopped before {} was locked", lock.place());
                Err(Failure::new(FailureClass::Interrupted, what)
                    .next("run the same command again"))
            }
        }
    }
}

impl LocksHeld {
    /// Returns whether nothing had to be locked.
    pub(crate) fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }

    /// Releases the locks. One that can't be released expires; that is reported.
    pub async fn release(mut self) {
        if let Some(renewing) = self.renewing.take() {
            renewing.abort();
            // It may be renewing just now: the release comes after that.
            drop(renewing.await);
        }
        let ctx = self.ctx.uncancelled();
        let release = self.locks.iter().map(|lock| {
            let ctx = &ctx;
            Box::pin(async move {
                let why = match ctx.in_time(lock.release()).await {
                    Some(Ok(())) => return,
                    Some(Err(failure)) => failure.to_string(),
                    None => "the time was over".to_owned(),
                };
                let text =
                    format!("{}: the lock was not released, it expires: {why}", lock.place());
                ctx.tell(&Event::Note { text });
            })
        });
        join_at_most(release.collect(), TOGETHER).await;
    }
}

impl Drop for LocksHeld {
    fn drop(&mut self) {
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
    }
}

/// Renews the locks until this is aborted. One that is lost is reported once, and no longer renewed; what is
/// written with it is refused at the target.
async fn renew(ctx: Context, mut locks: Vec<Arc<dyn TargetLock>>) {
    while !locks.is_empty() {
        sleep(RENEWED_EVERY).await;
        let renewed = join_all(locks.iter().map(|lock| lock.renew())).await;
        let mut renewed = renewed.into_iter();
        locks.retain(|lock| match renewed.next() {
            Some(Err(failure)) if failure.class == FailureClass::Locked => {
                let text = format!("{}: the lock is lost: {failure}", lock.place());
                ctx.tell(&Event::Note { text });
                false
            }
            // Whether it could be renewed just now or not, the next time it may be.
            Some(Ok(()) | Err(_)) | None => true,
        });
    }
}

/// The failure of a run that finds the lock of another.
pub(super) fn is_held(place: &str, held: &HeldLock) -> Failure {
    let what = format!("could not lock {place}: another run holds the lock");
    Failure {
        expected: Some("no other run that changes it".to_owned()),
        found: Some(held.to_string()),
        detail: serde_json::to_value(held).ok(),
        ..Failure::new(FailureClass::Locked, what)
    }
    .next(held.next())
}
