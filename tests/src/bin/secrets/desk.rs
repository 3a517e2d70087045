//! An operator's home with every kind of secret in it.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega_core::values::Sha256;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    canary::{Canaries, Canary, Lines},
    service::Identity,
};

/// Where the secrets of a world are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// `clouds.yaml`, with `secure.yaml`.
    Clouds,
    /// An application credential in `clouds.yaml`.
    Credential,
    /// A token in `clouds.yaml`.
    Token,
    /// An openrc file.
    Openrc,
    /// The `OS_*` variables.
    Environment,
}

/// How the kubeconfig of the site authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// A client certificate.
    Certificate,
    /// A token.
    Token,
    /// Name and password.
    Basic,
    /// A program that prints a token.
    Exec,
    /// An auth provider with a token.
    Provider,
}

/// Where the services of a world are.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// Keystone.
    pub(crate) keystone: String,
    /// The API of the management cluster.
    pub(crate) management: String,
    /// The CA of that.
    pub(crate) ca: String,
}

/// A home.
#[derive(Debug)]
pub(crate) struct Desk {
    home: TempDir,
    pub(crate) canaries: Canaries,
    /// The variables of a command in this home that have secrets.
    pub(crate) secret_variables: Vec<(String, String)>,
    /// What was there before any command, which may have secrets.
    sources: Vec<PathBuf>,
}

const NAMES: [&str; 10] = [
    "a password",
    "the secret of an application credential",
    "a token in clouds.yaml",
    "the token of a login",
    "a token in a kubeconfig",
    "a password in a kubeconfig",
    "the token of an exec plugin",
    "a password in an address",
    "a proxy's password",
    "an option of a charm",
];

impl Desk {
    pub(crate) fn new() -> io::Result<Self> {
        let words = NAMES.map(|name| match name {
            "the token of a login" | "a token in clouds.yaml" | "a token in a kubeconfig" => {
                Canary::token(name)
            }
            "the token of an exec plugin" => Canary::token(name),
            _ => Canary::password(name),
        });
        let home = tempfile::tempdir()?;
        for directory in ["tmp", "records", "bin"] {
            fs::create_dir(home.path().join(directory))?;
        }
        let canaries = Canaries { words: words.into(), keys: Vec::new() };
        let mut desk = Self { home, canaries, secret_variables: Vec::new(), sources: Vec::new() };
        desk.keys()?;
        desk.programs()?;
        desk.write("helm", "no helm")?;
        Ok(desk)
    }

    pub(crate) fn path(&self) -> &Path {
        self.home.path()
    }

    /// The secret of this name.
    pub(crate) fn secret(&self, name: &str) -> Canary {
        let found = self.canaries.words.iter().find(|one| one.name == name);
        found.cloned().unwrap_or_else(|| Canary::token("no such secret"))
    }

    pub(crate) fn write(&mut self, name: &str, text: &str) -> io::Result<()> {
        let path = self.path().join(name);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        self.sources.push(path);
        Ok(())
    }

    /// Whether a file was there before, as it is now: then it is the operator's, with whatever is in it.
    pub(crate) fn is_source(&self, path: &Path) -> bool {
        self.sources.iter().any(|one| one == path)
    }

