//! A bundle and its overlays become one, as Juju merges them.
//!
//! The rules are those of juju/charm v12, overlay.go: the first document is the base; further documents
//! and files change it in their order.

use super::super::yaml::{Data, Document, Entry, Map, Place, Value};
use super::{Problem, ProblemKind};

/// The parts of an application that are merged key by key.
const BY_KEY: [&str; 4] = ["options", "bindings", "resources", "annotations"];
/// What only an overlay may have.
const OVERLAY_ONLY: [&str; 2] = ["offers", "exposed-endpoints"];

/// Where overlays remove options: of which application, which one, and where.
pub(super) type Removals = Vec<(String, String, Place)>;

/// Returns the merged bundle, what Juju would refuse or not do, and which options were removed.
pub(super) fn merge(documents: &[Document]) -> Option<(Value, Vec<Problem>, Removals)> {
    let (base, overlays) = documents.split_first()?;
    let (mut root, mut problems) = (base.root.clone(), Vec::new());
    only_overlays(&root, &mut problems);
    let mut removals = Removals::new();
    for overlay in overlays {
        apply(&mut root, &overlay.root, &mut problems);
        removals.extend(removed_options(&overlay.root));
    }
    Some((root, problems, removals))
}

/// Returns the options that an overlay removes: those that are null, and all where `options` is.
fn removed_options(overlay: &Value) -> Removals {
    let mut removed = Removals::new();
    for application in overlay.get("applications").map(Value::entries).unwrap_or_default() {
        let Some(options) = application.value.get("options") else { continue };
        if options.is_null() {
            removed.push((application.key.clone(), String::new(), options.place));
        }
        for option in options.entries().iter().filter(|option| option.value.is_null()) {
            removed.push((application.key.clone(), option.key.clone(), option.place));
        }
    }
    removed
}

fn apply(root: &mut Value, overlay: &Value, problems: &mut Vec<Problem>) {
    for Entry { key, place, value } in overlay.entries() {
        match key.as_str() {
            "applications" | "services" | "saas" => {
                let all = map_of(root, key, value.place);
                let removed = all.map(|all| applications(all, value)).unwrap_or_default();
                relations_without(root, &removed);
            }
            "relations" => relations(root, value, problems),
            // The decoder of 2.9 to 3.6 drops it in an overlay (juju/juju#19708).
            "default-base" => problems.push(Problem::new(
                ProblemKind::IgnoredDefaultBase,
                *place,
                "`default-base` of an overlay has no effect before Juju 4".to_owned(),
            )),
            _ => put(root, Entry { key: key.clone(), place: *place, value: value.clone() }),
        }
    }
}

/// Merges applications by name, and returns the names of those that are removed.
fn applications(all: &mut Map, overlay: &Value) -> Vec<String> {
    let mut removed = Vec::new();
    for Entry { key, place, value } in overlay.entries() {
        let known = all.iter().position(|entry| entry.key == *key);
        match known {
            Some(nth) if value.is_null() => {
                all.remove(nth);
                removed.push(key.clone());
            }
            Some(nth) => {
                if let Some(entry) = all.get_mut(nth) {
                    application(&mut entry.value, value);
                }
            }
            None if value.is_null() => removed.push(key.clone()),
            None => {
                all.push(Entry { key: key.clone(), place: *place, value: value.clone() });
            }
        }
    }
    removed
}

fn application(own: &mut Value, overlay: &Value) {
    for Entry { key, place, value } in overlay.entries() {
        if !BY_KEY.contains(&key.as_str()) || own.get(key).is_none() {
            put(own, Entry { key: key.clone(), place: *place, value: without_nulls(key, value) });
            continue;
        }
        let Some(map) = map_of(own, key, value.place) else { continue };
        if value.is_null() {
            map.clear();
        }
        for change in value.entries() {
            let nth = map.iter().position(|entry| entry.key == change.key);
            let is_removed = change.value.is_null() && key != "bindings";
            let mut change = change.clone();
            if change.value.is_null() {
                // A binding that is null goes to the model's own space.
                change.value.data = Data::Scalar { text: String::new(), is_quoted: true };
            }
            match nth.and_then(|nth| map.get_mut(nth)) {
                Some(own) if !is_removed => *own = change,
                None if !is_removed => map.push(change),
                Some(_) | None => map.retain(|entry| entry.key != change.key),
            }
        }
    }
}

/// A null option of an overlay removes it, also where there is none yet.
fn without_nulls(key: &str, value: &Value) -> Value {
    let mut value = value.clone();
    if let (true, Data::Map(map)) = (key == "options", &mut value.data) {
        map.retain(|entry| !entry.value.is_null());
    }
    value
}

fn relations(root: &mut Value, overlay: &Value, problems: &mut Vec<Problem>) {
    let place = overlay.place;
    if root.get("relations").is_none_or(Value::is_null) {
        let value = Value { place, data: Data::List(Vec::new()) };
        put(root, Entry { key: "relations".to_owned(), place, value });
    }
    let Data::Map(map) = &mut root.data else { return };
    let own = map.iter_mut().find(|entry| entry.key == "relations");
    match (own.map(|entry| &mut entry.value.data), &overlay.data) {
        (Some(Data::List(own)), Data::List(more)) => own.extend(more.iter().cloned()),
        _ if overlay.is_null() => {}
        _ => problems.push(Problem::new(
            ProblemKind::WrongType,
            place,
            format!("`relations` is {}, not a list", overlay.kind()),
        )),
    }
}

/// Removes the relations of applications that are removed.
fn relations_without(root: &mut Value, removed: &[String]) {
    let Data::Map(map) = &mut root.data else { return };
    let Some(Data::List(relations)) =
        map.iter_mut().find(|entry| entry.key == "relations").map(|entry| &mut entry.value.data)
    else {
        return;
    };
    let is_of = |text: &str| removed.iter().any(|name| text.split(':').next() == Some(name));
    relations.retain(|relation| !texts(relation).into_iter().any(is_of));
}

fn texts(value: &Value) -> Vec<&str> {
    match value.text() {
        Some(text) => vec![text],
        None => value.items().iter().flat_map(texts).collect(),
    }
}

/// What an overlay adds: an `offers` in the base is refused.
fn only_overlays(base: &Value, problems: &mut Vec<Problem>) {
    let all = base.get("applications").map(Value::entries).unwrap_or_default();
    for entry in all.iter().flat_map(|application| application.value.entries()) {
        if OVERLAY_ONLY.contains(&entry.key.as_str()) {
            let text =
                format!("`{}` may only be in an overlay: Juju refuses the bundle", entry.key);
            problems.push(Problem::new(ProblemKind::OverlayOnly, entry.place, text));
        }
    }
}

fn put(map: &mut Value, entry: Entry) {
    let Data::Map(entries) = &mut map.data else { return };
    match entries.iter_mut().find(|own| own.key == entry.key) {
        Some(own) => *own = entry,
        None => entries.push(entry),
    }
}

/// Returns the map of `key`, made if it is missing or something else.
fn map_of<'a>(owner: &'a mut Value, key: &str, place: Place) -> Option<&'a mut Map> {
    let Data::Map(entries) = &mut owner.data else { return None };
    let nth = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
        let value = Value { place, data: Data::Map(Vec::new()) };
        entries.push(Entry { key: key.to_owned(), place, value });
        entries.len() - 1
    });
    let value = &mut entries.get_mut(nth)?.value;
    if !matches!(value.data, Data::Map(_)) {
        value.data = Data::Map(Vec::new());
    }
    let Data::Map(map) = &mut value.data else { return None };
    Some(map)
}
