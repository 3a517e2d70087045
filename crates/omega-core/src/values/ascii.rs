use std::fmt;

use serde::{Deserialize, Serialize};

/// Text of printable ASCII, tabs and line feeds.
///
/// The runbooks require ASCII in every file below `conf.d`. (oslo.config reads UTF-8 correctly; the
/// silent failure could not be reproduced. The check is cheap, and carriage returns do break it.)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AsciiText(String);

/// A character that is not printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {character:?} is not printable ASCII")]
pub struct NotAscii {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The character.
    pub character: char,
}

impl AsciiText {
    /// Returns `text` if it is ASCII.
    ///
    /// # Errors
    ///
    /// Names the first character that is not.
    pub fn new(text: impl Into<String>) -> Result<Self, NotAscii> {
        let text = text.into();
        for (line, content) in text.split('\n').enumerate() {
            for (column, character) in content.chars().enumerate() {
                if !matches!(character, ' '..='~' | '\t') {
                    return Err(NotAscii { line: line + 1, column: column + 1, character });
                }
            }
        }
        Ok(Self(text))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AsciiText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for AsciiText {
    type Error = NotAscii;
    fn try_from(text: String) -> Result<Self, NotAscii> {
        Self::new(text)
    }
}

impl From<AsciiText> for String {
    fn from(text: AsciiText) -> Self {
        text.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_stray_character_is_named_with_its_place() {
        assert_eq!(AsciiText::new("[a]\nb = c\td\n").unwrap().as_str(), "[a]\nb = c\td\n");
        let error = AsciiText::new("[a]\nb \u{2013} c\n").unwrap_err();
        assert_eq!(error, NotAscii { line: 2, column: 3, character: '\u{2013}' });
        assert_eq!(AsciiText::new("a\r\n").unwrap_err().character, '\r');
    }
}
