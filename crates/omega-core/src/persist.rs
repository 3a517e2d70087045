//! Files that are whole or not there.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
};

/// Writes `bytes` to `path` so that a crash leaves the old file or the new one, never a part.
///
/// The file is readable by its owner only: plans, reports and cached tokens are nobody else's.
///
/// # Errors
///
/// Fails, leaving what was there, if the file can't be made durable.
pub fn persist(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        Some(_) | None => Path::new("."),
    };
    // tempfile creates with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(dir)?.sync_all()
}
