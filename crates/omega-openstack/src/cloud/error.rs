use std::{io, path::PathBuf};

use omega_core::{Diagnostic, Retry, Touched};

/// The configuration of a cloud could not be loaded. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file could not be read.
    #[error("could not read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is invalid.
    #[error("{}: {why}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        why: String,
    },
    /// A line of an openrc file can't be read without a shell.
    #[error("{file} line {line}: {why}")]
    Openrc {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// No cloud of that name.
    #[error("there is no cloud {name:?} in {}", path.display())]
    NoCloud {
        /// The name.
        name: String,
        /// The file.
        path: PathBuf,
        /// The names in the file.
        have: Vec<String>,
    },
    /// Neither a cloud nor variables are given.
    #[error("no cloud is named, and neither OS_CLOUD nor OS_AUTH_URL is set")]
    Nothing {
        /// The clouds to choose from.
        have: Vec<String>,
    },
    /// There is no clouds.yaml.
    #[error("there is no clouds.yaml for the cloud {name:?}")]
    NoFile {
        /// The cloud.
        name: String,
        /// The paths that were tried.
        searched: Vec<PathBuf>,
    },
    /// A required value is missing.
    #[error("{cloud}: {what} is missing")]
    Missing {
        /// The cloud.
        cloud: String,
        /// The missing value.
        what: String,
        /// What the operator can do.
        next: String,
    },
    /// A value can't be used.
    #[error("{cloud}: {key} from {source_}: {why}")]
    Invalid {
        /// The cloud.
        cloud: String,
        /// The value's name.
        key: String,
        /// Where it came from.
        source_: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Diagnostic for ConfigError {
    fn retry(&self) -> Retry {
        match self {
            Self::File { .. }
            | Self::Yaml { .. }
            | Self::Openrc { .. }
            | Self::NoCloud { .. }
            | Self::Nothing { .. }
            | Self::NoFile { .. }
            | Self::Missing { .. }
            | Self::Invalid { .. } => Retry::Final,
        }
    }

    fn found(&self) -> Option<String> {
        match self {
            Self::NoCloud { have, .. } | Self::Nothing { have } if !have.is_empty() => {
                Some(format!("clouds {}", have.join(", ")))
            }
            Self::NoFile { searched, .. } => {
                let paths: Vec<_> = searched.iter().map(|p| p.display().to_string()).collect();
                Some(format!("none of {}", paths.join(", ")))
            }
            Self::NoCloud { .. }
            | Self::Nothing { .. }
            | Self::File { .. }
            | Self::Yaml { .. }
            | Self::Openrc { .. }
            | Self::Missing { .. }
            | Self::Invalid { .. } => None,
        }
    }

    fn next(&self) -> Option<String> {
        Some(match self {
            Self::Missing { next, .. } => next.clone(),
            Self::Nothing { have } if have.is_empty() => {
                "write a clouds.yaml, or name one with OS_CLIENT_CONFIG_FILE, or set OS_AUTH_URL and the \
                 other OS_* variables"
                    .to_owned()
            }
            Self::Nothing { .. } | Self::NoCloud { .. } => {
                "choose a cloud of clouds.yaml".to_owned()
            }
            Self::NoFile { .. } => "create one, or set OS_CLIENT_CONFIG_FILE".to_owned(),
            Self::Openrc { .. } => {
                "source the file in your shell, and leave `openrc` out of the site file: then the OS_* variables \
                 are used; or use a clouds.yaml"
                    .to_owned()
            }
            Self::File { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
                "check which file this is: a configuration of clouds is text".to_owned()
            }
            Self::File { .. } => "check the path, and that you can read the file".to_owned(),
            Self::Yaml { path, .. } => format!("correct that in {}", path.display()),
            Self::Invalid { key, source_, .. } if key == "auth_url" => format!(
                "write the address of Keystone with its scheme in {source_}: https://HOST:5000/v3"
            ),
            // It says which variable to set, or to unset.
            Self::Invalid { why, .. } if why.contains("OS_") || why.contains("unset") => return None,
            Self::Invalid { source_, .. } if source_.starts_with("OS_") => {
                format!("correct {source_}")
            }
            Self::Invalid { key, source_, .. } => format!("correct {key} in {source_}"),
        })
    }

    fn touched(&self) -> Touched {
        Touched::Nothing
    }
}
