//! Private keys: which certificate they belong to, and who can use them.

use ring::signature::{Ed25519KeyPair, KeyPair as _};

/// A private key in DER: PKCS #8, PKCS #1 or SEC 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PrivateKey {
    /// One with this public part, as a certificate's `subjectPublicKey` has it.
    Public(Vec<u8>),
    /// One without its public part. That can be computed from it, but not here.
    Bare,
    /// Of a kind or on a curve that OpenSSL knows, and Go does not.
    NotOfGo,
}

/// RSA and RSA-PSS: 1.2.840.113549.1.1.1 and .10.
const RSA: [&[u8]; 2] =
    [b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"];
/// 1.2.840.10045.2.1.
const EC: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
/// 1.3.101.112.
const ED25519: &[u8] = b"\x2b\x65\x70";
/// P-224, P-256, P-384 and P-521: the curves of Go's crypto/x509.
const CURVES: [&[u8]; 4] =
    [b"\x2b\x81\x04\x00\x21", b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2b\x81\x04\x00\x22", P521];
/// 1.3.132.0.35.
const P521: &[u8] = b"\x2b\x81\x04\x00\x23";

const INTEGER: u8 = 2;
const BIT_STRING: u8 = 3;
const OCTET_STRING: u8 = 4;
const OBJECT_ID: u8 = 6;
const SEQUENCE: u8 = 0x30;
const PARAMETERS: u8 = 0xa0;
const PUBLIC_KEY: u8 = 0xa1;

/// A value of DER: its tag and its content.
type Value<'a> = (u8, &'a [u8]);

impl PrivateKey {
    /// Returns what a key is. None if it is no key.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        match sequence(der)?.as_slice() {
            [(INTEGER, _), (SEQUENCE, kind), (OCTET_STRING, inside), ..] => {
                let kind = values(kind)?;
                let (first, curve) = (kind.first()?.1, kind.get(1));
                if RSA.contains(&first) {
                    Self::read(inside)
                } else if first == EC {
                    ec(inside, curve.copied())
                } else if first == ED25519 {
                    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
                    Some(Self::Public(pair.public_key().as_ref().to_vec()))
                } else {
                    Some(Self::NotOfGo)
                }
            }
            [(INTEGER, _), (OCTET_STRING, _), ..] => ec(der, None),
            [(INTEGER, _), (INTEGER, n), (INTEGER, e), (INTEGER, _), (INTEGER, _), ..] => {
                Some(Self::Public(written(
                    SEQUENCE,
                    &[written(INTEGER, n), written(INTEGER, e)].concat(),
                )))
            }
            _ => None,
        }
    }
}

/// Whether a key, in DER, is on the curve P-521, which rustls with ring does not have.
pub(crate) fn is_p521(der: &[u8]) -> bool {
    der.windows(P521.len()).any(|part| part == P521)
}

fn ec(der: &[u8], curve: Option<Value<'_>>) -> Option<PrivateKey> {
    let parts = sequence(der)?;
    let part = |tag| parts.iter().find(|(found, _)| *found == tag).map(|(_, content)| *content);
    let own = part(PARAMETERS).and_then(|inside| values(inside)?.first().copied());
    let (OBJECT_ID, curve) = curve.or(own)? else { return Some(PrivateKey::NotOfGo) };
    if !CURVES.contains(&curve) {
        return Some(PrivateKey::NotOfGo);
    }
    let Some(public) = part(PUBLIC_KEY) else { return Some(PrivateKey::Bare) };
    match values(public)?.first()? {
        (BIT_STRING, [0, point @ ..]) => Some(PrivateKey::Public(point.to_vec())),
        _ => None,
    }
}

/// Returns the values in the sequence that `der` is.
fn sequence(der: &[u8]) -> Option<Vec<Value<'_>>> {
    match values(der)?.as_slice() {
        [(SEQUENCE, content)] => values(content),
        _ => None,
    }
}

/// Returns the values that follow each other in `der`.
fn values(mut der: &[u8]) -> Option<Vec<Value<'_>>> {
    let mut all = Vec::new();
    while let [tag, length, rest @ ..] = der {
        let (length, rest) = match length {
            0..=0x7f => (usize::from(*length), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        all.push((*tag, content));
        der = after;
    }
    der.is_empty().then_some(all)
}

fn written(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let long = u8::try_from(length.len()).unwrap_or_default() | 0x80;
    let length = match length.as_slice() {
        [] => vec![0],
        [short @ 0..=0x7f] => vec![*short],
        bytes => [&[long], bytes].concat(),
    };
    [&[tag], length.as_slice(), content].concat()
}
