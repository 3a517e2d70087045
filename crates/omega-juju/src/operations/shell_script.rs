//! Reads a script of sh (dash) as far as needed to know which commands run in the shell itself.
//!
//! It knows quotes, comments, expansions, substitutions, subshells, pipelines, lists, `if`, `case`, loops,
//! groups, functions and redirections. What only bash has is refused by name: the init scripts of
//! openstack-pkg-tools run in sh, and dash reads none of a file that it can't parse. A here-document is
//! refused too: what is in it is not code.

use super::daemon_args::Unsafe;

/// The commands of a script, in their order.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) commands: Vec<Command>,
    /// The lines without their comments.
    pub(super) code: Vec<String>,
}

/// A simple command: assignments, and words.
#[derive(Clone, Debug)]
pub(super) struct Command {
    /// The lines, counted from 1.
    pub(super) lines: (usize, usize),
    pub(super) words: Vec<Vec<Piece>>,
    pub(super) place: Place,
    /// Whether it is in the body of a function.
    pub(super) in_function: bool,
    /// Whether nothing but a comment is beside it on its lines.
    pub(super) alone: bool,
}

/// Where a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In the shell itself, always.
    Always,
    /// In the shell itself, under a condition, or when a function is called.
    Maybe,
    /// In another process: what it sets or ends is not the shell's.
    Elsewhere,
}

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text, without its quotes. `quoted`: whether it was in quotes, or escaped.
    Text { text: String, quoted: bool },
    /// `$NAME`, or `${NAME OPERATOR WORD}`; the word is that of `-`, `=`, `?` and `+`.
    Variable { name: String, operator: String, word: Vec<Piece>, quoted: bool },
    /// Anything whose value is not known: a substitution, arithmetic.
    Unknown { quoted: bool },
}

const NOT_CLOSED: &str = "a quote, block or continued line is not closed";

/// Reserved words that end a list.
const CLOSERS: [&str; 8] = ["then", "elif", "else", "fi", "do", "done", "esac", "}"];

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    ///
    /// Fails if sh can't parse it, or what is in it is not known here; with the line.
    pub(super) fn read(text: &str) -> Result<Self, Unsafe> {
        let code = text.lines().map(str::to_owned).collect();
        let script = Self { commands: Vec::new(), code };
        let (chars, at) = (text.chars().collect(), 0);
        let mut reader =
            Reader { chars, at, line: 1, depth: 0, blocks: 0, in_function: false, script };
        reader.list(Place::Always, &[])?;
        if reader.peek(0).is_some() {
            return Err(reader.open());
        }
        reader.mark_neighbours();
        Ok(reader.script)
    }
}

impl Command {
    /// Returns the name of the command, if it is plain text.
    pub(super) fn name(&self) -> Option<&str> {
        self.words.iter().find(|word| assignment(word).is_none()).and_then(|word| plain(word))
    }
}

/// Returns the text of a word without expansions.
pub(super) fn plain(word: &[Piece]) -> Option<&str> {
    match word {
        [Piece::Text { text, .. }] => Some(text),
        _ => None,
    }
}

/// Splits `NAME=VALUE` and `NAME+=VALUE`: the name, whether it is `+=`, the value.
pub(super) fn assignment(word: &[Piece]) -> Option<(&str, bool, Vec<Piece>)> {
    let (Piece::Text { text, quoted: false }, rest) = word.split_first()? else { return None };
    let (name, value) = text.split_once('=')?;
    let (name, plus) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(good)
    {
        return None;
    }
    let head = Piece::Text { text: value.to_owned(), quoted: false };
    Some((name, plus, std::iter::once(head).chain(rest.iter().cloned()).collect()))
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    line: usize,
    /// How deep it is in commands and expansions.
    depth: usize,
    /// How deep it is in blocks and substitutions.
    blocks: usize,
    in_function: bool,
    script: Script,
}

