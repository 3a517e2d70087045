//! The Secret of a site. Its contents are never read here: the operator makes it with kubectl.

use std::path::{Path, PathBuf};

use omega_capi::Namespace;
use omega_core::shell_word;
use serde::Serialize;

/// The Secret of a site, and which files go into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecretCommand {
    /// The site.
    pub site: String,
    /// The name of the Secret.
    pub secret: String,
    /// What is in it.
    pub files: Vec<SecretFile>,
    /// The command that makes it, for a POSIX shell.
    pub command: String,
}

/// A file in a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecretFile {
    /// Its key in the Secret, and its name in a pod.
    pub key: String,
    /// Where this machine has it.
    pub path: PathBuf,
}

impl SecretCommand {
    pub(super) fn new(
        site: &str,
        secret: String,
        namespace: &Namespace,
        files: Vec<SecretFile>,
    ) -> Self {
        let mut command = format!("kubectl --namespace {namespace} create secret generic {secret}");
        for SecretFile { key, path } in &files {
            command.push_str(" \\\n  ");
            command.push_str(&shell_word(&format!("--from-file={}", value(key, path))));
        }
        Self { site: site.to_owned(), secret, files, command }
    }
}

/// Returns `KEY=PATH` as kubectl reads it: a list of comma-separated values (spf13/pflag `string_slice.go`).
fn value(key: &str, path: &Path) -> String {
    let pair = format!("{key}={}", path.display());
    if pair.contains([',', '"']) { format!("\"{}\"", pair.replace('"', "\"\"")) } else { pair }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reaches_kubectl_as_it_is() {
        let file =
            |key: &str, path: &str| SecretFile { key: key.to_owned(), path: PathBuf::from(path) };
        let files = vec![file("a", "/plain"), file("b", "/with space"), file("c", "/x,\"y")];
        let made = SecretCommand::new("s", "n".to_owned(), &"omega".parse().unwrap(), files);
        insta::assert_snapshot!(made.command, @r#"
        kubectl --namespace omega create secret generic n \
          --from-file=a=/plain \
          '--from-file=b=/with space' \
          '--from-file="c=/x,""y"'
        "#);
    }
}
