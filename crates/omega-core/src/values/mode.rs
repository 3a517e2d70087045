use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The permission bits of a file, written in octal (`0644`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileMode(u32);

/// Not permission bits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a file mode in octal (0000 to 7777): {0:?}")]
pub struct InvalidMode(String);

impl FileMode {
    /// Only the owner reads and writes.
    pub const PRIVATE: Self = Self(0o600);
    /// Everybody reads, the owner writes.
    pub const PUBLIC: Self = Self(0o644);
    /// Everybody reads and executes, the owner writes.
    pub const PROGRAM: Self = Self(0o755);

    /// Returns the bits.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Returns the mode with the lowest twelve of `bits`, as in `st_mode`.
    pub fn from_bits_truncate(bits: u32) -> Self {
        Self(bits & 0o7777)
    }
}

impl FromStr for FileMode {
    type Err = InvalidMode;
    fn from_str(text: &str) -> Result<Self, InvalidMode> {
        match u32::from_str_radix(text, 8) {
            Ok(bits) if bits <= 0o7777 && !text.starts_with('+') => Ok(Self(bits)),
            Ok(_) | Err(_) => Err(InvalidMode(text.to_owned())),
        }
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl fmt::Debug for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl TryFrom<String> for FileMode {
    type Error = InvalidMode;
    fn try_from(text: String) -> Result<Self, InvalidMode> {
        text.parse()
    }
}

impl From<FileMode> for String {
    fn from(mode: FileMode) -> Self {
        mode.to_string()
    }
}
