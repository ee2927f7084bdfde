//! What every request and every answer gets, whatever handles it: an identifier, a line in the log, problems in the language of the caller,
//! the headers for safety and caching, and the coding that the client prefers.

use std::{collections::HashMap, panic::AssertUnwindSafe, time::Instant};

use actix_web::{
    HttpMessage, HttpRequest,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, Method, StatusCode, Version,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;
use uuid::Uuid;

use super::{
    Caller, Problem, Said, Site, accept,
    coding::{self, Coding},
    cors,
    guard::Offer,
    kinds,
    limit::{self, Told},
    problem::{Dressed, Language},
    tag,
};
use crate::{
    db::{Caused, Db, Error, refs},
    ledger,
};

/// The identifier of a request: the one that the client sent, if it is harmless; else a new one.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The name of the header with the identifier.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

fn request_id(headers: &HeaderMap) -> RequestId {
    let harmless = |text: &&str| (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    let given = headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(harmless);
    RequestId(given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned))
}

/// Marks a refusal that is not a problem document, because another standard gives its form.
pub struct AsItIs;

/// What is known of a request after it was handed on.
pub(super) struct Asked {
    started: Instant,
    id: RequestId,
    language: Language,
    traceparent: Option<HeaderValue>,
    /// The method and the path, for the log.
    line: String,
    with_key: bool,
    reading: bool,
    cors: HeaderMap,
}

impl Asked {
    /// A request that could not be read.
    pub(super) fn unread() -> Self {
        Self {
            started: Instant::now(),
            id: request_id(&HeaderMap::new()),
            language: Language::English,
            traceparent: None,
            line: "a request that is not read".to_owned(),
            with_key: false,
            reading: true,
            cors: cors::to_read(),
        }
    }

    /// The identifier of the request.
    pub(super) fn id(&self) -> &str {
        &self.id.0
    }

    fn of(request: &ServiceRequest) -> Self {
        Self {
            started: Instant::now(),
            id: request_id(request.headers()),
            language: accept::language(request.headers()),
            traceparent: request.headers().get(&TRACEPARENT).filter(|value| value.len() == 55).cloned(),
            line: format!("{} {}", request.method(), logged(request.path())),
            with_key: request.headers().contains_key(header::AUTHORIZATION),
            reading: request.method().is_safe(),
            cors: cors::headers(request),
        }
    }

    /// Adds the headers of every answer, and writes the line in the log.
    pub(super) fn dress(mut self, status: StatusCode, headers: &mut HeaderMap, told: Option<Told>) {
        if let Ok(value) = HeaderValue::from_str(&self.id.0) {
            headers.insert(REQUEST_ID, value);
        }
        if let Some(Told { policy, left }) = told {
            headers.insert(limit::POLICY, policy);
            headers.insert(limit::LEFT, left);
        }
        if let Some(value) = self.traceparent {
            headers.insert(TRACEPARENT, value);
        }
        for (name, value) in [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        }
        if !headers.contains_key(header::CACHE_CONTROL) {
            let kept = status.is_success() || status == StatusCode::NOT_MODIFIED;
            headers.insert(
                header::CACHE_CONTROL,
                HeaderValue::from_static(match (kept && self.reading, self.with_key) {
                    (true, false) => "public, max-age=0, must-revalidate",
                    (true, true) => "private, max-age=0, must-revalidate",
                    (false, false) => "no-store",
                    (false, true) => "private, no-store",
                }),
            );
        }
        headers.append(header::VARY, HeaderValue::from_static("Authorization, Accept-Language, Accept-Encoding"));
        for (name, value) in self.cors.drain() {
            if let Some(name) = name {
                headers.append(name, value);
            }
        }
        let milliseconds = self.started.elapsed().as_secs_f64() * 1000.0;
        log::info!(target: "access", "{} {} {milliseconds:.1}ms {}", self.line, status.as_u16(), self.id.0);
    }
}

/// The outermost middleware, but for the one that holds a body for its taker (`server.rs`).
pub async fn dress(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let asked = Asked::of(&request);
    // `guard` refuses the request if no coding is acceptable.
    let (coding, always) = accept::coding(request.headers()).unwrap_or((Coding::Identity, false));
    request.extensions_mut().insert(asked.id.clone());

    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let answered = answered.unwrap_or_else(|_| Err(Problem::new(&kinds::INTERNAL).into()));
    let response = match answered {
        Ok(response) => response.map_into_boxed_body(),
        Err(error) => {
            let status = error.as_response_error().status_code();
            let problem = error.as_error::<Problem>().cloned().unwrap_or_else(|| Problem::of_status(status));
            log::error!("{} {} {} {problem}", asked.line, problem.kind().status, asked.id.0);
            let mut response = problem.render(asked.language, Some(&asked.id.0));
            asked.dress(response.status(), response.headers_mut(), None);
            return Err(Dressed::of(response).into());
        }
    };

    let compresses = |response: &ServiceResponse<BoxBody>| {
        coding != Coding::Identity && coding::is_due(response.response().body().size(), response.headers(), always)
    };
    // What is not sent again has the tag that it would be sent with.
    let whole = compresses(&response);
    let response = match tag::precondition(&response) {
        Some(instead) => response.into_response(instead),
        None => response,
    };
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error() || status == StatusCode::PERMANENT_REDIRECT;
    let told = response.request().extensions().get::<Told>().cloned();
    let as_it_is = response.response().extensions().get::<AsItIs>().is_some();
    let mut response = if refused && !as_it_is { refusal(response, &asked).await } else { response };
    let compressed = compresses(&response);
    if compressed || whole && status == StatusCode::NOT_MODIFIED {
        tag::weaken(response.headers_mut());
    }
    asked.dress(status, response.headers_mut(), told);
    // HTTP/1.0 knows no chunks: the end of a stream is the end of the connection.
    if response.request().version() < Version::HTTP_11 && response.response().body().size() == BodySize::Stream {
        let head = response.response_mut().head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(if compressed { coding::compress(response, coding).await } else { response })
}

/// A path for the log: on one line, and cut when it is long.
fn logged(path: &str) -> String {
    path.chars().take(256).flat_map(char::escape_debug).collect()
}

/// Turns an answer of status 400 or above into a problem in the language of the caller. Faults of the service are logged here, once.
async fn refusal(response: ServiceResponse, asked: &Asked) -> ServiceResponse {
    let Asked { language, id, line, .. } = asked;
    let status = response.status();
    let problem = response.response().extensions().get::<Problem>().cloned();
    let problem = problem.unwrap_or_else(|| Problem::of_status(status));
    let problem = moved(first_come(in_words(problem, response.request()), response.request()).await, response.request());
    let bug = matches!(problem.caused(), Some(Error::Bug(_)));
    if bug || problem.kind().status == 500 {
        log::error!("{line} {} {problem}", id.0);
    } else if status.is_server_error() {
        log::warn!("{line} {} {problem}", id.0);
    }
    let (request, given) = response.into_parts();
    let mut rendered = problem.render(*language, Some(&id.0));
    *rendered.status_mut() = status;
    if let Some(allow) = given.headers().get(header::ALLOW) {
        rendered.headers_mut().insert(header::ALLOW, allow.clone());
    }
    ServiceResponse::new(request, rendered)
}

/// The sentences of rules that the database checks, each by the name of its constraint.
pub struct Rules(pub HashMap<String, (&'static str, Said)>);

/// Tells a broken rule in the words of the card that has it, whatever noun the operation is of, and at a place that the body has.
fn in_words(problem: Problem, request: &HttpRequest) -> Problem {
    let rule = match (problem.caused(), request.app_data::<Data<Rules>>()) {
        (Some(Error::Violated(violation)), Some(rules)) => rules.0.get(&violation.constraint).cloned(),
        _ => None,
    };
    let problem = if let Some((pointer, said)) = rule { problem.reworded(pointer, said) } else { problem };
    match request.app_data::<Data<Offer>>().and_then(|offer| offer.body(request)) {
        Some(body) => problem.pointed(|pointer| body.pointer(pointer)),
        None => problem,
    }
}

/// Adds the address of the thing that this one was merged into.
fn moved(problem: Problem, request: &HttpRequest) -> Problem {
    let (Some(into), Some(id), Some(site)) = (problem.merged_into(), request.match_info().get("id"), request.app_data::<Data<Site>>()) else {
        return problem;
    };
    let address = request.uri().path_and_query().map_or("", |address| address.as_str()).replacen(id, &into, 1);
    problem.header(header::LOCATION, format!("{}{address}", site.url))
}

/// Adds the thing that was there first, and its address.
async fn first_come(problem: Problem, request: &HttpRequest) -> Problem {
    let (Some(Error::Violated(violation)), Some(db), Some(site)) =
        (problem.caused(), request.app_data::<Data<Db>>(), request.app_data::<Data<Site>>())
    else {
        return problem;
    };
    let path = request.path();
    let collection = if request.method() == Method::POST { path } else { path.rsplit_once('/').map_or(path, |(collection, _)| collection) };
    if !collection.ends_with(&format!("/{}", violation.table.replace('_', "-"))) {
        return problem;
    }
    let caller = Caller::of(request);
    let winner = db.run(async |conn| -> Result<_, Problem> {
        let Some(winner) = refs::winner(violation, conn).await? else { return Ok(None) };
        // The caller must not learn the address of a thing that the caller may not see.
        Ok(ledger::is_seen(winner, caller.reach(), conn).await?.then_some(winner))
    });
    let winner = winner.await;
    match winner {
        Ok(Some(id)) => problem.header(header::LOCATION, format!("{}{collection}/{id}", site.url)).with("existing", id),
        _ => problem,
    }
}

/// Runs every write on a task of its own: so a client that disconnects does not stop a write in the middle.
pub async fn detach(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.call(request).await;
    }
    let task = actix_web::rt::spawn(AssertUnwindSafe(next.call(request)).catch_unwind());
    match task.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => Err(Problem::new(&kinds::INTERNAL).into()),
    }
}
