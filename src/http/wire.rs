//! What of HTTP the framework does not let the service say or read, done on the connection itself.
//!
//! A request that the framework cannot read is refused by it with a bare status. Here that becomes a problem document, with an identifier
//! and a line in the log, like any other refusal.
//!
//! An accent that a client left as it is in an address (`curl` does) is one such fault. Here it is escaped before the framework reads it.
//! Bodies stay as they are: after the first request that may have a body, nothing of the connection is looked at any more.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{
    body::MessageBody,
    http::StatusCode,
    rt::net::{ActixStream, Ready},
};
use chrono::Utc;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Problem, Said, dress::Asked, kinds, problem::Language};

/// The longest bare refusal of the framework.
const BARE: usize = 200;

/// A connection over which HTTP is spoken.
pub struct Wire<T> {
    stream: T,
    reading: Reading,
    /// What was read and escaped, and not handed on yet.
    read: Vec<u8>,
    /// What is to be written before anything else.
    written: Vec<u8>,
}

/// Where in the requests of a connection the reader is.
enum Reading {
    /// In the first line of a request. Has it begun?
    Line(bool),
    /// In a header: the first letters of its name, in small letters. And may the request have a body?
    Header(Vec<u8>, bool),
    /// After a request that may have a body.
    Beyond,
}

impl Reading {
    /// Reads on. Returns whether this byte is one of an address that must be escaped.
    fn next(&mut self, byte: u8) -> bool {
        match self {
            Self::Line(begun) => match byte {
                b'\n' if *begun => *self = Self::Header(Vec::new(), false),
                b'\r' | b'\n' => {}
                _ => {
                    *begun = true;
                    return byte >= 0x80 || b"\"<>`".contains(&byte);
                }
            },
            Self::Header(name, body) => match byte {
                b'\n' if name.is_empty() => *self = if *body { Self::Beyond } else { Self::Line(false) },
                b'\n' => {
                    *body = *body || [&b"content-length"[..], b"transfer-encoding", b"upgrade"].iter().any(|known| name.starts_with(known));
                    name.clear();
                }
                b'\r' => {}
                _ if name.len() < 20 => name.push(byte.to_ascii_lowercase()),
                _ => {}
            },
            Self::Beyond => {}
        }
        false
    }
}

impl<T> Wire<T> {
    /// Speaks HTTP over this stream.
    pub fn over(stream: T) -> Self {
        Self { stream, reading: Reading::Line(false), read: Vec::new(), written: Vec::new() }
    }

