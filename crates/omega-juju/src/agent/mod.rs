//! The agent: the Python program that runs on a unit, and the frame around its reply.
//!
//! Its text is fixed at build time. Probes and actions are passed to it as JSON, so no name that an
//! operator chooses is part of a program or of a shell's command line. Probes and actions are
//! separate programs: the one for probes contains nothing that writes.

mod frame;
mod program;
mod request;

pub(crate) use frame::{Output, done, lock, replies};
pub(crate) use program::{from_stdin, quoted};
pub(crate) use request::{Request, Stdin};

#[cfg(test)]
mod lock_tests;
#[cfg(test)]
mod tests;
