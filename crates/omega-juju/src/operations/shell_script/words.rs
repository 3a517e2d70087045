//! The words of a script: quotes and expansions.

use super::{
    Piece,
    reader::{Read, Reader},
};

impl Reader {
    pub(super) fn word(&mut self) -> Read<Vec<Piece>> {
        let mut pieces = Pieces::default();
        let begin = self.at;
        while let Some(c) = self.peek(0) {
            match c {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\'' => self.single_quoted(&mut pieces)?,
                '"' => {
                    self.at += 1;
                    self.quoted(&mut pieces, '"')?;
                }
                '\\' => {
                    self.at += 1;
                    match self.next() {
                        None => return Err(self.open()),
                        Some('\n') if self.peek(0).is_none() => return Err(self.open()),
                        Some('\n') => {}
                        Some(c) => pieces.push(c, true),
                    }
                }
                '$' => self.dollar(&mut pieces, false)?,
                '`' => self.backquoted(&mut pieces, false)?,
                c => {
                    self.at += 1;
                    pieces.push(c, false);
                }
            }
        }
        if self.at == begin {
            return Err(self.unsafe_at("it is unclear: sh can't parse it"));
        }
        Ok(pieces.0)
    }

    pub(super) fn single_quoted(&mut self, pieces: &mut Pieces) -> Read<()> {
        self.at += 1;
        pieces.text(true);
        loop {
            match self.next() {
                None => return Err(self.open()),
                Some('\'') => return Ok(()),
                Some(c) => pieces.push(c, true),
            }
        }
    }

    /// Reads the rest of what is in double quotes, or of a word in `${NAME:-WORD}`, to `end`.
    pub(super) fn quoted(&mut self, pieces: &mut Pieces, end: char) -> Read<()> {
        pieces.text(true);
        loop {
            match self.peek(0) {
                None => return Err(self.open()),
                Some(c) if c == end => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\')
                    if matches!(self.peek(1), Some('"' | '\\' | '$' | '`'))
                        || (end == '}' && self.peek(1) == Some('}')) =>
                {
                    self.at += 1;
                    let c = self.next().unwrap_or_default();
                    pieces.push(c, true);
                }
                Some('\\') if self.peek(1) == Some('\n') => {
                    self.at += 2;
                    self.line += 1;
                }
                Some('$') => self.dollar(pieces, true)?,
                Some('`') => self.backquoted(pieces, true)?,
                // Whether it quotes depends on what is around the expansion.
                Some('\'') if end == '}' => {
                    return Err(self.unsafe_at("it is unclear: a single quote in `${}`"));
                }
                Some('"') if end == '}' => {
                    self.at += 1;
                    self.quoted(pieces, '"')?;
                }
                Some(c) => {
                    self.next();
                    pieces.push(c, true);
                }
            }
        }
    }

    pub(super) fn backquoted(&mut self, pieces: &mut Pieces, quoted: bool) -> Read<()> {
        self.at += 1;
        loop {
            match self.next() {
                None => return Err(self.open()),
                Some('`') => break,
                Some('\\') => drop(self.next()),
                Some(_) => {}
            }
        }
        pieces.0.push(Piece::Unknown { quoted });
        Ok(())
    }

    pub(super) fn dollar(&mut self, pieces: &mut Pieces, quoted: bool) -> Read<()> {
        self.deeper()?;
        self.expansion(pieces, quoted)?;
        self.depth -= 1;
        Ok(())
    }

