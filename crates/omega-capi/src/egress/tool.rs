use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The timeout of one attempt, in seconds.
const TIMEOUT: &str = "5";

/// A program in the image that tries the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// `/agnhost connect`, of Kubernetes' own test image.
    Agnhost,
    /// `nc -z -v`, of busybox and others.
    Nc,
    /// bash's `/dev/tcp`, with `timeout`: in the image of any distribution.
    Bash,
}

/// The text does not name a tool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not one of agnhost, nc, bash")]
pub struct UnknownTool(String);

impl Tool {
    /// All tools, the one with the clearest output first.
    pub const ALL: [Self; 3] = [Self::Agnhost, Self::Nc, Self::Bash];

    /// Returns the tool in an image of this name, if it is known.
    pub fn of_image(image: &str) -> Option<Self> {
        let name = image.rsplit('/').next()?;
        let name = name.split([':', '@']).next()?;
        match name {
            "agnhost" => Some(Self::Agnhost),
            "busybox" | "library-busybox" | "mirrored-library-busybox" | "netshoot" => {
                Some(Self::Nc)
            }
            "cilium" | "bash" | "debian" | "ubuntu" => Some(Self::Bash),
            _ => None,
        }
    }

    /// Returns the command of the pod. Host and port are arguments, not part of a script.
    pub(super) fn command(self, host: &str, port: u16) -> Vec<String> {
        let port = port.to_string();
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let words: Vec<&str> = match self {
            Self::Agnhost => {
                return vec![
                    "/agnhost".into(),
                    "connect".into(),
                    format!("{bracketed}:{port}"),
                    format!("--timeout={TIMEOUT}s"),
                ];
            }
            Self::Nc => vec!["nc", "-z", "-v", "-w", TIMEOUT, host, &port],
            Self::Bash => {
                vec!["timeout", TIMEOUT, "bash", "-c", "exec 3<>\"/dev/tcp/$0/$1\"", host, &port]
            }
        };
        words.into_iter().map(ToOwned::to_owned).collect()
    }
}

impl FromStr for Tool {
    type Err = UnknownTool;

    fn from_str(text: &str) -> Result<Self, UnknownTool> {
        let found = Self::ALL.into_iter().find(|tool| tool.to_string() == text);
        found.ok_or_else(|| UnknownTool(text.to_owned()))
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agnhost => "agnhost",
            Self::Nc => "nc",
            Self::Bash => "bash",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Tool;

    #[test]
    fn an_image_is_known_by_its_name_alone() {
        for (image, tool) in [
            ("images.example/e2e-test-images/agnhost:2.53", Some(Tool::Agnhost)),
            ("mirror:5000/agnhost@sha256:00", Some(Tool::Agnhost)),
            ("hub.example/library/busybox:1.36", Some(Tool::Nc)),
            ("mirror.example/cilium/cilium:v1.16.3", Some(Tool::Bash)),
            ("mirror.example/cilium/operator-generic:v1.16.3", None),
            ("images.example/pause:3.10", None),
            ("agnhost/other:1", None),
            ("", None),
        ] {
            assert_eq!(Tool::of_image(image), tool, "{image}");
        }
        for tool in Tool::ALL {
            assert_eq!(tool.to_string().parse(), Ok(tool));
        }
    }
}
