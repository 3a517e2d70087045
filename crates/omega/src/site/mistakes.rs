//! Every mistake of a site file at once, not only the first.

use std::{ops::Range, path::Path};

use serde::Deserialize as _;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer},
};

use super::{Site, SiteError, contradiction, value};

/// More mistakes than these are not told.
const MOST: usize = 100;

/// Reads `text`, which came from `path`. Returns the site as far as it can be read, and every mistake,
/// in the order of the file. Nothing else is read.
pub(super) fn all(path: &Path, text: &str) -> (Option<Site>, Vec<SiteError>) {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return (None, errors.iter().map(|error| SiteError::toml(path, text, error)).collect());
    }
    let (mut mistakes, mut removed) = (Vec::new(), Vec::new());
    let mut odd_tables: Vec<String> = Vec::new();
    let site = loop {
        let error = match Site::deserialize(Deserializer::from(table.clone())) {
            Ok(site) => break Some(site),
            Err(error) => error,
        };
        let missing = error.message().strip_prefix("missing field `");
        let missing = missing.and_then(|rest| rest.split('`').next());
        // It was removed here, because its value is wrong.
        if !missing.is_some_and(|key| removed.iter().any(|one| one == key)) {
            mistakes.push(SiteError::toml(path, text, &error));
        }
        let Some(span) = error.span() else { break None };
        odd_tables.extend(table_at(text, span.start));
        let Some(key) = remove(table.get_mut(), &span) else { break None };
        removed.push(key);
        if mistakes.len() > MOST {
            break None;
        }
    };
    let found = site.iter().flat_map(|site| {
        let rules = contradiction::all(site).into_iter();
        let rules = rules.map(|(span, why)| (span.start, SiteError::at(path, text, span, why)));
        rules.collect::<Vec<_>>()
    });
    // What was removed may be what a rule misses.
    let told = |at: usize| !table_at(text, at).is_some_and(|name| odd_tables.contains(&name));
    let found: Vec<_> = found.filter(|(at, _)| told(*at)).map(|(_, error)| error).collect();
    mistakes.extend(found);
    mistakes.extend(site.iter().flat_map(|site| value::all(site, path, text)));
    mistakes.sort_by_key(SiteError::offset);
    (site, mistakes)
}

/// Returns the name of the table that the text at `offset` is in: the first part, without brackets.
fn table_at(text: &str, offset: usize) -> Option<String> {
    let end = text.get(offset..)?.find('\n').map_or(text.len(), |at| offset + at);
    let header = text.get(..end)?.lines().rev().find(|line| line.trim_start().starts_with('['))?;
    let name = header.trim_start().trim_start_matches('[');
    Some(name.split([']', '.']).next().unwrap_or_default().trim().to_owned())
}

/// Removes the innermost entry whose key or value is at `span`, and returns its key.
fn remove(table: &mut DeTable<'_>, span: &Range<usize>) -> Option<String> {
    let inner = table.iter_mut().find_map(|(_, value)| within(value, span));
    if inner.is_some() {
        return inner;
    }
    let is_at = |one: &Range<usize>| one.start <= span.start && span.end <= one.end;
    let entries = table.iter();
    let mut found = entries.filter(|(key, value)| is_at(&key.span()) || is_at(&value.span()));
    let key = found.next().map(|(key, _)| key.clone())?;
    table.remove(&key).map(|_| key.get_ref().to_string())
}

fn within(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<String> {
    match value.get_mut() {
        DeValue::Table(table) => remove(table, span),
        DeValue::Array(array) => array.iter_mut().find_map(|one| within(one, span)),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => None,
    }
}
