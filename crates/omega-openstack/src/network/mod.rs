//! Neutron.

mod cidr;
mod client;
mod ensure_sg_rule;
mod ports;
mod protocol;
mod types;
mod wire;

pub use cidr::{Cidr, InvalidCidr};
pub use client::Network;
pub use ensure_sg_rule::{SgRuleChange, SgRuleSeen, ensure_sg_rule};
pub use ports::{InvalidPorts, Ports};
pub use protocol::{InvalidProtocol, Protocol};
pub use types::{Direction, Flow, InvalidFlow, Presence, SgRule, Traffic};

#[cfg(test)]
#[cfg(feature = "sim")]
mod tests;
