use std::{path::Path, sync::Arc};

use russh::{
    MethodSet,
    client::{AuthResult, Handle},
    keys::{
        Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey,
        agent::{AgentIdentity, client::AgentClient},
        load_public_key, load_secret_key,
    },
};
use tokio::time::timeout_at;

use super::{SshTarget, hop::Hop, server_key::ServerKey};
use crate::{Error, channel::SshStage};

/// How many keys are offered. OpenSSH disconnects after six failures (`MaxAuthTries`).
const MOST: usize = 5;

/// The attempts so far, for the error.
#[derive(Debug, Default)]
struct Tried {
    offered: usize,
    notes: Vec<String>,
}

/// Logs in with the target's key files, then with the keys of its agent.
pub(super) async fn login(handle: &mut Handle<ServerKey>, hop: Hop<'_>) -> Result<(), Error> {
    let mut at = SshStage::Login { user: hop.target.user.clone(), agent: None };
    let done = timeout_at(hop.until, offer(handle, hop, &mut at)).await;
    done.unwrap_or_else(|_| Err(hop.late(at)))
}

/// Offers one key after the other. `at`: what is waited for.
async fn offer(
    handle: &mut Handle<ServerKey>,
    hop: Hop<'_>,
    at: &mut SshStage,
) -> Result<(), Error> {
    let (target, mut tried) = (hop.target, Tried::default());
    for path in &target.identities {
        if by_file(handle, hop, path, &mut tried).await? {
            return Ok(());
        }
    }
    if let Some(socket) = &target.agent
        && by_agent(handle, hop, socket, &mut tried, at).await?
    {
        return Ok(());
    }
    if tried.notes.is_empty() {
        tried.notes.push("nothing: neither a key file nor an agent is configured".to_owned());
    }
    Err(denied(hop, &tried))
}

fn denied(hop: Hop<'_>, tried: &Tried) -> Error {
    Error::Denied {
        unit: hop.label(),
        via: format!("ssh {}", hop.target.label()),
        tried: tried.notes.join("; "),
        next: "add the public key to the machine (juju add-ssh-key), or name the right key in the site file"
            .to_owned(),
    }
}

/// Notes that a key was refused. A server that refuses one names the methods that are left; with none, russh means that
/// the connection was lost. After other refusals it is the server that has had enough (`MaxAuthTries`).
fn refused(
    hop: Hop<'_>,
    tried: &mut Tried,
    key: &str,
    methods_left: &MethodSet,
) -> Result<(), Error> {
    if !methods_left.is_empty() {
        tried.notes.push(format!("{key}: refused"));
        return Ok(());
    }
    if tried.offered == 1 {
        return Err(interrupted(hop, "the connection was lost"));
    }
    tried.notes.push(format!("{key}: the server closed the connection"));
    Err(denied(hop, tried))
}

async fn by_file(
    handle: &mut Handle<ServerKey>,
    hop: Hop<'_>,
    path: &Path,
    tried: &mut Tried,
) -> Result<bool, Error> {
    let (target, shown) = (hop.target, path.display());
    let (file, agent) = (path.to_owned(), target.agent.is_some());
    let key = tokio::task::spawn_blocking(move || load(&file)).await;
    let key: PrivateKey = match key {
        Ok(Ok(key)) => key,
        Ok(Err(error)) => {
            tried.notes.push(unusable(&shown.to_string(), &error, agent));
            return Ok(false);
        }
        Err(error) => {
            tried.notes.push(format!("{shown}: {error}"));
            return Ok(false);
        }
    };
    let kind = key.algorithm();
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash(handle, &kind).await);
    let result = handle.authenticate_publickey(&target.user, key).await;
    tried.offered += 1;
    match result {
        Ok(AuthResult::Success) => Ok(true),
        Ok(AuthResult::Failure { remaining_methods, .. }) => {
            refused(hop, tried, &format!("{shown} ({})", kind.as_str()), &remaining_methods)?;
            Ok(false)
        }
        Err(error) => Err(interrupted(hop, &error.to_string())),
    }
}

/// Reads a key file. The library reads an encrypted key in PKCS#8 as one that is damaged, so the header
/// is looked at first (RFC 7468, section 11).
fn load(file: &Path) -> Result<PrivateKey, russh::keys::Error> {
    let text = std::fs::read(file)?;
    let header = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
    if text.windows(header.len()).any(|window| window == header) {
        return Err(russh::keys::Error::KeyIsEncrypted);
    }
    load_secret_key(file, None)
}

/// Checks that a login could use the private key in `file`, with an agent or without one.
///
/// # Errors
///
/// Says why not, as a login would.
pub fn check_identity(file: &Path, agent: bool) -> Result<(), String> {
    match load(file) {
        Ok(_) => Ok(()),
        // The agent has it, or not: only a login finds out.
        Err(russh::keys::Error::KeyIsEncrypted) if agent => Ok(()),
        Err(error) => Err(unusable(&file.display().to_string(), &error, agent)),
    }
}

