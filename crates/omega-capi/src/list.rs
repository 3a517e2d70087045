use omega_core::Evidence;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Value, error::Category};

use crate::{Error, Management, Verb, upstream_messages::decode_failure};

pub(crate) const JSON: &str = "application/json";
/// Requests the metadata only, as a `spec` or a secret's `data` can hold passwords.
pub(crate) const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
pub(crate) const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Returns the query for the objects with this label. `value` must not need percent-encoding.
pub(crate) fn label_selector(label: &str, value: &str) -> String {
    format!("labelSelector={}%3D{value}", label.replace('/', "%2F"))
}

/// An object of a list that could not be understood. The others of its list were read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OddObject {
    /// The path of the list.
    pub list: String,
    /// `NAMESPACE/NAME`, as far as it has them.
    pub name: String,
    /// What is wrong. It quotes no value, which may be a secret.
    pub why: String,
}

impl OddObject {
    /// Returns it as what an answer leaves out.
    pub fn evidence(&self) -> Evidence {
        let Self { list, name, why } = self;
        Evidence::text("not understood:", format!("{name} of {list}: {why}"))
    }
}

/// A longer list is refused. No management cluster has more objects of a kind.
const MOST: usize = 10_000;

/// How many objects of a list that must be whole a page has.
const PAGE: usize = 200;

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Page<T> {
    metadata: Option<PageMetadata>,
    /// `null` in an empty list of metadata. Required: without it the document is not a list.
    #[serde(deserialize_with = "maybe_null")]
    items: Vec<T>,
}

/// Takes `null` for an empty list, and refuses a document without the field.
pub(crate) fn maybe_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(from).map(Option::unwrap_or_default)
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue")]
    next: Option<String>,
}

impl Management {
    /// Reads the document at `path`.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        accept: &str,
    ) -> Result<T, Error> {
        self.parse(Verb::Get, path, &self.get(path, accept).await?)
    }

    /// Reads the document at `path`; `None` if there is none (404).
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        path: &str,
        accept: &str,
    ) -> Result<Option<T>, Error> {
        match self.read(path, accept).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::Status { code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Parses a response. A field that is `null` counts as absent, as for Kubernetes' own clients. An
    /// error does not quote the response, as it may be a secret.
    pub(crate) fn parse<T: DeserializeOwned>(
        &self,
        verb: Verb,
        path: &str,
        text: &str,
    ) -> Result<T, Error> {
        serde_json::from_str(text).or_else(|error| without_nulls(text).ok_or(error)).map_err(
            |error| {
                let place = format!("line {}, column {}", error.line(), error.column());
                let why = match error.classify() {
                    Category::Eof => format!("it ends after {} bytes", text.len()),
                    Category::Data => format!("it is another kind of document ({place})"),
                    Category::Syntax | Category::Io => format!("it is not JSON ({place})"),
                };
                self.malformed(verb, path, &why)
            },
        )
    }

    /// Lists the objects at `path` that match `selectors` (a query without `?`), `limit` per page. One that
    /// can't be decoded is skipped: [`Management::odd_objects`] names it.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        selectors: &str,
        limit: usize,
        accept: &str,
    ) -> Result<Vec<T>, Error> {
        self.list_as(path, selectors, (limit, MOST), accept, |object| object).await
    }

    /// The same, at most `most` objects, each of which is reduced as its page arrives.
    pub(crate) async fn list_as<W: DeserializeOwned, T>(
        &self,
        path: &str,
        selectors: &str,
        limits: (usize, usize),
        accept: &str,
        reduced: impl Fn(W) -> T,
    ) -> Result<Vec<T>, Error> {
        let (all, odd) = self.pages(path, selectors, limits, accept, reduced).await?;
        self.note_odd(odd);
        Ok(all)
    }

    /// The same, where a list that lacks an object is worse than none: one that can't be understood is
    /// an error.
    pub(crate) async fn list_whole<T: DeserializeOwned>(
        &self,
        path: &str,
        selectors: &str,
        accept: &str,
    ) -> Result<Vec<T>, Error> {
        let limits = (PAGE, MOST);
        let (all, odd) = self.pages(path, selectors, limits, accept, |object| object).await?;
        match odd.first() {
            None => Ok(all),
            Some(OddObject { name, why, .. }) => Err(self.malformed(
                Verb::Get,
                path,
                &format!("{name} in it can't be understood: {why}"),
            )),
        }
    }

    async fn pages<W: DeserializeOwned, T>(
        &self,
        path: &str,
        selectors: &str,
        (limit, most): (usize, usize),
        accept: &str,
        reduced: impl Fn(W) -> T,
    ) -> Result<(Vec<T>, Vec<OddObject>), Error> {
        let selectors = if selectors.is_empty() { "" } else { &format!("{selectors}&") };
        let first = format!("{path}?{selectors}limit={limit}");
        let mut query = first.clone();
        let (mut all, mut odd, mut seen) = (Vec::new(), Vec::new(), 0);
        loop {
            let text = self.get(&query, accept).await?;
            let page = match serde_json::from_str::<Page<W>>(&text) {
                Ok(page) => page,
                Err(_) => {
                    self.parse::<Page<Value>>(Verb::Get, &query, &text)?.decoded(path, &mut odd)
                }
            };
            seen += page.items.len();
            all.extend(page.items.into_iter().map(&reduced));
            let next = page.metadata.and_then(|metadata| metadata.next);
            let Some(next) = next.filter(|next| !next.is_empty()) else {
                return Ok((all, odd));
            };
            if seen + odd.len() >= most {
                let why = format!("it has more than {most} objects");
                return Err(self.malformed(Verb::Get, path, &why));
            }
            query = format!("{first}&continue={next}");
        }
    }
}

