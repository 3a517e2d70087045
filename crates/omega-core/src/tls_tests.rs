//! What the field's self-signed certificates are worth.
//!
//! Sources: rustls/webpki#205 and lightningnetwork/lnd#5450 (Keystone behind a certificate of
//! `openssl req -x509`, given as `OS_CACERT`); nklmilojevic/sofka#340 and kube-rs/kube#1767 (an API
//! server whose certificate is the CA of the kubeconfig).

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};

use super::*;

struct Made {
    params: CertificateParams,
}

/// A self-signed certificate for `localhost`, valid from 2020 to 2030.
fn made(is_ca: bool) -> Made {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca =
        if is_ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    Made { params }
}

impl Made {
    fn der(self) -> CertificateDer<'static> {
        self.params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }
}

/// What a client that trusts `trusted` says of a server that shows `shown`, in the year `year`.
fn said(
    trusted: &CertificateDer<'static>,
    shown: &CertificateDer<'_>,
    name: &str,
    year: u64,
) -> String {
    let verifier = TrustedCertificates::new(vec![trusted.clone()]).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_hours((year - 1970) * 8766 + 24));
    match verifier.verify_server_cert(shown, &[], &name, &[], now) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => words(&error),
    }
}

#[test]
fn a_certificate_that_is_the_trusted_one_is_accepted() {
    for is_ca in [true, false] {
        let own = made(is_ca).der();
        assert_eq!(said(&own, &own, "localhost", 2026), "accepted", "CA: {is_ca}");
    }
}

#[test]
fn and_is_checked_all_the_same() {
    let own = made(true).der();
    insta::assert_snapshot!([
        said(&own, &own, "keystone", 2026),
        said(&own, &own, "localhost", 2019),
        said(&own, &own, "localhost", 2031),
    ].join("\n"), @"
    its certificate covers localhost and not this address
    its certificate is not valid yet
    its certificate has expired
    ");
    let mut client = made(true);
    client.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client = client.der();
    assert_eq!(said(&client, &client, "localhost", 2026), "its certificate is not for servers");
}

#[test]
fn another_ca_is_not_accepted_and_is_named() {
    let (own, other) = (made(true).der(), made(true).der());
    let words = "its certificate is a CA's (CA:TRUE) and not the trusted one itself";
    assert_eq!(said(&own, &other, "localhost", 2026), words);
    let words = said(&own, &made(false).der(), "localhost", 2026);
    assert_eq!(
        words,
        "its certificate is not signed by the trusted CA of that name (was the CA renewed?)"
    );
}

#[test]
fn no_library_speaks_to_the_operator() {
    insta::assert_snapshot!([
        words(&Error::InvalidMessage(InvalidMessage::InvalidContentType)),
        words(&Error::AlertReceived(rustls::AlertDescription::BadCertificate)),
        words(&Error::InvalidCertificate(CertificateError::UnknownIssuer)),
    ].join("\n"), @"
    the server does not speak TLS on this port
    the server ended the TLS handshake (bad certificate)
    its certificate is not signed by a trusted CA
    ");
}

const CA: &str = include_str!("../fixtures/tls/ca.crt");
const P521: &str = include_str!("../fixtures/tls/p521.crt");
const PSS_KEY: &str = include_str!("../fixtures/tls/pss-key.crt");

fn der(pem: &str) -> CertificateDer<'static> {
    certificates(pem.as_bytes()).unwrap().remove(0)
}

/// Certificates that OpenSSL and Go accept in part. They were made for this test.
#[test]
fn what_omegas_tls_does_not_have_is_said_to_be_that() {
    let cases = [
        (include_str!("../fixtures/tls/pss.crt"), CA),
        (PSS_KEY, PSS_KEY),
        (P521, P521),
        (include_str!("../fixtures/tls/san-odd.crt"), CA),
        (include_str!("../fixtures/tls/pss-max.crt"), CA),
        (include_str!("../fixtures/tls/sha1.crt"), CA),
        (include_str!("../fixtures/tls/by-p521.crt"), P521),
        (include_str!("../fixtures/tls/critical.crt"), CA),
        (include_str!("../fixtures/tls/v1.crt"), CA),
        (include_str!("../fixtures/tls/san-empty.crt"), CA),
        (include_str!("../fixtures/tls/san-blank.crt"), CA),
        (include_str!("../fixtures/tls/san-space.crt"), CA),
    ];
    let words = cases.map(|(shown, ca)| said(&der(ca), &der(shown), "localhost", 2027));
    insta::assert_snapshot!(words.join("\n"), @"
    accepted
    accepted
    accepted
    accepted
    its certificate is signed with RSA-PSS of unusual parameters, which omega's TLS (rustls with ring) does not have
    its certificate is signed with RSA and SHA-1, which omega's TLS (rustls with ring) does not have
    its CA signs with P-521, which omega's TLS (rustls with ring) does not have
    its certificate, or its CA's, has a critical extension that omega's TLS (rustls) does not know, and such a certificate must not be accepted
    its certificate is of X.509 version 1, and omega's TLS (rustls) takes version 3 only
    its certificate has no name in its subjectAltName, and names elsewhere do not count
    its certificate has no name in its subjectAltName, and names elsewhere do not count
    its certificate has no name in its subjectAltName, and names elsewhere do not count
    ");
    let rare =
        rustls::OtherError(Arc::new(UnusableCertificates("Secret { library: words }".into())));
    let rare = super::words(&Error::InvalidCertificate(CertificateError::Other(rare)));
    assert!(!rare.contains("library"), "{rare}");
}

#[test]
fn a_file_of_cas_says_what_it_has() {
    let said = |pem: &[u8]| match certificates(pem) {
        Ok(all) => format!("{} certificates", all.len()),
        Err(error) => error.to_string(),
    };
    let trusted = include_str!("../fixtures/tls/trusted.crt");
    insta::assert_snapshot!([
        said(format!("# a comment\n{CA}text\n{P521}").as_bytes()),
        said(&[b"# \xe9\n", CA.as_bytes()].concat()),
        said(trusted.as_bytes()),
        said(&CA.as_bytes()[..CA.len() / 2]),
        said(b"CA"),
    ].join("\n"), @"
    2 certificates
    1 certificates
    has its certificates in OpenSSL's own format (BEGIN TRUSTED CERTIFICATE), which omega does not read: convert each to the standard one (openssl x509 -in FILE -out CA.pem)
    is not a file of certificates in PEM
    has no certificate
    ");
}

#[test]
fn a_client_shows_what_it_has() {
    let said = |certificate: &str, key: &str| {
        let identity = client_identity(certificate.as_bytes(), &Secret::from(key.to_owned()));
        identity.map_or_else(|error| error.to_string(), |_| "shown".to_owned())
    };
    let rsa = include_str!("../fixtures/tls/rsa.key");
    let own = KeyPair::generate().unwrap().serialize_pem();
    insta::assert_snapshot!([
        said(include_str!("../fixtures/tls/rsa.crt"), rsa),
        said(include_str!("../fixtures/tls/v1.crt"), &own),
        said(P521, include_str!("../fixtures/tls/p521.key")),
        said(P521, "x"),
    ].join("\n"), @"
    shown
    shown
    its client key is on a curve (P-521) that omega's TLS (rustls with ring) does not have: use certificates of X.509 version 3 with keys of RSA (2048 bits or more), P-256, P-384 or Ed25519, signed with SHA-256 or better
    its client key is not a key in PEM
    ");
}
