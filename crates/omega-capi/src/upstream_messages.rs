//! Messages of other projects that this crate must match, because their responses have no code for
//! the case. Each names its source.

/// Returns whether a 403 comes from an authorizer, which names user and verb. Otherwise it comes
/// from admission.
///
/// Source: kubernetes v1.34.4, `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/
/// errors.go`, `forbiddenMessage`: `User "x" cannot create resource "pods" in API group ""`.
pub(crate) fn is_authorizer_refusal(message: &str) -> bool {
    message.contains("\" cannot ")
}

/// Returns whether the API server failed to call the conversion webhook of a definition.
///
/// Source: kubernetes v1.34.4, `staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/
/// webhook_converter.go`: `conversion webhook for cluster.x-k8s.io/v1beta1, Kind=Cluster failed: ...`.
pub fn is_conversion_failure(message: &str) -> bool {
    message.contains("conversion webhook")
}

/// Returns whether the system's resolver found no address.
///
/// Source: Rust's standard library, `std/src/sys/net/connection/socket.rs`, `cvt_gai`, which sets
/// no specific [`std::io::ErrorKind`].
pub(crate) fn is_resolver_failure(message: &str) -> bool {
    message.contains("failed to lookup address information")
}

/// Returns a DNS name or an address in a certificate: `DnsName("kubernetes")`, `IpAddress(10.0.0.1)`.
///
/// Source: rustls-webpki 0.103, `src/subject_name/mod.rs`, `Debug` of `GeneralName`.
pub(crate) fn subject_name(text: &str) -> Option<&str> {
    let dns = || text.strip_prefix("DnsName(\"")?.strip_suffix("\")");
    let address = || text.strip_prefix("IpAddress(")?.strip_suffix(')');
    dns().or_else(address)
}

/// Returns whether it is about a connection of TCP that was being made.
///
/// Source: hyper-util 0.1, `src/client/legacy/connect/http.rs`, `ConnectError`.
pub(crate) fn is_connecting(message: &str) -> bool {
    message.starts_with("tcp connect error") || message == "tcp open error"
}

/// Returns whether the connection closed in the middle of a response.
///
/// Source: hyper 1, `src/error.rs`, `Kind::IncompleteMessage`.
pub(crate) fn is_incomplete(message: &str) -> bool {
    message.contains("connection closed before message completed")
}

/// Returns why a document could not be decoded, without any of its values.
///
/// Source: serde 1, `src/de/mod.rs`, `Error::{missing_field, invalid_type, invalid_value}`: ``missing
/// field `x` ``, `invalid type: string "secret", expected u8`.
pub(crate) fn decode_failure(message: &str) -> String {
    let expected = || message.rsplit_once(", expected ");
    if message.starts_with("missing field") {
        message.to_owned()
    } else if let Some((_, expected)) = expected() {
        format!("expected {expected}")
    } else {
        "a field has an unexpected form".to_owned()
    }
}

/// Output of the tools that a probe pod runs, in lower case.
pub(crate) mod tools {
    /// Returns whether the name did not resolve. A name server that refuses the query also counts.
    ///
    /// Source, in this order: agnhost 2.53 (kubernetes, `test/images/agnhost/connect/connect.go`),
    /// Go's `net`, glibc's `gai_strerror`, busybox 1.36 (`libbb/xconnect.c`), glibc again, curl.
    pub(crate) fn is_resolver_failure(output: &str) -> bool {
        any(
            output,
            &[
                "dns:",
                "no such host",
                "not known",
                "bad address",
                "name resolution",
                "could not resolve",
            ],
        )
    }

    /// Returns whether the connection was refused: `strerror(ECONNREFUSED)` of libc, `REFUSED` of agnhost.
    pub(crate) fn is_refused(output: &str) -> bool {
        any(output, &["refused"])
    }

    /// Returns whether nothing answered: `strerror` of `ETIMEDOUT`, `EHOSTUNREACH`, `ENETUNREACH` and
    /// `EINPROGRESS` of libc (OpenBSD's nc prints the last), `TIMEOUT` of agnhost.
    pub(crate) fn is_timeout(output: &str) -> bool {
        any(output, &["timeout", "timed out", "no route", "unreachable", "in progress"])
    }

    fn any(output: &str, needles: &[&str]) -> bool {
        needles.iter().any(|needle| output.contains(needle))
    }
}
