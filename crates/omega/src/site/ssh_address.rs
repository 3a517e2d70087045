use std::net::Ipv6Addr;

/// The address of a machine that is reached by SSH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SshAddress<'a> {
    pub(crate) user: Option<&'a str>,
    /// Without brackets.
    pub(crate) host: &'a str,
    /// 22 if not named.
    pub(crate) port: u16,
}

impl<'a> SshAddress<'a> {
    /// Reads `[user@]host[:port]`; an IPv6 address with a port is in brackets. A password in it would be
    /// shown with the host, so there is none.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        let plain = |part: &&'a str| {
            let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@');
            !part.is_empty() && !part.contains(odd)
        };
        let (user, rest) = match text.split_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        if user.is_some_and(|user| !plain(&user) || user.contains(':')) {
            return None;
        }
        let (host, port) = match rest.rsplit_once(':') {
            // `::1` has no port; `[::1]:22` has one.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().ok().filter(|port| *port > 0)?)
            }
            // Two colons without brackets: an IPv6 address, or a port too many.
            Some(_) if rest.trim_matches(['[', ']']).parse::<Ipv6Addr>().is_err() => return None,
            Some(_) | None => (rest, 22),
        };
        let host = Some(host.trim_matches(['[', ']'])).filter(plain)?;
        Some(Self { user, host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::SshAddress;

    #[test]
    fn user_and_port_may_be_left_out() {
        for (text, user, host, port) in [
            ("h", None, "h", 22),
            ("ubuntu@10.12.8.20", Some("ubuntu"), "10.12.8.20", 22),
            ("u@h:2222", Some("u"), "h", 2222),
            ("::1", None, "::1", 22),
            ("u@[2001:db8::1]:22", Some("u"), "2001:db8::1", 22),
            ("[::1]", None, "::1", 22),
        ] {
            assert_eq!(SshAddress::of(text), Some(SshAddress { user, host, port }), "{text}");
        }
        for bad in [
            "",
            "@h",
            "u@",
            "u:p@h",
            "u@h@i",
            "h:",
            "h:ssh",
            "h:0",
            "h:70000",
            "a b",
            "ssh://h",
            ":22",
            "h:22:33",
            "u@10.0.0.1:22:33",
        ] {
            assert_eq!(SshAddress::of(bad), None, "{bad}");
        }
    }
}
