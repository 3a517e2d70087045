//! The JSON of the Keystone API.

use jiff::Timestamp;
use serde::Deserialize;

use crate::service_response::utc;

/// An application credential, as its owner can read it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct OwnCredential {
    #[serde(default)]
    pub(crate) expires_at: Option<Moment>,
}

/// A time, with or without its zone.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Moment(#[serde(deserialize_with = "utc")] pub(crate) Timestamp);

/// A domain.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Domain {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) enabled: bool,
}

/// A user.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) domain_id: String,
    pub(crate) enabled: bool,
}

/// One role that one actor has on one scope, with names.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Assignment {
    pub(crate) role: Named,
    /// None if the actor is a group.
    #[serde(default)]
    pub(crate) user: Option<Member>,
    #[serde(default)]
    pub(crate) scope: AssignmentScope,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) domain: Named,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct AssignmentScope {
    #[serde(default)]
    pub(crate) domain: Option<Named>,
}
