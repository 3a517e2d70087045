use omega_core::values::{FileMode, Sha256};

use super::{
    Broken, Site,
    check::{Clause, bytes, directory, no_directory, place, remove},
};
use crate::{
    Access, Action, Channel, Expect, FailureCode, FileAction, FileState, Payload, Placement, Probe,
    Reply, UnitPath,
};

type Checked = Result<&'static str, Broken>;

const OLD: &str = "one = 1\n";
const NEW: &str = "two = 2\n";

/// The directory of all files of this part: created first, removed last.
const HOME: &str = "/etc/omega-contract";

pub(super) async fn check(channel: &dyn Channel, _: &Site) -> Result<Vec<&'static str>, Broken> {
    let clause = |name| Clause { name, channel };
    Ok(vec![
        directories(clause("a directory is created, and its mode changed")).await?,
        placed(clause("a file is placed completely")).await?,
        refusals(clause("a write that differs from the plan is refused without a trace")).await?,
        before(clause("a replaced file can be restored")).await?,
        access(clause("owner and mode are set without a rewrite")).await?,
        links(clause("a link is replaced, never its target")).await?,
        removed(clause("only what was observed is removed")).await?,
        order(clause("replies have the order of the probes")).await?,
    ])
}

fn home(clause: &Clause<'_>) -> Result<(UnitPath, UnitPath), Broken> {
    Ok((clause.path(HOME)?, clause.path(&format!("{HOME}/file"))?))
}

async fn directories(clause: Clause<'_>) -> Checked {
    let (home, _) = home(&clause)?;
    let names = Probe::Directory { path: home.clone() };
    clause.same(
        "names",
        &clause.ask_one(names.clone()).await?,
        &Reply::Directory { names: None },
    )?;
    let orphan = clause.path(&format!("{HOME}/none/below"))?;
    clause.refused(&directory(&orphan, FileMode::PROGRAM), Payload::Null).await?;
    for mode in ["0700", "0755"] {
        let mode: FileMode = mode.parse().map_err(|error| clause.broken("a mode", error))?;
        clause.act(&directory(&home, mode), Payload::Null).await?;
        match clause.file(&home).await? {
            FileState::Directory { owner, group, mode: found, .. } => {
                clause.same(
                    "access",
                    &(owner, group, found),
                    &("root".into(), "root".into(), mode),
                )?;
            }
            other => return Err(clause.broken("a directory", other)),
        }
    }
    let empty = Reply::Directory { names: Some(Vec::new()) };
    clause.same("names", &clause.ask_one(names).await?, &empty)?;
    Ok(clause.name)
}

/// Expects a regular file with this text and access.
async fn is(
    clause: &Clause<'_>,
    path: &UnitPath,
    text: &str,
    owner: &str,
    mode: &str,
) -> Result<(), Broken> {
    let reply = clause.ask_one(Probe::Text { path: path.clone() }).await?;
    let Reply::Text { state: FileState::Regular(facts), text: Some(found) } = reply else {
        return Err(clause.broken("a file of text", reply));
    };
    clause.same("text", &found, &text.to_owned())?;
    clause.same("digest", &facts.sha256, &Sha256::of(text.as_bytes()))?;
    clause.same("size", &facts.size, &(text.len() as u64))?;
    let access = (facts.owner, facts.group, facts.mode.to_string());
    clause.same("access", &access, &(owner.to_owned(), owner.to_owned(), mode.to_owned()))?;
    clause.same("the same facts", &clause.file(path).await?, &clause.file(path).await?)
}

async fn placed(clause: Clause<'_>) -> Checked {
    let (home, path) = home(&clause)?;
    clause.same("state", &clause.file(&path).await?, &FileState::Absent)?;
    clause.act(&place(&path, OLD, Expect::Absent), bytes(OLD)).await?;
    is(&clause, &path, OLD, "root", "0644").await?;
    let names = clause.ask_one(Probe::Directory { path: home }).await?;
    let file = Reply::Directory { names: Some(vec!["file".to_owned()]) };
    clause.same("no temporary file, names", &names, &file)?;
    Ok(clause.name)
}

