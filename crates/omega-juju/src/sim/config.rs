//! A daemon's configuration, read as by oslo.config, for strings only.

use std::collections::BTreeMap;

use super::files::Files;
use crate::OptionSource;

pub(super) type Options = BTreeMap<(String, String), String>;

/// Where each option is set in a file.
type Lines = BTreeMap<(String, String), usize>;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// The options in effect, by section and name.
    pub(super) options: Options,
    /// The files, in the order of reading.
    pub(super) files: Vec<String>,
    /// What each file sets, in the order of reading.
    each: Vec<(String, Options, Lines)>,
}

impl Loaded {
    /// Returns the files that set an option, in the order of reading.
    pub(super) fn set(&self, group: &str, key: &str) -> Vec<OptionSource> {
        let key = (group.to_owned(), key.to_owned());
        let source = |(file, options, lines): &(String, Options, Lines)| {
            let value = options.get(&key)?.clone();
            Some(OptionSource { file: file.clone(), value, line: lines.get(&key).copied() })
        };
        self.each.iter().filter_map(source).collect()
    }
}

/// Reads the files and directories in `args`, in their order. If there is no directory among them,
/// the default directories are read first. The last value of an option wins.
pub(super) fn load(
    files: &Files,
    project: &str,
    prog: &str,
    args: &[String],
    user: &str,
) -> Result<Loaded, String> {
    let sources = sources(args);
    let mut options = Loaded::default();
    if !sources.iter().any(|(directory, _)| *directory) {
        for name in [project, prog] {
            let path = format!("/etc/{project}/{name}.conf.d");
            if files.is_directory(&path) {
                directory(files, &path, user, &mut options)?;
            }
        }
    }
    for (is_directory, path) in sources {
        if is_directory {
            directory(files, &path, user, &mut options)?;
        } else {
            file(files, &path, user, &mut options)?;
        }
    }
    Ok(options)
}

fn sources(args: &[String]) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let (key, value) = match arg.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (arg.as_str(), None),
        };
        if key == "--config-dir" || key == "--config-file" {
            let value = value.or_else(|| args.next().cloned()).unwrap_or_default();
            found.push((key == "--config-dir", value));
        }
    }
    found
}

fn directory(files: &Files, path: &str, user: &str, into: &mut Loaded) -> Result<(), String> {
    let path = path.trim_end_matches('/');
    let Some(names) = files.names(path) else {
        return Err(format!(
            "ConfigDirNotFoundError: Failed to read config file directory: {path}"
        ));
    };
    for name in names.iter().filter(|name| is_conf(name)) {
        file(files, &format!("{path}/{name}"), user, into)?;
    }
    Ok(())
}

/// oslo.config and systemd read `*.conf`, in lower case.
pub(super) fn is_conf(name: &str) -> bool {
    name.strip_suffix(".conf").is_some()
}

fn file(files: &Files, path: &str, user: &str, into: &mut Loaded) -> Result<(), String> {
    let (mut own, mut lines) = (Options::new(), Lines::new());
    parse(files, path, user, &mut own, &mut lines)?;
    into.options.extend(own.clone());
    into.files.push(path.to_owned());
    into.each.push((path.to_owned(), own, lines));
    Ok(())
}

fn parse(
    files: &Files,
    path: &str,
    user: &str,
    into: &mut Options,
    lines: &mut Lines,
) -> Result<(), String> {
    if files.file(path).is_none() {
        return Err(format!("ConfigFilesNotFoundError: Failed to find some config files: {path}"));
    }
    let Some(text) = files.read(path, user) else {
        return Err(format!(
            "ConfigFilesPermissionDeniedError: Failed to open some config files: {path}"
        ));
    };
    let mut section = String::new();
    let mut last: Option<(String, String)> = None;
    for (nth, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            last = None;
        } else if trimmed.starts_with(['#', ';']) {
            // A comment does not end a value.
        } else if line.starts_with([' ', '\t']) {
            let Some(value) = last.clone().and_then(|key| into.get_mut(&key)) else {
                return Err(format!("{path}:{} can't be parsed", nth + 1));
            };
            value.push('\n');
            value.push_str(trimmed);
        } else if let Some(name) = trimmed.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
            last = None;
        } else if let Some((key, value)) = trimmed.split_once(['=', ':']) {
            let key = (section.clone(), key.trim().to_owned());
            into.insert(key.clone(), unquoted(value.trim()).to_owned());
            lines.insert(key.clone(), nth + 1);
            last = Some(key);
        } else {
            return Err(format!("{path}:{} can't be parsed", nth + 1));
        }
    }
    Ok(())
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        let inner = value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner;
        }
    }
    value
}
