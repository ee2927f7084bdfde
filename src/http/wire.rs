//! What of HTTP the framework does not let the service say or read, done on the connection itself.
//!
//! A request that the framework cannot read is refused by it with a bare status. Here that becomes a problem document, with an identifier
//! and a line in the log, like any other refusal.
//!
//! An accent that a client left as it is in an address (`curl` does) is one such fault. Here it is escaped before the framework reads it.
//! Bodies stay as they are.
//!
//! And requests that a client sends before earlier ones are answered are handed on a few at a time.

use std::{
    cell::Cell,
    io, mem,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
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

/// How many requests the framework gets of one connection before it begins to answer them. It would read thousands ahead, and when they
/// are 128 KB, turn in a circle until it has answered.
const AHEAD: u64 = 8;

/// How many requests of a connection are being answered, or were.
#[derive(Default)]
pub struct Begun {
    count: Cell<u64>,
    /// Who waits for the next one.
    reader: Cell<Option<Waker>>,
}

impl Begun {
    /// Notes that another request is being answered.
    pub fn note(&self) {
        self.count.set(self.count.get() + 1);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// A connection over which HTTP is spoken.
pub struct Wire<T> {
    stream: T,
    reading: Reading,
    /// The requests whose head was handed on.
    heads: u64,
    begun: Rc<Begun>,
    /// What was read and not looked at yet: the requests that come too early.
    early: Vec<u8>,
    /// What was read and looked at, and not handed on yet.
    read: Vec<u8>,
    /// What is to be written before anything else.
    written: Vec<u8>,
}

/// Where in the requests of a connection the reader is.
enum Reading {
    /// In the first line of a request: the first letters of its method.
    Line(Vec<u8>),
    /// In the headers of a request.
    Headers(Headers),
    /// In a body that has so many bytes more.
    Body(u64),
    /// In the line that tells the size of a chunk: the size, as far as it was told, and whether more of it may come.
    Size(u64, bool),
    /// In a chunk that has so many bytes more, with the end of its line.
    Chunk(u64),
    /// In the lines after the last chunk. Is this one empty?
    Trailer(bool),
    /// After a request that leads to another protocol, or that the framework will refuse: nothing is looked at any more.
    Beyond,
}

/// What the headers say of the body.
#[derive(Default)]
struct Headers {
    /// The first letters of the header that is being read, in small letters.
    line: Vec<u8>,
    length: u64,
    chunked: bool,
    beyond: bool,
}

impl Headers {
    /// The longest line that says something of the body.
    const LONGEST: usize = 64;

    /// A line has ended.
    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        match line.split_once(':').map(|(name, value)| (name, value.trim())) {
            Some(("content-length", value)) => match value.parse() {
                Ok(length) => self.length = length,
                Err(_) => self.beyond = true,
            },
            Some(("transfer-encoding", "chunked")) => self.chunked = true,
            Some(("transfer-encoding", _) | ("upgrade", "websocket")) => self.beyond = true,
            _ => {}
        }
        self.line.clear();
    }

    /// What follows the headers.
    fn body(&self) -> Reading {
        match self {
            Self { beyond: true, .. } => Reading::Beyond,
            Self { chunked: true, .. } => Reading::Size(0, true),
            Self { length: 0, .. } => Reading::Line(Vec::new()),
            Self { length, .. } => Reading::Body(*length),
        }
    }
}

impl Reading {
    /// Reads on. Returns whether this byte is one of an address that must be escaped.
    fn next(&mut self, byte: u8) -> bool {
        match self {
            Self::Line(method) => match byte {
                b'\n' if !method.is_empty() => {
                    *self = Self::Headers(Headers { beyond: method == b"CONNECT ", ..Headers::default() });
                }
                b'\r' | b'\n' => {}
                _ => {
                    if method.len() < 8 {
                        method.push(byte);
                    }
                    return byte >= 0x80 || b"\"<>`".contains(&byte);
                }
            },
            Self::Headers(headers) => match byte {
                b'\n' if headers.line.is_empty() => *self = headers.body(),
                b'\n' => headers.end_line(),
                b'\r' => {}
                _ if headers.line.len() < Headers::LONGEST => headers.line.push(byte.to_ascii_lowercase()),
                _ => {}
            },
            Self::Body(1) => *self = Self::Line(Vec::new()),
            Self::Body(left) => *left -= 1,
            Self::Size(size, more) => match (char::from(byte).to_digit(16), byte) {
                (_, b'\n') => *self = if *size == 0 { Self::Trailer(true) } else { Self::Chunk(size.saturating_add(2)) },
                (Some(digit), _) if *more => *size = size.saturating_mul(16).saturating_add(digit.into()),
                _ => *more = false,
            },
            Self::Chunk(1) => *self = Self::Size(0, true),
            Self::Chunk(left) => *left -= 1,
            Self::Trailer(true) if byte == b'\n' => *self = Self::Line(Vec::new()),
            Self::Trailer(empty) => *empty = byte == b'\n' || *empty && byte == b'\r',
            Self::Beyond => {}
        }
        false
    }

    /// Is this the place between two requests?
    fn is_between(&self) -> bool {
        matches!(self, Self::Line(method) if method.is_empty())
    }
}

impl<T> Wire<T> {
    /// Speaks HTTP over this stream.
    pub fn over(stream: T) -> Self {
        let (reading, begun) = (Reading::Line(Vec::new()), Rc::default());
        Self { stream, reading, heads: 0, begun, early: Vec::new(), read: Vec::new(), written: Vec::new() }
    }

    /// Where to note that a request of this connection is being answered.
    pub fn begun(&self) -> Rc<Begun> {
        self.begun.clone()
    }

    /// Have so many requests been handed on that the next one must wait?
    fn is_ahead(&self) -> bool {
        self.reading.is_between() && self.heads >= self.begun.count.get() + AHEAD
    }

    /// Looks at what was read. Returns how much of it may be handed on now; in another form, if some of it must be escaped.
    fn look(&mut self, bytes: &[u8]) -> (usize, Option<Vec<u8>>) {
        let mut escaped: Option<Vec<u8>> = None;
        for (place, byte) in bytes.iter().enumerate() {
            if self.is_ahead() {
                return (place, escaped);
            }
            let in_head = matches!(self.reading, Reading::Headers(_));
            if self.reading.next(*byte) {
                escaped.get_or_insert_with(|| bytes[..place].to_vec()).extend_from_slice(format!("%{byte:02X}").as_bytes());
            } else if let Some(escaped) = &mut escaped {
                escaped.push(*byte);
            }
            self.heads += u64::from(in_head && !matches!(self.reading, Reading::Headers(_)));
        }
        (bytes.len(), escaped)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Wire<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            if self.is_ahead() {
                self.begun.reader.set(Some(cx.waker().clone()));
                return Poll::Pending;
            }
            if self.early.is_empty() {
                let before = buffer.filled().len();
                ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
                let (length, escaped) = self.look(&buffer.filled()[before..]);
                self.early.extend_from_slice(&buffer.filled()[before + length..]);
                let Some(escaped) = escaped else {
                    buffer.set_filled(before + length);
                    return Poll::Ready(Ok(()));
                };
                buffer.set_filled(before);
                self.read = escaped;
            } else {
                let early = mem::take(&mut self.early);
                let (length, escaped) = self.look(&early);
                self.read = escaped.unwrap_or_else(|| early[..length].to_vec());
                self.early.extend_from_slice(&early[length..]);
            }
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
        let post = |header: &str, body: &str| format!("POST /\"é\" HTTP/1.1\r\nX-Content-Length: 1\r\n{header}\r\n\r\n{body}");
        let mut cases = vec![
            (accents.to_owned(), escaped.to_owned()),
            (format!("\r\n{accents}{accents}"), format!("\r\n{escaped}{escaped}")),
            (accents.replace('\r', ""), escaped.replace('\r', "")),
            (format!("CONNECT a HTTP/1.1\r\n\r\n{accents}"), format!("CONNECT a HTTP/1.1\r\n\r\n{accents}")),
        ];
        for (header, body) in [
            ("Content-Length: 7", "é\r\n\r\n<"),
            ("content-length:0", ""),
            ("TRANSFER-ENCODING: Chunked", "8;x=é\r\né\r\n\r\n\r\n\r\nA\r\né<é<éé\r\n0\r\nX: é\r\n\r\n"),
            ("Transfer-Encoding: chunked", "0\r\n\r\n"),
        ] {
            let sent = post(header, body);
            let due = sent.replacen("\"é\"", "%22%C3%A9%22", 1);
            cases.push((format!("{accents}{sent}{accents}"), format!("{escaped}{due}{escaped}")));
        }
        for header in ["Upgrade: websocket", "Transfer-Encoding: gzip", "Content-Length: x"] {
            let sent = post(header, accents);
            let due = sent.replacen("\"é\"", "%22%C3%A9%22", 1);
            cases.push((sent, due));
        }
        for (sent, due) in cases {
            for at_once in [1, 7, 4096] {
                assert_eq!(String::from_utf8_lossy(&read(sent.as_bytes(), at_once).await), due, "{at_once} at once");
            }
        }
        assert_eq!(read(b"GET /?q=\xe9 HTTP/1.1\r\n\r\n", 64).await, b"GET /?q=%E9 HTTP/1.1\r\n\r\n");
    }

    #[actix_web::test]
    async fn requests_that_come_before_their_turn_wait() {
        for one in ["GET /é HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"] {
            let (mut client, service) = duplex(4096);
            let mut wire = Wire::over(service);
            let begun = wire.begun();
            client.write_all(one.repeat(20).as_bytes()).await.unwrap();
            // Two bytes become six.
            let length = one.len() + 4 * one.matches('é').count();
            let mut read = vec![0; length * AHEAD as usize];
            wire.read_exact(&mut read).await.unwrap();
            for _ in 0..3 {
                let mut more = vec![0; length];
                let waits = tokio::time::timeout(std::time::Duration::from_millis(20), wire.read(&mut more)).await;
                assert!(waits.is_err(), "another one is handed on: {}", String::from_utf8_lossy(&more));
                // Who waits is woken.
                let (noted, _) = futures_util::future::join(wire.read_exact(&mut more), async { begun.note() }).await;
                assert_eq!(noted.unwrap(), length);
            }
        }
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
