//! An operator's home with a site in it, and what the program may leave there.

use std::{
    fs::{self, File, Permissions},
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::{self, JoinHandle},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use nix::pty::{OpenptyResult, openpty};
use omega_core::values::Sha256;
use omega_juju::sim::HELM;

use crate::{
    Result,
    openstack::TOKEN,
    runbooks::{Entry, image},
    serve::Served,
};

/// The password in clouds.yaml.
const PASSWORD: &str = "canary-password-of-the-cloud";
/// Files of the operator that hold a secret.
const SECRETS: [&str; 2] = ["clouds.yaml", "capi.kubeconfig"];

const SITE: &str = r#"[cloud]
name = "crash"

[management]
kubeconfig = "capi.kubeconfig"
project = { name = "capi-mgmt", domain = "capi" }
security_group = "capi-mgmt-sg"
sources = ["10.20.0.0/16"]

[conductor]
application = "magnum"

[driver]
version = "1.4.0"

[helm]
version = "3.17.3"
file = "helm"
sha256 = "@HELM@"

[chart]
repo = "https://azimuth-cloud.github.io/capi-helm-charts"
version = "0.25.1"
"#;

/// A home at a fixed place. The program's state and cache are below it.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    path: PathBuf,
    program: PathBuf,
    kubeconfig: String,
    /// What is typed where a command asks; nobody answers otherwise.
    typed: Option<&'static str>,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Ran {
    /// None: a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    /// Makes one below `directory`, for an entry. `program`: omega-cli.
    pub(crate) fn make(
        directory: &Path,
        program: &Path,
        served: &Served,
        entry: &Entry,
    ) -> Result<Self> {
        let (kubeconfig, typed) = (served.kubeconfig(), entry.typed);
        let path = directory.join("home");
        let new = Self { path, program: program.to_owned(), kubeconfig, typed };
        new.clear()?;
        let own = std::env::current_exe()?;
        let juju = new.path.join("juju");
        let (own, socket) = (own.display(), served.juju.display());
        let script = format!("#!/bin/sh\nexec {own} --juju {socket} \"$@\"\n");
        let maas = format!("#!/bin/sh\nexec {own} --juju {socket} maas \"$@\"\n");
        let clouds = clouds(&served.keystone);
        let site = format!(
            "{}{}\n[juju]\nprogram = \"{}\"\n",
            SITE.replace("@HELM@", &Sha256::of(HELM).to_string()),
            entry.site,
            juju.display()
        );
        for (name, mode, bytes) in [
            ("juju", 0o700, script.as_bytes()),
            ("maas", 0o700, maas.as_bytes()),
            ("clouds.yaml", 0o600, clouds.as_bytes()),
            ("omega.toml", 0o600, site.as_bytes()),
            ("capi.kubeconfig", 0o600, new.kubeconfig.as_bytes()),
            ("helm", 0o600, HELM),
            ("image.qcow2", 0o600, image().as_slice()),
        ] {
            let path = new.path.join(name);
            fs::write(&path, bytes)?;
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
        }
        Ok(new)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn clear(&self) -> Result<()> {
        if self.path.exists() {
            fs::remove_dir_all(&self.path)?;
        }
        fs::create_dir(&self.path)?;
        fs::set_permissions(&self.path, Permissions::from_mode(0o700))?;
        Ok(())
    }

    /// Keeps a copy of it at `path`.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        copy(&self.path, path)
    }

    /// Puts the copy at `path` in its place.
    pub(crate) fn load(&self, path: &Path) -> Result<()> {
        self.clear()?;
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            copy(&entry.path(), &self.path.join(entry.file_name()))?;
        }
        Ok(())
    }

    /// Returns the command, in an environment with nothing else in it.
    fn prepared(&self, program: &Path, args: &[String]) -> Command {
        #[expect(clippy::disallowed_methods, reason = "it starts the program itself")]
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.path).env_clear().stdin(Stdio::null());
        command.env("NO_COLOR", "1").env("COLUMNS", "160");
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path.display()));
        command.env("HOME", &self.path);
        for (variable, name) in [
            ("XDG_STATE_HOME", "state"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_CONFIG_HOME", "config"),
        ] {
            command.env(variable, self.path.join(name));
        }
        command
    }

    /// Returns omega-cli with these arguments, as a process that asks to be traced. It prints to `output`.
    pub(crate) fn traced(&self, args: &[String], output: &Path) -> Result<Command> {
        let mut all = vec!["--traced".to_owned(), self.program.display().to_string()];
        all.extend(args.iter().cloned());
        let mut command = self.prepared(&std::env::current_exe()?, &all);
        let output = File::create(output)?;
        command.stdout(output.try_clone()?).stderr(output);
        if let Some(answer) = self.typed {
            type_in(&mut command, answer)?;
        }
        Ok(command)
    }

    /// Runs omega-cli with these arguments.
    pub(crate) fn run(&self, args: &[String]) -> Result<Ran> {
        let mut command = self.prepared(&self.program, args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let terminal = self.typed.map(|answer| type_in(&mut command, answer)).transpose()?;
        let child = command.spawn()?;
        // The terminal ends when nobody has it any more.
        drop(command);
        let output = child.wait_with_output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, mut err) = (text(&output.stdout), text(&output.stderr));
        if let Some(said) = terminal {
            err.push_str(&text(&said.join().unwrap_or_default()));
        }
        Ok(Ran { code: output.status.code(), out, err })
    }

    /// Returns the files and directories below it, relative to it.
    pub(crate) fn entries(&self) -> Result<Vec<PathBuf>> {
        let mut all = Vec::new();
        walk(&self.path, &mut all)?;
        Ok(all
            .iter()
            .filter_map(|path| Some(path.strip_prefix(&self.path).ok()?.to_owned()))
            .collect())
    }

    /// Returns a line of the private key in the kubeconfig, in which it stands in base64.
    fn key(&self) -> Option<String> {
        let mut lines = self.kubeconfig.lines();
        let coded = lines.find_map(|line| line.trim().strip_prefix("client-key-data: "))?;
        let pem = String::from_utf8(STANDARD.decode(coded).ok()?).ok()?;
        pem.lines().nth(1).map(str::to_owned)
    }

    /// Returns which files others can read, and which hold a secret that they should not.
    pub(crate) fn exposed(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        let key = self.key().ok_or("the kubeconfig has no key")?;
        let secrets = [PASSWORD, TOKEN, key.as_str()].map(forms);
        let [_, token, _] = &secrets;
        for relative in self.entries()? {
            let path = self.path.join(&relative);
            let mode = fs::symlink_metadata(&path)?.permissions().mode();
            if mode & 0o077 != 0 {
                all.push(format!("{} can be used by others: mode {mode:o}", relative.display()));
            }
            if path.is_dir() || SECRETS.iter().any(|name| relative == Path::new(name)) {
                continue;
            }
            let bytes = fs::read(&path)?;
            let holds =
                |forms: &Vec<String>| forms.iter().any(|form| contains(&bytes, form.as_bytes()));
            // The cache of tokens is the one place for a token.
            let is_cache = relative.starts_with("cache/omega/tokens");
            if secrets.iter().any(|forms| holds(forms) && !(is_cache && forms == token)) {
                all.push(format!("{} holds a secret", relative.display()));
            }
        }
        Ok(all)
    }
}

