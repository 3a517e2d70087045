//! Barbican.

mod key_manager_responds;

pub use key_manager_responds::{CertManager, KeyManagerResponds};
