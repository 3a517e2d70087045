//! What is tested across the crates, on real services and on the simulators.

/// The README's example, so that it compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;

pub mod fuzz;
