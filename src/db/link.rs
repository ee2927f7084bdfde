//! How this program reaches PostgreSQL: the address as libpq reads it, and TLS. Every connection is opened here.

use std::{error::Error as StdError, io, path::PathBuf, sync::Arc, time::Duration};

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use futures_util::{FutureExt, future::BoxFuture};
use percent_encoding::percent_decode_str;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    sync::oneshot,
    time::timeout,
};
use tokio_postgres::{
    CancelToken, Client, Config, Socket,
    config::{Host, SslMode, SslNegotiation, TargetSessionAttrs},
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream},
};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::either::Either;

use super::{
    Conn, Error,
    error::{causes, unconnected},
    told::Told,
};

/// The settings of every session: every wait has an end, and times never vary. PostgreSQL looks for a deadlock after a second. The wait for
/// a lock is longer, so that a deadlock is reported as one. Any role may set these.
const SESSION: &str = "-c timezone=UTC -c datestyle=ISO -c jit=off -c default_text_search_config=pg_catalog.simple \
    -c client_min_messages=warning -c statement_timeout=5s -c lock_timeout=3s -c idle_in_transaction_session_timeout=5s";

/// How long the opening of a socket may take.
const WAIT: Duration = Duration::from_secs(2);

/// How long it may take until a session is there: the socket, TLS, the password.
const OPENING: Duration = Duration::from_secs(6);

/// The message by which a client asks for TLS (`SSLRequest`).
const ASK_TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Refuses a `DATABASE_URL` that is no address of a PostgreSQL.
pub fn check_url(url: &str) -> Result<(), Error> {
    Address::read(url)?.secured().map(drop)
}

/// Opens a connection with the settings of every session.
pub async fn connect(url: &str) -> Result<Conn, Error> {
    let (client, connection) = session(url).await?;
    let (held, dropped) = oneshot::channel();
    // When the connection is dropped in the middle of a statement, its socket is closed, so that PostgreSQL can know. (diesel-async does so
    // itself for connections that tokio-postgres opens, but those over a socket of this machine are not of that type.)
    tokio::spawn(async move {
        tokio::select! {
            _ = dropped => {}
            _ = connection => {}
        }
    });
    let taken = timeout(OPENING, AsyncPgConnection::try_from(client)).await.map_err(|_| silent())?;
    let mut conn = taken.map_err(|error| Error::Unavailable(error.to_string()))?;
    conn.set_instrumentation(Held { _until_dropped: held });
    Ok(conn)
}

/// What a connection of diesel owns, and drops with itself.
struct Held {
    _until_dropped: oneshot::Sender<()>,
}

