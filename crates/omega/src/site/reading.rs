//! A site file as far as it can be read, with every mistake in it.

use std::{borrow::Cow, ops::Range, path::Path};

use omega_core::{Failure, nearest_name};
use serde::Deserialize as _;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer},
};

use super::{
    Site, SiteError, contradiction,
    expected::{Wrong, documented, unknown, unusable, usage},
    value,
};

/// More mistakes than these are not told.
const MOST: usize = 100;

/// The way to a value: the names of its tables and its own; of an element of an array its number.
pub(super) type Keys = Vec<String>;

/// What is wrong, and with which value.
pub(super) type Mistake = (Keys, Failure);

pub(super) fn keys<const N: usize>(names: [&str; N]) -> Keys {
    names.map(str::to_owned).into()
}

/// What takes the place of a value that can't be used, so that the rest of its table is read: one of each
/// kind.
const STAND_INS: [&str; 13] = [
    "\"stand-in\"",
    "\"0000000000000000000000000000000000000000000000000000000000000000\"",
    "\"stand/0\"",
    "\"1m\"",
    "\"https://stand-in.invalid\"",
    "\"192.0.2.0/24\"",
    "\"192.0.2.1-192.0.2.9\"",
    "\"barbican\"",
    "\"calico\"",
    "1",
    "false",
    "{}",
    "[]",
];

/// The place of a value that stands in for a missing one.
const NOWHERE: Range<usize> = usize::MAX..usize::MAX;

/// A site file that was read.
pub(super) struct Reading<'t> {
    path: &'t Path,
    text: &'t str,
    /// With the parser's mistakes corrected.
    table: Spanned<DeTable<'t>>,
    /// The values that are not the file's.
    stand_ins: Vec<Keys>,
    /// In the order of the file.
    pub(super) mistakes: Vec<SiteError>,
    /// The site, if the text is TOML.
    pub(super) site: Option<Site>,
}