/// Describes a key file that can't be used. An encrypted key can be used through an agent only.
fn unusable(shown: &str, error: &russh::keys::Error, agent: bool) -> String {
    if !matches!(error, russh::keys::Error::KeyIsEncrypted) {
        return format!("{shown}: {}", error.to_string().to_lowercase());
    }
    if agent {
        format!("{shown}: encrypted, left to the agent")
    } else {
        format!("{shown}: encrypted, and no agent is configured (ssh-add {shown}, SSH_AUTH_SOCK)")
    }
}

async fn by_agent(
    handle: &mut Handle<ServerKey>,
    hop: Hop<'_>,
    socket: &Path,
    tried: &mut Tried,
    at: &mut SshStage,
) -> Result<bool, Error> {
    let (target, shown) = (hop.target, socket.display());
    *at = SshStage::Agent { socket: socket.to_owned() };
    let mut agent = match AgentClient::connect_uds(socket).await {
        Ok(agent) => agent,
        Err(error) => {
            tried.notes.push(format!("agent {shown}: {}", error.to_string().to_lowercase()));
            return Ok(false);
        }
    };
    let identities = agent.request_identities().await.map_err(|error| {
        interrupted(hop, &format!("the agent {shown} does not list its keys: {error}"))
    })?;
    let mut keys: Vec<(PublicKey, String)> = identities
        .into_iter()
        .filter_map(|identity| match identity {
            AgentIdentity::PublicKey { key, comment } => Some((key, comment)),
            AgentIdentity::Certificate { .. } => None,
        })
        .collect();
    let wanted = public_halves(target).await;
    keys.sort_by_key(|(key, _)| !wanted.iter().any(|other| other.key_data() == key.key_data()));
    tried.notes.push(format!("agent {shown}: {} keys", keys.len()));
    *at = SshStage::Login { user: target.user.clone(), agent: Some(socket.to_owned()) };
    for (key, comment) in keys {
        if tried.offered >= MOST {
            tried.notes.push(format!("no further keys of the agent after {MOST} refusals"));
            return Ok(false);
        }
        let hash = hash(handle, &key.algorithm()).await;
        tried.offered += 1;
        let result = handle.authenticate_publickey_with(&target.user, key, hash, &mut agent).await;
        match result {
            Ok(AuthResult::Success) => return Ok(true),
            Ok(AuthResult::Failure { remaining_methods, .. }) => {
                refused(hop, tried, &comment, &remaining_methods)?;
            }
            Err(error) => tried.notes.push(format!("{comment}: {error}")),
        }
    }
    Ok(false)
}

/// The public keys of the key files: the agent may hold an encrypted key, which is offered first.
async fn public_halves(target: &SshTarget) -> Vec<PublicKey> {
    let files: Vec<_> =
        target.identities.iter().map(|file| format!("{}.pub", file.display())).collect();
    let load = move || files.iter().filter_map(|file| load_public_key(file).ok()).collect();
    tokio::task::spawn_blocking(load).await.unwrap_or_default()
}

/// RSA keys sign with SHA-2: sshd refuses SHA-1 since OpenSSH 8.8.
async fn hash(handle: &Handle<ServerKey>, kind: &Algorithm) -> Option<HashAlg> {
    if !matches!(kind, Algorithm::Rsa { .. }) {
        return None;
    }
    let offered = handle.best_supported_rsa_hash().await.ok().flatten().flatten();
    Some(offered.unwrap_or(HashAlg::Sha512))
}

fn interrupted(hop: Hop<'_>, why: &str) -> Error {
    let next = format!(
        "run the same command again; if that fails too, look at sshd on {}: ssh -v shows how far it gets",
        hop.target.address()
    );
    hop.unreachable(&format!("the login was interrupted: {why}"), Some(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An encrypted key in PKCS#8 is reported as one, and left to the agent, as in the other formats.
    #[test]
    fn an_encrypted_key_in_pkcs8_is_encrypted_and_not_damaged() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = home.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let key = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIFLTBXBgkqhkiG9w0BBQ0wSjAp\n\
                   -----END ENCRYPTED PRIVATE KEY-----\n";
        let error = load(&write("key", key)).unwrap_err();
        assert_eq!(unusable("key", &error, true), "key: encrypted, left to the agent");
        assert!(unusable("key", &error, false).contains("ssh-add key"));
        let damaged = load(&write("other", "-----BEGIN PRIVATE KEY-----\nx\n")).unwrap_err();
        assert!(!unusable("other", &damaged, true).contains("encrypted"));
    }
}