impl Instrumentation for Held {
    fn on_connection_event(&mut self, _event: InstrumentationEvent<'_>) {}
}

/// Opens a connection without diesel: its client, and what drives it until the client is dropped.
pub(super) async fn session(url: &str) -> Result<Session, Error> {
    let address = Address::read(url)?;
    let opening = async {
        match address.open(address.secured()?).await {
            // As libpq does: what is only preferred is left out when it fails.
            Err(Error::Refused(secured)) if address.mode == Mode::Prefer => match address.open(None).await {
                Err(Error::Refused(plain)) => Err(Error::Refused(format!("{secured}; without TLS: {plain}"))),
                opened => opened,
            },
            opened => opened,
        }
    };
    timeout(OPENING, opening).await.unwrap_or_else(|_| Err(silent()))
}

/// Whoever listens there says nothing.
fn silent() -> Error {
    Error::Unavailable(format!("PostgreSQL does not answer within {} s", OPENING.as_secs()))
}

/// Tells PostgreSQL to stop what this session does.
pub(super) async fn cancel(url: &str, session: CancelToken) -> Result<(), Error> {
    let address = Address::read(url)?;
    if address.sockets.is_empty() {
        return match session.cancel_query(address.greeting(address.secured()?)).await {
            Err(_) if address.mode == Mode::Prefer => session.cancel_query(address.greeting(None)).await.map_err(unconnected),
            sent => sent.map_err(unconnected),
        };
    }
    for path in address.paths() {
        if let Ok(stream) = UnixStream::connect(&path).await {
            return session.cancel_query_raw(stream, Plain).await.map_err(unconnected);
        }
    }
    Err(Error::Unavailable("no socket".to_owned()))
}

type Session = (Client, BoxFuture<'static, Result<(), tokio_postgres::Error>>);

/// Whether TLS is used, and how the server is verified: the `sslmode` of libpq.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Without TLS.
    Disable,
    /// With TLS if the server has it, else without.
    Prefer,
    /// With TLS; the server is not verified, unless `sslrootcert` is given.
    Require,
    /// With TLS; an authority of `sslrootcert` vouches for the certificate of the server.
    VerifyCa,
    /// The same, and the certificate is of the host in the address.
    VerifyFull,
}

/// What a `DATABASE_URL` says.
struct Address {
    config: Config,
    /// The sockets of this machine, if the address names such: they have no TLS.
    sockets: Vec<PathBuf>,
    mode: Mode,
    /// TLS begins without being asked for (`sslnegotiation=direct`).
    direct: bool,
    /// The authorities that are trusted: a file of certificates, or `system`.
    root: Option<String>,
    /// The files of the client's own certificate and of its key.
    own: Option<(String, String)>,
}

impl Address {
    /// Reads an address. tokio-postgres knows neither `sslmode=verify-…` nor the files of certificates: they are taken out before.
    fn read(url: &str) -> Result<Self, Error> {
        let (rest, [mode, root, cert, key]) = take_out(url, ["sslmode", "sslrootcert", "sslcert", "sslkey"]);
        let mut config: Config = rest.parse().map_err(|error: tokio_postgres::Error| refused(&causes(&error)))?;
        let sockets: Vec<PathBuf> =
            config.get_hosts().iter().filter_map(|host| if let Host::Unix(path) = host { Some(path.clone()) } else { None }).collect();
        let system = root.as_deref() == Some("system");
        let mode = match mode.as_deref() {
            _ if !sockets.is_empty() => Mode::Disable,
            Some("disable") => Mode::Disable,
            Some("prefer") => Mode::Prefer,
            Some("require") => Mode::Require,
            Some("verify-ca") => Mode::VerifyCa,
            Some("verify-full") => Mode::VerifyFull,
            Some(other) => return Err(refused(&format!("sslmode={other} is none of disable, prefer, require, verify-ca, verify-full"))),
            None if system => Mode::VerifyFull,
            // In the form `host=… sslmode=…`, tokio-postgres reads the first three.
            None => match config.get_ssl_mode() {
                SslMode::Disable => Mode::Disable,
                SslMode::Require => Mode::Require,
                _ => Mode::Prefer,
            },
        };
        let direct = config.get_ssl_negotiation() == SslNegotiation::Direct;
        let own = match (cert, key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err(refused(&"sslcert and sslkey go together")),
        };
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(refused(&"it names no host: postgresql://user:password@host/database"));
        }
        if !sockets.is_empty() && (sockets.len() < config.get_hosts().len() || config.get_target_session_attrs() != TargetSessionAttrs::Any) {
            return Err(refused(&"a socket stands neither beside hosts nor beside target_session_attrs"));
        }
        if matches!(mode, Mode::VerifyCa | Mode::VerifyFull) && root.is_none() {
            return Err(refused(&"sslmode=verify-ca and verify-full need sslrootcert: a file of certificates, or system"));
        }
        if system && !matches!(mode, Mode::Disable | Mode::VerifyFull) {
            return Err(refused(&"sslrootcert=system needs sslmode=verify-full: anyone may have a certificate of a public authority"));
        }
        if direct && mode == Mode::Prefer {
            return Err(refused(&"sslnegotiation=direct needs sslmode=require or more"));
        }
        // tokio-postgres lets nobody begin TLS without a host.
        if config.get_hosts().is_empty() {
            for address in config.get_hostaddrs().to_vec() {
                config.host(address.to_string());
            }
        }
        let options = [SESSION, config.get_options().unwrap_or_default()].join(" ");
        config
            .options(options)
            .connect_timeout(WAIT)
            .keepalives_idle(Duration::from_secs(10))
            .tcp_user_timeout(Duration::from_secs(3))
            .application_name("territoires-industrie")
            // [`Greeting`] is what begins TLS, or does not.
            .ssl_mode(SslMode::Require)
            .ssl_negotiation(SslNegotiation::Direct);
        Ok(Self { config, sockets, mode, direct, root, own })
    }

