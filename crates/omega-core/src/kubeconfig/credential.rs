//! What the driver authenticates with.

use jiff::Timestamp;
use x509_parser::{certificate::X509Certificate, parse_x509_certificate};

use super::{
    AuthKind, KubeconfigError,
    document::Node,
    error::{FLATTEN, driver, go, no, unusable},
    judge::{data, empty, is_set, text},
};
use crate::{
    pem::{self, Block},
    private_key::PrivateKey,
    values::Secret,
};

/// What the driver authenticates with.
pub(super) enum Credential {
    Token(Secret),
    /// In PEM, without what readers skip.
    Certificate {
        certificate_pem: String,
        key_pem: Secret,
        kind: AuthKind,
    },
}

impl Credential {
    pub(super) fn kind(&self) -> AuthKind {
        match self {
            Self::Token(_) => AuthKind::Token,
            Self::Certificate { kind, .. } => kind.clone(),
        }
    }

    pub(super) fn of(user: &Node) -> Result<Self, KubeconfigError> {
        let unread = [
            ("exec", "an exec plugin"),
            ("auth-provider", "an auth plugin"),
            ("tokenFile", "a token file"),
            ("username", "a user name and password"),
            ("password", "a user name and password"),
            ("as", "impersonation"),
            ("as-uid", "impersonation"),
            ("as-groups", "impersonation"),
            ("as-user-extra", "impersonation"),
        ];
        if let Some((_, what)) = unread.into_iter().find(|(key, _)| is_set(user, key)) {
            let next = "use one with a client certificate or a token in it";
            return no(
                format!("it authenticates by {what}, which the driver does not support"),
                next,
            );
        }
        for key in ["client-certificate", "client-key"] {
            if let Some(path) = text(user, key)? {
                let why = format!("its client certificate or key is in a separate file (`{path}`)");
                return no(why, FLATTEN);
            }
        }
        let (certificate, key) = (data(user, "client-certificate")?, data(user, "client-key")?);
        match (certificate, key, text(user, "token")?) {
            (Some(certificate), Some(_), _) if certificate.is_empty() => {
                empty("client-certificate")
            }
            (Some(_), Some(key), _) if key.is_empty() => empty("client-key"),
            (Some(certificate), Some(key), _) => Self::certificate(&certificate, &Secret::new(key)),
            // No header has such characters.
            (_, _, Some(token))
                if token.contains(|c: char| c != '\t' && !(' '..='~').contains(&c)) =>
            {
                driver("its token has a line break or is not ASCII", "write it on one line")
            }
            (None, _, Some(token)) => Ok(Self::Token(Secret::from(token))),
            (Some(certificate), None, Some(token)) if certificate.is_empty() => {
                Ok(Self::Token(Secret::from(token)))
            }
            (Some(_), None, Some(_)) => go(
                "it has a token, and a client certificate without its key",
                "remove the client certificate",
            ),
            (_, _, None) => {
                driver("it has neither a client certificate with its key nor a token", FLATTEN)
            }
        }
    }

    /// Both readers take the first certificate and the first key, whatever is around them.
    fn certificate(certificate: &[u8], key: &Secret) -> Result<Self, KubeconfigError> {
        let chain = certificates("client-certificate-data", certificate)?;
        let no_key = || unusable("its client-key-data is not a key", FLATTEN);
        let key =
            pem::blocks(key.expose()).and_then(|blocks| blocks.into_iter().find(Block::is_key));
        let key = key.ok_or_else(no_key)?;
        if key.is_encrypted {
            return no(
                "its client key is encrypted, and nobody is there to type the passphrase",
                "write it without: openssl pkey -in KEY -out PLAIN-KEY",
            );
        }
        let read = PrivateKey::read(&key.der).ok_or_else(no_key)?;
        let not_certificate =
            || unusable("its client-certificate-data is not a certificate", FLATTEN);
        let first = chain.first().ok_or_else(not_certificate)?;
        let (_, leaf) = parse_x509_certificate(&first.der).map_err(|_| not_certificate())?;
        match read {
            PrivateKey::NotOfGo => {
                return go(
                    "its client key is of a type or on a curve that few programs support",
                    "use one with a key of RSA, Ed25519, or EC on P-256 or P-384",
                );
            }
            PrivateKey::Public(public)
                if public != leaf.public_key().subject_public_key.data.as_ref() =>
            {
                return no(
                    "its client key does not belong to its client certificate",
                    "take both from the same source: kubectl config view --minify --flatten --raw",
                );
            }
            PrivateKey::Public(_) | PrivateKey::Bare => {}
        }
        let kind = kind(&leaf).ok_or_else(not_certificate)?;
        let certificate_pem = chain.iter().map(Block::text).collect();
        Ok(Self::Certificate { certificate_pem, key_pem: Secret::from(key.text()), kind })
    }
}

fn kind(certificate: &X509Certificate<'_>) -> Option<AuthKind> {
    let validity = certificate.validity();
    let time = |t: x509_parser::time::ASN1Time| Timestamp::from_second(t.timestamp()).ok();
    let (not_before, not_after) = (time(validity.not_before)?, time(validity.not_after)?);
    let subject = certificate.subject().to_string();
    Some(AuthKind::ClientCertificate { subject, not_before, not_after })
}

/// Returns the certificates in `pem`, of which there is one at least. None is cut off.
pub(super) fn certificates(field: &str, pem: &[u8]) -> Result<Vec<Block>, KubeconfigError> {
    let blocks = pem::blocks(pem).unwrap_or_default();
    let of_openssl =
        blocks.iter().find(|one| one.is_openssl_certificate()).map(|one| one.label.clone());
    let all: Vec<_> = blocks.into_iter().filter(Block::is_certificate).collect();
    match (all.first(), of_openssl) {
        (Some(first), _) if parse_x509_certificate(&first.der).is_ok() => Ok(all),
        (None, Some(label)) => go(
            &format!("its {field} is in OpenSSL's own format (BEGIN {label})"),
            "convert it to the standard one: openssl x509 -in FILE -out CERTIFICATE",
        ),
        (Some(_) | None, _) => no(format!("its {field} is not a certificate"), FLATTEN),
    }
}
