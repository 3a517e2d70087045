//! What of a site file a pod gets: the same settings, with the paths of a pod.

use omega_core::{Failure, FailureClass, Finding, Severity, Subject};
use toml::{Table, Value};

use super::{ExportOptions, ExportSite, SecretFile, volumes::CREDENTIALS};
use crate::{
    drift::Source,
    live::{BY_JUJU, BY_RELEASES, BY_SERVER, BY_UNITS},
};

/// The key of the kubeconfig that reads another management cluster.
pub(super) const READER: &str = "reader.kubeconfig";

/// What a site's pods get.
#[derive(Debug)]
pub(super) struct Carried {
    /// The site file. Comments are gone: nobody has checked them for secrets.
    pub(super) text: String,
    /// What the Secret has.
    pub(super) files: Vec<SecretFile>,
    /// What the pods don't look at, by name.
    pub(super) skip: Vec<String>,
    /// What can't be carried over, and what to do about it.
    pub(super) findings: Vec<Finding>,
}

struct Carrier<'a> {
    site: &'a ExportSite,
    table: Table,
    files: Vec<SecretFile>,
    skip: Vec<String>,
    findings: Vec<Finding>,
}

/// Returns what the pods of `site` get.
///
/// # Errors
///
/// Fails if the site's cloud is described by environment variables only.
pub(super) fn carried(site: &ExportSite, options: &ExportOptions) -> Result<Carried, Failure> {
    let unread = |why: String| {
        let what = format!("could not export {}", site.file.display());
        Failure::new(FailureClass::Error, what).because(why)
    };
    let table = site.text.parse::<Table>().map_err(|error| unread(error.to_string()))?;
    let skip = options.skip.clone();
    let mut carrier = Carrier { site, table, files: Vec::new(), skip, findings: Vec::new() };
    carrier.cloud()?;
    carrier.management();
    carrier.units();
    carrier.live();
    carrier.left_out(&options.skip);
    let Carrier { table, files, mut skip, findings, .. } = carrier;
    skip.sort();
    skip.dedup();
    let text = toml::to_string(&table).map_err(|error| unread(error.to_string()))?;
    Ok(Carried { text, files, skip, findings })
}