    /// Escapes what must be in what was read, from this place on, if anything must.
    fn escape(&mut self, bytes: &[u8]) -> bool {
        let mut escaped = false;
        for (place, byte) in bytes.iter().enumerate() {
            if matches!(self.reading, Reading::Beyond) && !escaped {
                return false;
            }
            if self.reading.next(*byte) {
                if !escaped {
                    self.read.extend_from_slice(&bytes[..place]);
                    escaped = true;
                }
                self.read.extend_from_slice(format!("%{byte:02X}").as_bytes());
            } else if escaped {
                self.read.push(*byte);
            }
        }
        escaped
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Wire<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
            if !self.escape(&buffer.filled()[before..]) {
                return Poll::Ready(Ok(()));
            }
            buffer.set_filled(before);
        }
        let length = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..length]);
        self.read.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Wire<T> {
    /// Writes what is to be written before anything else.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.written.is_empty() {
            let length = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.written))?;
            if length == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written.drain(..length);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Wire<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_written(cx))?;
        let Some((begin, refusal)) = refusal(bytes) else { return Pin::new(&mut self.stream).poll_write(cx, bytes) };
        self.written = [&bytes[..begin], &refusal].concat();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_written(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_written(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<T: ActixStream> ActixStream for Wire<T> {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.stream.poll_read_ready(cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.stream.poll_write_ready(cx)
    }
}

/// Finds the bare refusal that these bytes end with, which the framework wrote. Returns where it begins, and the refusal to write instead.
fn refusal(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let tail = bytes.len().saturating_sub(BARE);
    let end = bytes.strip_suffix(b"\r\n\r\n")?.get(tail..)?;
    let begin = end.windows(7).rposition(|window| window == b"HTTP/1.")?;
    let mut lines = std::str::from_utf8(&end[begin..]).ok()?.split("\r\n");
    let status = StatusCode::from_bytes(lines.next()?.split(' ').nth(1)?.as_bytes()).ok().filter(|status| status.as_u16() >= 400)?;
    // Each refusal of the service itself has more headers.
    let mut empty = false;
    for header in lines {
        match header.split_once(": ")? {
            ("content-length", "0") => empty = true,
            ("connection" | "date", _) => {}
            _ => return None,
        }
    }
    let problem = match status.as_u16() {
        _ if !empty => return None,
        400 => Problem::new(&kinds::BAD_REQUEST).saying(Said::new(
            "It is not written as HTTP/1.1 has it: the first line, a header, Host, or the length of the body.",
            "Elle n'est pas écrite comme le veut HTTP/1.1 : la première ligne, un en-tête, Host, ou la longueur du corps.",
        )),
        _ => Problem::of_status(status),
    };
    Some((tail + begin, unread(&problem)))
}

/// The whole answer to a request that was not read: a problem document, after which the connection ends.
pub fn unread(problem: &Problem) -> Vec<u8> {
    let asked = Asked::unread();
    let mut answer = problem.render(Language::English, Some(asked.id()));
    let status = answer.status();
    asked.dress(status, answer.headers_mut(), None);
    let mut told = format!("HTTP/1.1 {status}\r\nconnection: close\r\ndate: {}\r\n", Utc::now().format("%a, %d %b %Y %H:%M:%S GMT")).into_bytes();
    for (name, value) in answer.headers() {
        told.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let body = answer.into_body().try_into_bytes().unwrap_or_default();
    told.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    told.extend_from_slice(&body);
    told
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// What the framework reads, when a client sends these bytes so many at a time.
    async fn read(sent: &[u8], at_once: usize) -> Vec<u8> {
        let (mut client, service) = duplex(at_once);
        let mut wire = Wire::over(service);
        let sent = sent.to_vec();
        actix_web::rt::spawn(async move { client.write_all(&sent).await });
        let (mut read, mut buffer) = (Vec::new(), [0; 16]);
        loop {
            match wire.read(&mut buffer).await.unwrap() {
                0 => return read,
                length => read.extend_from_slice(&buffer[..length]),
            }
        }
    }

    #[actix_web::test]
    async fn an_accent_in_an_address_is_escaped_and_one_in_a_body_is_not() {
        let accents = "GET /a?q=Alençon HTTP/1.1\r\nHost: é\r\n\r\n";
        let escaped = "GET /a?q=Alen%C3%A7on HTTP/1.1\r\nHost: é\r\n\r\n";
        let body = "POST /\"é\" HTTP/1.1\r\nX-Content-Length: 1\r\nContent-Length: 40\r\n\r\n";
        let posted = body.replacen("\"é\"", "%22%C3%A9%22", 1);
        for (sent, due) in [
            (accents.to_owned(), escaped.to_owned()),
            (format!("\r\n{accents}{accents}"), format!("\r\n{escaped}{escaped}")),
            (accents.replace('\r', ""), escaped.replace('\r', "")),
            (format!("{accents}{body}é\r\n\r\n{accents}"), format!("{escaped}{posted}é\r\n\r\n{accents}")),
            (
                format!("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{accents}"),
                format!("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{accents}"),
            ),
        ] {
            for at_once in [1, 7, 4096] {
                assert_eq!(String::from_utf8_lossy(&read(sent.as_bytes(), at_once).await), due, "{at_once} at once");
            }
        }
        assert_eq!(read(b"GET /?q=\xe9 HTTP/1.1\r\n\r\n", 64).await, b"GET /?q=%E9 HTTP/1.1\r\n\r\n");
    }

    #[actix_web::test]
    async fn a_bare_refusal_becomes_a_problem_document() {
        for (before, line, code) in [
            ("", "HTTP/1.1 400 Bad Request", "bad_request"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-request-id: 1\r\n\r\n{}", "HTTP/1.1 400 Bad Request", "bad_request"),
            ("", "HTTP/1.1 408 Request Timeout", "request_timeout"),
            ("", "HTTP/1.1 431 Request Header Fields Too Large", "head_too_large"),
            ("", "HTTP/1.1 500 Internal Server Error", "internal"),
        ] {
            let (mut client, service) = duplex(16);
            let mut wire = Wire::over(service);
            let bare = format!("{before}{line}\r\ncontent-length: 0\r\nconnection: close\r\ndate: Sat, 28 Nov 2026 01:01:26 GMT\r\n\r\n");
            actix_web::rt::spawn(async move {
                wire.write_all(bare.as_bytes()).await?;
                wire.shutdown().await
            });
            let mut told = String::new();
            client.read_to_string(&mut told).await.unwrap();
            let told = told.strip_prefix(before).unwrap();
            let (head, body) = told.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(line) && head.contains("\r\ndate: ") && head.contains("\r\ncontent-type: application/problem+json"), "{told}");
            assert!(head.ends_with(&format!("\r\ncontent-length: {}", body.len())) && head.contains("\r\naccess-control-allow-origin: *"), "{told}");
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            let id = head.split("x-request-id: ").nth(1).unwrap().split('\r').next().unwrap();
            assert_eq!((body["code"].as_str(), body["instance"].as_str()), (Some(code), Some(&*format!("urn:request:{id}"))));
        }
        for own in [
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 0\r\ndate: x\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx-request-id: 1\r\ndate: x\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\ndate: x\r\n\r\n",
            "text that ends so\r\n\r\n",
            "\r\n\r\n",
        ] {
            assert!(refusal(own.as_bytes()).is_none(), "{own}");
        }
    }
}
