//! A new site file: what is known, and the rest as comments.

use std::fmt::Write as _;

use omega_driver::DriverRelease;
use toml::Value;

/// What is known of a site that has no file yet. No value is a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The name of the cloud in clouds.yaml.
    pub cloud: Option<String>,
    /// An openrc file instead.
    pub openrc: Option<String>,
    /// The kubeconfig of the management cluster.
    pub kubeconfig: Option<String>,
    /// The project of the management VM, and its domain.
    pub project: Option<(String, String)>,
    /// The security group in front of the management API.
    pub security_group: Option<String>,
    /// The conductors' addresses.
    pub sources: Vec<String>,
    /// The Juju application of the conductor.
    pub application: Option<String>,
    /// The Juju model.
    pub model: Option<String>,
    /// Units reached by SSH: name and address.
    pub units: Vec<(String, String)>,
    /// What was found and is worth a comment.
    pub found: Vec<String>,
}

impl Draft {
    /// Returns the text of the file. It can be read as a site file.
    pub fn text(&self) -> String {
        let mut text = "# The site: names, paths and digests; no secret, and no id that a rebuild changes.\n\
                        # Remove the # of what you fill in. omega-cli validate checks it; docs/site-file.md explains it.\n"
            .to_owned();
        for line in &self.found {
            let _ = writeln!(text, "# found: {line}");
        }
        self.cloud_and_management(&mut text);
        self.conductor(&mut text);
        let driver = DriverRelease::v1_4_0();
        let _ = write!(
            text,
            "\n[driver]\nversion = \"{driver}\"                  # magnum-capi-helm\n\n\
             # [helm]\n# version = \"3.17.3\"\n# file = \"helm\"                    # or url\n\
             # sha256 = \"…\"                     # of the program: sha256sum helm\n\n\
             # [chart]\n# repo = \"https://azimuth-cloud.github.io/capi-helm-charts\"\n\
             # version = \"0.25.1\"               # one that fits your Cluster API: omega-cli check-coherence\n"
        );
        text
    }

    fn cloud_and_management(&self, text: &mut String) {
        let _ = writeln!(text, "\n[cloud]{}", " ".repeat(28) + "# without it: the OS_* variables");
        if let Some(openrc) = &self.openrc {
            put(text, "openrc", Some(Value::from(openrc.as_str())), "", "");
        } else {
            let name = self.cloud.as_deref().map(Value::from);
            put(text, "name", name, "\"capi-admin\"", "in clouds.yaml");
        }
        let _ = writeln!(text, "\n[management]");
        let kubeconfig = self.kubeconfig.as_deref().map(Value::from);
        put(text, "kubeconfig", kubeconfig, "\"capi-mgmt.kubeconfig\"", "that the driver will use");
        let project = self.project.as_ref().map(|(name, domain)| {
            let pairs = [("name", name), ("domain", domain)];
            let pairs = pairs.map(|(key, value)| (key.to_owned(), Value::from(value.as_str())));
            Value::Table(pairs.into_iter().collect())
        });
        let example = "{ name = \"capi-mgmt\", domain = \"capi\" }";
        put(text, "project", project, example, "of the management VM");
        let group = self.security_group.as_deref().map(Value::from);
        put(text, "security_group", group, "\"capi-mgmt-sg\"", "in front of its API");
        let sources: Vec<Value> = self.sources.iter().map(|one| one.as_str().into()).collect();
        let sources = (!sources.is_empty()).then_some(Value::Array(sources));
        put(text, "sources", sources, "[\"10.20.0.0/16\"]", "the conductors' addresses");
    }

    fn conductor(&self, text: &mut String) {
        if self.application.is_none() && self.units.is_empty() {
            text.push_str(
                "\n# [conductor]\n# application = \"magnum\"           # the Juju application\n\
                 # [[conductor.unit]]               # or each unit, by SSH\n\
                 # name = \"magnum/0\"\n# ssh = \"ubuntu@10.12.8.20\"\n",
            );
        } else {
            let _ = writeln!(text, "\n[conductor]");
            if let Some(application) = &self.application {
                put(text, "application", Some(application.as_str().into()), "", "of Juju");
            }
            for (name, ssh) in self.units.iter().filter(|_| self.application.is_none()) {
                let _ = writeln!(text, "[[conductor.unit]]");
                put(text, "name", Some(name.as_str().into()), "", "");
                put(text, "ssh", Some(ssh.as_str().into()), "", "");
            }
        }
        if let Some(model) = &self.model {
            let _ = writeln!(text, "\n[juju]");
            put(text, "model", Some(model.as_str().into()), "", "");
        }
    }
}

/// Writes a key with its value, or with an example as a comment.
fn put(text: &mut String, key: &str, value: Option<Value>, example: &str, about: &str) {
    let line = match value {
        Some(value) => format!("{key} = {}", inline(&value)),
        None => format!("# {key} = {example}"),
    };
    let about = if about.is_empty() { String::new() } else { format!("  # {about}") };
    let _ = writeln!(text, "{}", format!("{line:<33}{about}").trim_end());
}

/// Returns a value on one line: a table is an inline one.
fn inline(value: &Value) -> String {
    let Value::Table(pairs) = value else { return value.to_string() };
    let pairs = pairs.iter().map(|(key, value)| format!("{key} = {}", inline(value)));
    format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::site::Site;

    #[test]
    fn a_draft_is_a_site_file() {
        let text = Draft::default().text();
        assert!(Site::parse_all(Path::new("omega.toml"), &text).is_ok(), "{text}");
        let draft = Draft {
            cloud: Some("a \"cloud\"".to_owned()),
            project: Some(("capi-mgmt".to_owned(), "capi".to_owned())),
            sources: vec!["10.20.0.0/16".to_owned()],
            units: vec![("magnum/0".to_owned(), "ubuntu@10.12.8.20".to_owned())],
            ..Draft::default()
        };
        let text = draft.text();
        let site = Site::parse_all(Path::new("omega.toml"), &text).unwrap();
        assert_eq!(site.cloud().name, draft.cloud);
        assert_eq!(site.sources().unwrap(), draft.sources);
        assert_eq!(site.conductor().unwrap().unit.len(), 1);
        assert_eq!(site.project().unwrap().domain.as_deref(), Some("capi"));
    }
}
