//! Requests from pages of other sites (CORS). Any page may read what is public, without credentials (`*`). Only pages of the listed origins
//! may write. actix-cors has one policy for all requests, and this service needs one for reads and another for writes.

use actix_web::{
    dev::ServiceRequest,
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
    web::Data,
};

/// The origins that may write.
#[derive(Debug, Clone, Default)]
pub struct Origins(pub Vec<String>);

const EXPOSED: &str = "ETag, Link, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Idempotent-Replayed, Content-Disposition";
const ACCEPTED: &str = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-Id, traceparent";

/// The headers that tell the browser what the page may do.
pub fn headers(request: &ServiceRequest) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return headers;
    };
    let preflight = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD).filter(|_| request.method() == Method::OPTIONS);
    let asked = preflight.map_or(request.method().as_str(), |method| method.to_str().unwrap_or_default());
    let listed = request.app_data::<Data<Origins>>().is_some_and(|origins| origins.0.iter().any(|known| origin == known.as_str()));
    let allowed = match asked {
        "GET" | "HEAD" => HeaderValue::from_static("*"),
        _ if listed => origin.clone(),
        _ => return headers,
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if preflight.is_some() {
        let methods = if listed { "GET, HEAD, POST, PATCH, DELETE" } else { "GET, HEAD" };
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ACCEPTED));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    }
    headers
}
