//! Requests from pages of other sites (CORS). Any page may read what is public, without credentials (`*`), and may send any header with it.
//! Only pages of the listed origins may write. actix-cors has one policy for all requests, and this service needs one for reads and another
//! for writes.

use actix_web::{
    dev::ServiceRequest,
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    web::Data,
};

use super::{Problem, Result, Said, kinds};

/// The origins that may write.
#[derive(Debug, Clone, Default)]
pub struct Origins(pub Vec<String>);

const EXPOSED: &str = "ETag, Link, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Idempotent-Replayed, Content-Disposition";

/// The method that a browser asks about, if this is its question before the request itself (preflight).
pub fn preflight(request: &ServiceRequest) -> Option<&str> {
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()?;
    (request.method() == Method::OPTIONS && request.headers().contains_key(header::ORIGIN)).then_some(asked)
}

fn reads(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

fn is_listed(request: &ServiceRequest, origin: &HeaderValue) -> bool {
    request.app_data::<Data<Origins>>().is_some_and(|origins| origins.0.iter().any(|known| origin == known.as_str()))
}

/// Refuses (403) a page that asks whether it may write, and may not.
pub fn check(request: &ServiceRequest, method: &str) -> Result<()> {
    if reads(method) || request.headers().get(header::ORIGIN).is_some_and(|origin| is_listed(request, origin)) {
        return Ok(());
    }
    let said = Said::new(
        "Pages of any origin may read. Pages of this origin may not write: it is none of those that the service was told of (CORS_ORIGINS).",
        "Les pages de toute origine peuvent lire. Celles de cette origine ne peuvent pas écrire : elle n'est pas de celles indiquées au service (CORS_ORIGINS).",
    );
    Err(Problem::new(&kinds::ORIGIN_NOT_ALLOWED).saying(said))
}

/// The headers that let pages of these origins read an answer.
fn for_pages_of(origins: HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origins);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers
}

/// The headers that let any page read an answer.
pub fn to_read() -> HeaderMap {
    for_pages_of(HeaderValue::from_static("*"))
}

/// The headers that tell the browser what the page may do.
pub fn headers(request: &ServiceRequest) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let preflight = preflight(request);
    let method = preflight.unwrap_or(request.method().as_str());
    if preflight.is_some() {
        let vary = HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
        headers.insert(header::VARY, vary);
    } else if !reads(method) {
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    let listed = request.headers().get(header::ORIGIN).filter(|origin| is_listed(request, origin));
    let allowed = match listed {
        // The answer to a read is the same for every page, and for who is none. So a cache may give it to any of them.
        _ if reads(method) => HeaderValue::from_static("*"),
        Some(origin) => origin.clone(),
        None => return headers,
    };
    for (name, value) in for_pages_of(allowed) {
        headers.insert(name, value);
    }
    if preflight.is_some() {
        let methods = if listed.is_some() { "GET, HEAD, POST, PATCH, DELETE" } else { "GET, HEAD" };
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        // Whatever the page would send. `*` would leave out Authorization, and some browsers do not know it.
        for asked in request.headers().get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).filter(|asked| are_names(asked)) {
            headers.append(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    }
    headers
}

/// Does this header list names of headers?
fn are_names(asked: &HeaderValue) -> bool {
    asked.as_bytes().split(|byte| *byte == b',').all(|name| HeaderName::from_bytes(name.trim_ascii()).is_ok())
}
