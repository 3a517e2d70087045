//! Where secrets may be, and whether they are anywhere else.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{
    desk::Desk,
    run::{Ran, content},
};

/// The place of the variables of a program that omega starts.
const VARIABLES: &str = "the environment of a program";

/// A place that may hold a secret, and why.
#[derive(Debug)]
pub(crate) struct Place {
    /// The beginning of its path in the home, or what it is.
    pub(crate) path: &'static str,
    /// Which secret.
    pub(crate) secret: &'static str,
    /// Why it may be there.
    pub(crate) why: &'static str,
}

/// Every place that may hold a secret. One that nothing uses fails the run.
pub(crate) const PLACES: [Place; 2] = [
    Place {
        path: "cache/omega/tokens/",
        secret: "the token of a login",
        why: "the next command need not log in; 0600 in a directory 0700, and Keystone lets it expire",
    },
    Place {
        path: VARIABLES,
        secret: "a proxy's password",
        why: "juju and maas reach their servers through the proxy that the operator has set for them",
    },
];

/// What was found that must not be.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Sentences.
    pub(crate) leaks: BTreeSet<String>,
    /// The places that were used, by their number.
    pub(crate) used: BTreeSet<usize>,
    /// How many bytes were searched.
    pub(crate) bytes: usize,
}

impl Found {
    /// Searches what a command printed and what could be seen of its processes.
    pub(crate) fn search_run(&mut self, desk: &Desk, what: &str, ran: &Ran) {
        self.search(desk, &format!("{what}: stdout"), &ran.stdout);
        self.search(desk, &format!("{what}: stderr"), &ran.stderr);
        for arguments in &ran.arguments {
            self.search(desk, &format!("{what}: arguments of a process"), arguments);
        }
        for environment in &ran.environments {
            self.search_in(desk, what, VARIABLES, environment);
        }
    }

    /// Searches what is in a place that may be in the list.
    fn search_in(&mut self, desk: &Desk, what: &str, place: &str, text: &[u8]) {
        self.bytes += text.len();
        for name in desk.canaries.found_in(text) {
            let mut known = PLACES.iter().enumerate();
            let listed = known.find(|(_, one)| place.starts_with(one.path) && name == one.secret);
            if let Some((nth, _)) = listed {
                self.used.insert(nth);
            } else {
                self.leaks.insert(format!("{what}: {place}: {name}"));
            }
        }
    }

    fn search(&mut self, desk: &Desk, what: &str, text: &[u8]) {
        self.bytes += text.len();
        let found = desk.canaries.found_in(text);
        self.leaks.extend(found.into_iter().map(|name| format!("{what}: {name}")));
    }

    /// Searches every file of the home that was not there before, and looks at the modes of what omega keeps.
    pub(crate) fn search_files(&mut self, desk: &Desk, what: &str) -> io::Result<()> {
        for path in below(desk.path())? {
            let place = path.strip_prefix(desk.path()).unwrap_or(&path).to_owned();
            let shown = place.display().to_string();
            if shown.starts_with("state") || shown.starts_with("cache") {
                self.private(&path, &format!("{what}: {shown}"))?;
            }
            if path.is_dir() || desk.is_source(&path) {
                continue;
            }
            let is_variables = shown.ends_with(".environment");
            let place = if is_variables { VARIABLES } else { shown.as_str() };
            self.search_in(desk, what, place, &content(&path));
            if shown.starts_with("records/kubelogin") {
                self.leaks.insert(format!("{what}: the program of a kubeconfig was started"));
            }
            if shown.starts_with("tmp") {
                self.leaks.insert(format!(
                    "{what}: {shown} was left in the directory of temporary files"
                ));
            }
        }
        Ok(())
    }

    fn private(&mut self, path: &Path, what: &str) -> io::Result<()> {
        let mode = fs::symlink_metadata(path)?.permissions().mode() & 0o7777;
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        // The parents of omega's own directory are the user's.
        let is_own = path.iter().any(|part| part == "omega");
        if is_own && mode != expected {
            self.leaks.insert(format!("{what} has mode {mode:o}, not {expected:o}"));
        }
        Ok(())
    }
}

/// Returns everything below a directory.
fn below(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut all, mut open) = (Vec::new(), vec![directory.to_path_buf()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path.clone());
            }
            all.push(path);
        }
    }
    Ok(all)
}
