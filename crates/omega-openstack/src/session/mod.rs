//! A session over HTTPS.

mod cache;
mod http;
mod keystone;
mod logins;
mod patience;
#[expect(clippy::module_inception, reason = "the type of this module, in a file of its name")]
mod session;
mod token;

pub(crate) use http::{cause_of, client, given_ca, trusting, unpooled};
pub(crate) use patience::{Answered, Patience, is_passing};
pub use session::{Session, SessionOptions};

#[cfg(test)]
mod retry_tests;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
