//! An openrc file's variables, without a shell.

use super::ConfigError;

/// A variable, its value, and its line.
pub(super) type Variable = (String, String, usize);

/// Reads the OS_* variables that `text` sets.
///
/// Supported are comments, `export NAME=value ...`, `NAME=value`, quotes, `unset NAME`, and what Horizon
/// writes into the file that it offers: an `echo`, a `read` of the password, and
/// `if [ -z "$NAME" ]; then unset NAME; fi` (`openrc.sh.template` of Horizon). A password that is to be
/// typed is left out. Other variables are ignored. Anything else that needs a shell is an error with its
/// line, because a wrong guess could send a password to the wrong place.
pub(super) fn parse(text: &str, file: &str) -> Result<Vec<Variable>, ConfigError> {
    let mut variables: Vec<Variable> = Vec::new();
    let mut typed: Vec<String> = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let line = index + 1;
        let error = |why: String| ConfigError::Openrc { file: file.to_owned(), line, why };
        if let Some(name) = unset_if_empty(raw.trim()) {
            variables.retain(|(other, value, _)| other != name || !value.is_empty());
            continue;
        }
        let words = words(raw.trim()).map_err(error)?;
        let (first, rest) = match words.split_first() {
            None => continue,
            Some((first, rest)) => (first.text.as_str(), rest),
        };
        if first == "unset" {
            variables.retain(|(name, ..)| !rest.iter().any(|word| word.text == *name));
            continue;
        }
        if first == "echo" {
            continue;
        }
        if first == "read" {
            let names = rest.iter().map(|word| &word.text).filter(|word| !word.starts_with('-'));
            let names: Vec<_> = names.cloned().collect();
            variables.retain(|(name, ..)| !names.contains(name));
            typed.extend(names);
            continue;
        }
        let assignments = if first == "export" { rest } else { words.as_slice() };
        for (nth, word) in assignments.iter().enumerate() {
            let other = || match nth {
                0 => error(format!("{:?} is not NAME=value", word.text)),
                // It may be the rest of a password.
                _ => error("a value with a space needs quotes".to_owned()),
            };
            let (name, value) =
                word.text.split_once('=').filter(|(name, _)| is_name(name)).ok_or_else(other)?;
            if !name.starts_with("OS_") {
                continue;
            }
            let is_typed = typed
                .iter()
                .any(|one| [format!("${one}"), format!("${{{one}}}")].contains(&value.to_owned()));
            if name == "OS_PASSWORD" && is_typed {
                variables.retain(|(other, ..)| other != name);
                continue;
            }
            if word.expands {
                return Err(error(format!("the value of {name} needs a shell")));
            }
            variables.retain(|(other, ..)| other != name);
            variables.push((name.to_owned(), value.to_owned(), line));
        }
    }
    Ok(variables)
}

