//! Makes text from other sources safe for a terminal.

use std::borrow::Cow;

/// Returns `text` with escaped control characters and characters that change the direction of
/// writing. Line feeds, tabs and colours (`ESC [ 31 m`) stay.
///
/// Messages of servers are shown as they are, and could otherwise clear the screen or forge a line.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = colour(rest);
        if colour > 0 {
            shown.push_str(rest.get(..colour).unwrap_or_default());
            rest = rest.get(colour..).unwrap_or_default();
            continue;
        }
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        if !is_obeyed(c) {
            shown.push(c);
        } else if !(c == '\r' && after.starts_with('\n')) {
            shown.extend(c.escape_unicode());
        }
        rest = after;
    }
    Cow::Owned(shown)
}

fn is_obeyed(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && !matches!(c, '\n' | '\t'))
}

/// Returns the length of the colour sequence at the beginning of `text`; 0 if there is none.
fn colour(text: &str) -> usize {
    let Some(inner) = text.strip_prefix("\u{1b}[") else { return 0 };
    let digits = inner.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
    if inner.as_bytes().get(digits) == Some(&b'm') { 2 + digits + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        let forged = "no\u{1b}]0;owned\u{7}\u{1b}[2J\r\nchanged   nothing\u{202e}\r!";
        let shown = "no\\u{1b}]0;owned\\u{7}\\u{1b}[2J\nchanged   nothing\\u{202e}\\u{d}!";
        assert_eq!(printable(forged), shown);
        for fine in ["", "plain\ttext\nünd Ω …", "\u{1b}[31m!\u{1b}[0m refused", "\u{1b}[1;31mx"]
        {
            assert_eq!(printable(fine), fine);
        }
        assert_eq!(printable("\u{1b}[31"), "\\u{1b}[31");
    }
}
