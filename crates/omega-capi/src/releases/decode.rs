//! Decodes the secret of a helm revision: base64 of gzip of JSON (helm 3.17,
//! `pkg/storage/driver/util.go`), with the base64 of any secret around it.

use std::io::{BufReader, Read as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use serde::Deserialize;

use super::ReleaseStatus;

/// The maximum size of an uncompressed revision. etcd allows 1.5 MB compressed; real charts need
/// less than 2 MiB uncompressed.
const MOST: u64 = 32 << 20;
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];

/// A revision without its values and manifest, which hold secrets.
#[derive(Debug, Deserialize)]
pub(crate) struct Revision {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) info: Info,
    pub(crate) chart: Chart,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Info {
    pub(crate) status: ReleaseStatus,
    /// Empty or missing in revisions of very old helm releases.
    #[serde(default)]
    last_deployed: String,
}

impl Info {
    pub(crate) fn updated(&self) -> Option<Timestamp> {
        self.last_deployed.parse().ok()
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Chart {
    pub(crate) metadata: ChartMetadata,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChartMetadata {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) app_version: Option<String>,
}

/// Decodes the secret's key `release`. The JSON is parsed as a stream.
///
/// # Errors
///
/// Describes what is wrong without quoting the content.
pub(crate) fn decode(data: &str) -> Result<Revision, String> {
    decode_within(data, MOST)
}

fn decode_within(data: &str, most: u64) -> Result<Revision, String> {
    let once = STANDARD.decode(data).map_err(|_| "it is not base64")?;
    let packed = STANDARD.decode(once).map_err(|_| "it is not base64 of base64")?;
    if !packed.starts_with(&GZIP) {
        // Old helm releases did not compress, and helm still reads that.
        return serde_json::from_slice(&packed).map_err(|_| "it is not a helm release".into());
    }
    let mut unpacked = GzDecoder::new(packed.as_slice()).take(most + 1);
    let revision = serde_json::from_reader(BufReader::new(&mut unpacked));
    if unpacked.limit() == 0 {
        return Err(format!("it is larger than {most} bytes uncompressed"));
    }
    revision.map_err(|error: serde_json::Error| {
        if error.is_io() || error.is_eof() {
            "it is damaged: it can't be uncompressed completely".into()
        } else {
            "it is not a helm release".into()
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use flate2::{Compression, write::GzEncoder};

    use super::{decode, decode_within};

    const GOOD: &str = r#"{"name": "a", "version": 3, "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "c", "version": "1.0.0"}}, "config": {"password": "x"}}"#;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text).unwrap();
        gzip.finish().unwrap()
    }

    fn twice(bytes: &[u8]) -> String {
        STANDARD.encode(STANDARD.encode(bytes))
    }

    #[test]
    fn what_is_no_release_is_said_without_its_content() {
        let whole = packed(GOOD.as_bytes());
        let cases = [
            ("not base64!".to_owned(), "it is not base64"),
            (STANDARD.encode("!!"), "it is not base64 of base64"),
            (twice(b"{}"), "it is not a helm release"),
            (twice(br#"{"name": ["hunter2"]}"#), "it is not a helm release"),
            (twice(&packed(br#"{"name": ["hunter2"]}"#)), "it is not a helm release"),
            (
                twice(&whole[..whole.len() / 2]),
                "it is damaged: it can't be uncompressed completely",
            ),
            (
                twice(&packed(&GOOD.as_bytes()[..99])),
                "it is damaged: it can't be uncompressed completely",
            ),
            (String::new(), "it is not a helm release"),
        ];
        for (data, expected) in cases {
            assert_eq!(decode(&data).unwrap_err(), expected, "{data}");
        }
    }

    #[test]
    fn unpacked_or_without_a_date_it_is_read() {
        for data in [twice(GOOD.as_bytes()), twice(&packed(GOOD.as_bytes()))] {
            let revision = decode(&data).unwrap();
            assert_eq!((revision.name.as_str(), revision.version), ("a", 3));
            assert_eq!(
                (revision.info.updated(), revision.chart.metadata.app_version),
                (None, None)
            );
        }
    }

    #[test]
    fn a_small_secret_of_a_large_revision_is_refused_in_time() {
        let mut bomb = br#"{"config": ""#.to_vec();
        bomb.resize(4 << 20, b'x');
        let data = twice(&packed(&bomb));
        assert!(data.len() < 64 << 10, "{}", data.len());
        let more = "it is larger than 1048576 bytes uncompressed";
        assert_eq!(decode_within(&data, 1 << 20).unwrap_err(), more);
    }
}
