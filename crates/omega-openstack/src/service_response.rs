//! The services' responses: errors, lists, pages.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use omega_core::json_words;
use serde::{Deserialize as _, Deserializer, de::DeserializeOwned, de::Error as _};
use serde_json::Value;
use url::Url;

use crate::{Error, Refusal, RefusalReason, Request, Response, Transport};

/// A list with more pages than this is treated as endless.
const MAX_PAGES: usize = 200;

/// Returns the response if it is a success, and the service's refusal otherwise.
pub(crate) fn accept(request: &Request, response: Response) -> Result<Response, Error> {
    if (200..300).contains(&response.status) {
        return match not_json(request, &response) {
            Some(why) => Err(Error::malformed(request, response.request_id, why)),
            None => Ok(response),
        };
    }
    let (kind, mut message) = words(&response.body);
    if let (300..=399, Some(to)) = (response.status, response.headers.get("location")) {
        message = format!("redirected to {}", absolute(response.url.as_deref(), to));
    }
    if let (406, Some(needs)) = (response.status, request.microversion) {
        message = format!("{message}; this call needs version {needs}{}", range(&response.body));
    }
    Err(Error::Refused(Box::new(Refusal {
        request: request.to_string(),
        write: request.writes(),
        status: response.status,
        kind,
        message,
        retry_after: response.headers.retry_after(),
        request_id: response.request_id,
        url: response.url,
        next: None,
    })))
}

/// Returns where a redirect leads: `Location` may be relative (RFC 9110, 10.2.2).
fn absolute(from: Option<&str>, to: &str) -> String {
    let from = from.and_then(|from| Url::parse(from).ok());
    let joined = from.and_then(|from| from.join(to).ok());
    joined.map_or_else(|| to.to_owned(), String::from)
}

/// Returns the versions that the service has, as Magnum and Placement answer a version that they lack.
fn range(body: &Value) -> String {
    let error = body.get("errors").and_then(|errors| errors.get(0));
    let version = |key: &str| error?.get(key)?.as_str();
    match (version("min_version"), version("max_version")) {
        (Some(min), Some(max)) => format!(", and the service has {min} to {max}"),
        _ => String::new(),
    }
}

/// Returns the service's name for the reason, and its message.
///
/// Neutron: `{"NeutronError": {"type", "message", "detail"}}`; Keystone: `{"error": {"code",
/// "title", "message"}}`; Magnum: `{"errors": [{"code", "title", "detail", "request_id"}]}`;
/// Octavia: `{"faultcode", "faultstring", "debuginfo"}`; Barbican: `{"code", "title", "description"}`; what
/// answers before a service (Paste, a middleware): `{"code", "title", "message"}`; Nova and Cinder: `{REASON: {"code", "message"}}`, where
/// the reason is a word for the status (`conflictingRequest`, `itemNotFound`).
fn words(body: &Value) -> (Option<String>, String) {
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    if let Some(error) = body.get("NeutronError") {
        let message = text(error, "message").unwrap_or_else(|| error.to_string());
        return (text(error, "type"), message);
    }
    if let Some(error) = body.get("errors").and_then(|errors| errors.get(0)) {
        let message = text(error, "detail").or_else(|| text(error, "title"));
        return (None, message.unwrap_or_else(|| error.to_string()));
    }
    if let Some(error) = body.get("error") {
        let message = text(error, "message").unwrap_or_else(|| error.to_string());
        return (None, message);
    }
    let message = ["faultstring", "description", "message"].iter().find_map(|key| text(body, key));
    if let Some(message) = message {
        return (None, message);
    }
    let only = body.as_object().filter(|fault| fault.len() == 1);
    let fault = only.and_then(|fault| fault.values().next());
    if let Some(message) = fault.and_then(|fault| text(fault, "message")) {
        return (None, message);
    }
    let message = match body {
        Value::Null => "no reason was given".to_owned(),
        Value::String(text) => {
            let text =
                title(text).map_or_else(|| plain(text).to_owned(), |title| page(title, text));
            text.chars().take(300).collect()
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => body.to_string(),
    };
    (None, message)
}

/// Returns what came in place of JSON: a proxy answered, or the web server of something else. A write may
/// be answered with a text.
fn not_json(request: &Request, response: &Response) -> Option<String> {
    let Value::String(text) = &response.body else { return None };
    let html =
        response.headers.get("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    let what = if html || text.trim_start().starts_with('<') {
        let title = title(text).map(|title| format!(" ({title})"));
        format!("an HTML page{}", title.unwrap_or_default())
    } else if request.writes() {
        return None;
    } else {
        "a text".to_owned()
    };
    let from = response.url.as_deref().map(|url| format!(" from {url}")).unwrap_or_default();
    Some(format!("{what} in place of JSON{from}, with status {}", response.status))
}

/// Returns the title of an HTML page.
fn title(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<title>")?;
    Some(rest.split_once("</title>")?.0.trim()).filter(|title| !title.is_empty())
}

/// Returns what a page says: its title, and what is below it. A proxy's tells who answered; webob's, which
/// Glance and others send whoever does not ask for JSON, has the reason after the heading (webob 1.8,
/// `exc.py`, `html_template_obj`).
fn page(title: &str, text: &str) -> String {
    let body = text.split_once("<body").map_or("", |(_, body)| body);
    let mut words = String::new();
    // The first piece is the rest of the tag `<body ...>`.
    for piece in body.split('<') {
        let (_, after) = piece.split_once('>').unwrap_or((piece, ""));
        words.push_str(after);
        words.push(' ');
    }
    for (entity, is) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        words = words.replace(entity, is);
    }
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = words.strip_prefix(title).unwrap_or(&words).trim();
    if !rest.contains(char::is_alphanumeric) {
        return title.to_owned();
    }
    // The status is told anyway.
    let title = title.trim_start_matches(|c: char| c.is_ascii_digit()).trim();
    format!("{title}: {rest}")
}