impl<'t> Reading<'t> {
    /// Reads `text`, which came from `path`. Nothing else is read.
    pub(super) fn of(path: &'t Path, text: &'t str) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let syntax = |error| SiteError::syntax(path, text, error);
        let mistakes: Vec<_> = errors.iter().map(syntax).collect();
        let is_toml = mistakes.is_empty();
        let mut read = Self { path, text, table, stand_ins: Vec::new(), mistakes, site: None };
        if is_toml {
            read.correct_all();
            read.judge();
        }
        read.mistakes.sort_by_key(SiteError::offset);
        read
    }

    /// Returns the place of a mistake; none if the value is not the file's, and its own mistake was told.
    pub(super) fn at(&self, (keys, failure): &Mistake) -> Option<SiteError> {
        if !self.is_of_file(keys) {
            return None;
        }
        let (path, text) = (self.path, self.text);
        Some(SiteError::of(path, text, self.span(keys), failure).about(keys))
    }

    /// Whether the value is the one of the file.
    pub(super) fn is_of_file<K: AsRef<str>>(&self, keys: &[K]) -> bool {
        let begins = |stand_in: &Keys| {
            let same = |(one, other): (&String, &K)| one == other.as_ref();
            stand_in.len() <= keys.len() && stand_in.iter().zip(keys).all(same)
        };
        !self.stand_ins.iter().any(begins)
    }

    /// Returns where the value is; the last table of `keys` that is there, otherwise.
    fn span(&self, keys: &[String]) -> Range<usize> {
        let mut all = of_table(self.table.get_ref());
        let mut span = 0..0;
        for key in keys {
            let Some(child) = all.into_iter().find(|child| child.name == *key) else { break };
            span = child.value.span();
            if span.is_empty() {
                span = child.key;
            }
            all = of_value(child.value.get_ref());
        }
        span
    }

    fn site_of(&self) -> Result<Site, toml::de::Error> {
        Site::deserialize(Deserializer::from(self.table.clone()))
    }

    /// Tells the parser's mistakes, and corrects the table.
    fn correct_all(&mut self) {
        while self.mistakes.len() < MOST && self.stand_ins.len() < 2 * MOST {
            let error = match self.site_of() {
                Ok(site) => {
                    self.site = Some(site);
                    return;
                }
                Err(error) => error,
            };
            let told = self.mistakes.len();
            if self.correct(&error).is_none() {
                if self.mistakes.len() == told {
                    self.mistakes.push(SiteError::syntax(self.path, self.text, &error));
                }
                return;
            }
        }
    }

    fn correct(&mut self, error: &toml::de::Error) -> Option<()> {
        let span = error.span()?;
        match Wrong::of(error.message()) {
            Wrong::Unknown { name, known } => self.rename(&span, name, &known),
            Wrong::Missing(name) => self.fill(&span, name, error),
            Wrong::Value(message) => self.replace(&span, message, error),
        }
    }

    fn tell(&mut self, keys: &Keys, span: Range<usize>, failure: &Failure) {
        if self.is_of_file(keys) {
            let error = SiteError::of(self.path, self.text, span, failure).about(keys);
            self.mistakes.push(error);
        }
    }

    /// The key at `span` is unknown: it is taken for the one that was probably meant.
    fn rename(&mut self, span: &Range<usize>, name: &str, known: &[&str]) -> Option<()> {
        let keys = way(of_table(self.table.get_ref()), span)?;
        let near = nearest_name(name, known.iter().copied());
        self.tell(&keys, span.clone(), &unknown(name, near, known));
        let (_, parent) = keys.split_last()?;
        let table = self.table_mut(parent)?;
        let (_, value) = table.remove_entry(name)?;
        if let Some(near) = near.filter(|near| !table.contains_key(*near)) {
            table.insert(Spanned::new(span.clone(), Cow::Owned(near.to_owned())), value);
        }
        Some(())
    }

    /// The table at `span` lacks `name`.
    fn fill(&mut self, span: &Range<usize>, name: &str, error: &toml::de::Error) -> Option<()> {
        let table = way(of_table(self.table.get_ref()), span)?;
        let keys: Keys = table.iter().cloned().chain([name.to_owned()]).collect();
        let next = format!("add it; {}", documented(&dotted(&keys)));
        let missing = usage(format!("the key `{name}` is missing"), next);
        self.tell(&keys, span.clone(), &missing);
        for stand_in in STAND_INS {
            let value = DeValue::parse(stand_in).ok()?.into_inner();
            let key = Spanned::new(NOWHERE, Cow::Owned(name.to_owned()));
            self.table_mut(&table)?.insert(key, Spanned::new(NOWHERE, value));
            if self.is_past(span, error) {
                self.stand_ins.push(keys);
                return Some(());
            }
        }
        None
    }

    /// The value at `span` can't be used.
    fn replace(&mut self, span: &Range<usize>, why: &str, error: &toml::de::Error) -> Option<()> {
        let keys = way(of_table(self.table.get_ref()), span)?;
        let failure = unusable(&dotted(&keys), self.value_mut(&keys)?.get_ref(), why);
        self.tell(&keys, span.clone(), &failure);
        for stand_in in STAND_INS {
            *self.value_mut(&keys)?.get_mut() = DeValue::parse(stand_in).ok()?.into_inner();
            if self.is_past(span, error) {
                self.stand_ins.push(keys);
                return Some(());
            }
        }
        None
    }

    /// Whether the parser no longer finds `error` at `span`, and takes what stands in. A table may lack
    /// another key there.
    fn is_past(&self, span: &Range<usize>, error: &toml::de::Error) -> bool {
        let Err(next) = self.site_of() else { return true };
        let lacks = matches!(Wrong::of(next.message()), Wrong::Missing(_));
        let is_here = next.span().is_none_or(|at| at == *span || at == NOWHERE);
        !is_here || (lacks && next.message() != error.message())
    }

    fn table_mut(&mut self, keys: &[String]) -> Option<&mut DeTable<'t>> {
        if keys.is_empty() {
            return Some(self.table.get_mut());
        }
        table_of(self.value_mut(keys)?.get_mut())
    }

    fn value_mut(&mut self, keys: &[String]) -> Option<&mut Spanned<DeValue<'t>>> {
        let (first, rest) = keys.split_first()?;
        let mut value = self.table.get_mut().get_mut(first.as_str())?;
        for key in rest {
            let value_in = value.get_mut();
            value = if let DeValue::Array(array) = value_in {
                array.get_mut(key.parse::<usize>().ok()?)?
            } else {
                table_of(value_in)?.get_mut(key.as_str())?
            };
        }
        Some(value)
    }

    /// Tells what each value and all of them together break.
    fn judge(&mut self) {
        let Some(site) = &self.site else { return };
        let mut found = contradiction::all(site);
        found.extend(value::all(site, |keys| self.is_of_file(keys)));
        let found: Vec<_> = found.iter().filter_map(|one| self.at(one)).collect();
        self.mistakes.extend(found);
        let mut empty = Vec::new();
        empty_texts(of_table(self.table.get_ref()), &Keys::new(), &mut empty);
        for keys in empty {
            let what = format!("{} is empty", dotted(&keys));
            let next = "write a value, or remove the key";
            let mistake = self.at(&(keys, usage(what, next)));
            let is_told =
                |one: &SiteError| self.mistakes.iter().any(|other| other.offset() == one.offset());
            let new = mistake.filter(|one| !is_told(one));
            self.mistakes.extend(new);
        }
    }
}

