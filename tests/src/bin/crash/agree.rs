//! Two observers of one loss of power: what the shadow concluded from system calls, and what a file system has
//! left.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{Result, shadow::Shadow};

/// What is at a path: the mode, and the content if it is a file.
type Found = BTreeMap<PathBuf, (u32, Option<Vec<u8>>)>;

/// Returns where what is below `home` differs from what the shadow has as durable.
///
/// omega-cli syncs in one thread alone: none is under way while another call is the point.
pub(crate) fn disagreements(shadow: &Shadow, home: &Path) -> Result<Vec<String>> {
    let mut left = Found::new();
    look(home, &mut left)?;
    let durable = shadow.everything().into_iter();
    let durable: Found =
        durable.map(|(path, mode, bytes)| (path, (mode & 0o7777, bytes))).collect();
    let paths: BTreeSet<&PathBuf> = left.keys().chain(durable.keys()).collect();
    let differ = paths.into_iter().filter(|path| left.get(*path) != durable.get(*path));
    let one = |path: &PathBuf| {
        let (left, durable) = (described(left.get(path)), described(durable.get(path)));
        let name = path.strip_prefix(home).unwrap_or(path).display();
        format!(
            "durable is not the same: /{name}: the file system has {left}, the shadow {durable}"
        )
    };
    Ok(differ.map(one).collect())
}

fn look(path: &Path, found: &mut Found) -> Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            look(&entry?.path(), found)?;
        }
    }
    let bytes = if metadata.is_dir() { None } else { Some(fs::read(path)?) };
    found.insert(path.to_owned(), (mode, bytes));
    Ok(())
}

fn described(found: Option<&(u32, Option<Vec<u8>>)>) -> String {
    match found {
        None => "nothing".to_owned(),
        Some((mode, None)) => format!("a directory (mode {mode:o})"),
        Some((mode, Some(bytes))) => {
            let end = bytes.get(bytes.len().saturating_sub(60)..).unwrap_or_default();
            let end = String::from_utf8_lossy(end);
            format!("{} bytes (mode {mode:o}) that end with {end:?}", bytes.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn each_difference_is_told() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        for name in ["same", "content", "mode", "gone"] {
            fs::write(at(name), name).unwrap();
            fs::set_permissions(at(name), Permissions::from_mode(0o600)).unwrap();
        }
        let shadow = Shadow::of(home.path()).unwrap();
        assert_eq!(disagreements(&shadow, home.path()).unwrap(), [""; 0]);
        fs::write(at("content"), "other").unwrap();
        fs::set_permissions(at("mode"), Permissions::from_mode(0o640)).unwrap();
        fs::remove_file(at("gone")).unwrap();
        fs::create_dir(at("new")).unwrap();
        let differ = disagreements(&shadow, home.path()).unwrap();
        let named = |name: &str| differ.iter().any(|line| line.contains(&format!("/{name}:")));
        assert!(["content", "mode", "gone", "new"].into_iter().all(named), "{differ:#?}");
        assert_eq!(differ.len(), 4, "{differ:#?}");
    }
}
