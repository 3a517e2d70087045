//! How oslo.config reads a line of a configuration file.

/// Returns the value that oslo.config's parser reads from the text after `key =` in a file (9.4.0,
/// `iniparser.py:42` and `:58`). Further lines are treated as continuation lines, which are
/// indented; an empty line ends the value.
pub fn read_line(text: &str) -> String {
    let mut lines = text.split('\n').map(|line| strip(line.trim_end_matches('\r')));
    let first = unquoted(lines.next().unwrap_or_default());
    let rest = lines.take_while(|line| !line.is_empty());
    [first].into_iter().chain(rest).collect::<Vec<_>>().join("\n")
}

/// Returns the value that the driver gets for the text after `key =` in a file: [`read_line`] with
/// `$$` and `\$` replaced by a dollar sign (9.4.0, `cfg.py:2775`). A reference to another option is
/// not substituted ([`reference()`]).
pub fn read_back(text: &str) -> String {
    read_line(text).replace(r"\$", "$$").replace("$$", "$")
}

/// Returns the name of the first option to which the text after `key =` refers (`$name` or
/// `${name}`). oslo.config substitutes that option's value, and fails if there is no such option
/// (9.4.0, `cfg.py:2796` and `:2808`; `string.Template` ignores the case of names).
pub fn reference(text: &str) -> Option<String> {
    let text = read_line(text).replace(r"\$", "$$").replace("$$", "");
    text.split('$').skip(1).find_map(name).map(str::to_owned)
}

/// Returns the name at the start of the text after a dollar sign.
fn name(text: &str) -> Option<&str> {
    let (text, braced) = text.strip_prefix('{').map_or((text, false), |text| (text, true));
    let begins = text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
    let part = |c: char| c == '_' || c == '.' || c.is_ascii_alphanumeric();
    let end = text.find(|c| !part(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    (begins && (!braced || rest.starts_with('}'))).then_some(name)
}

/// Returns whether something follows an empty line. The value ends at that line, and oslo.config
/// fails at a continuation line without a value (9.4.0, `iniparser.py:74`).
pub(crate) fn continues_after_end(text: &str) -> bool {
    let lines = text.split('\n').skip(1).map(strip);
    lines.skip_while(|line| !line.is_empty()).any(|line| !line.is_empty())
}

/// Removes one pair of quotes. As in oslo.config (`value[0] == value[-1]`), a single quote character
/// counts as a pair.
pub(crate) fn unquoted(value: &str) -> &str {
    if value == "'" || value == "\"" {
        return "";
    }
    let inner = ['\'', '"']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote)));
    inner.unwrap_or(value)
}

/// Python's `str.strip()`, which also treats four ASCII separators as whitespace.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_oslo_config_reads_it() {
        for (text, value) in [
            ("x", "x"),
            ("  x  ", "x"),
            ("'x'", "x"),
            ("\"x\"", "x"),
            ("''x''", "'x'"),
            ("'x\"", "'x\""),
            ("'x", "'x"),
            ("'", ""),
            ("", ""),
            ("{\n}", "{\n}"),
            ("{\n  1\n}", "{\n1\n}"),
            ("'{\n}'", "'{\n}'"),
            ("'a'\n  b", "a\nb"),
            ("a\n\nb", "a"),
            ("\u{1c}x\u{1f}", "x"),
        ] {
            assert_eq!(read_line(text), value, "{text:?}");
        }
        for (text, value, name) in [
            ("a$$b", "a$b", None),
            (r"a\$b", "a$b", None),
            ("$name", "$name", Some("name")),
            ("'a${a.B_1}b'", "a${a.B_1}b", Some("a.B_1")),
            ("$$$x", "$$x", Some("x")),
            ("$ $1 ${ ${1} ${a", "$ $1 ${ ${1} ${a", None),
        ] {
            assert_eq!(read_back(text), value, "{text:?}");
            assert_eq!(reference(text).as_deref(), name, "{text:?}");
        }
    }
}
