//! PEM as OpenSSL and Go read it: text before, between and after the blocks does not count.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// One block.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) der: Vec<u8>,
    /// Whether its content is encrypted (`Proc-Type: 4,ENCRYPTED`, RFC 1421).
    pub(crate) is_encrypted: bool,
}

impl Block {
    pub(crate) fn is_certificate(&self) -> bool {
        self.label == "CERTIFICATE"
    }

    /// Whether it is a certificate in a form that OpenSSL takes, and Go and rustls do not.
    pub(crate) fn is_openssl_certificate(&self) -> bool {
        ["TRUSTED CERTIFICATE", "X509 CERTIFICATE"].contains(&self.label.as_str())
    }

    pub(crate) fn is_key(&self) -> bool {
        self.label == "PRIVATE KEY" || self.label.ends_with(" PRIVATE KEY")
    }

    /// Returns its text, with nothing around it.
    pub(crate) fn text(&self) -> String {
        let label = &self.label;
        let data = STANDARD.encode(&self.der);
        let lines: Vec<&str> =
            data.as_bytes().chunks(64).filter_map(|line| str::from_utf8(line).ok()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }
}

/// What a line of PEM is.
fn mark<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    line.trim_end().strip_prefix(begin)?.strip_suffix("-----")
}

/// Returns the blocks of `pem`. None if a block is cut off or not base64.
pub(crate) fn blocks(pem: &[u8]) -> Option<Vec<Block>> {
    // Comments may have any encoding.
    let text = String::from_utf8_lossy(pem);
    let mut lines = text.lines();
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        if mark(line, "-----END ").is_some() {
            return None;
        }
        let Some(label) = mark(line, "-----BEGIN ") else { continue };
        let (mut data, mut is_encrypted) = (String::new(), false);
        loop {
            let line = lines.next()?;
            if let Some(end) = mark(line, "-----END ") {
                if end != label {
                    return None;
                }
                break;
            }
            if line.contains(':') {
                is_encrypted |= line.contains("ENCRYPTED");
            } else {
                data.push_str(line.trim());
            }
        }
        // What follows a header is of no use in the clear.
        let der = STANDARD.decode(data).ok()?;
        let is_encrypted = is_encrypted || label == "ENCRYPTED PRIVATE KEY";
        blocks.push(Block { label: label.to_owned(), der, is_encrypted });
    }
    Some(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_around_the_blocks_does_not_count() {
        let pem = "# a ----- comment\nsubject=x: y\n-----BEGIN A-----\r\neA==\r\n-----END A-----\r\n\n\
                   text\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\neA==\n\
                   -----END RSA PRIVATE KEY-----\nend";
        let blocks = blocks(pem.as_bytes()).unwrap();
        let shown: Vec<_> = blocks
            .iter()
            .map(|one| (one.label.as_str(), one.der.as_slice(), one.is_encrypted))
            .collect();
        assert_eq!(shown, [("A", &b"x"[..], false), ("RSA PRIVATE KEY", b"x", true)]);
        assert_eq!(blocks[0].text(), "-----BEGIN A-----\neA==\n-----END A-----\n");
    }

    #[test]
    fn a_block_that_is_cut_off_is_none() {
        for pem in [
            "-----BEGIN A-----\neA==\n",
            "-----BEGIN A-----\neA==\n-----END B-----\n",
            "eA==\n-----END A-----\n",
            "-----BEGIN A-----\n-----BEGIN A-----\neA==\n-----END A-----\n",
            "-----BEGIN A-----\n!\n-----END A-----\n",
        ] {
            assert!(blocks(pem.as_bytes()).is_none(), "{pem}");
        }
    }
}
