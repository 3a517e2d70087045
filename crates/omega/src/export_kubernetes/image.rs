//! The image of omega-cli.

use std::{fmt, str::FromStr};

/// A reference of a container image, with a tag or a digest (distribution/reference, `reference.go`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    text: String,
    tag: Option<String>,
    is_pinned: bool,
}

/// A text that is not such a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}: write registry.example/omega-cli:0.1.0, or add @sha256:DIGEST")]
pub struct InvalidImage {
    why: String,
}

impl Image {
    /// Returns the reference.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether another image may be behind it tomorrow: its tag is `latest`, and it has no digest.
    pub fn is_floating(&self) -> bool {
        !self.is_pinned && self.tag.as_deref() == Some("latest")
    }
}

impl FromStr for Image {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        let invalid = |why: &str| InvalidImage { why: why.to_owned() };
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash is that of a port.
        let (repository, tag) = match named.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (named, None),
        };
        if !is_repository(repository) {
            return Err(invalid("that is no name of an image"));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(invalid("its tag is not valid"));
        }
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(invalid("its digest is not sha256: and 64 hexadecimal digits"));
        }
        if tag.is_none() && digest.is_none() {
            let why = "it has no tag and no digest, so nobody knows which program would run";
            return Err(invalid(why));
        }
        let (tag, is_pinned) = (tag.map(str::to_owned), digest.is_some());
        Ok(Self { text: text.to_owned(), tag, is_pinned })
    }
}

fn is_repository(text: &str) -> bool {
    let (first, rest) = match text.split_once('/') {
        // The first part is a registry if it has a dot or a port.
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
            (Some(first), rest)
        }
        _ => (None, text),
    };
    let is_host = |host: &str| {
        let (name, port) = host.split_once(':').unwrap_or((host, "443"));
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        !name.is_empty() && name.chars().all(inside) && port.parse::<u16>().is_ok()
    };
    let is_part = |part: &str| {
        let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let ends = part.starts_with(['.', '_', '-']) || part.ends_with(['.', '_', '-']);
        !part.is_empty() && !ends && part.chars().all(inside)
    };
    first.is_none_or(is_host) && text.len() <= 255 && rest.split('/').all(is_part)
}

fn is_tag(tag: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    (1..=128).contains(&tag.len()) && !tag.starts_with(['.', '-']) && tag.chars().all(inside)
}

fn is_digest(digest: &str) -> bool {
    let hex = digest.strip_prefix("sha256:");
    let inside = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    hex.is_some_and(|hex| hex.len() == 64 && hex.chars().all(inside))
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_which_program_it_is() {
        let digest = format!("@sha256:{}", "0a".repeat(32));
        for text in [
            "omega-cli:0.1.0",
            "registry.example/ops/omega-cli:0.1.0",
            "registry.example:5000/omega-cli:v1_2",
            "localhost/omega__cli:1",
            &format!("registry.example/omega-cli{digest}"),
            &format!("registry.example:5000/omega-cli:latest{digest}"),
        ] {
            let image: Image = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((image.as_str(), image.is_floating()), (text, false), "{text}");
        }
        for (text, why) in [
            ("omega-cli", "no tag and no digest"),
            ("registry.example:5000/omega-cli", "no tag and no digest"),
            ("", "no name"),
            (":1", "no name"),
            ("Omega-cli:1", "no name"),
            ("registry.example/-omega:1", "no name"),
            ("registry.example:port/omega:1", "no name"),
            ("a//b:1", "no name"),
            ("omega cli:1", "no name"),
            ("omega-cli:", "its tag"),
            ("omega-cli:-1", "its tag"),
            ("omega-cli@sha256:0a", "its digest"),
            ("omega-cli@md5:0a", "its digest"),
        ] {
            let error = text.parse::<Image>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!("omega-cli:latest".parse::<Image>().unwrap().is_floating());
    }
}
