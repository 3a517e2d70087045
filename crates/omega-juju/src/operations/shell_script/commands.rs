//! The commands of a script: blocks, functions, simple commands and their redirections.

use super::{
    Command, Piece, Place, plain,
    reader::{Read, Reader},
};

impl Reader {
    pub(super) fn command(&mut self, place: Place) -> Read<()> {
        let inner = place.max(Place::Maybe);
        if self.peek(0) == Some('(') {
            if self.starts("((") {
                return Err(self.not_sh("(("));
            }
            self.at += 1;
            self.skip(true)?;
            if self.peek(0) == Some(')') {
                return Err(self.unsafe_at("it is unclear: sh can't parse an empty block"));
            }
            self.inside_parentheses()?;
            return self.redirections();
        }
        match self.reserved().as_str() {
            "{" => {
                self.at += 1;
                self.block(place, &["}"])?;
                self.expect("}")?;
            }
            "if" => self.conditional(place)?,
            word @ ("while" | "until") => {
                self.at += word.len();
                self.block(place, &["do"])?;
                self.body(inner)?;
            }
            "for" => self.for_loop(inner)?,
            "case" => self.case(inner)?,
            word @ ("function" | "select" | "coproc" | "[[") => return Err(self.not_sh(word)),
            _ => return self.simple(place),
        }
        self.redirections()
    }

    pub(super) fn inside_parentheses(&mut self) -> Read<()> {
        self.list(Place::Elsewhere, &[])?;
        if self.peek(0) != Some(')') {
            return Err(self.open());
        }
        self.at += 1;
        Ok(())
    }

    pub(super) fn conditional(&mut self, place: Place) -> Read<()> {
        let inner = place.max(Place::Maybe);
        self.at += 2;
        self.block(place, &["then"])?;
        loop {
            self.expect("then")?;
            self.block(inner, &["elif", "else", "fi"])?;
            if self.reserved() != "elif" {
                break;
            }
            self.at += 4;
            self.block(inner, &["then"])?;
        }
        if self.reserved() == "else" {
            self.at += 4;
            self.block(inner, &["fi"])?;
        }
        self.expect("fi")
    }

    pub(super) fn body(&mut self, place: Place) -> Read<()> {
        self.expect("do")?;
        self.block(place, &["done"])?;
        self.expect("done")
    }

    pub(super) fn for_loop(&mut self, place: Place) -> Read<()> {
        self.at += 3;
        self.skip(false)?;
        if self.starts("((") {
            return Err(self.not_sh("for (("));
        }
        let name = self.word()?;
        if plain(&name) == Some("DAEMON_ARGS") {
            return Err(self.unsafe_at("it is unclear: a loop sets DAEMON_ARGS"));
        }
        self.skip(true)?;
        if self.reserved() == "in" {
            self.at += 2;
            self.skip(false)?;
            while self.peek(0).is_some_and(|c| !matches!(c, '\n' | ';')) {
                self.word()?;
                self.skip(false)?;
            }
        }
        self.skip(true)?;
        if self.peek(0) == Some(';') {
            self.at += 1;
        }
        self.body(place)
    }

    pub(super) fn case(&mut self, place: Place) -> Read<()> {
        self.at += 4;
        self.skip(false)?;
        self.word()?;
        self.expect("in")?;
        loop {
            self.skip(true)?;
            if self.reserved() == "esac" {
                break;
            }
            if self.peek(0) == Some('(') {
                self.at += 1;
            }
            loop {
                self.skip(false)?;
                self.word()?;
                self.skip(false)?;
                match self.next() {
                    Some('|') => {}
                    Some(')') => break,
                    _ => return Err(self.open()),
                }
            }
            self.list(place, &["esac"])?;
            if self.starts(";;&") || self.starts(";&") {
                return Err(self.not_sh(";;&"));
            }
            if self.starts(";;") {
                self.at += 2;
            }
        }
        self.expect("esac")
    }

    /// Assignments, words and redirections, or the definition of a function.
    pub(super) fn simple(&mut self, place: Place) -> Read<()> {
        let (start, nth, in_function) = (self.line, self.script.commands.len(), self.in_function);
        let mut words: Vec<Vec<Piece>> = Vec::new();
        let begin = self.at;
        loop {
            self.skip(false)?;
            match self.peek(0) {
                None | Some('\n' | ';' | '|' | '&' | ')') => break,
                Some('(') => return self.function(place, &words),
                Some('<' | '>') => self.redirection()?,
                Some(_) => {
                    let word = self.word()?;
                    let number =
                        plain(&word).is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit()));
                    if !(number && matches!(self.peek(0), Some('<' | '>'))) {
                        words.push(word);
                    }
                }
            }
        }
        if self.at == begin {
            return Err(self.unsafe_at("it is unclear: sh can't parse it"));
        }
        let lines = (start, self.line);
        let alone = self.blocks == 1;
        let command = Command { lines, words, place, in_function, alone };
        // What it substitutes was read before, and stands behind it.
        self.script.commands.insert(nth, command);
        Ok(())
    }

    pub(super) fn function(&mut self, place: Place, words: &[Vec<Piece>]) -> Read<()> {
        let [name] = words else { return Err(self.unsafe_at("it is unclear: sh can't parse `(`")) };
        let good = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        self.at += 1;
        self.skip(false)?;
        if !plain(name).is_some_and(good) || self.peek(0) != Some(')') {
            return Err(self.unsafe_at("it is unclear: sh can't parse `(`"));
        }
        self.at += 1;
        self.skip(true)?;
        let before = std::mem::replace(&mut self.in_function, true);
        self.deeper()?;
        self.command(place.max(Place::Maybe))?;
        self.depth -= 1;
        self.in_function = before;
        Ok(())
    }

    pub(super) fn redirections(&mut self) -> Read<()> {
        loop {
            self.skip(false)?;
            let digit = self.peek(0).is_some_and(|c| c.is_ascii_digit());
            match self.peek(usize::from(digit)) {
                Some('<' | '>') => {
                    self.at += usize::from(digit);
                    self.redirection()?;
                }
                _ => return Ok(()),
            }
        }
    }

    pub(super) fn redirection(&mut self) -> Read<()> {
        for other in ["<<<", "<(", ">("] {
            if self.starts(other) {
                return Err(self.not_sh(other));
            }
        }
        if self.starts("<<") {
            return Err(self.unsafe_at("it starts a here-document"));
        }
        self.at += 1;
        if matches!(self.peek(0), Some('>' | '&' | '|')) {
            self.at += 1;
        }
        self.skip(false)?;
        if matches!(self.peek(0), None | Some('\n' | ';' | '|' | '&' | '(' | ')' | '<' | '>')) {
            return Err(self.unsafe_at("it is unclear: sh can't parse a redirection"));
        }
        self.word().map(drop)
    }
}
