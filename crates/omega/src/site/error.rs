use std::{error, fmt, ops::Range, path::Path};

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use omega_core::{Failure, FailureClass, nearest_name};

/// A mistake in the site file, and its place.
///
/// As a [`miette::Diagnostic`] it has the text of the file, without what may be a secret, and a label
/// at the mistake. Its own text is one line: the mistake, the file, the line.
#[derive(Clone, Debug)]
pub struct SiteError {
    message: String,
    hint: Option<String>,
    place: Option<Place>,
}

#[derive(Clone, Debug)]
struct Place {
    source: NamedSource<String>,
    span: Range<usize>,
    /// Where it begins in the file itself.
    offset: usize,
    line: usize,
    column: usize,
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for SiteError {}

impl Diagnostic for SiteError {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|place| &place.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.place.as_ref()?;
        let label = LabeledSpan::new_primary_with_span(self.hint.clone(), place.span.clone());
        Some(Box::new(std::iter::once(label)))
    }
}

impl From<SiteError> for Failure {
    fn from(error: SiteError) -> Self {
        Self { next: error.hint, ..Self::new(FailureClass::Usage, error.message) }
    }
}

impl SiteError {
    pub(super) fn unreadable(path: &Path, why: &str) -> Self {
        let message = format!("can't read the site file {}: {why}", path.display());
        let hint = "name the site file: --site FILE; or write one: omega-cli init".to_owned();
        Self { message, hint: Some(hint), place: None }
    }

    /// Points at `span` of `text`.
    pub(super) fn at(path: &Path, text: &str, span: Range<usize>, why: &str) -> Self {
        let line = text.get(..span.start).unwrap_or(text).matches('\n').count();
        let message = format!("{why} in {}, line {}", path.display(), line + 1);
        let before = text.get(..span.start).and_then(|before| before.rsplit('\n').next());
        let column = before.unwrap_or_default().chars().count() + 1;
        let offset = span.start;
        let (text, span) = masked_at(text, line, &span);
        let source = NamedSource::new(path.to_string_lossy(), text);
        let place = Place { source, span, offset, line: line + 1, column };
        Self { message, hint: None, place: Some(place) }
    }

    /// Points at `span` of `text`, of which `failure` tells what is wrong.
    pub(super) fn of(path: &Path, text: &str, span: Range<usize>, failure: &Failure) -> Self {
        let mut why = failure.to_string();
        for (what, seen) in [("expected", &failure.expected), ("found", &failure.found)] {
            if let Some(seen) = seen {
                why = format!("{why}: {what} {seen}");
            }
        }
        Self { hint: failure.next.clone(), ..Self::at(path, text, span, &why) }
    }

    /// Returns the line and the column, counted from 1, where there is a place.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|place| (place.line, place.column))
    }

    /// Returns what to do about it.
    pub fn next(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(super) fn offset(&self) -> usize {
        self.place.as_ref().map_or(0, |place| place.offset)
    }

    /// Describes what the parser found, where, and what was probably meant.
    pub(super) fn toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let reason = error.message().lines().next().unwrap_or_default();
        let quoted: Vec<&str> = reason.split('`').skip(1).step_by(2).collect();
        let (why, hint) = match quoted.split_first() {
            Some((unknown, known)) if reason.starts_with("unknown field") => {
                let hint = nearest_name(unknown, known.iter().copied());
                (format!("unknown key `{unknown}`"), hint)
            }
            Some((missing, _)) if reason.starts_with("missing field") => {
                (format!("the key `{missing}` is missing"), None)
            }
            Some(_) | None => (plain(reason), None),
        };
        let hint = hint.map(|name| format!("did you mean `{name}`?"));
        match error.span() {
            Some(span) => Self { hint, ..Self::at(path, text, span, &why) },
            None => Self { message: format!("{why} in {}", path.display()), hint, place: None },
        }
    }
}

/// Returns what the parser found in the words of TOML, not of its library.
fn plain(reason: &str) -> String {
    if reason.contains("duration") {
        return "not a duration: write 30s, 10m or 1h 30m".to_owned();
    }
    let (found, wanted) = reason.split_once(", expected ").unwrap_or((reason, ""));
    let wanted = match wanted {
        "" => return reason.to_owned(),
        "a sequence" => "an array",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    format!("{found}, expected {wanted}")
}

/// The longest mark.
const MARK: usize = 60;

/// Returns `text` without what may be a secret, and where `span`, which begins in line `nth`, is in
/// it: within that line.
fn masked_at(text: &str, nth: usize, span: &Range<usize>) -> (String, Range<usize>) {
    let lines: Vec<String> = text.lines().map(masked).collect();
    let line = lines.get(nth).map_or("", String::as_str);
    let before = text.get(..span.start).and_then(|before| before.rsplit('\n').next());
    let marked = text.get(span.clone()).and_then(|marked| marked.lines().next());
    // At the end of a line, the last character is marked.
    let last = line.chars().count().saturating_sub(1);
    let column = before.unwrap_or_default().chars().count().min(last);
    let end = column + marked.unwrap_or_default().chars().count().clamp(1, MARK);
    let bytes = |chars: usize| line.chars().take(chars).map(char::len_utf8).sum::<usize>();
    let start: usize = lines.iter().take(nth).map(|line| line.len() + 1).sum();
    (lines.join("\n"), start + bytes(column)..start + bytes(end))
}

/// Parts of the names of keys, in the file or in a URL's query, whose values are not shown.
const SECRET: [&str; 5] = ["password", "passwd", "secret", "token", "apikey"];

/// Hides what may be a secret: the text before an `@` in an address, and the value of a key with such
/// a name. The rest of the line moves, so a mark may be off.
fn masked(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    if let Some(end) = SECRET.iter().filter_map(|word| Some(lower.find(word)? + word.len())).min()
        && let Some(value) = line.get(end..).and_then(|rest| rest.find('=')).map(|at| end + at + 1)
    {
        return format!("{} …", without_users(line.get(..value).unwrap_or_default()));
    }
    without_users(line)
}

fn without_users(line: &str) -> String {
    let mut shown = String::new();
    for (nth, part) in line.split('@').enumerate() {
        if nth > 0 {
            let keep = shown.rfind(['/', '"', '\'', ' ']).map_or(0, |at| at + 1);
            shown.truncate(keep);
            shown.push_str("…@");
        }
        shown.push_str(part);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        for line in [
            "password = \"hunter2\"",
            "os_token=hunter2",
            "index = \"https://pypi.example/simple?token=hunter2\"",
            "x = { Client_Secret = 'hunter2' }",
            "index = \"https://u:hunter2@pypi.example\"",
        ] {
            let shown = masked(line);
            assert!(!shown.contains("hunter2") && shown.contains('…'), "{line}: {shown}");
        }
        let plain = "kubeconfig = \"mgmt.kubeconfig\" # no secrets here";
        assert_eq!(masked(plain), plain);
    }
}
