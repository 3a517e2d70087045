//! The part of dash that init scripts and `/etc/default` need: quotes, expansion, assignments, tests,
//! `&&`, `||`, `if`, sourcing. Anything else is a command that is not found.

use std::collections::BTreeMap;

use super::files::Files;

pub(super) struct Shell<'a> {
    files: &'a Files,
    user: &'a str,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) exited: bool,
    pub(super) failed: bool,
    depth: usize,
}

/// A piece of a word: quoted pieces are not split.
#[derive(Clone, Debug)]
enum Piece {
    Literal(String),
    Variable {
        name: String,
        quoted: bool,
    },
    /// `${NAME:-WORD}` or `${NAME:+WORD}`.
    Choice {
        name: String,
        if_set: bool,
        word: Vec<Piece>,
        quoted: bool,
    },
}

#[derive(Clone, Debug)]
enum Token {
    Word(Vec<Piece>),
    Operator(&'static str),
}

impl<'a> Shell<'a> {
    pub(super) fn new(files: &'a Files, user: &'a str) -> Self {
        Self { files, user, variables: BTreeMap::new(), exited: false, failed: false, depth: 0 }
    }

    /// Runs a script. Returns `false` if it does not parse: then dash runs none of it.
    pub(super) fn run(&mut self, text: &str) -> bool {
        let Some(tokens) = tokens(text) else { return false };
        let mut at = 0;
        self.list(&tokens, &mut at, true, &[]);
        true
    }

    /// Expands `$NAME`.
    pub(super) fn words(&self, name: &str) -> Vec<String> {
        let value = self.variables.get(name).map_or("", String::as_str);
        fields(value)
    }

    /// Runs commands until one of `ends`; only if `live`. Returns the last status.
    fn list(&mut self, tokens: &[Token], at: &mut usize, live: bool, ends: &[&str]) -> bool {
        let mut status = true;
        let mut run = live;
        while let Some(token) = tokens.get(*at) {
            match token {
                Token::Operator("&&") => run = live && status,
                Token::Operator("||") => run = live && !status,
                Token::Operator(_) => run = live,
                Token::Word(_) => {
                    let name = token.literal();
                    if ends.contains(&name.as_str()) {
                        return status;
                    }
                    let ran = run && !self.exited;
                    let result = self.command(tokens, at, ran);
                    status = if ran { result } else { status };
                    continue;
                }
            }
            *at += 1;
        }
        status
    }

    fn command(&mut self, tokens: &[Token], at: &mut usize, live: bool) -> bool {
        if tokens.get(*at).is_some_and(|token| token.literal() == "if") {
            return self.conditional(tokens, at, live);
        }
        let mut words = Vec::new();
        while let Some(Token::Word(pieces)) = tokens.get(*at) {
            words.push(pieces.clone());
            *at += 1;
        }
        live && self.simple(&words)
    }

    fn conditional(&mut self, tokens: &[Token], at: &mut usize, live: bool) -> bool {
        *at += 1;
        let holds = self.list(tokens, at, live, &["then"]);
        *at += 1;
        self.list(tokens, at, live && holds, &["else", "fi"]);
        if tokens.get(*at).is_some_and(|token| token.literal() == "else") {
            *at += 1;
            self.list(tokens, at, live && !holds, &["fi"]);
        }
        *at += 1;
        true
    }

    fn simple(&mut self, words: &[Vec<Piece>]) -> bool {
        let words = match words {
            [first, rest @ ..] if literal(first) == "export" => rest,
            words => words,
        };
        let assigned = words.iter().take_while(|word| assignment(word).is_some()).count();
        let (assignments, command) = words.split_at(assigned);
        for word in assignments {
            if let Some((name, value)) = assignment(word) {
                let value = self.joined(&value);
                self.variables.insert(name, value);
            }
        }
        let expanded: Vec<String> = command.iter().flat_map(|word| self.split(word)).collect();
        match expanded.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] | [":" | "true", ..] => true,
            ["[", test @ .., "]"] => self.test(test),
            ["." | "source", path] => self.source(path),
            ["exit" | "return", ..] => {
                self.exited = true;
                true
            }
            _ => false,
        }
    }

    fn source(&mut self, path: &str) -> bool {
        let Some(text) = self.files.read(path, self.user) else { return false };
        self.depth += 1;
        // A file that does not parse ends the script.
        let parsed = self.depth < 8 && self.run(&text);
        self.failed |= !parsed;
        self.exited |= !parsed;
        parsed
    }

    fn test(&self, words: &[&str]) -> bool {
        match words {
            ["!", rest @ ..] => !self.test(rest),
            ["-r", path] => self.files.read(path, self.user).is_some(),
            ["-e" | "-f", path] => self.files.file(path).is_some(),
            ["-d", path] => self.files.is_directory(path),
            ["-z", rest @ ..] => rest.iter().all(|text| text.is_empty()),
            [a, "=", b] => a == b,
            [a, "!=", b] => a != b,
            ["-n", text] | [text] => !text.is_empty(),
            _ => false,
        }
    }

    fn value(&self, name: &str) -> String {
        self.variables.get(name).cloned().unwrap_or_default()
    }

    fn joined(&self, pieces: &[Piece]) -> String {
        let texts = pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Variable { name, quoted: _ } => self.value(name),
            Piece::Choice { name, if_set, word, quoted: _ } => match (self.value(name), if_set) {
                (value, false) if !value.is_empty() => value,
                (value, true) if value.is_empty() => value,
                _ => self.joined(word),
            },
        });
        texts.collect()
    }

    /// Expands a word; what is not quoted is split at blanks.
    fn split(&self, pieces: &[Piece]) -> Vec<String> {
        let bare = |piece: &Piece| {
            matches!(
                piece,
                Piece::Variable { quoted: false, .. } | Piece::Choice { quoted: false, .. }
            )
        };
        if pieces.iter().any(bare) && pieces.len() == 1 {
            return fields(&self.joined(pieces));
        }
        vec![self.joined(pieces)]
    }
}

