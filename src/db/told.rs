//! What PostgreSQL tells of an error, whatever its language. The language of its messages is the server's (`lc_messages`, which only a
//! superuser may set), so that only the SQLSTATE says what an error is. tokio-postgres knows it, but diesel-async 0.9 keeps the error of
//! tokio-postgres in a private type, and diesel 2.3 shows no SQLSTATE (<https://github.com/diesel-rs/diesel/pull/5232> would; then this file
//! can go). So [`Told`] reads what the server sends, and puts the SQLSTATE before each message of an error: `40P01 deadlock detected`.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bytes that begin a message of the protocol: its kind, and its length without the kind.
const HEAD: usize = 5;

/// A stream from PostgreSQL whose errors begin with their SQLSTATE.
pub struct Told<S> {
    inner: S,
    chunk: Box<[u8]>,
    messages: Messages,
    /// How much of the messages was read already.
    read: usize,
}

impl<S> Told<S> {
    pub fn new(inner: S) -> Self {
        Self { inner, chunk: vec![0; 8192].into(), messages: Messages::default(), read: 0 }
    }

    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Told<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { inner, chunk, messages, read } = self.get_mut();
        while messages.ready.len() == *read {
            messages.ready.clear();
            *read = 0;
            let mut came = ReadBuf::new(chunk);
            ready!(Pin::new(&mut *inner).poll_read(cx, &mut came))?;
            if came.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            messages.take(came.filled());
        }
        let next = &messages.ready[*read..];
        let next = &next[..next.len().min(buf.remaining())];
        buf.put_slice(next);
        *read += next.len();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Told<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// The messages of the server, as their bytes come.
#[derive(Default)]
struct Messages {
    /// What may be read.
    ready: Vec<u8>,
    /// The message of which not enough has come: less than its head, or an error that is not whole.
    held: Vec<u8>,
    /// The bytes that are still to come of a message that is no error.
    passing: usize,
}

impl Messages {
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let wanted = if self.passing > 0 { self.passing } else { self.whole().unwrap_or(HEAD) - self.held.len() };
            let (came, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            if self.passing > 0 {
                self.passing -= came.len();
                self.ready.extend_from_slice(came);
                continue;
            }
            self.held.extend_from_slice(came);
            let Some(whole) = self.whole() else { continue };
            if self.held[0] != b'E' {
                self.passing = whole - HEAD;
                self.ready.append(&mut self.held);
            } else if self.held.len() == whole {
                self.ready.append(&mut told(&self.held));
                self.held.clear();
            }
        }
    }

    /// The length of the message that is held, once its head has come.
    fn whole(&self) -> Option<usize> {
        let length = self.held.get(1..HEAD)?.try_into().map(u32::from_be_bytes).ok()?;
        Some(usize::try_from(length).map_or(HEAD, |length| HEAD.max(length + 1)))
    }
}

/// The same error, with its SQLSTATE (`C`) before its message (`M`). Each field is a letter and a text that ends with a zero.
fn told(error: &[u8]) -> Vec<u8> {
    let fields = || error[HEAD..].split(|byte| *byte == 0).filter(|field| !field.is_empty());
    let state = fields().find_map(|field| field.strip_prefix(b"C")).unwrap_or_default();
    let mut body = Vec::with_capacity(error.len() + state.len() + 1);
    for field in fields() {
        match field.strip_prefix(b"M") {
            Some(message) => body.extend([b"M", state, b" ", message].concat()),
            None => body.extend_from_slice(field),
        }
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&b"E"[..], &length.to_be_bytes(), &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_begins_with_its_sqlstate_however_it_comes() {
        let message = |kind: u8, body: &[u8]| [&[kind][..], &(u32::try_from(body.len()).unwrap() + 4).to_be_bytes(), body].concat();
        let row = message(b'D', b"E\0\0\0\x08M\xC3\xA9");
        let sent = [&row[..], &message(b'E', b"SERREUR\0C40P01\0MInterblocage\0Ddeux\0\0"), &message(b'Z', b"E"), &message(b'n', b"")].concat();
        let wanted =
            [&row[..], &message(b'E', b"SERREUR\0C40P01\0M40P01 Interblocage\0Ddeux\0\0"), &message(b'Z', b"E"), &message(b'n', b"")].concat();
        for size in 1..=sent.len() {
            let mut messages = Messages::default();
            sent.chunks(size).for_each(|chunk| messages.take(chunk));
            assert!(messages.ready == wanted && messages.held.is_empty(), "in chunks of {size}");
        }
    }
}
