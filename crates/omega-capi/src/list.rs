use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::error::Category;

use crate::{Error, Management, Verb};

pub(crate) const JSON: &str = "application/json";
/// Requests the metadata only, as a `spec` or a secret's `data` can hold passwords.
pub(crate) const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
pub(crate) const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Returns the query for the objects with this label. `value` must not need percent-encoding.
pub(crate) fn label_selector(label: &str, value: &str) -> String {
    format!("labelSelector={}%3D{value}", label.replace('/', "%2F"))
}

/// A longer list is refused. No management cluster has more objects of a kind.
const MOST: usize = 10_000;

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Page<T> {
    #[serde(default)]
    metadata: PageMetadata,
    /// `null` in an empty list of metadata. Required: without it the document is not a list.
    #[serde(deserialize_with = "items")]
    items: Vec<T>,
}

fn items<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
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

    /// Parses a response. An error does not quote it, as it may be a secret.
    pub(crate) fn parse<T: DeserializeOwned>(
        &self,
        verb: Verb,
        path: &str,
        text: &str,
    ) -> Result<T, Error> {
        serde_json::from_str(text).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            let why = match error.classify() {
                Category::Eof => format!("it ends after {} bytes", text.len()),
                Category::Data => format!("it is another kind of document ({place})"),
                Category::Syntax | Category::Io => format!("it is not JSON ({place})"),
            };
            self.malformed(verb, path, &why)
        })
    }

    /// Lists the objects at `path` that match `selectors` (a query without `?`), `limit` per page.
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
        (limit, most): (usize, usize),
        accept: &str,
        reduced: impl Fn(W) -> T,
    ) -> Result<Vec<T>, Error> {
        let selectors = if selectors.is_empty() { "" } else { &format!("{selectors}&") };
        let first = format!("{path}?{selectors}limit={limit}");
        let mut query = first.clone();
        let mut all = Vec::new();
        loop {
            let page: Page<W> = self.read(&query, accept).await?;
            all.extend(page.items.into_iter().map(&reduced));
            let Some(next) = page.metadata.next.filter(|next| !next.is_empty()) else {
                return Ok(all);
            };
            if all.len() >= most {
                let why = format!("it has more than {most} objects");
                return Err(self.malformed(Verb::Get, path, &why));
            }
            query = format!("{first}&continue={next}");
        }
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
        let page = json!({"metadata": {}, "items": ["hunter2"]});
        let error = always(page).list::<u8>("/api/v1/secrets", "", 5, JSON).await.unwrap_err();
        let text = format!("{error:?} {error}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("it is another kind of document (line 1, column"), "{text}");
        let none = always(json!({"metadata": {}, "items": null}));
        assert_eq!(none.list::<u8>("/api/v1/secrets", "", 5, JSON).await.unwrap(), [0; 0]);
    }
}
