//! The agent: the one program that runs on a unit, in Python, and the frame around what it says.
//!
//! Its text is fixed at build time. What is asked or done is data beside it (JSON), so nothing that
//! an operator names is ever part of a program or of a shell's line. Asking and acting are two
//! programs: the one that asks contains nothing that writes.

mod frame;
mod program;
mod request;

pub(crate) use frame::{Output, done, replies};
pub(crate) use program::quoted;
pub(crate) use request::{Request, Stdin};

#[cfg(test)]
mod tests;