    /// How TLS is made, unless it is disabled. The files are read for each connection, so that a renewed certificate is used.
    fn secured(&self) -> Result<Option<MakeRustlsConnect>, Error> {
        if self.mode == Mode::Disable {
            return Ok(None);
        }
        let provider = Arc::new(ring::default_provider());
        let mut verifier = Verifier { trusted: None, full: self.mode == Mode::VerifyFull, algorithms: provider.signature_verification_algorithms };
        if let Some(file) = &self.root {
            let given = if file == "system" { of_the_system()? } else { certificates(file)? };
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(given.iter().cloned());
            verifier.trusted = Some((roots, given));
        }
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| refused(&error))?;
        let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.own {
            None => config.with_no_client_auth(),
            Some((cert, key)) => {
                let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| refused(&format!("{key}: {error}")))?;
                config.with_client_auth_cert(certificates(cert)?, secret).map_err(|error| refused(&format!("{cert}, {key}: {error}")))?
            }
        };
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Some(MakeRustlsConnect::new(config)))
    }

    /// Opens a connection, with this TLS.
    async fn open(&self, tls: Option<MakeRustlsConnect>) -> Result<Session, Error> {
        if self.sockets.is_empty() {
            let (client, connection) = self.config.connect(self.greeting(tls)).await.map_err(unconnected)?;
            return Ok((client, connection.boxed()));
        }
        let mut failed = Error::Unavailable("no socket".to_owned());
        for path in self.paths() {
            let stream = timeout(WAIT, UnixStream::connect(&path)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            let opened = match stream {
                Ok(stream) => self.config.connect_raw(stream, Plain).await.map_err(unconnected),
                Err(error) => Err(Error::Unavailable(format!("{}: {error}", path.display()))),
            };
            match opened {
                Ok((client, connection)) => return Ok((client, connection.boxed())),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// How a connection over the network begins, with this TLS.
    fn greeting(&self, tls: Option<MakeRustlsConnect>) -> Greeting<MakeRustlsConnect> {
        Greeting { tls, optional: self.mode == Mode::Prefer, direct: self.direct }
    }

    /// The sockets of this machine.
    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let ports = self.config.get_ports();
        let port = |index| ports.get(index).or(ports.first()).unwrap_or(&5432);
        self.sockets.iter().enumerate().map(move |(index, folder)| folder.join(format!(".s.PGSQL.{}", port(index))))
    }
}

fn refused(told: &dyn ToString) -> Error {
    Error::Refused(format!("DATABASE_URL: {}", told.to_string()))
}

/// Takes these parameters out of a URL. Returns the URL without them, and their values.
fn take_out<const N: usize>(url: &str, names: [&str; N]) -> (String, [Option<String>; N]) {
    let mut values = [const { None }; N];
    // A password may have a question mark.
    let after = url.find('@').unwrap_or_default();
    let Some(start) = url[after..].find('?').map(|found| after + found).filter(|_| url.contains("://")) else {
        return (url.to_owned(), values);
    };
    let mut rest = Vec::new();
    for pair in url[start + 1..].split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match names.iter().position(|known| *known == name) {
            Some(index) => values[index] = Some(percent_decode_str(value).decode_utf8_lossy().into_owned()),
            None => rest.push(pair),
        }
    }
    (format!("{}?{}", &url[..start], rest.join("&")), values)
}

/// The certificates in a file (PEM).
fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(read) if read.is_empty() => Err(refused(&format!("{file} has no certificate"))),
        Ok(read) => Ok(read),
        Err(error) => Err(refused(&format!("{file}: {error}"))),
    }
}

/// The certificates of the authorities that this machine trusts.
fn of_the_system() -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(refused(&format!("sslrootcert=system: this machine has no authorities; {}", why.join("; "))));
    }
    Ok(found.certs)
}

