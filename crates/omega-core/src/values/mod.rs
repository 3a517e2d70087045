//! Values that everything shares, valid by construction.

mod ascii;
mod digest;
mod mode;
mod secret;
mod unit_name;
mod withheld;

pub use ascii::{AsciiText, NotAscii};
pub use digest::{Digest, Hasher, InvalidDigest, Sha256, Sha512};
pub use mode::{FileMode, InvalidMode};
pub use secret::Secret;
pub use unit_name::{InvalidUnitName, UnitName};
pub use withheld::Withheld;
