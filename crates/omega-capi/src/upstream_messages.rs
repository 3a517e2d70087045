//! The messages of other projects that something is decided by. There is no code for it in their
//! answers; each is named with where it comes from.

/// Whether the words of a 403 are those of an authorizer, who names user and verb; else they are
/// admission's.
///
/// Source: kubernetes v1.34.4, `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/
/// errors.go`, `forbiddenMessage`: `User "x" cannot create resource "pods" in API group ""`.
pub(crate) fn is_of_authorizer(words: &str) -> bool {
    words.contains("\" cannot ")
}

/// Whether the system's resolver found no address.
///
/// Source: Rust's standard library, `std/src/sys/net/connection/socket.rs`, `cvt_gai`: it makes an
/// error without a kind of its own.
pub(crate) fn is_of_resolver(words: &str) -> bool {
    words.contains("failed to lookup address information")
}

/// Whether the connection broke off in the middle of an answer.
///
/// Source: hyper 1, `src/error.rs`, `Kind::IncompleteMessage`.
pub(crate) fn is_incomplete(words: &str) -> bool {
    words.contains("connection closed before message completed")
}

/// What a pod's program said, in lower case.
pub(crate) mod tools {
    /// Whether it found no address for the name: a name server that refuses is no refusal of the
    /// address.
    ///
    /// Source, in this order: agnhost 2.53 (kubernetes, `test/images/agnhost/connect/connect.go`),
    /// Go's `net`, glibc's `gai_strerror`, busybox 1.36 (`libbb/xconnect.c`), glibc again, curl.
    pub(crate) fn found_no_address(said: &str) -> bool {
        any(
            said,
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

    /// Whether the connection was refused: `strerror(ECONNREFUSED)` of libc, `REFUSED` of agnhost.
    pub(crate) fn was_refused(said: &str) -> bool {
        any(said, &["refused"])
    }

    /// Whether nothing answered: `strerror` of `ETIMEDOUT`, `EHOSTUNREACH`, `ENETUNREACH` and
    /// `EINPROGRESS` of libc (OpenBSD's nc prints the last), `TIMEOUT` of agnhost.
    pub(crate) fn had_no_answer(said: &str) -> bool {
        any(said, &["timeout", "timed out", "no route", "unreachable", "in progress"])
    }

    fn any(said: &str, words: &[&str]) -> bool {
        words.iter().any(|word| said.contains(word))
    }
}
