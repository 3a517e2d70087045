//! What the header of a qcow2 file says (QEMU, docs/interop/qcow2.rst).

use std::fmt;

/// The bytes that are needed to judge a header.
pub(super) const HEADER: usize = 80;

/// Why an image can't be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unusable {
    /// It does not begin as a qcow2 file does.
    NotQcow2,
    /// It is of a version that is not known.
    Version(u32),
    /// It is the difference to another file, which would not be there.
    BackingFile,
    /// Its data is in another file, which would not be there.
    DataFile,
    /// It needs a passphrase.
    Encrypted,
    /// QEMU marked it as damaged.
    Corrupt,
    /// It uses a feature that is not known.
    UnknownFeature,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotQcow2 => f.write_str("it is not a qcow2 file"),
            Self::Version(version) => {
                write!(f, "it is a qcow2 file of version {version}, not 2 or 3")
            }
            Self::BackingFile => f.write_str("it has a backing file: it is not a whole image"),
            Self::DataFile => f.write_str("its data is in another file"),
            Self::Encrypted => f.write_str("it is encrypted"),
            Self::Corrupt => f.write_str("it is marked as corrupt"),
            Self::UnknownFeature => f.write_str("it uses an unknown feature of qcow2"),
        }
    }
}

/// Judges the beginning of a file.
///
/// Glance refuses the same when it converts: a backing file, a data file, unknown features (Glance
/// 28.1.0, `common/format_inspector.py`).
pub(super) fn check(header: &[u8]) -> Result<(), Unusable> {
    let number = |at: usize| -> Option<u64> {
        Some(u64::from_be_bytes(header.get(at..at + 8)?.try_into().ok()?))
    };
    let word = |at: usize| -> Option<u32> {
        Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?))
    };
    if header.get(..4) != Some(b"QFI\xfb") {
        return Err(Unusable::NotQcow2);
    }
    let (Some(version), Some(backing), Some(encryption)) = (word(4), number(8), word(32)) else {
        return Err(Unusable::NotQcow2);
    };
    match version {
        2 | 3 => {}
        other => return Err(Unusable::Version(other)),
    }
    if backing != 0 {
        return Err(Unusable::BackingFile);
    }
    if encryption != 0 {
        return Err(Unusable::Encrypted);
    }
    // Bits: 0 dirty, 1 corrupt, 2 external data file, 3 compression type, 4 extended L2 entries.
    let features = if version == 3 { number(72).ok_or(Unusable::NotQcow2)? } else { 0 };
    match features {
        _ if features & 0b10 != 0 => Err(Unusable::Corrupt),
        _ if features & 0b100 != 0 => Err(Unusable::DataFile),
        _ if features & !0b1_1111 != 0 => Err(Unusable::UnknownFeature),
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(super) fn header(version: u32) -> Vec<u8> {
    let mut header = vec![0; 104];
    header[..4].copy_from_slice(b"QFI\xfb");
    header[4..8].copy_from_slice(&version.to_be_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_glance_would_not_convert_is_refused() {
        let changed = |version: u32, at: usize, byte: u8| {
            let mut header = header(version);
            header[at] = byte;
            check(&header)
        };
        assert_eq!((check(&header(2)), check(&header(3))), (Ok(()), Ok(())));
        assert_eq!(check(&header(4)), Err(Unusable::Version(4)));
        assert_eq!(changed(2, 15, 1), Err(Unusable::BackingFile));
        assert_eq!(changed(3, 35, 1), Err(Unusable::Encrypted));
        assert_eq!(changed(3, 79, 1), Ok(()), "dirty: refcounts are rebuilt");
        assert_eq!(changed(3, 79, 2), Err(Unusable::Corrupt));
        assert_eq!(changed(3, 79, 4), Err(Unusable::DataFile));
        assert_eq!(changed(3, 79, 32), Err(Unusable::UnknownFeature));
        assert_eq!(changed(2, 79, 32), Ok(()), "version 2 has no features");
        for other in [&b""[..], b"QFI", b"QFI\xfb\0\0\0\x03", &[0; 104], b"<html>"] {
            assert_eq!(check(other), Err(Unusable::NotQcow2));
        }
    }
}