/// Returns a clouds.yaml.
fn clouds(keystone: &str) -> String {
    format!(
        "clouds:\n  crash:\n    region_name: RegionOne\n    auth: {{auth_url: '{keystone}', username: admin, \
         password: {PASSWORD}, user_domain_name: capi, project_name: admin, project_domain_name: capi}}\n"
    )
}

/// Gives the command a terminal, on which somebody types an answer; standard output is elsewhere. Returns
/// what is printed there, once that has ended.
fn type_in(command: &mut Command, answer: &str) -> Result<JoinHandle<Vec<u8>>> {
    let OpenptyResult { master, slave } = openpty(None, None)?;
    let mut master = File::from(master);
    writeln!(master, "{answer}")?;
    command.stdin(slave.try_clone()?).stderr(slave);
    Ok(thread::spawn(move || {
        let mut said = Vec::new();
        // It ends with an error when the other side is closed.
        drop(master.read_to_end(&mut said));
        said
    }))
}

/// A text as it is, and how it looks in base64 wherever it stands there.
fn forms(text: &str) -> Vec<String> {
    let mut all = vec![text.to_owned()];
    for pad in 0..3 {
        let bytes = [&vec![b' '; pad][..], text.as_bytes()].concat();
        let coded = STANDARD_NO_PAD.encode(bytes);
        // The first and the last signs depend on what is beside the text.
        let inner = coded.get(pad + 1..coded.len().saturating_sub(3)).unwrap_or_default();
        all.push(inner.to_owned());
    }
    all
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

fn walk(path: &Path, all: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let is_directory = path.is_dir();
        all.push(path.clone());
        if is_directory {
            walk(&path, all)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        fs::copy(from, to)?;
        return Ok(());
    }
    fs::create_dir(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_base64_wherever_it_stands() {
        for before in ["", "a", "ab", "abc"] {
            let text = format!("{before}{PASSWORD}\"}}");
            for form in [text.clone(), STANDARD_NO_PAD.encode(&text)] {
                let found =
                    forms(PASSWORD).iter().any(|one| contains(form.as_bytes(), one.as_bytes()));
                assert!(found, "{form}");
            }
        }
        assert!(!forms(PASSWORD).iter().any(|form| contains(b"canary-password", form.as_bytes())));
    }
}
