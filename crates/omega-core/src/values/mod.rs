//! Values that everything shares, valid by construction.

mod ascii;
mod digest;
mod mode;
mod secret;
mod unit_name;

pub use ascii::{AsciiText, NotAscii};
pub use digest::{InvalidDigest, Sha256};
pub use mode::{FileMode, InvalidMode};
pub use secret::Secret;
pub use unit_name::{InvalidUnitName, UnitName};