impl Token {
    fn literal(&self) -> String {
        match self {
            Self::Word(pieces) => literal(pieces),
            Self::Operator(_) => String::new(),
        }
    }
}

fn literal(pieces: &[Piece]) -> String {
    match pieces {
        [Piece::Literal(text)] => text.clone(),
        _ => String::new(),
    }
}

/// Splits `NAME=VALUE`.
fn assignment(pieces: &[Piece]) -> Option<(String, Vec<Piece>)> {
    let [Piece::Literal(first), rest @ ..] = pieces else { return None };
    let (name, value) = first.split_once('=')?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(good) {
        return None;
    }
    let head = Piece::Literal(value.to_owned());
    Some((name.to_owned(), std::iter::once(head).chain(rest.iter().cloned()).collect()))
}

/// Splits at the characters in IFS, which do not include the carriage return.
fn fields(value: &str) -> Vec<String> {
    let fields = value.split([' ', '\t', '\n']).filter(|field| !field.is_empty());
    fields.map(str::to_owned).collect()
}

struct Scanner {
    chars: Vec<char>,
    at: usize,
}

impl Scanner {
    /// Reads `:-WORD}` or `:+WORD}` at `at`.
    fn choice(&mut self, at: usize, name: &str, quoted: bool) -> Option<Piece> {
        let if_set = match (self.chars.get(at)?, self.chars.get(at + 1)?) {
            (':', '-') => false,
            (':', '+') => true,
            _ => return None,
        };
        let start = at + 2;
        let (mut end, mut open) = (start, 1);
        while open > 0 {
            match (self.chars.get(end)?, self.chars.get(end + 1)) {
                ('$', Some('{')) => open += 1,
                ('}', _) => open -= 1,
                _ => {}
            }
            end += 1;
        }
        let word: String = self.chars.get(start..end - 1)?.iter().collect();
        self.at = end;
        let mut inner = Scanner { chars: format!("{word}\"").chars().collect(), at: 0 };
        let (mut pieces, mut text) = (Vec::new(), String::new());
        inner.quoted_rest(&mut pieces, &mut text)?;
        if !text.is_empty() {
            pieces.push(Piece::Literal(text));
        }
        Some(Piece::Choice { name: name.to_owned(), if_set, word: pieces, quoted })
    }
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut scanner = Scanner { chars: text.chars().collect(), at: 0 };
    let mut tokens = Vec::new();
    while let Some(c) = scanner.peek(0) {
        match c {
            ' ' | '\t' => scanner.at += 1,
            '\\' if scanner.peek(1) == Some('\n') => scanner.at += 2,
            '#' => scanner.skip_line(),
            '\n' | ';' => {
                scanner.at += 1;
                tokens.push(Token::Operator(";"));
            }
            '&' | '|' => {
                let double = scanner.peek(1) == Some(c);
                scanner.at += if double { 2 } else { 1 };
                tokens.push(Token::Operator(match (c, double) {
                    ('&', true) => "&&",
                    ('|', true) => "||",
                    _ => ";",
                }));
            }
            _ => tokens.push(Token::Word(scanner.word()?)),
        }
    }
    Some(tokens)
}

impl Scanner {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn skip_line(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    fn word(&mut self) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        while let Some(c) = self.peek(0) {
            match c {
                ' ' | '\t' | '\n' | ';' | '&' | '|' => break,
                '\'' => {
                    self.at += 1;
                    loop {
                        let c = self.peek(0)?;
                        self.at += 1;
                        if c == '\'' {
                            break;
                        }
                        text.push(c);
                    }
                }
                '"' => self.double_quoted(&mut pieces, &mut text)?,
                '\\' => {
                    self.at += 1;
                    let c = self.peek(0)?;
                    if c != '\n' {
                        text.push(c);
                    }
                    self.at += 1;
                }
                '$' => self.variable(&mut pieces, &mut text, false),
                c => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        if !text.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Literal(text));
        }
        Some(pieces)
    }

    fn double_quoted(&mut self, pieces: &mut Vec<Piece>, text: &mut String) -> Option<()> {
        self.at += 1;
        self.quoted_rest(pieces, text)
    }

    fn quoted_rest(&mut self, pieces: &mut Vec<Piece>, text: &mut String) -> Option<()> {
        loop {
            match self.peek(0)? {
                '"' => {
                    self.at += 1;
                    return Some(());
                }
                '\\' if matches!(self.peek(1), Some('"' | '\\' | '$' | '`')) => {
                    text.extend(self.peek(1));
                    self.at += 2;
                }
                '\\' if self.peek(1) == Some('\n') => self.at += 2,
                '$' => self.variable(pieces, text, true),
                c => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn variable(&mut self, pieces: &mut Vec<Piece>, text: &mut String, quoted: bool) {
        self.at += 1;
        let braced = self.peek(0) == Some('{');
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let start = self.at + usize::from(braced);
        let mut end = start;
        while self.chars.get(end).copied().is_some_and(good) {
            end += 1;
        }
        let name: String = self.chars.get(start..end).unwrap_or_default().iter().collect();
        if name.is_empty() {
            text.push('$');
            return;
        }
        if !text.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(text)));
        }
        if braced && let Some(choice) = self.choice(end, &name, quoted) {
            pieces.push(choice);
            return;
        }
        self.at = end + usize::from(braced);
        pieces.push(Piece::Variable { name, quoted });
    }
}
