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