    pub(super) fn expansion(&mut self, pieces: &mut Pieces, quoted: bool) -> Read<()> {
        if self.starts("$((") {
            self.at += 3;
            self.arithmetic()?;
            pieces.0.push(Piece::Unknown { quoted });
        } else if self.starts("$(") {
            self.at += 2;
            self.inside_parentheses()?;
            pieces.0.push(Piece::Unknown { quoted });
        } else if self.starts("${") {
            self.at += 2;
            let piece = self.braced(quoted)?;
            pieces.0.push(piece);
        } else if !quoted && matches!(self.peek(1), Some('\'' | '"')) {
            return Err(self.not_sh("$'"));
        } else {
            self.at += 1;
            match self.peek(0) {
                Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                    let (operator, word) = (String::new(), Vec::new());
                    pieces.0.push(Piece::Variable { name: self.name(), operator, word, quoted });
                }
                Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => {
                    self.at += 1;
                    pieces.0.push(Piece::Unknown { quoted });
                }
                _ => pieces.push('$', true),
            }
        }
        Ok(())
    }

    pub(super) fn name(&mut self) -> String {
        let good = |c: &&char| c.is_ascii_alphanumeric() || **c == '_';
        let rest = self.chars.get(self.at..).unwrap_or_default().iter();
        let name: String = rest.take_while(good).collect();
        self.at += name.len();
        name
    }

    /// Reads what follows `${`.
    pub(super) fn braced(&mut self, quoted: bool) -> Read<Piece> {
        if self.peek(0) == Some('#') && self.peek(1) != Some('}') {
            self.at += 1;
            self.name();
            return self.closed(Piece::Unknown { quoted });
        }
        if self.peek(0) == Some('!') {
            return Err(self.not_sh("${!"));
        }
        let mut name = self.name();
        if name.is_empty() {
            name.extend(self.next());
        }
        let mut operator = String::new();
        if self.peek(0) == Some(':') {
            operator.extend(self.next());
        }
        match self.peek(0) {
            None => return Err(self.open()),
            Some('}') if operator.is_empty() => {}
            Some(c @ ('-' | '=' | '?' | '+')) => {
                self.at += 1;
                operator.push(c);
                let mut word = Pieces::default();
                self.quoted(&mut word, '}')?;
                return Ok(Piece::Variable { name, operator, word: word.0, quoted });
            }
            Some(c @ ('#' | '%')) if operator.is_empty() => {
                self.at += 1;
                self.pattern()?;
                let operator = c.to_string();
                return Ok(Piece::Variable { name, operator, word: Vec::new(), quoted });
            }
            Some(c) => return Err(self.not_sh(&format!("${{NAME{operator}{c}"))),
        }
        self.closed(Piece::Variable { name, operator, word: Vec::new(), quoted })
    }

    pub(super) fn closed(&mut self, piece: Piece) -> Read<Piece> {
        match self.next() {
            Some('}') => Ok(piece),
            Some(c) => Err(self.not_sh(&format!("${{NAME{c}"))),
            None => Err(self.open()),
        }
    }

    /// Skips the pattern of `${NAME%PATTERN}`, in which single quotes count.
    pub(super) fn pattern(&mut self) -> Read<()> {
        let mut skipped = Pieces::default();
        loop {
            match self.peek(0) {
                None => return Err(self.open()),
                Some('}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\'') => self.single_quoted(&mut skipped)?,
                Some('"') => {
                    self.at += 1;
                    self.quoted(&mut skipped, '"')?;
                }
                Some('\\') => {
                    self.at += 1;
                    self.next();
                }
                Some('$') => self.dollar(&mut skipped, true)?,
                Some('`') => self.backquoted(&mut skipped, true)?,
                Some(_) => drop(self.next()),
            }
        }
    }

    /// Skips to the `))` of `$((`.
    pub(super) fn arithmetic(&mut self) -> Read<()> {
        let (mut open, mut skipped) = (0, Pieces::default());
        loop {
            match self.peek(0) {
                None => return Err(self.open()),
                Some('(') => open += 1,
                Some(')') if open > 0 => open -= 1,
                Some(')') if self.peek(1) == Some(')') => {
                    self.at += 2;
                    return Ok(());
                }
                // `$((a); b)`: a substitution that begins with a subshell.
                Some(')') => {
                    return Err(self.unsafe_at("it is unclear: write `$( (` for a subshell"));
                }
                Some('$') => {
                    self.dollar(&mut skipped, true)?;
                    continue;
                }
                Some(_) => {}
            }
            self.next();
        }
    }
}

/// Pieces of a word that is being read.
#[derive(Default)]
pub(super) struct Pieces(Vec<Piece>);

impl Pieces {
    /// Begins a text of this kind, which may stay empty.
    fn text(&mut self, protected: bool) {
        let same =
            matches!(self.0.last(), Some(Piece::Text { quoted, .. }) if *quoted == protected);
        if !same {
            self.0.push(Piece::Text { text: String::new(), quoted: protected });
        }
    }

    fn push(&mut self, c: char, quoted: bool) {
        self.text(quoted);
        if let Some(Piece::Text { text, .. }) = self.0.last_mut() {
            text.push(c);
        }
    }
}