impl Carrier<'_> {
    fn cloud(&mut self) -> Result<(), Failure> {
        let paths = &self.site.paths;
        if let Some(openrc) = paths.openrc.clone() {
            self.file("openrc", openrc, &["cloud", "openrc"]);
            return Ok(());
        }
        if self.site.site.cloud().name.is_none() {
            let what = format!("{} names no cloud", self.site.file.display());
            let why = "the OS_* variables of this shell are not exported: a pod's credentials are files of a Secret";
            let next = "name the cloud: `name` or `openrc` in [cloud]";
            return Err(Failure::new(FailureClass::Usage, what).because(why).next(next));
        }
        let found = paths.clouds.clone();
        if found.is_empty() {
            self.warn(
                "clouds-not-found",
                "no clouds.yaml is on this machine",
                "put the path of yours into the command that makes the Secret",
            );
            self.files.push(SecretFile { key: "clouds.yaml".into(), path: "clouds.yaml".into() });
        }
        for (stem, path) in found {
            let kind = path.extension().and_then(|kind| kind.to_str());
            let kind = kind.filter(|kind| ["yml", "json"].contains(kind)).unwrap_or("yaml");
            self.files.push(SecretFile { key: format!("{stem}.{kind}"), path });
        }
        Ok(())
    }

    fn management(&mut self) {
        let path = self.site.paths.kubeconfig.clone();
        self.file("driver.kubeconfig", path, &["management", "kubeconfig"]);
        if self.site.is_elsewhere {
            self.files.push(SecretFile { key: READER.into(), path: READER.into() });
        }
    }

    fn units(&mut self) {
        if let Some(Value::Table(juju)) = self.table.get_mut("juju") {
            juju.remove("program");
        }
        self.leave_out(&BY_JUJU);
        if self.site.has_ssh() {
            return self.ssh();
        }
        self.skip.push("graft".to_owned());
        self.leave_out(&[BY_UNITS]);
        self.warn(
            "juju-not-exported",
            "the units are reached by Juju, whose program and login a pod does not have: it does not look at them",
            "name the units by their addresses: [[conductor.unit]] with `ssh`",
        );
    }

    fn ssh(&mut self) {
        let (identities, hosts) =
            (self.site.paths.identities.clone(), self.site.paths.known_hosts.clone());
        if identities.is_empty() {
            self.warn(
                "ssh-key-not-found",
                "no private key is on this machine, and those of an agent are not exported",
                "put the path of a key without a passphrase into the command that makes the Secret",
            );
        }
        let identities = if identities.is_empty() { vec!["id_ed25519".into()] } else { identities };
        let hosts = if hosts.is_empty() { vec!["known_hosts".into()] } else { hosts };
        for (what, key, paths) in
            [("ssh-identity", "identity", identities), ("known-hosts", "known_hosts", hosts)]
        {
            let keys: Vec<_> = (0..paths.len()).map(|nth| format!("{what}-{nth}")).collect();
            let inside = keys.iter().map(|key| Value::String(format!("{CREDENTIALS}/{key}")));
            self.put(&["ssh", key], Value::Array(inside.collect()));
            let files = keys.into_iter().zip(paths);
            self.files.extend(files.map(|(key, path)| SecretFile { key, path }));
        }
    }

    /// What the live checks need beside all that.
    fn live(&mut self) {
        if let Some(path) = self.site.paths.vault_ca.clone() {
            self.file("vault-ca.pem", path, &["acceptance", "vault_ca"]);
        }
        if self.site.site.management.server.is_none() {
            self.leave_out(&[BY_SERVER]);
        }
        // Who may list the secrets of all namespaces has every credential in them.
        self.leave_out(&[BY_RELEASES]);
    }

    /// Leaves out rules of the live checks, unless none of these is looked at.
    fn leave_out(&mut self, rules: &[&str]) {
        if self.skip.iter().all(|name| name != Source::Live.name()) {
            self.skip.extend(rules.iter().map(|&rule| rule.to_owned()));
        }
    }

    /// Says what is not looked at although the operator did not say so.
    fn left_out(&mut self, said: &[String]) {
        let mut names: Vec<&str> = self.skip.iter().map(String::as_str).collect();
        names.retain(|name| said.iter().all(|one| one != name));
        names.sort_unstable();
        if names.is_empty() {
            return;
        }
        let what = format!("its pods don't look at {}", names.join(", "));
        self.find("not-looked-at", Severity::Note, &what, "docs/kubernetes.md says why");
    }

    /// Adds a file to the Secret, and sets the key of the site file that names it.
    fn file(&mut self, key: &str, path: std::path::PathBuf, setting: &[&str]) {
        self.put(setting, Value::String(format!("{CREDENTIALS}/{key}")));
        self.files.push(SecretFile { key: key.to_owned(), path });
    }

    fn put(&mut self, setting: &[&str], value: Value) {
        let Some((last, tables)) = setting.split_last() else { return };
        let mut at = &mut self.table;
        for name in tables {
            let inner = at.entry(*name).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(inner) = inner else { return };
            at = inner;
        }
        at.insert((*last).to_owned(), value);
    }

    fn warn(&mut self, rule: &str, what: &str, remedy: &str) {
        self.find(rule, Severity::Warning, what, remedy);
    }

    fn find(&mut self, rule: &str, severity: Severity, what: &str, remedy: &str) {
        let subject = Subject::new("site", self.site.name.to_string());
        let finding = Finding::broken(rule, subject, what).severity(severity);
        self.findings.push(finding.remedy(remedy));
    }
}