impl Page<Value> {
    /// Decodes each object by itself; those that can't be are added to `odd`.
    fn decoded<W: DeserializeOwned>(self, list: &str, odd: &mut Vec<OddObject>) -> Page<W> {
        let Self { metadata, items } = self;
        let each = items.into_iter().filter_map(|mut item| {
            let name = name_of(&item);
            drop_nulls(&mut item);
            let decoded = serde_json::from_value(item);
            let failed = |error: &serde_json::Error| OddObject {
                list: list.to_owned(),
                name,
                why: decode_failure(&error.to_string()),
            };
            odd.extend(decoded.as_ref().err().map(failed));
            decoded.ok()
        });
        let items = each.collect();
        Page { metadata, items }
    }
}

fn name_of(object: &Value) -> String {
    let text = |at: &str| object.pointer(at).and_then(Value::as_str);
    let name = text("/metadata/name").unwrap_or("an object without a name");
    text("/metadata/namespace")
        .map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
}

/// Parses `text` without the fields that are `null`. None if that does not help.
fn without_nulls<T: DeserializeOwned>(text: &str) -> Option<T> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    drop_nulls(&mut value);
    serde_json::from_value(value).ok()
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(all) => {
            all.retain(|one| !one.is_null());
            all.iter_mut().for_each(drop_nulls);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::{JSON, MOST};
    use crate::{Error, Management};

    /// A server that answers every list with `page`.
    fn always(page: Value) -> Management {
        let service = tower::service_fn(move |_: Request<Body>| {
            let body = Body::from(page.to_string().into_bytes());
            async move { Ok::<_, Infallible>(Response::new(body)) }
        });
        Management::over(service, "https://127.77.2.1:6443 (context lab)")
    }

    #[tokio::test]
    async fn a_list_without_an_end_is_left() {
        let page = json!({"metadata": {"continue": "again"}, "items": vec![1; 1000]});
        let management = always(page);
        let error = management.list::<u8>("/api/v1/things", "", 1000, JSON).await.unwrap_err();
        assert_eq!(management.requests(), MOST / 1000);
        let Error::Malformed { why, .. } = error else { panic!("{error:?}") };
        assert_eq!(why, "it has more than 10000 objects");
    }

    #[tokio::test]
    async fn what_does_not_parse_is_not_quoted() {
        let page = json!({"metadata": {}, "items": "hunter2"});
        let error = always(page).list::<u8>("/api/v1/secrets", "", 5, JSON).await.unwrap_err();
        let text = format!("{error:?} {error}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("it is another kind of document (line 1, column"), "{text}");
        let none = always(json!({"metadata": {}, "items": null}));
        assert_eq!(none.list::<u8>("/api/v1/secrets", "", 5, JSON).await.unwrap(), [0; 0]);
    }

    /// An object as most are: its name is needed, its status is not.
    #[derive(Debug, serde::Deserialize)]
    struct Thing {
        metadata: Name,
        #[serde(default)]
        status: Status,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Name {
        name: String,
    }

    #[derive(Debug, Default, serde::Deserialize)]
    #[serde(default)]
    struct Status {
        conditions: Vec<Value>,
        password: Option<String>,
    }

    /// `status: null` on one object of a list.
    #[tokio::test]
    async fn one_odd_object_is_named_and_the_others_are_read() {
        let things = json!({"metadata": {}, "items": [
            {"metadata": {"name": "well"}, "status": {"conditions": [{"type": "Ready"}]}},
            {"metadata": {"name": "null-status"}, "status": null},
            {"metadata": {"name": "null-conditions"}, "status": {"conditions": null}},
            {"metadata": {"name": "null-condition"}, "status": {"conditions": [null]}},
            {"metadata": {"name": "odd", "namespace": "n"}, "status": {"password": ["hunter2"]}},
            {"metadata": {"name": "worded"}, "status": "hunter2"},
            {"metadata": {"namespace": "n"}},
            null,
        ]});
        let management = always(things.clone());
        let all: Vec<Thing> = management.list("/api/v1/things", "", 5, JSON).await.unwrap();
        let read: Vec<_> = all
            .iter()
            .map(|one| (one.metadata.name.as_str(), one.status.conditions.len()))
            .collect();
        let expected =
            [("well", 1), ("null-status", 0), ("null-conditions", 0), ("null-condition", 0)];
        assert_eq!(read, expected);
        let odd = management.odd_objects();
        let named: Vec<_> = odd.iter().map(|one| (one.name.as_str(), one.why.as_str())).collect();
        assert_eq!(
            named,
            [
                ("an object without a name", "expected struct Thing"),
                ("n/an object without a name", "missing field `name`"),
                ("n/odd", "expected a string"),
                ("worded", "expected struct Status"),
            ]
        );
        assert!(odd.iter().all(|one| one.list == "/api/v1/things"));
        // The same clients' copies know it, and once.
        let _again: Vec<Thing> =
            management.once().list("/api/v1/things", "", 5, JSON).await.unwrap();
        assert_eq!(management.odd_objects(), odd);
        // Where a list must be whole it is an error.
        let strict = always(things).list_whole::<Thing>("/api/v1/things", "", JSON).await;
        let Error::Malformed { why, .. } = strict.unwrap_err() else { panic!() };
        assert!(why.starts_with("n/odd in it can't be understood"), "{why}");
    }

    #[tokio::test]
    async fn a_null_field_of_one_document_is_an_absent_one() {
        let read =
            |document: Value| async move { always(document).read::<Thing>("/x", JSON).await };
        let thing = read(json!({"metadata": {"name": "a"}, "status": null})).await.unwrap();
        assert_eq!((thing.metadata.name.as_str(), thing.status.password), ("a", None));
        assert!(read(json!({"metadata": null})).await.is_err(), "it is needed");
    }
}