type Read<T> = Result<T, Unsafe>;

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(nth, c)| self.peek(nth) == Some(c))
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn unsafe_at(&self, why: impl Into<String>) -> Unsafe {
        let next = "add the flag to the file by hand, then check show-args".to_owned();
        Unsafe { line: self.line, why: why.into(), next }
    }

    fn open(&self) -> Unsafe {
        let next = "close it, then check show-args".to_owned();
        let line = self.script.code.len().max(1);
        Unsafe { line, why: NOT_CLOSED.to_owned(), next }
    }

    fn not_sh(&self, what: &str) -> Unsafe {
        self.unsafe_at(format!("it is unclear: `{what}` is not of sh, and dash reads it otherwise"))
    }

    /// Skips blanks, continued lines and comments; and line ends, if `lines`.
    fn skip(&mut self, lines: bool) -> Read<()> {
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

    fn comment(&mut self) {
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
    fn list(&mut self, place: Place, ends: &[&str]) -> Read<()> {
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
    fn block(&mut self, place: Place, ends: &[&str]) -> Read<()> {
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

    fn deeper(&mut self) -> Read<()> {
        self.depth += 1;
        if self.depth > 100 { Err(self.unsafe_at("it is nested too deeply")) } else { Ok(()) }
    }

    /// The bare word here, which may be reserved.
    fn reserved(&self) -> String {
        let ends =
            |c: &&char| !matches!(**c, ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>');
        self.chars.get(self.at..).unwrap_or_default().iter().take_while(ends).collect()
    }

    fn expect(&mut self, word: &str) -> Read<()> {
        self.skip(true)?;
        if self.reserved() != word {
            return Err(self.open());
        }
        self.at += word.chars().count();
        Ok(())
    }

    /// Pipelines that `&&` and `||` join.
    fn and_or(&mut self, place: Place) -> Read<()> {
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

    fn move_elsewhere(&mut self, first: usize) {
        let all = self.script.commands.iter_mut().skip(first);
        all.for_each(|command| command.place = Place::Elsewhere);
    }

    fn pipeline(&mut self, place: Place) -> Read<()> {
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

    fn command(&mut self, place: Place) -> Read<()> {
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

    fn inside_parentheses(&mut self) -> Read<()> {
        self.list(Place::Elsewhere, &[])?;
        if self.peek(0) != Some(')') {
            return Err(self.open());
        }
        self.at += 1;
        Ok(())
    }

    fn conditional(&mut self, place: Place) -> Read<()> {
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

    fn body(&mut self, place: Place) -> Read<()> {
        self.expect("do")?;
        self.block(place, &["done"])?;
        self.expect("done")
    }

    fn for_loop(&mut self, place: Place) -> Read<()> {
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

    fn case(&mut self, place: Place) -> Read<()> {
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
    fn simple(&mut self, place: Place) -> Read<()> {
        let (start, nth, in_function) = (self.line, self.script.commands.len(), self.in_function);
        let mut words: Vec<Vec<Piece>> = Vec::new();
        let begin = self.at;
        loop {
            self.skip(false)?;
            match self.peek(0) {
                None | Some('\n' | ';' | '|' | ')') => break,
                Some('&') => break,
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

    fn function(&mut self, place: Place, words: &[Vec<Piece>]) -> Read<()> {
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

    fn redirections(&mut self) -> Read<()> {
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

    fn redirection(&mut self) -> Read<()> {
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

    fn word(&mut self) -> Read<Vec<Piece>> {
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

    fn single_quoted(&mut self, pieces: &mut Pieces) -> Read<()> {
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
    fn quoted(&mut self, pieces: &mut Pieces, end: char) -> Read<()> {
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

    fn backquoted(&mut self, pieces: &mut Pieces, quoted: bool) -> Read<()> {
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

    fn dollar(&mut self, pieces: &mut Pieces, quoted: bool) -> Read<()> {
        self.deeper()?;
        self.expansion(pieces, quoted)?;
        self.depth -= 1;
        Ok(())
    }

    fn expansion(&mut self, pieces: &mut Pieces, quoted: bool) -> Read<()> {
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

    fn name(&mut self) -> String {
        let good = |c: &&char| c.is_ascii_alphanumeric() || **c == '_';
        let rest = self.chars.get(self.at..).unwrap_or_default().iter();
        let name: String = rest.take_while(good).collect();
        self.at += name.len();
        name
    }

    /// Reads what follows `${`.
    fn braced(&mut self, quoted: bool) -> Read<Piece> {
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

    fn closed(&mut self, piece: Piece) -> Read<Piece> {
        match self.next() {
            Some('}') => Ok(piece),
            Some(c) => Err(self.not_sh(&format!("${{NAME{c}"))),
            None => Err(self.open()),
        }
    }

    /// Skips the pattern of `${NAME%PATTERN}`, in which single quotes count.
    fn pattern(&mut self) -> Read<()> {
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
    fn arithmetic(&mut self) -> Read<()> {
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

    /// Finds out which commands have others beside them on their lines.
    fn mark_neighbours(&mut self) {
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

/// Pieces of a word that is being read.
#[derive(Default)]
struct Pieces(Vec<Piece>);

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
