use std::fmt;

use http::{Method, header::HeaderValue};

/// The method of a request to the Kubernetes API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verb {
    /// Reads an object or a list of them.
    Get,
    /// Creates an access review (POST). It changes nothing.
    Review,
    /// Creates an object, or calls a subresource (POST).
    Create,
    /// Replaces an object (PUT). With `metadata.resourceVersion`, only if it has not changed.
    Replace,
    /// Sends a JSON merge patch (RFC 7386). With `metadata.resourceVersion`, it applies only if the
    /// object has not changed.
    Merge,
    /// Creates an object, or sets the fields that are sent (server-side apply).
    Apply,
    /// Deletes an object, subject to the `preconditions` in its options.
    Delete,
}

impl Verb {
    /// Returns whether the request may change something.
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

    /// Returns RBAC's verb for a path that names one object.
    pub(crate) fn rbac(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Create | Self::Review => "create",
            Self::Replace => "update",
            Self::Merge | Self::Apply => "patch",
            Self::Delete => "delete",
        }
    }

    /// The content type of the request body.
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
