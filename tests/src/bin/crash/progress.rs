//! Which points passed already, with this very program.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use omega_core::values::Sha256;

use crate::{Result, shadow::Loss, tracer::Point};

/// A file with a line for each point that passed.
#[derive(Debug)]
pub(crate) struct Progress {
    path: PathBuf,
    done: Vec<String>,
}

/// Returns how a point is printed and kept.
pub(crate) fn named(point: Point) -> String {
    format!("{}:{}", point.nth, point.side.name())
}

impl Progress {
    /// Reads what is kept below `directory` of this entry. `again`: nothing that is kept counts.
    pub(crate) fn of(
        directory: &Path,
        entry: &str,
        loss: Option<Loss>,
        program: &Sha256,
        again: bool,
    ) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let loss = loss.map_or("killed", Loss::name);
        let path = directory.join(format!("{entry}-{loss}-{}", program.short()));
        if again && path.exists() {
            fs::remove_file(&path)?;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        Ok(Self { path, done: text.lines().map(str::to_owned).collect() })
    }

    pub(crate) fn has(&self, point: Point) -> bool {
        self.done.contains(&named(point))
    }

    /// Keeps that the point passed.
    pub(crate) fn passed(&mut self, point: Point) -> Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        writeln!(file, "{}", named(point))?;
        self.done.push(named(point));
        Ok(())
    }
}

/// Returns the digest of the program.
pub(crate) fn digest(program: &Path) -> Result<Sha256> {
    Ok(Sha256::of(&fs::read(program)?))
}
