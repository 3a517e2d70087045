//! Copies on this machine, of which each belongs to one run.

use std::{os::unix::fs::symlink, path::Path};

use futures::StreamExt as _;
use omega_core::values::Sha512;

use super::{
    ImageSource, SourceError,
    checked::{can_keep, checked},
    qcow2,
};
use crate::request::ByteStream;

fn image(fill: u8) -> Vec<u8> {
    let mut bytes = qcow2::header(3);
    bytes.resize(500_000, fill);
    bytes
}

/// The checked stream of these bytes, in pieces.
fn reading(bytes: &[u8], keep: &Path) -> ByteStream {
    let pieces: Vec<_> =
        bytes.chunks(100_000).map(|piece| Ok(bytes::Bytes::copy_from_slice(piece))).collect();
    let source = ImageSource::file("image.qcow2");
    let from = Box::pin(futures::stream::iter(pieces));
    checked(&source, from, Sha512::of(bytes), Some(keep)).unwrap().0
}

/// Whatever another process keeps under the same name, a copy has the bytes of its own run.
#[tokio::test]
async fn two_runs_that_keep_the_same_file_never_mix_their_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let keep = dir.path().join("kk.qcow2");
    let (one, other) = (image(1), image(2));
    let mut first = reading(&one, &keep);
    assert!(first.next().await.unwrap().is_ok());
    let mut second = reading(&other, &keep);
    assert!(second.next().await.unwrap().is_ok());
    while let Some(chunk) = first.next().await {
        chunk.unwrap();
    }
    assert!(std::fs::read(&keep).unwrap() == one, "the bytes of the run that was done");
    let mut ended = Ok(());
    while let Some(chunk) = second.next().await {
        ended = ended.and(chunk.map(drop));
    }
    assert!(ended.unwrap_err().to_string().contains("could not keep a copy"));
    assert!(std::fs::read(&keep).unwrap() == one, "it is not replaced");
    drop(second);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no part is left");
}

#[tokio::test]
async fn no_file_of_somebody_else_is_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let (keep, mine) = (dir.path().join("k.qcow2"), dir.path().join("mine"));
    std::fs::write(&mine, "mine").unwrap();
    symlink(&mine, dir.path().join("k.qcow2.part")).unwrap();
    let bytes = image(3);
    let mut stream = reading(&bytes, &keep);
    while let Some(chunk) = stream.next().await {
        chunk.unwrap();
    }
    assert_eq!(std::fs::read(&mine).unwrap(), b"mine");
    assert!(std::fs::read(&keep).unwrap() == bytes);
}

#[test]
fn what_can_not_be_a_copy_is_known_before() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("there"), "x").unwrap();
    symlink("nowhere", at("link")).unwrap();
    let why = |path: &Path| match can_keep(path) {
        Err(SourceError::Keep { source, .. }) => source.to_string(),
        other => panic!("{other:?}"),
    };
    for name in ["there", "link", "."] {
        assert!(why(&at(name)).contains("exists already"), "{name}: {}", why(&at(name)));
    }
    assert!(why(&at("no/k")).contains("the directory"), "{}", why(&at("no/k")));
    assert!(why(&at("there/k")).contains("irectory"), "{}", why(&at("there/k")));
    assert!(why(&at("new/")).contains("not the name of a file"), "{}", why(&at("new/")));
    assert!(
        can_keep(&at("new")).is_ok() && can_keep(Path::new("new-in-the-working-directory")).is_ok()
    );
}