/// Returns the keys as in the file: `management.sources[0]`.
pub(super) fn dotted(keys: &[String]) -> String {
    let is_bare = |key: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        !key.is_empty() && key.chars().all(plain)
    };
    let part = |(nth, key): (usize, &String)| match key {
        key if key.parse::<usize>().is_ok() => format!("[{key}]"),
        key => {
            let dot = if nth == 0 { "" } else { "." };
            if is_bare(key) { format!("{dot}{key}") } else { format!("{dot}{key:?}") }
        }
    };
    keys.iter().enumerate().map(part).collect()
}

fn table_of<'v, 't>(value: &'v mut DeValue<'t>) -> Option<&'v mut DeTable<'t>> {
    match value {
        DeValue::Table(table) => Some(table),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_) => None,
    }
}

/// A value in a table or an array.
pub(super) struct Child<'v, 't> {
    pub(super) name: String,
    /// Where its key is.
    pub(super) key: Range<usize>,
    pub(super) value: &'v Spanned<DeValue<'t>>,
}

pub(super) fn of_table<'v, 't>(table: &'v DeTable<'t>) -> Vec<Child<'v, 't>> {
    let child = |(key, value): (&Spanned<Cow<'t, str>>, &'v Spanned<DeValue<'t>>)| Child {
        name: key.get_ref().to_string(),
        key: key.span(),
        value,
    };
    table.iter().map(child).collect()
}

pub(super) fn of_value<'v, 't>(value: &'v DeValue<'t>) -> Vec<Child<'v, 't>> {
    match value {
        DeValue::Table(table) => of_table(table),
        DeValue::Array(array) => {
            let child = |(nth, value): (usize, &'v Spanned<DeValue<'t>>)| Child {
                name: nth.to_string(),
                key: value.span(),
                value,
            };
            array.iter().enumerate().map(child).collect()
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => Vec::new(),
    }
}

/// Returns the way to the innermost entry whose key or value is at `span`.
fn way(all: Vec<Child<'_, '_>>, span: &Range<usize>) -> Option<Keys> {
    all.into_iter().find_map(|Child { name, key, value }| {
        let inner = way(of_value(value.get_ref()), span);
        let rest = inner.or_else(|| (key == *span || value.span() == *span).then(Keys::new))?;
        Some(std::iter::once(name).chain(rest).collect())
    })
}

/// Finds the texts without a character. An empty label is a value.
fn empty_texts(all: Vec<Child<'_, '_>>, before: &Keys, found: &mut Vec<Keys>) {
    for Child { name, value, .. } in all {
        let keys: Keys = before.iter().cloned().chain([name]).collect();
        if let DeValue::String(text) = value.get_ref() {
            let is_label = before.last().is_some_and(|table| table == "labels");
            if text.trim().is_empty() && !is_label {
                found.push(keys);
            }
        } else {
            empty_texts(of_value(value.get_ref()), &keys, found);
        }
    }
}
