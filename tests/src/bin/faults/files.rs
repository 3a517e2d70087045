//! A server of files, as an image is downloaded from.

use async_trait::async_trait;

use crate::{
    commands::cloud::qcow2,
    front::Service,
    http::{Request, Response},
    wire::Kind,
};

/// Serves the image, and ranges of it (RFC 9110, 14).
pub(crate) struct FileService;

#[async_trait]
impl Service for FileService {
    fn describe(&self, request: &Request) -> (String, Kind) {
        (format!("{} {}", request.method, request.path()), Kind::Read)
    }

    async fn answer(&self, request: Request) -> Response {
        let bytes = qcow2();
        let from = request.header("range").and_then(|range| {
            range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok()
        });
        let mut headers = vec![
            ("Content-Type".to_owned(), "application/octet-stream".to_owned()),
            ("ETag".to_owned(), "\"of-the-image\"".to_owned()),
            ("Accept-Ranges".to_owned(), "bytes".to_owned()),
        ];
        match from.and_then(|from| Some((from, bytes.get(from..)?))) {
            None => Response { status: 200, headers, body: bytes },
            Some((from, rest)) => {
                let (last, all) = (bytes.len() - 1, bytes.len());
                headers.push(("Content-Range".to_owned(), format!("bytes {from}-{last}/{all}")));
                Response { status: 206, headers, body: rest.to_vec() }
            }
        }
    }
}