/// Verifies the certificate of a server as libpq does, but for one thing: a certificate that is itself in `sslrootcert` is trusted even
/// when its time is over.
#[derive(Debug)]
struct Verifier {
    /// The authorities, and the certificates by which they were given. Without them any server is trusted.
    trusted: Option<(RootCertStore, Vec<CertificateDer<'static>>)>,
    /// Is the name of the host verified too?
    full: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // A server that signs its own certificate is named by that certificate.
        if let Some((roots, given)) = &self.trusted
            && !given.iter().any(|given| given == server)
        {
            verify_server_cert_signed_by_trust_anchor(&ParsedCertificate::try_from(server)?, roots, between, now, self.algorithms.all)?;
        }
        if self.full {
            verify_server_name(&ParsedCertificate::try_from(server)?, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// How a connection over the network begins. tokio-postgres could ask for TLS itself, but then nothing would read what comes without TLS.
#[derive(Clone)]
struct Greeting<T> {
    tls: Option<T>,
    /// May the server say that it has no TLS?
    optional: bool,
    /// Does TLS begin without being asked for?
    direct: bool,
}

type Begin = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;
type Secured = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

impl MakeTlsConnect<Socket> for Greeting<MakeRustlsConnect> {
    type Stream = Told<Either<Socket, Secured>>;
    type TlsConnect = Greeting<Begin>;
    type Error = std::convert::Infallible;

    fn make_tls_connect(&mut self, host: &str) -> Result<Self::TlsConnect, Self::Error> {
        let tls = self.tls.as_mut().map(|tls| MakeTlsConnect::<Socket>::make_tls_connect(tls, host)).transpose()?;
        Ok(Greeting { tls, optional: self.optional, direct: self.direct })
    }
}

impl TlsConnect<Socket> for Greeting<Begin> {
    type Stream = Told<Either<Socket, Secured>>;
    type Error = Box<dyn StdError + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Stream, Self::Error>>;

    fn connect(self, mut socket: Socket) -> Self::Future {
        async move {
            let Some(tls) = self.tls else { return Ok(Told::new(Either::Left(socket))) };
            if !self.direct {
                socket.write_all(&ASK_TLS).await?;
                match socket.read_u8().await? {
                    b'S' => {}
                    b'N' if self.optional => return Ok(Told::new(Either::Left(socket))),
                    b'N' => return Err("the server has no TLS, and sslmode asks for it".into()),
                    _ => return Err(io::Error::other("the server answers in another protocol").into()),
                }
            }
            Ok(Told::new(Either::Right(tls.connect(socket).await?)))
        }
        .boxed()
    }
}

impl TlsStream for Told<Either<Socket, Secured>> {
    fn channel_binding(&self) -> ChannelBinding {
        match self.inner() {
            Either::Left(_) => ChannelBinding::none(),
            Either::Right(secured) => secured.channel_binding(),
        }
    }
}

/// How a connection over a socket of this machine begins.
struct Plain;

impl TlsConnect<UnixStream> for Plain {
    type Stream = Told<UnixStream>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Stream, Self::Error>>;

    fn connect(self, stream: UnixStream) -> Self::Future {
        std::future::ready(Ok(Told::new(stream)))
    }
}

impl TlsStream for Told<UnixStream> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_libpq_reads_it() {
        let mode = |url: &str| Address::read(url).map(|address| address.mode).map_err(|error| error.to_string());
        assert_eq!(mode("postgresql://a@h/d"), Ok(Mode::Prefer));
        assert_eq!(mode("postgresql://a:x?y@h/d?sslmode=verify-ca&sslrootcert=%2Fa%20b"), Ok(Mode::VerifyCa));
        assert_eq!(mode("postgresql://a@h/d?sslrootcert=system"), Ok(Mode::VerifyFull));
        assert_eq!(mode("host=h user=a sslmode=require"), Ok(Mode::Require));
        assert_eq!(mode("postgresql://a@/d?host=%2Ftmp&sslmode=require"), Ok(Mode::Disable), "as libpq: a socket has no TLS");
        assert_eq!(mode("postgresql://a@/d?hostaddr=127.0.0.1"), Ok(Mode::Prefer));
        let read = Address::read("postgresql://a:x?y@h/d?sslrootcert=%2Fa%20b&options=-c%20jit%3Don&sslmode=verify-full").unwrap();
        assert_eq!((read.root.as_deref(), read.config.get_password()), (Some("/a b"), Some(&b"x?y"[..])));
        assert!(read.config.get_options().is_some_and(|options| options.ends_with("-c jit=on")));
        for (wrong, word) in [
            ("nowhere", "DATABASE_URL"),
            ("http://h/d", "DATABASE_URL"),
            ("postgresql:///d", "names no host"),
            ("postgresql://a@h:port/d", "port"),
            ("postgresql://a@h/d?sslmode=allow", "sslmode=allow"),
            ("postgresql://a@h/d?sslmode=verify-full", "sslrootcert"),
            ("postgresql://a@h/d?sslmode=require&sslrootcert=system", "verify-full"),
            ("postgresql://a@h/d?sslcert=%2Fa", "sslkey"),
            ("postgresql://a@h/d?sslnegotiation=direct", "sslmode=require"),
            ("postgresql://a@h/d?sslcrl=%2Fa", "sslcrl"),
        ] {
            let said = mode(wrong).unwrap_err();
            assert!(said.contains(word), "{wrong}: {said}");
        }
    }
}
