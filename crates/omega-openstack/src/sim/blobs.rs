//! The data of images: bodies that are not JSON, in both directions.
//!
//! Glance's API: api-ref/source/v2/images-data.inc (2024.1). An upload is 204, data is 200, or 206
//! for a range, and 416 for a range outside the data.

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use omega_core::{Context, Progress};
use serde_json::Value;

use super::state::State;
use crate::{
    Body, Download, Error, Headers, Method, Request, Response, StreamedResponse, TransportCause,
};

/// The size of a chunk.
const CHUNK: usize = 64 << 10;

/// Returns the request with its complete body, as the service receives it.
pub(super) async fn received(ctx: &Context, request: Request) -> Result<Request, Error> {
    let Body::Stream(upload) = &request.body else { return Ok(request) };
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Unreachable {
        request: request.to_string(),
        url: format!("http://{}.sim", request.service),
        cause: TransportCause::Source,
        touched: omega_core::Touched::Maybe,
        source,
    };
    let mut source = upload.open().ok_or_else(|| failed("it can be read only once".into()))?;
    let mut whole = BytesMut::new();
    while let Some(chunk) = source.next().await {
        whole.extend_from_slice(&chunk.map_err(|error| failed(error.into()))?);
        let progress = Progress::bytes(whole.len() as u64, upload.expected()).stage("sending");
        ctx.progress(progress);
    }
    if upload.length().is_some_and(|length| length != whole.len() as u64) {
        return Err(failed("it does not have the declared length".into()));
    }
    Ok(Request { body: Body::Bytes(whole.freeze()), ..request })
}

/// The part of an image's data that is sent.
pub(super) struct Blob {
    bytes: Bytes,
    headers: Headers,
}

impl State {
    pub(super) fn image_file(&mut self, id: &str, request: &Request) -> Option<Response> {
        match (request.method, &request.body) {
            (Method::Put, Body::Bytes(bytes)) => {
                self.blobs.insert(id.to_owned(), bytes.clone());
                Some(Response::new(204, Value::Null))
            }
            (Method::Get | Method::Head, _) => {
                let length = self.blobs.get(id)?.len();
                let status = match first_byte(request) {
                    None => 200,
                    Some(first) if first < length => 206,
                    Some(_) => 416,
                };
                Some(Response::new(status, Value::Null))
            }
            _ => None,
        }
    }

    /// Returns the data of the response, if there is any.
    pub(super) fn blob(&self, request: &Request, answer: &Response) -> Option<Blob> {
        let [images, id, file] = request.path.as_slice() else { return None };
        let asked = images == "images" && file == "file" && !request.writes();
        let whole = self.blobs.get(id).filter(|_| asked && answer.status < 300)?;
        let first = first_byte(request).unwrap_or(0);
        let (bytes, total) = (whole.slice(first..), whole.len());
        let length = bytes.len().to_string();
        let range = format!("bytes {first}-{}/{total}", total.saturating_sub(1));
        let mut headers =
            vec![("content-type", "application/octet-stream"), ("content-length", &length)];
        if answer.status == 206 {
            headers.push(("content-range", &range));
        }
        let head = request.method == Method::Head;
        let bytes = if head { Bytes::new() } else { bytes };
        Some(Blob { headers: Headers::keep(headers), bytes })
    }
}

impl Blob {
    pub(super) fn into_answer(
        self,
        ctx: &Context,
        request: &Request,
        answer: Response,
    ) -> StreamedResponse {
        let (ctx, total, mut rest) = (ctx.clone(), self.bytes.len() as u64, self.bytes);
        let mut sent = 0;
        let chunks = stream::iter(std::iter::from_fn(move || {
            let chunk = rest.split_to(rest.len().min(CHUNK));
            sent += chunk.len() as u64;
            ctx.progress(Progress::bytes(sent, Some(total)).stage("receiving"));
            (!chunk.is_empty()).then_some(Ok(chunk))
        }));
        let body = Download::new(request, chunks);
        let answer = StreamedResponse::from(answer);
        StreamedResponse { headers: self.headers, body, ..answer }
    }
}

/// Returns the first byte of the requested range. Glance accepts one range, with an open end.
fn first_byte(request: &Request) -> Option<usize> {
    let range = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("range"));
    range?.1.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Service, Transport, Upload, sim::Cloud};

    async fn read(cloud: &dyn Transport, request: Request) -> (u16, Headers, Vec<u8>) {
        let mut answer = cloud.exchange(&Context::default(), request).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.body.next().await.unwrap() {
            bytes.extend_from_slice(&chunk);
        }
        (answer.status, answer.headers, bytes)
    }

    #[tokio::test]
    async fn what_is_streamed_to_the_simulator_is_streamed_back_in_ranges() {
        let cloud = Cloud::new();
        let member = cloud.member("mgmt");
        let path = ["images", "i", "file"];
        let get = || Request::new(Service::Image, Method::Get, &path);
        assert_eq!(read(&*member, get()).await.0, 404);
        let data: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[0]).collect();
        let source = data.clone();
        let upload = move || -> crate::ByteStream {
            let chunks: Vec<_> = source.chunks(7000).map(Bytes::copy_from_slice).map(Ok).collect();
            Box::pin(stream::iter(chunks))
        };
        let put = Request::new(Service::Image, Method::Put, &path);
        let whole = put.clone().upload(Upload::new(Some(200_000), upload.clone()));
        assert_eq!(member.send(whole).await.unwrap().status, 204);
        assert_eq!(cloud.writes(), ["PUT image /v2/images/i/file 200000 bytes"]);
        let short = put.upload(Upload::new(Some(199_999), upload));
        assert!(member.send(short).await.is_err());

        let (status, headers, bytes) = read(&*member, get()).await;
        assert_eq!((status, headers.get("content-length")), (200, Some("200000")));
        assert!(bytes == data);
        let (status, headers, bytes) = read(&*member, get().from_byte(150_000)).await;
        assert_eq!((status, headers.content_range().unwrap().first), (206, 150_000));
        assert!(bytes == data[150_000..]);
        assert_eq!(read(&*member, get().from_byte(200_000)).await.0, 416);
        let head = Request::new(Service::Image, Method::Head, &path);
        assert_eq!(read(&*member, head).await.2, [0; 0]);
    }
}
