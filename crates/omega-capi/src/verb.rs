//! What is asked of an object.

use std::fmt;

use http::{Method, header::HeaderValue};

/// A request of the Kubernetes API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verb {
    /// Reads an object or a list of them.
    Get,
    /// Asks what somebody may do (POST of an access review). It changes nothing.
    Review,
    /// Makes an object, or calls a subresource (POST).
    Create,
    /// Replaces an object (PUT). With `metadata.resourceVersion` in it, only the one that was read.
    Replace,
    /// Changes what a JSON merge patch names (RFC 7386). With `metadata.resourceVersion` in it,
    /// only the object that was read.
    Merge,
    /// Makes an object, or makes the fields that are sent so (server-side apply).
    Apply,
    /// Deletes an object. `preconditions` in the options guard it.
    Delete,
}

impl Verb {
    /// Returns whether it may change something.
    pub fn writes(self) -> bool {
        !matches!(self, Self::Get | Self::Review)
    }

    pub(crate) fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Create | Self::Review => Method::POST,
            Self::Replace => Method::PUT,
            Self::Merge | Self::Apply => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }

    /// Returns RBAC's word for it, where the path names one object.
    pub(crate) fn right(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Create | Self::Review => "create",
            Self::Replace => "update",
            Self::Merge | Self::Apply => "patch",
            Self::Delete => "delete",
        }
    }

    /// The type of the body that is sent.
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Merge => "application/merge-patch+json",
            // JSON is YAML.
            Self::Apply => "application/apply-patch+yaml",
            Self::Get | Self::Review | Self::Create | Self::Replace | Self::Delete => {
                "application/json"
            }
        })
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method().as_str())
    }
}
