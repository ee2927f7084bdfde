//! What every request and every answer gets, whatever handles it: an identifier, a line in the log, problems in the language of the caller,
//! and the headers for safety and caching.

use std::{cmp::Reverse, collections::HashMap, panic::AssertUnwindSafe, time::Instant};

use actix_web::{
    HttpMessage, HttpRequest,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, AcceptLanguage, Header, HeaderMap, HeaderName, HeaderValue, Quality},
    },
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;
use uuid::Uuid;

use super::{
    Caller, Problem, Said, Site, cors,
    guard::Offer,
    kinds,
    limit::{self, Told},
    problem::{Dressed, Language},
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
/// A body with fewer bytes is not worth compressing.
const SMALL: u64 = 1000;

fn request_id(headers: &HeaderMap) -> RequestId {
    let harmless = |text: &&str| (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    let given = headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(harmless);
    RequestId(given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned))
}

/// The language that a request prefers. A range such as `fr-CA` asks for its first subtag, French. `*` asks for the first
/// language that the request does not refuse with `q=0`; so does a request that asks for none of ours.
fn language(request: &impl HttpMessage) -> Language {
    let AcceptLanguage(mut ranges) = AcceptLanguage::parse(request).unwrap_or_else(|_| AcceptLanguage(Vec::new()));
    ranges.sort_by_key(|range| Reverse(range.quality));
    let (asked, refused): (Vec<_>, Vec<_>) = ranges.into_iter().partition(|range| range.quality > Quality::ZERO);
    let is = |language: Language, text: &str| text.eq_ignore_ascii_case(language.code());
    let refuses = |language: Language| refused.iter().any(|range| range.item.item().is_some_and(|tag| is(language, tag.as_str())));
    let known = || Language::ALL.into_iter().filter(|language| !refuses(*language));
    let meant = asked.iter().find_map(|range| known().find(|language| range.item.item().is_none_or(|tag| is(*language, tag.primary_language()))));
    meant.or_else(|| known().next()).unwrap_or_default()
}

/// Marks a refusal that is not a problem document, because another standard gives its form.
pub struct AsItIs;

/// The outermost middleware of this service.
pub async fn dress(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let id = request_id(request.headers());
    let language = language(&request);
    let traceparent = request.headers().get(&TRACEPARENT).filter(|value| value.len() == 55).cloned();
    let line = format!("{} {}", request.method(), logged(request.path()));
    let with_key = request.headers().contains_key(header::AUTHORIZATION);
    let reading = request.method().is_safe();
    let mut cors = cors::headers(&request);
    request.extensions_mut().insert(id.clone());

    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let answered = answered.unwrap_or_else(|_| Err(Problem::new(&kinds::INTERNAL).into()));
    let response = match answered {
        Ok(response) => response.map_into_boxed_body(),
        Err(error) => {
            let status = error.as_response_error().status_code();
            let problem = error.as_error::<Problem>().cloned().unwrap_or_else(|| Problem::of_status(status));
            log::error!("{line} {} {id} {problem}", problem.kind().status, id = id.0);
            return Err(Dressed { problem, language, instance: id.0 }.into());
        }
    };

    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error() || status == StatusCode::PERMANENT_REDIRECT;
    let told = response.request().extensions().get::<Told>().cloned();
    let as_it_is = response.response().extensions().get::<AsItIs>().is_some();
    let mut response = if refused && !as_it_is { refusal(response, language, &id, &line).await } else { response };
    let size = response.response().body().size();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, value);
    }
    if let Some(Told { policy, left }) = told {
        headers.insert(limit::POLICY, policy);
        headers.insert(limit::LEFT, left);
    }
    if let Some(value) = traceparent {
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
            HeaderValue::from_static(match (kept && reading, with_key) {
                (true, false) => "public, max-age=0, must-revalidate",
                (true, true) => "private, max-age=0, must-revalidate",
                (false, false) => "no-store",
                (false, true) => "private, no-store",
            }),
        );
    }
    headers.append(header::VARY, HeaderValue::from_static("Authorization, Accept-Language"));
    for (name, value) in cors.drain() {
        if let Some(name) = name {
            headers.append(name, value);
        }
    }
    // The compression middleware, which runs later, skips an answer with an encoding. `uncompressed` removes this mark again.
    if matches!(size, BodySize::Sized(size) if size < SMALL) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("identity"));
    }
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    log::info!(target: "access", "{line} {} {milliseconds:.1}ms {}", status.as_u16(), id.0);
    Ok(response)
}

/// A path for the log: on one line, and cut when it is long.
fn logged(path: &str) -> String {
    path.chars().take(256).flat_map(char::escape_debug).collect()
}

/// Turns an answer of status 400 or above into a problem in the language of the caller. Faults of the service are logged here, once.
async fn refusal(response: ServiceResponse, language: Language, id: &RequestId, line: &str) -> ServiceResponse {
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
    let mut rendered = problem.render(language, Some(&id.0));
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

/// Runs outside of the compression: removes the mark by which the compression skipped a small body.
pub async fn uncompressed(request: ServiceRequest, next: Next<impl MessageBody>) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let mut response = next.call(request).await?;
    if response.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding == "identity") {
        response.headers_mut().remove(header::CONTENT_ENCODING);
    }
    Ok(response)
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

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_problem_is_told_in_the_language_that_is_preferred() {
        let (english, french) = (Language::English, Language::French);
        for (accepted, due) in [
            ("", english),
            ("de", english),
            ("*", english),
            ("fr", french),
            ("fr-CA", french),
            ("FR-ca;q=0.4", french),
            ("de, fr;q=0.2", french),
            ("fr; q=0.1, en;q=0.9", english),
            ("fr;q=0.8 , en; q=0.7", french),
            ("en;q=0.3, fr-FR", french),
            ("fr, en", french),
            ("frr, en;q=0.1", english),
            ("fr;q=0", english),
            ("fr;q=0, *", english),
            ("en;q=0, *;q=0.5", french),
            ("en;q=0", french),
            ("fr-CA;q=0, fr", french),
            ("en;q=0, fr;q=0", english),
            ("é", english),
        ] {
            let request = TestRequest::default().insert_header((header::ACCEPT_LANGUAGE, accepted.as_bytes())).to_srv_request();
            assert_eq!(language(&request), due, "{accepted}");
        }
        assert_eq!(language(&TestRequest::default().to_srv_request()), english);
    }
}