/// Returns what a plain text says: Glance writes `409 Conflict`, an empty line, and then the reason.
fn plain(text: &str) -> &str {
    match text.split_once("\n\n") {
        Some((status, rest)) if status.starts_with(|c: char| c.is_ascii_digit()) => rest.trim(),
        _ => text,
    }
}

/// Reads a moment that may lack its zone: then it is UTC.
///
/// Keystone 22 writes `2026-11-21T16:57:16.000000Z`, and `2026-11-21T15:57:22` for a token that
/// expires with its application credential (recordings/keystone-credential-ending-201.json).
pub(crate) fn utc<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    // The text may be anything, also what the service was sent.
    let no_time = |_| D::Error::custom("it has a text that is not a time");
    let civil: DateTime = text.parse().map_err(no_time)?;
    Ok(civil.to_zoned(TimeZone::UTC).map_err(no_time)?.timestamp())
}

/// Does the same for a moment that may be absent or null.
pub(crate) fn utc_or_none<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Timestamp>, D::Error> {
    #[derive(serde::Deserialize)]
    struct Moment(#[serde(deserialize_with = "utc")] Timestamp);
    Ok(Option::<Moment>::deserialize(from)?.map(|Moment(moment)| moment))
}

/// Sends `request` and reads the value under `key`.
pub(crate) async fn fetch<T: DeserializeOwned>(
    transport: &dyn Transport,
    request: Request,
    key: &str,
) -> Result<T, Error> {
    let mut response = accept(&request, transport.send(request.clone()).await?)?;
    let value = if key.is_empty() {
        Some(response.body)
    } else {
        response.body.get_mut(key).map(Value::take)
    };
    let id = response.request_id;
    let value =
        value.ok_or_else(|| Error::malformed(&request, id.clone(), format!("no {key:?}")))?;
    serde_json::from_value(value)
        .map_err(|error| Error::malformed(&request, id, json_words(&error)))
}

/// Returns nothing for what does not exist.
pub(crate) fn absent<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.reason() == Some(RefusalReason::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// That what is deleted does not exist is no error: another client deleted it first. The verification
/// observes whether it is gone.
pub(crate) fn deleted(answer: Result<(), Error>) -> Result<(), Error> {
    absent(answer).map(drop)
}

/// Sends `request` and checks only that it was accepted.
pub(crate) async fn send(transport: &dyn Transport, request: Request) -> Result<(), Error> {
    accept(&request, transport.send(request.clone()).await?).map(|_| ())
}

/// Reads a whole list, page by page.
pub(crate) async fn list<T: DeserializeOwned>(
    transport: &dyn Transport,
    request: Request,
    key: &str,
) -> Result<Vec<T>, Error> {
    list_at(transport, request, key).await.map(|(all, _)| all)
}

/// Reads a whole list, page by page, and the service's time of the first page. One element that can't be
/// understood is an error of the list: what it is must not look absent.
pub(crate) async fn list_at<T: DeserializeOwned>(
    transport: &dyn Transport,
    request: Request,
    key: &str,
) -> Result<(Vec<T>, Timestamp), Error> {
    let listed = Box::pin(list_with_odd(transport, request, key)).await?;
    let Listed { all, at, .. } = listed.whole()?;
    Ok((all, at))
}

/// A list, and what of it could not be understood.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    pub(crate) all: Vec<T>,
    pub(crate) odd: Vec<Odd>,
    /// The service's time of the first page.
    pub(crate) at: Timestamp,
}

/// An element of a list that has an id or a name, and could not be understood.
#[derive(Debug)]
pub(crate) struct Odd {
    /// Its name and its id, as far as it has them.
    pub(crate) names: Vec<String>,
    pub(crate) why: String,
    /// The same, for where the list is of no use without it.
    error: Error,
}

impl<T> Listed<T> {
    /// Fails if there is an element that could not be understood.
    pub(crate) fn whole(self) -> Result<Self, Error> {
        self.without(|_| true)
    }

    /// Fails if an element that could not be understood has this name or id.
    pub(crate) fn whole_for(self, wanted: &str) -> Result<Self, Error> {
        self.without(|odd| odd.names.iter().any(|name| name == wanted))
    }

    fn without(mut self, matters: impl Fn(&Odd) -> bool) -> Result<Self, Error> {
        match self.odd.iter().position(matters) {
            Some(first) => Err(self.odd.swap_remove(first).error),
            None => Ok(self),
        }
    }
}

/// Reads a whole list, page by page. Elements that can't be understood are told apart.
///
/// A link (`KEY_links` or `next`) tells that there are more pages. Only the query of the link is used,
/// because its host may be one that only the service can reach.
pub(crate) async fn list_with_odd<T: DeserializeOwned>(
    transport: &dyn Transport,
    request: Request,
    key: &str,
) -> Result<Listed<T>, Error> {
    let mut at = None;
    let (mut all, mut odd) = (Vec::new(), Vec::new());
    let mut page = request.clone();
    for _ in 0..MAX_PAGES {
        let response = accept(&page, transport.send(page.clone()).await?)?;
        at = at.or_else(|| response.headers.date());
        let mut body = response.body;
        let next = next_page(&body, key).map_err(|link| {
            Error::malformed(
                &page,
                None,
                format!("the link to the next page can't be read: {link:?}"),
            )
        })?;
        let items = body.get_mut(key).map(Value::take);
        let items = items.ok_or_else(|| Error::malformed(&page, None, format!("no {key:?}")))?;
        let items: Vec<Value> = serde_json::from_value(items)
            .map_err(|error| Error::malformed(&page, None, json_words(&error)))?;
        let empty = items.is_empty();
        for item in items {
            match element(&page, item) {
                Ok(item) => all.extend(item),
                Err(one) => odd.push(one),
            }
        }
        // Some services link to a next page after the last one: an empty page ends the list.
        match next.filter(|_| !empty) {
            None => return Ok(Listed { all, odd, at: at.unwrap_or_else(Timestamp::now) }),
            Some(query) if query == page.query => {
                return Err(Error::malformed(&page, None, "its next page is the same page"));
            }
            Some(query) => page.query = query,
        }
    }
    Err(Error::malformed(&request, None, format!("its list does not end after {MAX_PAGES} pages")))
}

/// Reads one element of a list. None for what nobody could name, and the openstack client shows the rest
/// without: no object, or one that has neither an id nor a name. What has one must not look absent.
fn element<T: DeserializeOwned>(page: &Request, item: Value) -> Result<Option<T>, Odd> {
    let text = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
    let names: Vec<String> = ["name", "uuid", "id"].into_iter().filter_map(text).collect();
    let error = match serde_json::from_value(item) {
        Ok(item) => return Ok(Some(item)),
        Err(error) => error,
    };
    let why = json_words(&error);
    if let Some(name) = names.first() {
        let error = Error::malformed(page, None, format!("{name} in it: {why}"));
        return Err(Odd { names, why, error });
    }
    tracing::warn!(target: "omega_notice", request = %page, why, "an element of the list is skipped");
    Ok(None)
}

/// Reads null, and what has another type than the API documents, as nothing: what a list shows beside it
/// counts.
pub(crate) fn or_nothing<'de, D: Deserializer<'de>, T: Default + DeserializeOwned>(
    from: D,
) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).unwrap_or_default())
}