    /// A key of SSH with a passphrase, and one without.
    fn keys(&mut self) -> io::Result<()> {
        for (name, phrase) in [("id_closed", "not for omega"), ("id_open", "")] {
            let path = self.path().join(name);
            let made = command("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", phrase, "-f"])
                .arg(&path)
                .stdin(Stdio::null())
                .status()?;
            if !made.success() {
                return Err(io::Error::other("ssh-keygen made no key"));
            }
            let title =
                if phrase.is_empty() { "an SSH key" } else { "an SSH key with a passphrase" };
            self.canaries.keys.push(Lines::of(title, &fs::read_to_string(&path)?));
            self.sources.extend([path.clone(), path.with_extension("pub")]);
        }
        Ok(())
    }

    /// Programs that say what they were called with, and fail with a word of their own.
    fn programs(&mut self) -> io::Result<()> {
        let option = self.secret("an option of a charm").value();
        let charm = json!({ "application": "nova-compute", "settings": {
            "reserved-host-memory": { "value": 512, "source": "default", "type": "int" },
            "shared-secret": { "value": option, "source": "user", "type": "string" },
        }});
        self.write("charm.json", &charm.to_string())?;
        self.write("status.json", omega_juju::sim::JUJU_STATUS)?;
        let token = self.secret("the token of an exec plugin").value();
        let credential = json!({ "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential", "status": { "token": token } });
        self.write("credential.json", &credential.to_string())?;
        let home = self.path().display().to_string();
        for (name, answers) in [
            (
                "juju",
                "case $1 in status) cat HOME/status.json; exit;; config) cat HOME/charm.json; exit;; esac",
            ),
            ("maas", ""),
            ("kubelogin", "cat HOME/credential.json; exit"),
        ] {
            let text = format!(
                "#!/bin/bash\nn=$(mktemp HOME/records/{name}.XXXXXX)\ncat /proc/$$/cmdline >\"$n.arguments\"\n\
                 cat /proc/$$/environ >\"$n.environment\"\n{answers}\necho 'ERROR permission denied' >&2\nexit 1\n"
            );
            self.write(&format!("bin/{name}"), &text.replace("HOME", &home))?;
            let path = self.path().join("bin").join(name);
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    }

    /// Writes the credentials of the cloud.
    pub(crate) fn login(&mut self, login: Login, keystone: &str) -> io::Result<()> {
        let password = self.secret("a password");
        let of_user = "project_name: mgmt, project_domain_name: Default";
        match login {
            Login::Clouds => {
                let auth = format!("{of_user}, username: u, user_domain_name: Default");
                self.clouds("password", keystone, &auth)?;
                let secret = password.quoted();
                let text = format!("clouds:\n  here:\n    auth: {{password: {secret}}}\n");
                self.write("secure.yaml", &text)
            }
            Login::Credential => {
                let secret = self.secret("the secret of an application credential").quoted();
                let auth = format!(
                    "application_credential_id: ac1, application_credential_secret: {secret}"
                );
                self.clouds("v3applicationcredential", keystone, &auth)
            }
            Login::Token => {
                let token = self.secret("a token in clouds.yaml").quoted();
                self.clouds("v3token", keystone, &format!("{of_user}, token: {token}"))
            }
            Login::Openrc => {
                let pairs = variables(keystone, &password.in_shell());
                let lines = pairs.map(|(name, value)| format!("export {name}={value}\n"));
                self.write("openrc", &lines.concat())
            }
            Login::Environment => {
                let pairs = variables(keystone, &password.value());
                self.secret_variables = pairs.map(|(name, value)| (name.to_owned(), value)).into();
                Ok(())
            }
        }
    }

    fn clouds(&mut self, kind: &str, keystone: &str, auth: &str) -> io::Result<()> {
        let auth = format!("auth_url: {keystone:?}, {auth}");
        let text = format!("clouds:\n  here:\n    auth_type: {kind}\n    auth: {{{auth}}}\n");
        self.write("clouds.yaml", &text)
    }

    /// Writes the kubeconfig of the management cluster.
    pub(crate) fn kubeconfig(&mut self, user: User, places: &Places) -> io::Result<()> {
        let user = self.user(user)?;
        let (server, ca) = (&places.management, STANDARD.encode(&places.ca));
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters: [{{name: m, cluster: {{server: {server:?}, certificate-authority-data: {ca}}}}}]\n\
             contexts: [{{name: c, context: {{cluster: m, user: a}}}}]\nusers: [{{name: a, user: {{{user}}}}}]\n"
        );
        self.write("capi.kubeconfig", &text)
    }

    /// How a kubeconfig authenticates, in YAML.
    fn user(&mut self, user: User) -> io::Result<String> {
        let password = self.secret("a password in a kubeconfig").quoted();
        let token = self.secret("a token in a kubeconfig").quoted();
        Ok(match user {
            User::Certificate => {
                let own = Identity::new("admin")?;
                self.canaries.keys.push(Lines::of("the key in a kubeconfig", &own.key));
                let [certificate, key] =
                    [&own.certificate, &own.key].map(|pem| STANDARD.encode(pem));
                format!("client-certificate-data: {certificate}, client-key-data: {key}")
            }
            User::Token => format!("token: {token}"),
            User::Basic => format!("username: admin, password: {password}"),
            User::Exec => {
                let program = self.path().join("bin/kubelogin").display().to_string();
                format!(
                    "exec: {{apiVersion: client.authentication.k8s.io/v1, command: {program:?}, \
                     interactiveMode: Never, env: [{{name: PASSWORD, value: {password}}}]}}"
                )
            }
            User::Provider => {
                format!("auth-provider: {{name: oidc, config: {{id-token: {token}}}}}")
            }
        })
    }

    /// Writes the site file. `cloud`: its `[cloud]`; `juju`: whether Juju reaches the units, or SSH does.
    pub(crate) fn site(&mut self, cloud: &str, juju: bool) -> io::Result<()> {
        let home = self.path().display().to_string();
        let conductor = if juju {
            format!(
                "application = \"magnum\"\n[juju]\nmodel = \"openstack\"\nprogram = \"{home}/bin/juju\""
            )
        } else {
            "unit = [{ name = \"magnum/0\", ssh = \"ubuntu@127.0.0.1:1\" }]\n[ssh]\nidentity = [\"id_closed\", \"id_open\"]"
                .to_owned()
        };
        let text = format!(
            "[cloud]\n{cloud}\n\n[management]\nkubeconfig = \"capi.kubeconfig\"\n\
             project = {{ name = \"mgmt\", domain = \"Default\" }}\nsecurity_group = \"capi-mgmt-sg\"\n\
             sources = [\"10.20.0.0/16\"]\nserver = \"capi-mgmt\"\n\n[conductor]\n{conductor}\n\n\
             [compute]\napplication = \"nova-compute\"\nreserved_host_memory = 8192\n\n\
             [driver]\nversion = \"1.4.0\"\n\n[helm]\nversion = \"3.17.3\"\nfile = \"helm\"\nsha256 = \"{}\"\n\n\
             [chart]\nrepo = \"https://charts.example\"\nversion = \"0.25.1\"\n\n\
             [timeouts]\nconnect = \"1s\"\nask = \"2s\"\nact = \"2s\"\n",
            Sha256::of(b"no helm")
        );
        self.write("omega.toml", &text)
    }
}

/// The variables of a login.
fn variables(keystone: &str, password: &str) -> [(&'static str, String); 6] {
    [
        ("OS_AUTH_URL", keystone),
        ("OS_USERNAME", "u"),
        ("OS_PASSWORD", password),
        ("OS_USER_DOMAIN_NAME", "Default"),
        ("OS_PROJECT_NAME", "mgmt"),
        ("OS_PROJECT_DOMAIN_NAME", "Default"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
}

#[expect(clippy::disallowed_methods, reason = "a program of its own, without a runtime")]
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}