async fn refusals(clause: Clause<'_>) -> Checked {
    let (home, path) = home(&clause)?;
    let other = clause.path(&format!("{HOME}/other"))?;
    let stranger = FileAction::PlaceFile(Placement {
        path: other.clone(),
        access: Access::new("nobody-here", "root", FileMode::PRIVATE),
        sha256: Sha256::of(NEW.as_bytes()),
        expect: Expect::Absent,
    });
    let orphan = clause.path(&format!("{HOME}/none/file"))?;
    let expects_new = Expect::Sha256(Sha256::of(NEW.as_bytes()));
    for (action, payload, code) in [
        (place(&path, NEW, Expect::Absent), bytes(NEW), FailureCode::Changed),
        (place(&path, NEW, expects_new), bytes(NEW), FailureCode::Changed),
        (place(&path, NEW, Expect::Link), bytes(NEW), FailureCode::Changed),
        (place(&other, NEW, expects_new), bytes(NEW), FailureCode::Changed),
        // content that differs from the plan
        (place(&other, NEW, Expect::Absent), bytes(OLD), FailureCode::DigestDiffers),
        (place(&other, NEW, Expect::Absent), Payload::Null, FailureCode::Incomplete),
        (place(&orphan, NEW, Expect::Absent), bytes(NEW), FailureCode::NotFound),
        (stranger.into(), bytes(NEW), FailureCode::NoSuchUser),
        (no_directory(&home), Payload::Null, FailureCode::Occupied),
        (directory(&path, FileMode::PROGRAM), Payload::Null, FailureCode::Occupied),
    ] {
        let told = foretold(&clause, &action, &code).await?.unwrap_or_default();
        let error = clause.refused(&action, payload).await?;
        let words = error.to_string();
        clause.that(
            !words.is_empty() && words.contains(&told),
            "the reason told before",
            &error,
        )?;
        clause.same("code", &error.code(), &Some(&code))?;
    }
    is(&clause, &path, OLD, "root", "0644").await?;
    let names = clause.ask_one(Probe::Directory { path: home }).await?;
    let file = Reply::Directory { names: Some(vec!["file".to_owned()]) };
    clause.same("nothing new, names", &names, &file)?;
    Ok(clause.name)
}

/// What the probe tells before a placement that the machine refuses for its owner or directory.
async fn foretold(
    clause: &Clause<'_>,
    action: &Action,
    code: &FailureCode,
) -> Result<Option<String>, Broken> {
    let Action::File(FileAction::PlaceFile(Placement { path, access, .. })) = action else {
        return Ok(None);
    };
    let (path, access) = (path.clone(), Some(access.clone()));
    let reply = clause.ask_one(Probe::Obstacle { path, access, size: 1 }).await?;
    let Reply::Obstacle { found } = reply else { return Err(clause.broken("an obstacle", reply)) };
    let of_place = matches!(code, FailureCode::NotFound | FailureCode::NoSuchUser);
    clause.same("obstacle", &found.as_ref().map(|one| &one.code), &of_place.then_some(code))?;
    Ok(found.map(|one| one.why))
}

async fn before(clause: Clause<'_>) -> Checked {
    let (_, path) = home(&clause)?;
    let (old, new) = (Sha256::of(OLD.as_bytes()), Sha256::of(NEW.as_bytes()));
    let restore = |sha256, expect| -> Action {
        let (path, expect) = (path.clone(), Expect::Sha256(expect));
        let access = Access::new("magnum", "magnum", FileMode::PRIVATE);
        FileAction::RestoreFile(Placement { path, access, sha256, expect }).into()
    };
    clause.act(&place(&path, NEW, Expect::Sha256(old)), bytes(NEW)).await?;
    is(&clause, &path, NEW, "root", "0644").await?;
    let never = Sha256::of(b"never was");
    clause.refused(&restore(never, new), Payload::Null).await?;
    clause.act(&restore(old, new), Payload::Null).await?;
    is(&clause, &path, OLD, "magnum", "0600").await?;
    Ok(clause.name)
}

