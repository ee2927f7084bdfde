//! A POST with an `Idempotency-Key` is done once, however often it is sent within a day. A client that never got the answer sends the
//! request again, and gets the first answer. The note that the request was done is written in the same transaction as the write itself; the
//! answer is kept afterwards.
//!
//! No crate does this. `actix-idempotent` keeps answers in the store of a session. So the write and the note of it are in two places, and a
//! crash between the two does the write twice.

use actix_web::{
    Error, HttpMessage, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody, to_bytes},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use sha2::{Digest, Sha256};

use super::{Caller, Problem, Result, Said, intake::Intake, json::read, kinds, limit::Who};
use crate::{
    db::{Db, Idempotency},
    schema::idempotency_keys,
};

/// The header that names a request that is to be done once.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that marks a repeated answer.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key.
pub const LONGEST: usize = 255;
/// How long the answer is kept.
const KEPT: Duration = Duration::hours(24);

/// A request that was done, and its answer.
#[derive(Queryable, Selectable)]
#[diesel(table_name = idempotency_keys, check_for_backend(diesel::pg::Pg))]
struct Done {
    digest: Vec<u8>,
    made_at: DateTime<Utc>,
    status: Option<i32>,
    etag: Option<String>,
    location: Option<String>,
    body: Option<String>,
}

/// Repeats the kept answer, if the request was done before. Else lets the request be done, and keeps its answer.
pub async fn once(mut request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> std::result::Result<ServiceResponse<BoxBody>, Error> {
    let (once, db) = match asked(&mut request).await {
        Ok(Asked::Plainly) => return next.call(request).await.map(ServiceResponse::map_into_boxed_body),
        Ok(Asked::Again(answer)) => return Ok(request.into_response(answer)),
        Ok(Asked::First(once, db)) => (once, db),
        Err(problem) => return Ok(request.into_response(problem.error_response())),
    };
    request.extensions_mut().insert(once.clone());
    let answer = next.call(request).await?.map_into_boxed_body();
    // An answer that is shown only once (a secret) must not be kept.
    let secret = answer.headers().get(header::CACHE_CONTROL).is_some_and(|control| control == "no-store");
    if !answer.status().is_success() || secret {
        return Ok(answer);
    }
    let (request, answer) = answer.into_parts();
    let (answer, body) = answer.into_parts();
    let body = to_bytes(body).await.map_err(|_| Problem::new(&kinds::INTERNAL))?;
    let header = |name| answer.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let keep = db.run(async |conn| -> Result<_> {
        let kept = (
            idempotency_keys::status.eq(i32::from(answer.status().as_u16())),
            idempotency_keys::etag.eq(header(header::ETAG)),
            idempotency_keys::location.eq(header(header::LOCATION)),
            idempotency_keys::body.eq(std::str::from_utf8(&body).unwrap_or_default()),
        );
        Ok(diesel::update(idempotency_keys::table.find((&once.caller, &once.key))).set(kept).execute(conn).await?)
    });
    if let Err(problem) = keep.await {
        log::warn!("what was answered is not kept: {problem}");
    }
    Ok(ServiceResponse::new(request, answer.set_body(body).map_into_boxed_body()))
}

/// How a request is to be done.
enum Asked {
    /// As often as the request is sent.
    Plainly,
    /// Once, and it was done before: this is the answer.
    Again(HttpResponse),
    /// Once, and this is the first time.
    First(Idempotency, Data<Db>),
}

async fn asked(request: &mut ServiceRequest) -> Result<Asked> {
    let Some(once) = named(request).await? else { return Ok(Asked::Plainly) };
    let db = request.app_data::<Data<Db>>().cloned().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
    let done = db.run(async |conn| -> Result<_> {
        let done = idempotency_keys::table.find((&once.caller, &once.key)).filter(idempotency_keys::made_at.gt(Utc::now() - KEPT));
        Ok(done.select(Done::as_select()).first(conn).await.optional()?)
    });
    match done.await? {
        Some(done) => Ok(Asked::Again(again(done, &once)?)),
        None => Ok(Asked::First(once, db)),
    }
}

/// What identifies a request that is to be done once: the caller, the key, and the digest of the whole request.
async fn named(request: &mut ServiceRequest) -> Result<Option<Idempotency>> {
    let Some(key) = request.headers().get(IDEMPOTENCY_KEY).filter(|_| request.method() == Method::POST).cloned() else { return Ok(None) };
    let intake = Intake::of(request.request());
    if !intake.idempotency_key {
        return Ok(None);
    }
    let Caller::Known(known) = Caller::of(request.request()) else { return Ok(None) };
    let visible = |key: &&str| (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let key = key.to_str().ok().filter(visible).ok_or_else(|| {
        let said = Said::new(
            "Idempotency-Key has 1 to 255 visible characters of ASCII.",
            "Idempotency-Key compte de 1 à 255 caractères visibles de l'ASCII.",
        );
        Problem::new(&kinds::BAD_REQUEST).saying(said)
    })?;
    let caller = match &known.who {
        Who::Key(id) => id.to_string(),
        Who::Identity(name) => name.clone(),
        Who::Address(_) => return Ok(None),
    };
    let (http, payload) = request.parts_mut();
    let body = read(http, payload, intake).await?;
    let address = request.uri().to_string();
    let digest = Sha256::new().chain_update(address.len().to_be_bytes()).chain_update(address).chain_update(&body).finalize().to_vec();
    request.set_payload(Payload::from(body));
    Ok(Some(Idempotency { caller, key: key.to_owned(), digest }))
}

/// The kept answer. The error is 422 if the request was another one, and 409 if the answer is not kept any more.
fn again(done: Done, once: &Idempotency) -> Result<HttpResponse> {
    if done.digest != once.digest {
        return Err(Problem::new(&kinds::IDEMPOTENCY_KEY_REUSED));
    }
    let (Some(status), Some(body)) = (done.status.and_then(|status| StatusCode::from_u16(status.try_into().ok()?).ok()), done.body) else {
        return Err(Problem::new(&kinds::ALREADY_DONE).with("done_at", done.made_at));
    };
    let mut answer = HttpResponse::build(status);
    answer.insert_header((REPLAYED, "true"));
    for (name, value) in [(header::ETAG, done.etag), (header::LOCATION, done.location)] {
        if let Some(value) = value {
            answer.insert_header((name, value));
        }
    }
    if body.is_empty() {
        return Ok(answer.finish());
    }
    Ok(answer.insert_header((header::CONTENT_TYPE, "application/json")).body(body))
}
