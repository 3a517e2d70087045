use http::StatusCode;
use serde_json::{Value, json};

use super::{
    discovery::{list, text},
    recording::Recording,
    request::{Answer, JSON, status},
};
use crate::list::METADATA_LIST;

/// The stored objects of one kind.
#[derive(Clone, Debug)]
pub(super) struct Collection {
    /// `/apis/apps/v1`.
    prefix: String,
    /// `deployments`.
    plural: String,
    /// The recorded list without its items.
    frame: Value,
    /// Sorted by namespace and name.
    pub(super) items: Vec<Value>,
}

/// What a path in this collection addresses.
pub(super) enum At<'a> {
    All,
    Namespace(&'a str),
    Object(&'a str, &'a str),
}

impl Collection {
    /// Returns the recorded list at `path`.
    pub(super) fn recorded(recording: &Recording, path: &str) -> Option<Self> {
        let whole = recording.find("admin", path, Some(JSON))?;
        Some(Self::of(path, &whole.body))
    }

    /// Returns an empty list of `kind` at `path` (`/api/v1/pods`).
    pub(super) fn empty(path: &str, kind: &str) -> Self {
        let (prefix, _) = path.rsplit_once('/').unwrap_or_default();
        let at = prefix.trim_start_matches("/apis/").trim_start_matches("/api/");
        let list = json!({"kind": format!("{kind}List"), "apiVersion": at,
                          "metadata": {"resourceVersion": "1"}, "items": []});
        Self::of(path, &list)
    }

    /// Creates it from `body`, the whole list at `path`.
    pub(super) fn of(path: &str, body: &Value) -> Self {
        let (prefix, plural) = path.rsplit_once('/').unwrap_or_default();
        let (prefix, plural) = (prefix.to_owned(), plural.to_owned());
        let mut frame = body.clone();
        frame["items"] = json!([]);
        Self { prefix, plural, frame, items: list(&body["items"]).to_vec() }
    }

    pub(super) fn kind(&self) -> &str {
        text(&self.frame["kind"]).trim_end_matches("List")
    }

    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.prefix, self.plural)
    }

    /// Stores `object`, and replaces one of the same name.
    pub(super) fn put(&mut self, object: Value) {
        self.items.retain(|other| key(other) != key(&object));
        self.items.push(object);
        self.items.sort_by(|a, b| key(a).cmp(&key(b)));
    }

    /// Answers GET `path?query`; `None` if it is not in this collection.
    pub(super) fn answer(&self, path: &str, query: &str, accept: &str) -> Option<Answer> {
        let in_namespace = |item: &&Value, name: &str| item["metadata"]["namespace"] == name;
        match self.at(path)? {
            At::All => Some(self.page(self.items.iter().collect(), query, accept)),
            At::Namespace(name) => {
                let items = self.items.iter().filter(|item| in_namespace(item, name));
                Some(self.page(items.collect(), query, accept))
            }
            At::Object(namespace, name) => {
                let is = |item: &&Value| key(item) == (namespace, name);
                let Some(found) = self.items.iter().find(is) else { return Some(self.none(name)) };
                let mut object = found.clone();
                object["apiVersion"] = self.frame["apiVersion"].clone();
                object["kind"] = self.kind().into();
                Some((StatusCode::OK, object))
            }
        }
    }

    pub(super) fn at<'a>(&self, path: &'a str) -> Option<At<'a>> {
        let rest = path.strip_prefix(self.prefix.as_str())?.strip_prefix('/')?;
        let parts: Vec<&str> = rest.split('/').collect();
        match parts.as_slice() {
            [plural] if *plural == self.plural => Some(At::All),
            [plural, name] if *plural == self.plural => Some(At::Object("", name)),
            ["namespaces", space, plural] if *plural == self.plural => Some(At::Namespace(space)),
            ["namespaces", space, plural, name] if *plural == self.plural => {
                Some(At::Object(space, name))
            }
            _ => None,
        }
    }

    fn page(&self, items: Vec<&Value>, query: &str, accept: &str) -> Answer {
        let query = Query::parse(query);
        let unfiltered = query.labels.is_empty() && query.fields.is_empty();
        let fits: Vec<&Value> = items.into_iter().filter(|item| query.fits(item)).collect();
        let Ok(start) = query.from.as_deref().map_or(Ok(0), str::parse::<usize>) else {
            return bad_token();
        };
        let rest = fits.len().saturating_sub(start);
        let taken = query.limit.map_or(rest, |limit| limit.min(rest));
        let page = fits.into_iter().skip(start).take(taken);
        let mut body = self.frame.clone();
        if accept.contains(METADATA_LIST) {
            let metadata = |item: &Value| {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                       "metadata": item["metadata"]})
            };
            let items: Vec<Value> = page.map(metadata).collect();
            body["kind"] = "PartialObjectMetadataList".into();
            body["apiVersion"] = "meta.k8s.io/v1".into();
            body["items"] = if items.is_empty() { Value::Null } else { items.into() };
        } else {
            body["items"] = page.cloned().collect();
        }
        if taken < rest {
            body["metadata"]["continue"] = (start + taken).to_string().into();
            if unfiltered {
                body["metadata"]["remainingItemCount"] = (rest - taken).into();
            }
        }
        (StatusCode::OK, body)
    }

    fn none(&self, name: &str) -> Answer {
        let group = self.prefix.strip_prefix("/apis/").and_then(|rest| rest.split('/').next());
        let dotted = group.map(|group| format!(".{group}")).unwrap_or_default();
        let mut details = json!({"name": name, "kind": self.plural});
        if let Some(group) = group {
            details["group"] = group.into();
        }
        let message = format!("{}{dotted} \"{name}\" not found", self.plural);
        let (code, mut body) = status(StatusCode::NOT_FOUND, "NotFound", &message);
        body["details"] = details;
        (code, body)
    }
}

/// Returns namespace and name.
fn key(object: &Value) -> (&str, &str) {
    (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]))
}

fn bad_token() -> Answer {
    let message = "invalid continue token: continue key is not valid: invalid character '\\u009e' \
                   looking for beginning of value";
    status(StatusCode::BAD_REQUEST, "BadRequest", message)
}

#[derive(Default)]
struct Query {
    labels: Vec<(String, String)>,
    fields: Vec<(String, String)>,
    limit: Option<usize>,
    from: Option<String>,
}

impl Query {
    fn parse(query: &str) -> Self {
        let mut all = Self::default();
        let pairs = |text: &str| -> Vec<(String, String)> {
            let both = |one: &str| one.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
            text.split(',').filter_map(both).collect()
        };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decoded(value);
            match name {
                "labelSelector" => all.labels = pairs(&value),
                "fieldSelector" => all.fields = pairs(&value),
                "limit" => all.limit = value.parse().ok().filter(|limit| *limit > 0),
                "continue" => all.from = Some(value).filter(|from| !from.is_empty()),
                _ => {}
            }
        }
        all
    }

    fn fits(&self, item: &Value) -> bool {
        let pointer = |name: &str| format!("/{}", name.replace('.', "/"));
        let field = |name: &str| item.pointer(&pointer(name)).cloned().unwrap_or_default();
        self.labels.iter().all(|(key, value)| item["metadata"]["labels"][key] == value.as_str())
            && self.fields.iter().all(|(name, value)| match name.strip_suffix('!') {
                Some(name) => field(name) != value.as_str(),
                None => field(name) == value.as_str(),
            })
    }
}

/// Decodes percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).and_then(|two| str::from_utf8(two).ok());
        let byte =
            escaped.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