/// Returns the link to the next page. An unreadable one is an error, because it must not look like the
/// end of the list.
fn next_page(body: &Value, key: &str) -> Result<Option<Vec<(String, String)>>, String> {
    let links = body.get(format!("{key}_links")).and_then(Value::as_array);
    let link = links.and_then(|links| links.iter().find(|link| link["rel"] == "next"));
    let next = match link {
        Some(link) => link.get("href"),
        None => body.get("next").or_else(|| body.get("links").and_then(|links| links.get("next"))),
    };
    let Some(link) = next.filter(|link| !link.is_null()) else { return Ok(None) };
    let text = link.as_str().ok_or_else(|| link.to_string())?;
    // It may be relative if a proxy has rewritten it.
    let base = Url::parse("http://service/").map_err(|error| error.to_string())?;
    let url = base.join(text).map_err(|_| text.to_owned())?;
    Ok(Some(url.query_pairs().into_owned().collect()))
}

#[cfg(test)]
mod tests {
    use omega_core::Diagnostic as _;
    use serde_json::json;

    use super::{accept, words};
    use crate::{Headers, Method, Request, Response, Service};

    #[test]
    fn every_services_form_gives_its_words() {
        let message = "Key pair ops already exists.";
        for body in [
            json!({ "conflictingRequest": { "code": 409, "message": message } }),
            json!({ "error": { "code": 409, "title": "Conflict", "message": message } }),
            json!({ "NeutronError": { "type": "X", "message": message, "detail": "" } }),
            json!({ "faultcode": "Client", "faultstring": message, "debuginfo": null }),
            json!({ "code": 403, "title": "Forbidden", "description": message }),
            json!({ "code": "404 Not Found", "title": "Not Found", "message": message }),
        ] {
            assert_eq!(words(&body).1, message, "{body}");
        }
    }

