use omega::core::ChangeKind;

/// The sign at the beginning of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Unchanged.
    Same,
    /// Created, updated or deleted.
    Change(ChangeKind),
    /// A gate that holds.
    Gate,
    /// A refusal, a failed gate, or an error.
    No,
    /// Comes later: it waits for a step above, or is deferred.
    Wait,
    /// Is not known, or was not checked.
    Unknown,
    /// A warning.
    Warning,
}

impl Sign {
    /// All of them, as they are explained.
    pub(crate) const ALL: [Self; 9] = [
        Self::Change(ChangeKind::Create),
        Self::Change(ChangeKind::Update),
        Self::Change(ChangeKind::Delete),
        Self::Same,
        Self::Gate,
        Self::Wait,
        Self::Warning,
        Self::Unknown,
        Self::No,
    ];

    /// Returns what it means.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Change(ChangeKind::Create) => "create",
            Self::Change(ChangeKind::Update) => "update",
            Self::Change(ChangeKind::Delete) => "delete",
            Self::Same => "unchanged",
            Self::Gate => "check passed",
            Self::Wait => "later",
            Self::Unknown => "not known",
            Self::Warning => "warning",
            Self::No => "failed or refused",
        }
    }

    /// Returns the sign.
    pub(crate) fn text(self) -> char {
        match self {
            Self::Same => '=',
            Self::Change(verb) => verb.sign(),
            Self::Gate => '✓',
            Self::No => '!',
            Self::Wait => '…',
            Self::Unknown => '?',
            Self::Warning => '*',
        }
    }

    fn colour(self) -> Option<&'static str> {
        match self {
            Self::Same => None,
            Self::Change(ChangeKind::Create) => Some("32"),
            Self::Change(ChangeKind::Update) | Self::Wait | Self::Unknown | Self::Warning => {
                Some("33")
            }
            Self::Change(ChangeKind::Delete) | Self::No => Some("31"),
            Self::Gate => Some("36"),
        }
    }
}

const NOUN: usize = 12;
const NAME: usize = 46;
const INDENT: usize = 2 + 1 + 2 + NOUN + 1;

/// Returns one line: sign, noun, name, detail. A detail that does not fit goes below the name; sign and
/// name are never cut.
pub(crate) fn line(
    sign: Sign,
    noun: &str,
    name: &str,
    detail: &str,
    width: usize,
    colour: bool,
) -> String {
    let mark = match sign.colour().filter(|_| colour) {
        Some(code) => format!("\u{1b}[{code}m{}\u{1b}[0m", sign.text()),
        None => sign.text().to_string(),
    };
    let head = format!("  {mark}  {noun:<NOUN$} ");
    let name_width = name.chars().count();
    if detail.is_empty() {
        return format!("{head}{name}");
    }
    let column = name_width.max(NAME.min(width.saturating_sub(INDENT + 30)));
    if INDENT + column + 2 + detail.chars().count() <= width {
        return format!("{head}{name:<column$}  {detail}");
    }
    format!("{head}{name}\n{}", below(detail, width))
}

/// Returns `text` indented, below a name.
pub(crate) fn below(text: &str, width: usize) -> String {
    let lines = wrap(text, width.saturating_sub(INDENT).max(20));
    let lines: Vec<_> = lines.iter().map(|part| format!("{:INDENT$}{part}", "")).collect();
    lines.join("\n")
}

/// Breaks `text` at spaces so that no line is longer than `width`, unless one word is.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let options = textwrap::Options::new(width)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detail_wraps_and_sign_and_name_never_do() {
        let name = "magnum/0:/etc/magnum/magnum.conf.d/00-capi-helm.conf";
        let show = |width| line(Sign::Same, "file", name, "root:root 0644, 9f2c4100", width, false);
        insta::assert_snapshot!(show(120), @"  =  file         magnum/0:/etc/magnum/magnum.conf.d/00-capi-helm.conf  root:root 0644, 9f2c4100");
        insta::assert_snapshot!(show(80), @r"
          =  file         magnum/0:/etc/magnum/magnum.conf.d/00-capi-helm.conf
                          root:root 0644, 9f2c4100
        ");
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
    }
}
