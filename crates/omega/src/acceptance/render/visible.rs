//! Makes text from other sources visible.

use std::borrow::Cow;

/// Returns `text` with control characters and characters that change the direction of writing written
/// out. Line feeds and tabs stay.
///
/// Messages of servers are shown as they are. Markup in them is escaped by the template; this is about
/// what no template escapes.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn is_hidden(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // XML has no place for these two.
    let is_no_character = matches!(c, '\u{fffe}' | '\u{ffff}');
    turns || is_no_character || (c.is_control() && !matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_obeyed_is_written_out() {
        assert_eq!(
            visible("a\u{1b}[2J\u{202e}b\r\n\tc\0"),
            "a\\u{1b}[2J\\u{202e}b\\u{d}\n\tc\\u{0}"
        );
        assert_eq!(visible("ünd Ω <b>"), "ünd Ω <b>");
    }
}
