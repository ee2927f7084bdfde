//! The running process: the App, its middleware in order, its routes, its end.

use std::{
    collections::HashMap,
    future::ready,
    io,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use actix_http::{HttpService, Protocol, error::DispatchError};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{
    App, HttpResponse, Route,
    body::{BoxBody, MessageBody, to_bytes},
    dev::{AppConfig, Server, ServerHandle, ServiceRequest, ServiceResponse},
    http::header::{self, HeaderValue},
    middleware::{Next, from_fn},
    rt::net::TcpStream,
    web::{self, Data},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::{AppExt, scope};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    api::{self, changes::Streams},
    config::Serve,
    db::Db,
    http::{
        Lasting, Problem, Said, Site,
        connection::{self, Connection, Connections},
        cors::Origins,
        dress,
        gate::Gate,
        guard, idempotency, kinds,
        limit::Limits,
        oidc::Issuers,
        seal::Seal,
        wire::Wire,
    },
    ledger::stamper,
    noun::Rule,
    openapi,
};

/// The open files that are kept for other things than clients.
const RESERVE: usize = 256;

/// The complete document.
pub fn document() -> OpenApi {
    let (_, document) = App::new()
        .into_utoipa_app()
        .openapi(openapi::shared())
        .configure(api::health::routes)
        .configure(api::oauth::routes)
        .service(scope::scope(openapi::BASE).configure(api::routes))
        .split_for_parts();
    openapi::complete(document)
}

/// A document that does not change while the service runs.
#[derive(Clone)]
struct Document {
    text: web::Bytes,
    tag: String,
}

impl Document {
    fn of(document: &impl Serialize) -> io::Result<Self> {
        let text = web::Bytes::from(serde_json::to_vec(document)?);
        let tag = tag_of(&text);
        Ok(Self { text, tag })
    }

    fn route(&self) -> Route {
        let Self { text, tag } = self.clone();
        web::get().to(move || {
            let mut response = HttpResponse::Ok();
            response.insert_header((header::ETAG, tag.clone())).insert_header((header::CONTENT_TYPE, "application/json"));
            response.extensions_mut().insert(Lasting);
            ready(response.body(text.clone()))
        })
    }
}

/// A tag that is made of the content.
fn tag_of(content: &[u8]) -> String {
    format!("\"{}\"", hex::encode(&Sha256::digest(content)[..12]))
}

/// The tags of the files of the documentation, by their paths. There are ten of them, and they stay as they are.
static TAGS: LazyLock<Mutex<HashMap<String, HeaderValue>>> = LazyLock::new(Mutex::default);

/// Gives a file of the documentation its tag, and lets the browser run what it contains.
async fn file(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
    let (request, response) = next.call(request).await?.into_parts();
    let (mut response, body) = response.into_parts();
    let body = to_bytes(body).await.map_err(|_| Problem::new(&kinds::INTERNAL))?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if response.status().is_success() {
        let mut tags = TAGS.lock().unwrap_or_else(PoisonError::into_inner);
        let tag = match tags.get(request.path()) {
            Some(tag) => tag.clone(),
            None => {
                let tag = HeaderValue::from_str(&tag_of(&body)).map_err(|_| Problem::new(&kinds::INTERNAL))?;
                tags.insert(request.path().to_owned(), tag.clone());
                tag
            }
        };
        response.headers_mut().insert(header::ETAG, tag);
        response.extensions_mut().insert(Lasting);
    }
    Ok(ServiceResponse::new(request, response.set_body(BoxBody::new(body))))
}

/// Starts to serve on `listener`. The server runs until it is told to stop.
pub fn serve(listener: std::net::TcpListener, url: &str, settings: &Serve) -> io::Result<Server> {
    let address = listener.local_addr()?;
    let public = settings.public_url(address);
    let secret = settings.cursor_secret.clone().unwrap_or_else(|| format!("cursors of {url}"));
    let site = Data::new(Site { url: public, seal: Seal::new(secret.as_bytes()) });
    let issuers = Issuers::new(&settings.oidc_issuers, &settings.oidc_algorithms).map_err(io::Error::other)?;
    let limits =
        Limits::new(settings.rate_reads, settings.rate_writes, settings.rate_exports, settings.rate_failures, settings.trusted_proxies.clone())
            .with_daily_bytes(settings.daily_bytes);
    let gate = Data::new(Gate::new(limits, issuers, site.seal.clone(), settings.token_lifetime));
    let origins = Data::new(Origins(settings.cors_origins.clone()));
    // What the service itself leads to begins with the path that a proxy takes away.
    let below = settings.path();
    let mut document = document();
    if settings.told_url().is_some() {
        openapi::at(&mut document, &site.url);
    }
    let offer = Data::new(guard::Offer::of(&document)?);
    let rules = api::kept().flat_map(|face| {
        face.card.rules.iter().map(|Rule(name, pointer, en, fr)| (format!("{}_{name}", face.card.table), (*pointer, Said::new(*en, *fr))))
    });
    let rules = Data::new(dress::Rules(rules.collect()));
    let older = Document::of(&openapi::older(&document)?)?;
    let document = Document::of(&document)?;
    // A bad address is reported at the start, and not by the first request.
    actix_web::rt::spawn(idempotency::prune(Db::new(url, 1).map_err(io::Error::other)?));
    let (stop, stopped) = watch::channel(false);
    let streams = Data::new(Streams::new(settings.max_streams, stamper::start(url), stopped));
    let (url, size) = (url.to_owned(), settings.pool_size);

    let factory = move || {
        let (app, _) = App::new()
            .into_utoipa_app()
            .configure(api::health::routes)
            .configure(api::oauth::routes)
            .service(scope::scope(openapi::BASE).configure(api::routes))
            .split_for_parts();
        // Each worker has a pool of its own, made on the thread of the worker.
        let app = match Db::new(&url, size) {
            Ok(db) => app.app_data(Data::new(db)),
            Err(error) => {
                log::error!("no pool: {error}");
                app
            }
        };
        let older_at = format!("{below}/openapi-3.0.json");
        app.app_data(site.clone())
            .app_data(gate.clone())
            .app_data(origins.clone())
            .app_data(offer.clone())
            .app_data(rules.clone())
            .app_data(streams.clone())
            .route("/openapi.json", document.route())
            .route("/openapi-3.0.json", older.route())
            .service(web::redirect("/", format!("{below}/docs/")).temporary())
            .service(web::redirect("/docs", format!("{below}/docs/")).temporary())
            .service(
                web::scope("/docs")
                    .wrap(from_fn(file))
                    .service(SwaggerUi::new("/{_:.*}").config(Config::new([older_at]).doc_expansion("none").filter(true))),
            )
            .default_service(web::to(guard::otherwise))
            // The middleware that is added last sees a request first.
            .wrap(from_fn(idempotency::once))
            .wrap(from_fn(guard::guard))
            .wrap(from_fn(dress::detach))
            .wrap(from_fn(dress::dress))
            .wrap(from_fn(connection::hold_body))
    };

    let workers = settings.threads();
    let connections = Arc::new(Connections::new(settings.address_connections, settings.trusted_proxies.clone()));
    let builder = Server::build()
        .workers(workers)
        .max_concurrent_connections(settings.max_connections.min(open_files() / workers))
        .shutdown_timeout(settings.shutdown_timeout)
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    // `HttpServer` of actix-web would do the same, but for the connections: it never ends one whose client does not take the answer.
    let server = builder.listen("http", listener, move || {
        let (connections, stopping) = (connections.clone(), stopping.clone());
        let admit = fn_service(move |stream: TcpStream| {
            let connections = connections.clone();
            async move {
                let (connection, peer) = connections.admit(stream).await.map_err(DispatchError::Io)?;
                Ok((Wire::over(connection), Protocol::Http1, Some(peer)))
            }
        });
        let app = factory().into_factory().map_err(|error: actix_web::Error| error.error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(Duration::from_secs(75))
            .client_request_timeout(Duration::from_secs(5))
            .client_disconnect_timeout(Duration::from_secs(5))
            // A client that has closed its side awaits nothing any more: its question is stopped.
            .h1_allow_half_closed(false)
            .on_connect_ext(|wire: &Wire<Connection>, data| drop(data.insert(wire.begun())))
            .local_addr(address)
            .finish(map_config(app, |()| AppConfig::default()));
        admit.and_then(http)
    })?;
    let server = server.run();
    actix_web::rt::spawn(end(server.handle(), stop));
    Ok(server)
}

/// Raises the limit of open files to the most that the system allows. Returns the connections of clients that it leaves room for.
fn open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised,
        Err(error) => {
            log::warn!("The limit of open files cannot be raised: {error}");
            limit
        }
    };
    // Files, listeners, and connections to PostgreSQL need some as well.
    usize::try_from(limit.current.unwrap_or(u64::MAX)).unwrap_or(usize::MAX).saturating_sub(RESERVE).max(RESERVE)
}

/// Waits for the signal to stop. Streams are ended first, because a graceful stop waits until all answers are sent.
async fn end(server: ServerHandle, stop: watch::Sender<bool>) {
    let heard = |kind| match signal(kind) {
        Ok(signal) => Some(signal),
        Err(error) => {
            log::error!("no signal is heard: {error}");
            None
        }
    };
    let (Some(mut terminate), Some(mut interrupt), Some(mut quit)) =
        (heard(SignalKind::terminate()), heard(SignalKind::interrupt()), heard(SignalKind::quit()))
    else {
        return;
    };
    let graceful = tokio::select! {
        _ = terminate.recv() => true,
        _ = interrupt.recv() => false,
        _ = quit.recv() => false,
    };
    stop.send_replace(true);
    server.stop(graceful).await;
}
