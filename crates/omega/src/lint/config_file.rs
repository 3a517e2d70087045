//! A file of options as oslo.config reads it (`/etc/magnum/magnum.conf.d/*.conf`), or one of Horizon's
//! settings (`local_settings.d/*.py`): what stops its service, or does not mean what it seems to.
//!
//! The rules are those of oslo.config 9.0.0, iniparser.py and cfg.py, tried with each of these inputs.

#[cfg(test)]
mod tests;

use std::{collections::HashSet, path::Path};

use omega_core::{Severity, Subject};

use super::{LintFinding, LintReport, Position, Rule, SourceFile};

const SOURCE: &str = "openstack/oslo.config oslo_config/iniparser.py and cfg.py, 9.0.0";

const SYNTAX: Rule = rule(
    "config-syntax",
    None,
    Severity::Broken,
    "oslo.config refuses the file, and the service does not start.",
);
const CONTINUATION: Rule = rule(
    "config-continuation",
    None,
    Severity::Warning,
    "A line that begins with a space goes on with the value of the line before.",
);
const COMMENT: Rule = rule(
    "config-comment",
    None,
    Severity::Warning,
    "A comment after a value is part of the value.",
);
const DOLLAR: Rule = rule(
    "config-dollar",
    None,
    Severity::Warning,
    "`$name` stands for the option of that name; a `$` of the value itself is written `$$`.",
);
const REPEATED: Rule = rule(
    "config-repeated",
    None,
    Severity::Warning,
    "Of two equal options in a section the last one counts.",
);
const SECTION: Rule = rule(
    "config-section",
    None,
    Severity::Warning,
    "Spaces are part of a section's name, so nobody reads it.",
);
const UNREAD: Rule = rule(
    "config-unread",
    Some("D-007"),
    Severity::Warning,
    "Magnum has no such option, and ignores it.",
);
const LINE_END: Rule = rule(
    "config-line-end",
    None,
    Severity::Warning,
    "Python ends a line at a carriage return too; most editors, grep and diff do not show it.",
);
const NAME: Rule = rule(
    "config-name",
    Some("D-037"),
    Severity::Warning,
    "Of a directory of configuration only the files called *.conf are read.",
);
const ASCII: Rule = rule(
    "non-ascii",
    Some("D-007"),
    Severity::Warning,
    "Python 3 reads UTF-8, but an editor or a locale on the way may not; a look-alike of a character is not that character.",
);

const fn rule(
    id: &'static str,
    decision: Option<&'static str>,
    severity: Severity,
    reason: &'static str,
) -> Rule {
    Rule { id, decision, severity, reason, source: SOURCE }
}

/// Returns every rule.
pub fn rules() -> Vec<Rule> {
    vec![SYNTAX, CONTINUATION, COMMENT, DOLLAR, REPEATED, SECTION, UNREAD, LINE_END, NAME, ASCII]
}

/// Checks files. One that is called `*.py` is a file of Horizon's settings, of which only the characters
/// are looked at.
pub fn lint(files: &[SourceFile]) -> LintReport {
    let findings = files.iter().flat_map(of_file).collect();
    LintReport::new(files.iter().map(|file| file.name.clone()).collect(), findings)
}

fn of_file(file: &SourceFile) -> Vec<LintFinding> {
    let mut reader = Reader {
        file,
        found: Vec::new(),
        section: None,
        keys: HashSet::new(),
        has_value: false,
        before: 0,
    };
    reader.characters();
    if !has_extension(&file.name, "py") {
        reader.name();
        reader.lines();
    }
    reader.found.sort_by(|one, other| one.position.cmp(&other.position));
    reader.found
}

/// Whether a character is seen as itself: a letter, or a typographic quote or dash.
fn is_shown(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}')
}

/// oslo.config and Horizon compare it as it is written.
fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own == extension)
}

struct Reader<'a> {
    file: &'a SourceFile,
    found: Vec<LintFinding>,
    section: Option<&'a str>,
    /// Sections and keys so far.
    keys: HashSet<(&'a str, &'a str)>,
    /// Whether the line before has a value that can go on.
    has_value: bool,
    /// The characters before this line, where a carriage return alone ends the one before.
    before: usize,
}

impl<'a> Reader<'a> {
    fn add(&mut self, rule: &Rule, line: usize, column: usize, summary: &str, remedy: &str) {
        let column = column + self.before;
        let position = Position { file: self.file.name.clone(), line, column };
        let name = self.section.map_or_else(|| "file".to_owned(), |section| format!("[{section}]"));
        let subject = Subject::new("options", name);
        self.found.push(rule.found(Some(position), subject, summary, remedy));
    }

    fn characters(&mut self) {
        for (nth, line) in self.file.text.lines().enumerate() {
            let is_odd = |c: char| !c.is_ascii() || (c.is_ascii_control() && !"\t\r".contains(c));
            let Some((column, odd)) = line.chars().enumerate().find(|(_, c)| is_odd(*c)) else {
                continue;
            };
            let (summary, remedy) = if odd.is_ascii() {
                let code = u32::from(odd);
                (format!("U+{code:04X} is a control character"), "remove it")
            } else if odd == '\u{feff}' {
                (
                    "a byte order mark, which no editor shows".to_owned(),
                    "remove it: sed -i 's/^\\xEF\\xBB\\xBF//' FILE",
                )
            } else {
                let shown =
                    if is_shown(odd) { odd.to_string() } else { odd.escape_default().to_string() };
                let odd = format!("U+{:04X} ({shown})", u32::from(odd));
                (format!("{odd} is not ASCII"), "write it in ASCII")
            };
            self.add(&ASCII, nth + 1, column + 1, &summary, remedy);
        }
    }