/// Returns NAME of `if [ -z "$NAME" ]; then unset NAME; fi`.
fn unset_if_empty(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("if [ -z \"$")?;
    let (name, rest) = rest.split_once("\" ]; then unset ")?;
    let same = rest.strip_suffix("; fi")?.trim() == name;
    (same && is_name(name)).then_some(name)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[derive(Default)]
struct Word {
    text: String,
    /// Whether a shell would expand it.
    expands: bool,
}

/// Splits a line as a shell does, without expanding anything.
fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '#' if word.is_none() => break,
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => quoted(&mut chars, word.get_or_insert_default(), '\'')?,
            '"' => quoted(&mut chars, word.get_or_insert_default(), '"')?,
            ';' | '&' | '|' | '<' | '>' | '(' | ')' => {
                return Err(format!("{c:?} needs a shell"));
            }
            '`' => return Err("a command substitution needs a shell".to_owned()),
            '$' if chars.peek() == Some(&'(') => {
                return Err("a command substitution needs a shell".to_owned());
            }
            '$' | '*' | '?' | '~' => {
                let word = word.get_or_insert_default();
                word.expands = true;
                word.text.push(c);
            }
            '\\' => match chars.next() {
                Some(c) => word.get_or_insert_default().text.push(c),
                None => return Err("the line continues in the next one".to_owned()),
            },
            c => word.get_or_insert_default().text.push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn quoted(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    word: &mut Word,
    quote: char,
) -> Result<(), String> {
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => match chars.next() {
                Some(c @ ('"' | '\\' | '$' | '`')) => word.text.push(c),
                Some(c) => word.text.extend(['\\', c]),
                None => break,
            },
            '$' | '`' if quote == '"' => {
                word.expands = true;
                word.text.push(c);
            }
            c => word.text.push(c),
        }
    }
    Err("a quote is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        parse(text, "openrc").unwrap().into_iter().map(|(name, value, _)| (name, value)).collect()
    }

    #[test]
    fn what_operators_write() {
        let text = r#"
#!/bin/bash
export OS_AUTH_URL=http://127.77.0.1:5000/v3 OS_IDENTITY_API_VERSION=3   # two at once
OS_USERNAME="admin"
export OS_PASSWORD='it''s $HOME "quoted" #not a comment'
export OS_PROJECT_NAME="a \"b\" \$c \d"
export OS_REGION_NAME=Region\ One
export PATH=/opt/osc/bin:$PATH
export OS_TOKEN=t
unset OS_TOKEN OS_TENANT_ID
export OS_USERNAME=late
export OS_CACERT=
"#;
        let wanted = [
            ("OS_AUTH_URL", "http://127.77.0.1:5000/v3"),
            ("OS_IDENTITY_API_VERSION", "3"),
            ("OS_PASSWORD", "its $HOME \"quoted\" #not a comment"),
            ("OS_PROJECT_NAME", r#"a "b" $c \d"#),
            ("OS_REGION_NAME", "Region One"),
            ("OS_USERNAME", "late"),
            ("OS_CACERT", ""),
        ];
        assert_eq!(read(text), wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    /// As Horizon offers it (API Access, "OpenStack RC File").
    #[test]
    fn the_file_that_horizon_offers() {
        let text = r#"#!/usr/bin/env bash
export OS_AUTH_URL=https://keystone.example:5000/v3
export OS_PROJECT_NAME="capi-mgmt"
export OS_USER_DOMAIN_NAME=""
if [ -z "$OS_USER_DOMAIN_NAME" ]; then unset OS_USER_DOMAIN_NAME; fi
export OS_PROJECT_DOMAIN_ID="default"
if [ -z "$OS_PROJECT_DOMAIN_ID" ]; then unset OS_PROJECT_DOMAIN_ID; fi
unset OS_TENANT_ID
export OS_USERNAME="admin"
# With Keystone you pass the keystone password.
echo "Please enter your OpenStack Password for project $OS_PROJECT_NAME as user $OS_USERNAME: "
read -sr OS_PASSWORD_INPUT
export OS_PASSWORD=$OS_PASSWORD_INPUT
export OS_IDENTITY_API_VERSION=3
"#;
        let wanted = [
            ("OS_AUTH_URL", "https://keystone.example:5000/v3"),
            ("OS_PROJECT_NAME", "capi-mgmt"),
            ("OS_PROJECT_DOMAIN_ID", "default"),
            ("OS_USERNAME", "admin"),
            ("OS_IDENTITY_API_VERSION", "3"),
        ];
        assert_eq!(read(text), wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(read("OS_PASSWORD=old\nread -r -s OS_PASSWORD"), []);
    }

    #[test]
    fn what_needs_a_shell_is_refused_by_line() {
        let error = |text: &str| parse(text, "openrc").unwrap_err().to_string();
        let lines = [
            "\nexport OS_PASSWORD=$(pass cloud)",
            "read -sr OS_USERNAME_INPUT\nexport OS_USERNAME=$OS_USERNAME_INPUT",
            "export OS_PASSWORD=`pass`",
            "export OS_PASSWORD=$SECRET",
            "export OS_PASSWORD=\"a$SECRET\"",
            "export OS_PASSWORD='a",
            "if [ -z \"$OS_REGION_NAME\" ]; then",
            "export OS_AUTH_URL=http://h; true",
            "export OS_USERNAME",
            "export OS_USERNAME=a\\",
            "source other",
            "export OS_PASSWORD=correct horse",
        ];
        insta::assert_snapshot!(lines.map(error).join("\n"), @r#"
        openrc line 2: a command substitution needs a shell
        openrc line 2: the value of OS_USERNAME needs a shell
        openrc line 1: a command substitution needs a shell
        openrc line 1: the value of OS_PASSWORD needs a shell
        openrc line 1: the value of OS_PASSWORD needs a shell
        openrc line 1: a quote is not closed
        openrc line 1: ';' needs a shell
        openrc line 1: ';' needs a shell
        openrc line 1: "OS_USERNAME" is not NAME=value
        openrc line 1: the line continues in the next one
        openrc line 1: "source" is not NAME=value
        openrc line 1: a value with a space needs quotes
        "#);
    }
}