async fn access(clause: Clause<'_>) -> Checked {
    let (home, path) = home(&clause)?;
    let set = |path: &UnitPath, owner: &str| -> Action {
        let access = Access::new(owner, owner, FileMode::PUBLIC);
        FileAction::SetFileMode { path: path.clone(), access }.into()
    };
    let changed = |state| match state {
        FileState::Regular(facts) => Some(facts.modified_ns),
        _ => None,
    };
    let first = changed(clause.file(&path).await?);
    clause.refused(&set(&path, "nobody-here"), Payload::Null).await?;
    clause.refused(&set(&home, "root"), Payload::Null).await?;
    clause.act(&set(&path, "root"), Payload::Null).await?;
    is(&clause, &path, OLD, "root", "0644").await?;
    clause.same("time of the content", &changed(clause.file(&path).await?), &first)?;
    Ok(clause.name)
}

async fn links(clause: Clause<'_>) -> Checked {
    let (_, path) = home(&clause)?;
    let link = clause.path(&format!("{HOME}/link"))?;
    let make = |target: &str, expect| -> Action {
        FileAction::MakeLink { path: link.clone(), target: target.to_owned(), expect }.into()
    };
    clause.act(&make("nowhere", Expect::Absent), Payload::Null).await?;
    let dangling = FileState::Link { target: "nowhere".to_owned(), resolved: None };
    clause.same("state", &clause.file(&link).await?, &dangling)?;
    clause.refused(&make("file", Expect::Absent), Payload::Null).await?;
    clause.act(&make("file", Expect::Link), Payload::Null).await?;
    match clause.file(&link).await? {
        FileState::Link { target, resolved: Some(facts) } if target == "file" => {
            clause.same("digest", &facts.sha256, &Sha256::of(OLD.as_bytes()))?;
        }
        other => return Err(clause.broken("a link to the file", other)),
    }
    let text = clause.ask_one(Probe::Text { path: link.clone() }).await?;
    let none = matches!(&text, Reply::Text { state: FileState::Link { .. }, text: None });
    clause.that(none, "no text of what a link leads to", &text)?;
    clause.refused(&remove(&link, OLD), Payload::Null).await?;
    clause.act(&place(&link, NEW, Expect::Link), bytes(NEW)).await?;
    is(&clause, &link, NEW, "root", "0644").await?;
    is(&clause, &path, OLD, "root", "0644").await?;
    clause.act(&make("file", Expect::Sha256(Sha256::of(NEW.as_bytes()))), Payload::Null).await?;
    let gone = FileAction::RemoveFile { path: link.clone(), expect: Expect::Link };
    clause.act(&gone.into(), Payload::Null).await?;
    clause.same("state", &clause.file(&link).await?, &FileState::Absent)?;
    is(&clause, &path, OLD, "root", "0644").await?;
    Ok(clause.name)
}

async fn removed(clause: Clause<'_>) -> Checked {
    let (home, path) = home(&clause)?;
    clause.refused(&remove(&path, NEW), Payload::Null).await?;
    let absent = FileAction::RemoveFile { path: path.clone(), expect: Expect::Absent };
    clause.refused(&absent.into(), Payload::Null).await?;
    clause.act(&remove(&path, OLD), Payload::Null).await?;
    clause.same("state", &clause.file(&path).await?, &FileState::Absent)?;
    clause.refused(&remove(&path, OLD), Payload::Null).await?;
    clause.act(&no_directory(&home), Payload::Null).await?;
    clause.same("state", &clause.file(&home).await?, &FileState::Absent)?;
    clause.refused(&no_directory(&home), Payload::Null).await?;
    Ok(clause.name)
}

async fn order(clause: Clause<'_>) -> Checked {
    let etc = Probe::File { path: clause.path("/etc")? };
    let none = Probe::File { path: clause.path("/nowhere")? };
    let listed = Probe::Directory { path: clause.path("/nowhere")? };
    let replies = clause.ask(&[none.clone(), etc, listed, none]).await?;
    let right = matches!(
        replies.as_slice(),
        [
            Reply::File(FileState::Absent),
            Reply::File(FileState::Directory { .. }),
            Reply::Directory { names: None },
            Reply::File(FileState::Absent),
        ]
    );
    clause.that(right, "absent, directory, no names, absent", &replies)?;
    Ok(clause.name)
}
