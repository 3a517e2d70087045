//! What a certificate says.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use x509_parser::{extensions::GeneralName, parse_x509_certificate, time::ASN1Time};

/// What a certificate says of itself. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CertificateFacts {
    /// Whose it is: a distinguished name, as OpenSSL writes it.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The names and addresses in its subjectAltName: the only ones that count (RFC 9525).
    pub names: Vec<String>,
    /// When it begins to be valid.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
    /// Whether it names itself as the one who signed it.
    pub self_signed: bool,
}

impl CertificateFacts {
    /// Reads a certificate in DER; `None` if it can't be read.
    pub fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        let time = |time: ASN1Time| Timestamp::from_second(time.timestamp()).ok();
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.map(|names| names.value.general_names.iter().filter_map(name).collect());
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names.unwrap_or_default(),
            not_before: time(certificate.validity().not_before)?,
            not_after: time(certificate.validity().not_after)?,
            self_signed: certificate.subject().as_raw() == certificate.issuer().as_raw(),
        })
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a server is known by a name or an address")]
fn name(one: &GeneralName<'_>) -> Option<String> {
    match one {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| Ipv6Addr::from(sixteen).to_string())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn a_certificate_says_whose_it_is_and_how_long() {
        let names = ["keystone.cloud", "10.12.4.50", "fd00::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names.clone()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "keystone");
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2027, 1, 1);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let facts = CertificateFacts::of(made.der()).unwrap();
        assert_eq!(facts.names, names);
        assert!(facts.subject.contains("CN=keystone"), "{facts:?}");
        assert_eq!(facts.not_after, "2027-01-01T00:00:00Z".parse().unwrap());
        assert!(facts.self_signed);
        assert_eq!(CertificateFacts::of(b"none"), None);
    }
}
