//! The connections of clients: how many one address may hold, and how long the service waits for a client to take an answer.

use std::{
    cell::RefCell,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    Error, HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::{RETRY_AFTER, TRANSFER_ENCODING},
    middleware::Next,
    rt::net::{ActixStream, Ready, TcpStream},
    web::Bytes,
};
use futures_util::{StreamExt, stream};
use ipnet::IpNet;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::{self, Instant, Sleep},
};

use super::{
    Problem, Said, kinds,
    limit::network,
    seats::{Seat, Seats},
    wire::{Begun, unread},
};

/// How long the service waits for a client that takes nothing of an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The bytes a second that a client must take. Each byte that it takes pays for a part of the time that it lets the service wait.
const LEAST: u32 = 16 * 1024;
/// How long a client that is refused may read the refusal.
const FAREWELL: Duration = Duration::from_millis(500);

/// The connections of a process.
pub struct Connections {
    seats: Arc<Seats<IpAddr>>,
    /// A proxy brings the clients of all the world, so it may hold any number of connections.
    proxies: Vec<IpNet>,
    /// The whole answer to a client that is refused.
    refusal: Vec<u8>,
}

impl Connections {
    /// Allows so many connections at once from one address; from these proxies, any number.
    pub fn new(most: usize, proxies: Vec<IpNet>) -> Self {
        let said = Said::new(
            format!("At most {most} connections at once from one address."),
            format!("{most} connexions à la fois au plus depuis une même adresse."),
        );
        let refusal = unread(&Problem::new(&kinds::TOO_MANY_REQUESTS).header(RETRY_AFTER, "30").saying(said));
        Self { seats: Arc::new(Seats::new(most)), proxies, refusal }
    }

    /// Takes a connection in. A client whose address has all of its connections already gets the refusal and is disconnected.
    pub async fn admit(&self, mut stream: TcpStream) -> io::Result<(Connection, SocketAddr)> {
        let peer = stream.peer_addr()?;
        // Else the end of an answer waits 40 ms for the client to acknowledge what was sent before it.
        stream.set_nodelay(true)?;
        let address = peer.ip().to_canonical();
        let seat = if self.proxies.iter().any(|network| network.contains(&address)) {
            None
        } else if let Some(seat) = self.seats.take(network(address)) {
            Some(seat)
        } else {
            // The request is read as well: else the client's system would throw the refusal away with the connection.
            let farewell = async {
                stream.write_all(&self.refusal).await?;
                stream.shutdown().await?;
                let mut rest = [0; 1024];
                while stream.read(&mut rest).await? > 0 {}
                Ok::<_, io::Error>(())
            };
            let _late = time::timeout(FAREWELL, farewell).await;
            return Err(io::Error::other("too many connections from one address"));
        };
        Ok((Connection { stream, patience: PATIENCE, waiting: None, _seat: seat }, peer))
    }
}

/// A connection that ends when its client does not take what it asked for.
pub struct Connection {
    stream: TcpStream,
    /// How long the client may still let the service wait.
    patience: Duration,
    /// Since when the service waits for the client, and the end of its patience.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    _seat: Option<Seat<IpAddr>>,
}

impl Connection {
    /// Notes that the client took so many bytes.
    fn took(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.patience = self.patience.saturating_sub(since.elapsed());
        }
        let paid = Duration::from_secs(1) * u32::try_from(bytes).unwrap_or(u32::MAX) / LEAST;
        self.patience = PATIENCE.min(self.patience.saturating_add(paid));
    }

    /// Waits for the client to take more. The connection fails when the patience has ended.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let patience = self.patience;
        let (_, end) = self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(time::sleep(patience))));
        ready!(end.as_mut().poll(cx));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing"))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Pending => self.wait(cx).map(Err),
            Poll::Ready(written) => {
                self.took(*written.as_ref().unwrap_or(&0));
                Poll::Ready(written)
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl ActixStream for Connection {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(&self.stream, cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.stream, cx)
    }
}

/// Notes that a request is being answered, and holds its body until the answer is sent. The framework ends a connection with a body that is
/// then left unread. But of a body in chunks that nobody holds any more, it would read the rest for as long as the client sends.
pub async fn hold_body(mut request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Some(begun) = request.conn_data::<Rc<Begun>>() {
        begun.note();
    }
    if !request.headers().contains_key(TRANSFER_ENCODING) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let held = Rc::new(RefCell::new(request.take_payload()));
    let read = held.clone();
    request.set_payload(Payload::Stream { payload: Box::pin(stream::poll_fn(move |cx| read.borrow_mut().poll_next_unpin(cx))) });
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(response.map_body(|_, body| Holding { body, _held: held }.boxed()))
}

/// The body of an answer that holds the body of its request.
struct Holding {
    body: BoxBody,
    _held: Rc<RefCell<Payload>>,
}

impl MessageBody for Holding {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A connection with this patience, and the client's end of it.
    async fn connected(patience: Duration) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let connections = Connections::new(1, Vec::new());
        let (connection, _) = connections.admit(listener.accept().await.unwrap().0).await.unwrap();
        (Connection { patience, ..connection }, client)
    }

    static LARGE: [u8; 1 << 20] = [b'x'; 1 << 20];

    #[actix_web::test]
    async fn a_client_that_takes_nothing_is_disconnected() {
        let (mut connection, _client) = connected(Duration::from_millis(300)).await;
        let written = async {
            // More than what the system keeps for the client.
            for _ in 0..64 {
                connection.write_all(&LARGE).await?;
            }
            Ok::<_, io::Error>(())
        };
        assert_eq!(written.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[actix_web::test]
    async fn a_client_that_takes_its_time_gets_everything() {
        let (mut connection, mut client) = connected(Duration::from_secs(2)).await;
        let reads = actix_web::rt::spawn(async move {
            let (mut buffer, mut total) = (vec![0; 1 << 20], 0);
            loop {
                match client.read(&mut buffer).await.unwrap() {
                    0 => return total,
                    read => total += read,
                }
                time::sleep(Duration::from_millis(5)).await;
            }
        });
        for _ in 0..64 {
            connection.write_all(&LARGE).await.unwrap();
        }
        // It has let the service wait, and has paid for it by what it took.
        assert!(connection.patience > Duration::from_secs(20), "{:?}", connection.patience);
        drop(connection);
        assert_eq!(reads.await.unwrap(), 64 << 20);
    }
}
