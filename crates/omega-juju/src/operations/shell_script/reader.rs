//! The characters of a script, and its lists of commands.

use super::{Place, Script};
use crate::operations::daemon_args::Unsafe;

const NOT_CLOSED: &str = "a quote, block or continued line is not closed";

/// Reserved words that end a list.
const CLOSERS: [&str; 8] = ["then", "elif", "else", "fi", "do", "done", "esac", "}"];

/// Where it is in the script, and what it found.
pub(super) struct Reader {
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    pub(super) line: usize,
    /// How deep it is in commands and expansions.
    pub(super) depth: usize,
    /// How deep it is in blocks and substitutions.
    pub(super) blocks: usize,
    pub(super) in_function: bool,
    pub(super) script: Script,
}

pub(super) type Read<T> = Result<T, Unsafe>;

impl Reader {
    pub(super) fn new(text: &str) -> Self {
        let code = text.lines().map(str::to_owned).collect();
        let script = Script { commands: Vec::new(), code };
        let (chars, at) = (text.chars().collect(), 0);
        Self { chars, at, line: 1, depth: 0, blocks: 0, in_function: false, script }
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    pub(super) fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(nth, c)| self.peek(nth) == Some(c))
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    pub(super) fn unsafe_at(&self, why: impl Into<String>) -> Unsafe {
        let next = "add the flag to the file by hand, then check show-args".to_owned();
        Unsafe { line: self.line, why: why.into(), next }
    }

    pub(super) fn open(&self) -> Unsafe {
        let next = "close it, then check show-args".to_owned();
        let line = self.script.code.len().max(1);
        Unsafe { line, why: NOT_CLOSED.to_owned(), next }
    }

    pub(super) fn not_sh(&self, what: &str) -> Unsafe {
        self.unsafe_at(format!("it is unclear: `{what}` is not of sh, and dash reads it otherwise"))
    }

    /// Skips blanks, continued lines and comments; and line ends, if `lines`.
    pub(super) fn skip(&mut self, lines: bool) -> Read<()> {
        while let Some(c) = self.peek(0) {
            match c {
                ' ' | '\t' => drop(self.next()),
                '\n' if lines => drop(self.next()),
                '\\' if self.peek(1) == Some('\n') => {
                    self.at += 2;
                    self.line += 1;
                    if self.peek(0).is_none() {
                        return Err(self.open());
                    }
                }
                '#' => self.comment(),
                _ => break,
            }
        }
        Ok(())
    }

    pub(super) fn comment(&mut self) {
        let start = self.at;
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.at += 1;
        }
        let length: usize =
            self.chars.get(start..self.at).unwrap_or_default().iter().map(|c| c.len_utf8()).sum();
        if let Some(code) = self.script.code.get_mut(self.line - 1) {
            code.truncate(code.len() - length.min(code.len()));
        }
    }

    /// Reads commands until a reserved word of `ends`, `)`, `;;` or the end, and leaves that.
    pub(super) fn list(&mut self, place: Place, ends: &[&str]) -> Read<()> {
        self.deeper()?;
        self.blocks += 1;
        loop {
            self.skip(true)?;
            match self.peek(0) {
                None | Some(')') => break,
                Some(';') if self.peek(1) == Some(';') => break,
                Some(';') => drop(self.next()),
                Some(_) if CLOSERS.contains(&self.reserved().as_str()) => {
                    if ends.contains(&self.reserved().as_str()) {
                        break;
                    }
                    return Err(self.open());
                }
                Some(_) => self.and_or(place)?,
            }
        }
        self.depth -= 1;
        self.blocks -= 1;
        Ok(())
    }

    /// The same with at least one command: sh can't parse an empty block.
    pub(super) fn block(&mut self, place: Place, ends: &[&str]) -> Read<()> {
        self.skip(true)?;
        let begin = self.at;
        self.list(place, ends)?;
        if self.at == begin {
            if self.peek(0).is_none() {
                return Err(self.open());
            }
            return Err(self.unsafe_at("it is unclear: sh can't parse an empty block"));
        }
        Ok(())
    }

    pub(super) fn deeper(&mut self) -> Read<()> {
        self.depth += 1;
        if self.depth > 100 { Err(self.unsafe_at("it is nested too deeply")) } else { Ok(()) }
    }

    /// The bare word here, which may be reserved.
    pub(super) fn reserved(&self) -> String {
        let ends =
            |c: &&char| !matches!(**c, ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>');
        self.chars.get(self.at..).unwrap_or_default().iter().take_while(ends).collect()
    }

    pub(super) fn expect(&mut self, word: &str) -> Read<()> {
        self.skip(true)?;
        if self.reserved() != word {
            return Err(self.open());
        }
        self.at += word.chars().count();
        Ok(())
    }

    /// Pipelines that `&&` and `||` join.
    pub(super) fn and_or(&mut self, place: Place) -> Read<()> {
        let first = self.script.commands.len();
        let mut here = place;
        loop {
            self.pipeline(here)?;
            self.skip(false)?;
            if self.starts("&&") || self.starts("||") {
                self.at += 2;
                self.skip(true)?;
                here = here.max(Place::Maybe);
            } else {
                break;
            }
        }
        if self.starts("&>") {
            return Err(self.not_sh("&>"));
        }
        match self.peek(0) {
            Some('&') => {
                self.at += 1;
                self.move_elsewhere(first);
            }
            Some(';') if self.peek(1) != Some(';') => self.at += 1,
            _ => {}
        }
        Ok(())
    }

    pub(super) fn move_elsewhere(&mut self, first: usize) {
        let all = self.script.commands.iter_mut().skip(first);
        all.for_each(|command| command.place = Place::Elsewhere);
    }

    pub(super) fn pipeline(&mut self, place: Place) -> Read<()> {
        let first = self.script.commands.len();
        let mut piped = false;
        loop {
            self.skip(false)?;
            while self.reserved() == "!" {
                self.at += 1;
                self.skip(false)?;
            }
            self.deeper()?;
            self.command(place)?;
            self.depth -= 1;
            self.skip(false)?;
            if self.peek(0) != Some('|') || self.peek(1) == Some('|') {
                break;
            }
            if self.starts("|&") {
                return Err(self.not_sh("|&"));
            }
            self.at += 1;
            self.skip(true)?;
            piped = true;
        }
        if piped {
            self.move_elsewhere(first);
        }
        Ok(())
    }

    /// Finds out which commands have others beside them on their lines.
    pub(super) fn mark_neighbours(&mut self) {
        let all: Vec<(usize, usize)> = self.script.commands.iter().map(|one| one.lines).collect();
        let code = &self.script.code;
        for (nth, command) in self.script.commands.iter_mut().enumerate() {
            let (first, last) = command.lines;
            let shared = |(other, (from, to)): (usize, &(usize, usize))| {
                other != nth && *from <= last && *to >= first
            };
            let begins = code.get(first - 1).is_some_and(|line| {
                let line = line.trim_start();
                line.starts_with("DAEMON_ARGS") || line.starts_with("export ")
            });
            let ends =
                code.get(last - 1).is_some_and(|line| !line.trim_end().ends_with([';', '&', '|']));
            command.alone &= begins && ends && !all.iter().enumerate().any(shared);
        }
    }
}
