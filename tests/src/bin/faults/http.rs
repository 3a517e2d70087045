//! HTTP/1.1 as far as the clients need it, and how a response goes wrong.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::{
    fault::{Fault, RETRY_AFTER, TOO_LARGE},
    wire::Wire,
};

/// A connection, with or without TLS.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// The longest head of a request.
const HEAD: usize = 64 << 10;

/// A request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Reads one; none if the client is gone.
    pub(crate) async fn read(io: &mut dyn Io, rest: &mut Vec<u8>) -> io::Result<Option<Self>> {
        let end = loop {
            if let Some(at) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if rest.len() > HEAD || io.read_buf(rest).await? == 0 {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
        drop(rest.drain(..end + 4));
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        };
        let headers = lines.filter_map(header).collect();
        let mut request = Self { method, target, headers, body: Vec::new() };
        request.body = request.read_body(io, rest).await?;
        Ok(Some(request))
    }

    async fn read_body(&self, io: &mut dyn Io, rest: &mut Vec<u8>) -> io::Result<Vec<u8>> {
        if self.header("transfer-encoding").is_some_and(|value| value == "chunked") {
            return chunked(io, rest).await;
        }
        let length = self.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        filled(io, rest, length).await?;
        Ok(rest.drain(..length).collect())
    }
}

async fn filled(io: &mut dyn Io, rest: &mut Vec<u8>, length: usize) -> io::Result<()> {
    while rest.len() < length {
        if io.read_buf(rest).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

async fn chunked(io: &mut dyn Io, rest: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = rest.windows(2).position(|window| window == b"\r\n") {
                break at;
            }
            let length = rest.len() + 1;
            filled(io, rest, length).await?;
        };
        let line: Vec<u8> = rest.drain(..end + 2).collect();
        let size = String::from_utf8_lossy(&line);
        let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
        filled(io, rest, size + 2).await?;
        body.extend(rest.drain(..size));
        drop(rest.drain(..2));
        if size == 0 {
            return Ok(body);
        }
    }
}

/// A response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// A proxy's own page.
    pub(crate) fn page(status: u16) -> Self {
        let mut headers = vec![("Content-Type".to_owned(), "text/html".to_owned())];
        if matches!(status, 429 | 503) {
            headers.push(("Retry-After".to_owned(), RETRY_AFTER.to_string()));
        }
        let body = format!(
            "<html><head><title>{status} from the proxy</title></head>\
             <body><h1>This page is not of the service</h1></body></html>"
        );
        Self { status, headers, body: body.into_bytes() }
    }

    fn head(&self, length: Option<u64>) -> String {
        let mut head = format!("HTTP/1.1 {} X\r\n", self.status);
        for (name, value) in &self.headers {
            head.extend([name.as_str(), ": ", value, "\r\n"]);
        }
        match length {
            // RFC 9110, 8.6.
            _ if self.status == 204 => {}
            Some(length) => head.extend(["Content-Length: ", &length.to_string(), "\r\n"]),
            None => head.push_str("Transfer-Encoding: chunked\r\n"),
        }
        head.push_str("\r\n");
        head
    }

    /// Writes it. `bodiless`: the answer to `HEAD`.
    pub(crate) async fn write(&self, io: &mut dyn Io, bodiless: bool) -> io::Result<()> {
        let mut bytes = self.head(Some(self.body.len() as u64)).into_bytes();
        if !bodiless && self.status != 204 {
            bytes.extend_from_slice(&self.body);
        }
        io.write_all(&bytes).await?;
        io.flush().await
    }

    /// Writes it as `fault` has it. The connection can't be used after it.
    pub(crate) async fn write_spoiled(
        mut self,
        io: &mut dyn Io,
        fault: Fault,
        wire: &Wire,
    ) -> io::Result<()> {
        match fault {
            Fault::Truncated => {
                let mut bytes = self.head(Some(self.body.len().max(1) as u64)).into_bytes();
                bytes.extend(self.body.iter().take(self.body.len() / 2));
                io.write_all(&bytes).await?;
                io.shutdown().await
            }
            Fault::Garbled => {
                for byte in self.body.iter_mut().step_by(3) {
                    *byte ^= 0x15;
                }
                if self.body.is_empty() {
                    self.body = b"\x15\x03garbled".to_vec();
                }
                if self.status == 204 {
                    self.status = 200;
                }
                self.write(io, false).await
            }
            Fault::Huge => self.flood(io, Some(TOO_LARGE), wire).await,
            Fault::Endless => self.flood(io, None, wire).await,
            Fault::Refused
            | Fault::RefusedOn
            | Fault::ResetBefore
            | Fault::ResetAfter
            | Fault::Page(_)
            | Fault::PageAfter(_)
            | Fault::PageOn(_)
            | Fault::Hang
            | Fault::HangAfter
            | Fault::HangOn => Ok(()),
        }
    }

    /// Writes 10 GB, as long as somebody reads them: a list that does not end.
    async fn flood(mut self, io: &mut dyn Io, length: Option<u64>, wire: &Wire) -> io::Result<()> {
        const CHUNK: usize = 64 << 10;
        self.status = if self.status == 204 { 200 } else { self.status };
        io.write_all(self.head(length).as_bytes()).await?;
        let mut chunk = vec![b' '; CHUNK];
        let start: &[u8] = b"{\"items\": [\"";
        chunk.iter_mut().zip(start).for_each(|(to, from)| *to = *from);
        let mut left = TOO_LARGE;
        while left > 0 {
            if length.is_none() {
                io.write_all(format!("{CHUNK:x}\r\n").as_bytes()).await?;
            }
            io.write_all(&chunk).await?;
            if length.is_none() {
                io.write_all(b"\r\n").await?;
            }
            wire.sent(CHUNK as u64);
            left -= CHUNK as u64;
            chunk.fill(b'a');
        }
        io.flush().await
    }
}
