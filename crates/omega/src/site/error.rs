use std::{error, fmt, io, ops::Range, path::Path};

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use omega_core::{Failure, FailureClass, masked_line, read_input, read_regular, without_numbers};

use super::{expected::syntax, reading::dotted};

/// A mistake in the site file, and its place.
///
/// As a [`miette::Diagnostic`] it has the text of the file, without what may be a secret, and a label
/// at the mistake. Its own text is one line: the file, the line, the mistake.
#[derive(Clone, Debug, Default)]
pub struct SiteError {
    message: String,
    hint: Option<String>,
    key: Option<String>,
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
        if let Some(place) = &self.place {
            write!(f, "{}, line {}: ", place.source.name(), place.line)?;
        }
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
        let message = error.to_string();
        Self { next: error.hint, ..Self::new(FailureClass::Usage, message) }
    }
}

const FROM_UTF_16: &str = "save the file as UTF-8: iconv -f UTF-16 -t UTF-8 OLD > NEW";
const FROM_LATIN_1: &str =
    "save the file as UTF-8: iconv -f ISO-8859-1 -t UTF-8 OLD > NEW, if it is of Latin 1";

impl SiteError {
    /// The site file can't be read because of `error`.
    fn unreadable(path: &Path, error: &io::Error) -> Self {
        let shown = path.display();
        let (kind, why) = (error.kind(), without_numbers(&error.to_string()));
        let (why, next) = if path.is_dir() {
            let inside = path.join("omega.toml");
            let next = format!("name the file in it: --site {}", inside.display());
            ("it is a directory".to_owned(), next)
        } else if kind == io::ErrorKind::NotFound && path.is_symlink() {
            let next = "correct the link, or name the site file: --site FILE";
            ("it is a link to what is not there".to_owned(), next.to_owned())
        } else if kind == io::ErrorKind::NotFound {
            let next = "name the site file: --site FILE; or write one: omega-cli init";
            (why, next.to_owned())
        } else if kind == io::ErrorKind::PermissionDenied {
            (why, format!("chmod u+r '{shown}', or be a user who may read it"))
        } else {
            (why, "is this really the site file? --site FILE names another".to_owned())
        };
        let message = format!("can't read the site file {shown}: {why}");
        Self { message, hint: Some(next), key: None, place: None }
    }

    /// Returns the text of the site file at `path`.
    pub(super) fn or_text(path: &Path) -> Result<String, Self> {
        Self::text_of(path, read_regular(path, MOST))
    }

    /// The same of a file that is only checked, and may be a pipe.
    pub(super) fn or_input(path: &Path) -> Result<String, Self> {
        Self::text_of(path, read_input(path, MOST))
    }

    fn text_of(path: &Path, read: io::Result<Vec<u8>>) -> Result<String, Self> {
        let bytes = read.map_err(|error| Self::unreadable(path, &error))?;
        String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let byte = error.as_bytes().get(at).copied().unwrap_or_default();
            let text = String::from_utf8_lossy(error.as_bytes());
            let marks: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
            let (why, next) = if marks.iter().any(|mark| error.as_bytes().starts_with(mark)) {
                ("it is UTF-16, not UTF-8".to_owned(), FROM_UTF_16)
            } else {
                (format!("the byte 0x{byte:02x} is not UTF-8"), FROM_LATIN_1)
            };
            Self { hint: Some(next.to_owned()), ..Self::at(path, &text, at..at + 1, &why) }
        })
    }

    /// A mistake that is not at a place of the file.
    pub(super) fn beside(failure: Failure) -> Self {
        let message = told(&failure);
        Self { message, hint: failure.next, key: None, place: None }
    }

    /// Points at `span` of `text`.
    fn at(path: &Path, text: &str, span: Range<usize>, why: &str) -> Self {
        let line = text.get(..span.start).unwrap_or(text).matches('\n').count();
        let message = why.to_owned();
        let before = text.get(..span.start).and_then(|before| before.rsplit('\n').next());
        let column = before.unwrap_or_default().chars().count() + 1;
        let offset = span.start;
        let (text, span) = masked_at(text, line, &span);
        let source = NamedSource::new(path.to_string_lossy(), text);
        let place = Place { source, span, offset, line: line + 1, column };
        Self { message, hint: None, key: None, place: Some(place) }
    }

    /// Points at `span` of `text`, of which `failure` tells what is wrong.
    pub(super) fn of(path: &Path, text: &str, span: Range<usize>, failure: &Failure) -> Self {
        Self { hint: failure.next.clone(), ..Self::at(path, text, span, &told(failure)) }
    }

    /// Names the key that it is about.
    pub(super) fn about(self, keys: &[String]) -> Self {
        Self { key: Some(dotted(keys)), ..self }
    }

    /// Returns the key that it is about, with its tables: `management.sources[0]`.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns the line and the column, counted from 1, where there is a place.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|place| (place.line, place.column))
    }

    /// Returns what is wrong, without the file and the line.
    pub fn mistake(&self) -> &str {
        &self.message
    }

    /// Returns what to do about it.
    pub fn next(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(super) fn offset(&self) -> usize {
        self.place.as_ref().map_or(0, |place| place.offset)
    }

    /// Describes what the parser found in a text that is not TOML.
    pub(super) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let (why, next) = syntax(error.message().lines().next().unwrap_or_default());
        let placed = match error.span() {
            Some(span) => Self::at(path, text, span, why),
            None => Self { message: format!("{}: {why}", path.display()), ..Self::default() },
        };
        Self { hint: Some(next.to_owned()), ..placed }
    }
}

/// Returns what a failure tells, with what was expected and found.
fn told(failure: &Failure) -> String {
    let mut why = failure.to_string();
    for (what, seen) in [("expected", &failure.expected), ("found", &failure.found)] {
        if let Some(seen) = seen {
            why = format!("{why}: {what} {seen}");
        }
    }
    why
}

/// The largest site file that is read.
const MOST: u64 = 1 << 20;

/// The longest mark, in characters.
const MARK: usize = 60;

/// Returns `text` without what may be a secret, and where `span`, which begins in line `nth`, is in
/// it: within that line.
fn masked_at(text: &str, nth: usize, span: &Range<usize>) -> (String, Range<usize>) {
    let lines: Vec<String> = text.lines().map(masked_line).collect();
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