    fn name(&mut self) {
        let name = self.file.name.rsplit('/').next().unwrap_or_default();
        let in_directory = self.file.name.contains(".conf.d/");
        if in_directory && !has_extension(name, "conf") {
            self.add(
                &NAME,
                1,
                1,
                &format!("{name} is in a directory of configuration and is not read"),
                "call it *.conf, or remove it",
            );
        }
    }

    /// Reads the lines as Python ends them (universal newlines), up to the first that oslo.config can't read.
    fn lines(&mut self) {
        for (nth, line) in self.file.text.lines().enumerate() {
            self.before = 0;
            for (part, text) in line.split('\r').enumerate() {
                if part > 0 {
                    let summary = "a carriage return ends a line here: what follows is a new one";
                    self.add(
                        &LINE_END,
                        nth + 1,
                        0,
                        summary,
                        "end lines with a line feed: dos2unix FILE, or tr '\\r' '\\n'",
                    );
                }
                if self.line(nth + 1, text.trim_end()).is_none() {
                    return;
                }
                self.before += text.chars().count() + 1;
            }
        }
    }

    /// Reads a line as oslo.config does. None: it stops there.
    fn line(&mut self, nth: usize, line: &'a str) -> Option<()> {
        if line.is_empty() {
            self.has_value = false;
            return Some(());
        }
        if line.starts_with([' ', '\t']) {
            if !self.has_value {
                return self.refused(nth, "a line that begins with a space continues a value, and there is none before it", "remove the space");
            }
            self.add(
                &CONTINUATION,
                nth,
                1,
                "this line goes on with the value of the line before",
                "remove the space, unless that is meant",
            );
            return Some(());
        }
        self.has_value = false;
        if line.starts_with('[') {
            return self.header(nth, line);
        }
        if line.starts_with(['#', ';']) {
            return Some(());
        }
        self.option(nth, line)
    }

    fn refused(&mut self, nth: usize, summary: &str, remedy: &str) -> Option<()> {
        let summary = format!("{summary}; the lines after this one are not checked");
        self.add(&SYNTAX, nth, 1, &summary, remedy);
        None
    }

    fn header(&mut self, nth: usize, line: &'a str) -> Option<()> {
        let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return self.refused(
                nth,
                "a section's line must end with `]`; a comment needs a line of its own",
                "write [NAME]",
            );
        };
        if name.is_empty() {
            return self.refused(nth, "a section without a name", "write [NAME]");
        }
        self.section = Some(name);
        if name.trim() != name {
            self.add(
                &SECTION,
                nth,
                1,
                &format!("the section is called {name:?}, with its spaces"),
                &format!("write [{}]", name.trim()),
            );
        }
        Some(())
    }

    fn option(&mut self, nth: usize, line: &'a str) -> Option<()> {
        let Some(at) = line.find(['=', ':']) else {
            return self.refused(
                nth,
                "neither an option (KEY = VALUE) nor a section",
                "write KEY = VALUE, or make it a comment",
            );
        };
        let (key, value) = (
            line.get(..at).unwrap_or_default().trim(),
            line.get(at + 1..).unwrap_or_default().trim(),
        );
        if key.is_empty() {
            return self.refused(nth, "an option without a name", "write KEY = VALUE");
        }
        let Some(section) = self.section else {
            return self.refused(
                nth,
                "an option before the first section",
                "write a section before it: [DEFAULT]",
            );
        };
        self.has_value = true;
        if !self.keys.insert((section, key)) {
            self.add(
                &REPEATED,
                nth,
                1,
                &format!("{key} is set again: for a single-valued option, the last one wins"),
                "remove one of them, unless the option takes several",
            );
        }
        if key == "enabled_drivers" {
            self.add(
                &UNREAD,
                nth,
                1,
                "Magnum has no option enabled_drivers: every installed driver is enabled",
                "remove it; [drivers] disabled_drivers turns one off",
            );
        }
        self.value(nth, line, value);
        Some(())
    }

    fn value(&mut self, nth: usize, line: &str, value: &str) {
        let column = |at: usize| line.get(..at).unwrap_or_default().chars().count() + 1;
        if let Some(at) =
            [" #", " ;", "\t#", "\t;"].iter().filter_map(|mark| value.find(mark)).min()
        {
            let start = line.rfind(value).unwrap_or_default() + at + 1;
            self.add(
                &COMMENT,
                nth,
                column(start),
                "what follows is part of the value, not a comment",
                "write the comment on a line of its own",
            );
        }
        if let Some(name) = substituted(value) {
            let start = line.find('$').unwrap_or_default();
            self.add(
                &DOLLAR,
                nth,
                column(start),
                &format!("${name} stands for the option {name}"),
                "write $$ for a dollar sign",
            );
        }
    }
}

/// The first name after a `$` that is not doubled.
fn substituted(value: &str) -> Option<&str> {
    let mut rest = value;
    loop {
        let (before, after) = rest.split_once('$')?;
        if before.ends_with('\\') {
            rest = after;
            continue;
        }
        if let Some(doubled) = after.strip_prefix('$') {
            rest = doubled;
            continue;
        }
        let name = after.strip_prefix('{').unwrap_or(after);
        let end = name
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-'))
            .unwrap_or(name.len());
        let found = name
            .get(..end)
            .filter(|found| found.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
        if found.is_some() {
            return found;
        }
        rest = after;
    }
}
