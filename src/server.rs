//! The running process: the App, its middleware in order, its routes, its end.

use std::{future::ready, io, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, Route,
    dev::{Server, ServerHandle},
    http::header,
    middleware::{Compress, DefaultHeaders, from_fn},
    web::{self, Data},
};
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
    http::{Site, cors::Origins, dress, gate::Gate, guard, idempotency, limit::Limits, oidc::Issuers, seal::Seal},
    ledger::stamper,
    openapi,
};

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
struct Lasting {
    text: web::Bytes,
    tag: String,
}

impl Lasting {
    fn of(document: &impl Serialize) -> io::Result<Self> {
        let text = web::Bytes::from(serde_json::to_vec(document)?);
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&text)[..12]));
        Ok(Self { text, tag })
    }

    fn route(&self) -> Route {
        let Self { text, tag } = self.clone();
        web::get().to(move |request: HttpRequest| {
            let known = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
            let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
            response.insert_header((header::ETAG, tag.clone())).insert_header((header::CONTENT_TYPE, "application/json"));
            ready(if known { response.finish() } else { response.body(text.clone()) })
        })
    }
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
    let document = document();
    let offer = Data::new(guard::Offer::of(&document)?);
    let older = Lasting::of(&openapi::older(&document)?)?;
    let document = Lasting::of(&document)?;
    // A bad address is reported at the start, and not by the first request.
    drop(Db::new(url, 1).map_err(io::Error::other)?);
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
            Ok(db) => {
                actix_web::rt::spawn(idempotency::prune(db.clone()));
                app.app_data(Data::new(db))
            }
            Err(error) => {
                log::error!("no pool: {error}");
                app
            }
        };
        let docs = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
        app.app_data(site.clone())
            .app_data(gate.clone())
            .app_data(origins.clone())
            .app_data(offer.clone())
            .app_data(streams.clone())
            .route("/openapi.json", document.route())
            .route("/openapi-3.0.json", older.route())
            .service(web::redirect("/", "/docs/").temporary())
            .service(web::redirect("/docs", "/docs/").temporary())
            .service(
                web::scope("/docs")
                    .wrap(DefaultHeaders::new().add((header::CONTENT_SECURITY_POLICY, docs)))
                    .service(SwaggerUi::new("/{_:.*}").config(Config::new(["/openapi-3.0.json"]).doc_expansion("none").filter(true))),
            )
            .default_service(web::to(guard::otherwise))
            // The middleware that is added last sees a request first.
            .wrap(from_fn(idempotency::once))
            .wrap(from_fn(guard::guard))
            .wrap(from_fn(dress::detach))
            .wrap(from_fn(dress::dress))
            .wrap(Compress::default())
            .wrap(from_fn(dress::uncompressed))
    };

    let server = HttpServer::new(factory)
        .client_request_timeout(Duration::from_secs(5))
        .client_disconnect_timeout(Duration::from_secs(5))
        .keep_alive(Duration::from_secs(75))
        // Else the end of an answer waits 40 ms for the client to acknowledge what was sent before it.
        .tcp_nodelay(true)
        .max_connections(settings.max_connections)
        .shutdown_timeout(settings.shutdown_timeout)
        .workers(settings.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from)));
    let server = server.disable_signals().listen(listener)?.run();
    actix_web::rt::spawn(end(server.handle(), stop));
    Ok(server)
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
