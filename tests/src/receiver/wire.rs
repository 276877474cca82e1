//! HTTP/1.1 on a raw connection, as much of it as a webhook's sender speaks. Written by hand
//! because no framework lets a handler drop its connection or leave it hanging.

use bytes::{Buf, Bytes, BytesMut};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A request, whole.
pub(super) struct Request {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A connection with what was read ahead on it.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: BytesMut::with_capacity(8 * 1024) }
    }

    /// The next request; `None` when the sender has left or speaks something else.
    pub(super) async fn read(&mut self) -> Option<Request> {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at;
            }
            if self.buffer.len() > MAX_HEAD || !self.fill().await {
                return None;
            }
        };
        let head = self.buffer.split_to(end);
        self.buffer.advance(4);
        let (path, headers) = parse_head(&head)?;
        let length: usize = match headers.get("content-length") {
            Some(value) => value.to_str().ok()?.parse().ok()?,
            None => 0,
        };
        // Bodies are at hand as a whole when they are signed, so no sender has a reason to chunk.
        if length > MAX_BODY || headers.contains_key("transfer-encoding") {
            return None;
        }
        while self.buffer.len() < length {
            if !self.fill().await {
                return None;
            }
        }
        let body = self.buffer.split_to(length).freeze();
        Some(Request { path, headers, body })
    }

    /// Writes an answer without a body; whether the connection can go on.
    pub(super) async fn answer(&mut self, status: u16, fields: &str) -> bool {
        let length = if status == 204 { "" } else { "content-length: 0\r\n" };
        let text = format!("HTTP/1.1 {status} -\r\n{fields}{length}\r\n");
        self.stream.write_all(text.as_bytes()).await.is_ok()
    }

    /// Waits for the sender to leave.
    pub(super) async fn until_closed(&mut self) {
        while self.fill().await {
            self.buffer.clear();
        }
    }

    async fn fill(&mut self) -> bool {
        self.stream.read_buf(&mut self.buffer).await.is_ok_and(|count| count > 0)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn parse_head(head: &[u8]) -> Option<(String, HeaderMap)> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let mut request = lines.next()?.split(' ');
    let (_method, path) = (request.next()?, request.next()?.to_owned());
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        headers
            .append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value.trim()).ok()?);
    }
    Some((path, headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_or_refused() {
        let (path, headers) =
            parse_head(b"POST /hook/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2").expect("it is a head");
        assert_eq!((path.as_str(), headers["content-length"].as_bytes()), ("/hook/a", &b"2"[..]));
        assert!(parse_head(b"POST").is_none());
        assert!(parse_head(b"POST / HTTP/1.1\r\nno colon").is_none());
    }
}