    #[test]
    fn a_page_in_place_of_json_is_told_with_its_address() {
        let request = Request::new(Service::ContainerInfra, Method::Get, &["clusters"]);
        let page = |body: &str, kind: &str| Response {
            headers: Headers::keep([("content-type", kind)]),
            url: Some("http://k/magnum/v1/clusters".to_owned()),
            ..Response::new(200, json!(body))
        };
        let login = page("<html><title>Login</title></html>", "text/html; charset=utf-8");
        let error = accept(&request, login).unwrap_err();
        insta::assert_snapshot!(format!("{error}\nnext: {}", error.next().unwrap()), @"
        GET container-infra /v1/clusters: unexpected response: an HTML page (Login) in place of JSON from http://k/magnum/v1/clusters, with status 200
        next: check that it is the service's own address (openstack catalog list), and the proxy or load balancer in front of it
        ");
        accept(&request, page("  <!DOCTYPE html>", "application/octet-stream")).unwrap_err();
        let error = accept(&request, page("OK", "text/plain")).unwrap_err().to_string();
        assert!(error.contains("a text in place of JSON from http://k/magnum"), "{error}");
        let write = Request::new(Service::ContainerInfra, Method::Delete, &["clusters", "c"]);
        accept(&write, page("deleted", "text/plain")).unwrap();
        accept(&write, page("<html>", "text/plain")).unwrap_err();
    }

    #[tokio::test]
    async fn one_odd_element_is_skipped_and_the_rest_of_the_list_is_read() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct One {
            id: String,
            size: u8,
        }
        let page = |item| Request::new(Service::Image, Method::Get, &[item]);
        let read = |item| super::element::<One>(&page("images"), item);
        assert_eq!(read(json!({"id": "a", "size": 1})).unwrap().unwrap().id, "a");
        for odd in [json!(null), json!(5), json!([]), json!({}), json!({"id": null, "size": 1})] {
            assert_eq!(read(odd.clone()).unwrap(), None, "{odd}");
        }
        let named = read(json!({"id": "a", "size": "x"})).unwrap_err();
        assert_eq!(named.names, ["a"]);
        let cluster = json!({"uuid": "u", "name": null, "status": 5, "node_count": "x",
                             "cluster_template_id": null, "labels": []});
        let cluster: crate::container_infra::Cluster = serde_json::from_value(cluster).unwrap();
        assert_eq!((cluster.uuid.as_str(), cluster.status), ("u", None));
        let flavor: crate::compute::Flavor =
            serde_json::from_value(json!({"id": "f", "ram": null})).unwrap();
        assert_eq!((flavor.id.as_str(), flavor.ram), ("f", 0));
    }

    #[test]
    fn a_page_of_a_proxy_says_its_title() {
        let page = "<html><head><title>503 Service Unavailable</title></head><body>...";
        assert_eq!(words(&json!(page)).1, "503 Service Unavailable");
        let webob = "<html>\n <head>\n  <title>413 Request Entity Too Large</title>\n </head>\n <body>\n  \
                     <h1>413 Request Entity Too Large</h1>\n  Image exceeds the storage quota: The size of the \
                     data 5 will exceed the limit. &quot;3&quot; bytes remaining.<br /><br />\n\n\n </body>\n</html>";
        let said = "Request Entity Too Large: Image exceeds the storage quota: The size of the data 5 \
                    will exceed the limit. \"3\" bytes remaining.";
        assert_eq!(words(&json!(webob)).1, said);
    }
}
