//! A POST with an `Idempotency-Key` is done once, however often it is sent within a day. A client that never got the answer sends the
//! request again, and gets the first answer. The note that the request was done is written in the same transaction as the write itself, with
//! what the answer speaks of; the answer is kept afterwards. So erasure finds an answer by what it speaks of, and keeps it from being stored
//! later; and who may not see today what an answer speaks of does not get it again.
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
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Int4, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use sha2::{Digest, Sha256};

use super::{Caller, Problem, Result, Said, intake::Intake, json::read, kinds};
use crate::{
    db::{Db, Idempotency},
    ledger,
    schema::idempotency_keys,
    values::Id,
};

/// The header that names a request that is to be done once.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that marks a repeated answer.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key.
pub const LONGEST: usize = 255;
/// How long the answer is kept.
const KEPT: Duration = Duration::hours(24);
/// How often what is older than a day is removed.
const PRUNED: std::time::Duration = std::time::Duration::from_secs(10);

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
    things: Option<Vec<Option<Id>>>,
}

/// Removes, again and again, what is older than a day: answers, and the use of what is bounded by the day.
pub async fn prune(db: Db) {
    loop {
        let pruned = db.run(async |conn| -> Result<_> { Ok(sql_query("SELECT prune_by_the_day()").execute(conn).await?) });
        if let Err(problem) = pruned.await {
            log::warn!("what is older than a day is not removed for the moment: {problem}");
        }
        actix_web::rt::time::sleep(PRUNED).await;
    }
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
        let keep = sql_query("SELECT keep_answer($1, $2, $3, $4, $5, $6)").bind::<Text, _>(&once.caller).bind::<Text, _>(&once.key);
        let keep = keep.bind::<Int4, _>(i32::from(answer.status().as_u16()));
        let keep = keep.bind::<Nullable<Text>, _>(header(header::ETAG)).bind::<Nullable<Text>, _>(header(header::LOCATION));
        Ok(keep.bind::<Text, _>(std::str::from_utf8(&body).unwrap_or_default()).execute(conn).await?)
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
    let caller = Caller::of(request.request());
    // One state of the database: what may be told is what is told.
    let done = db.snapshot(async |conn| -> Result<_> {
        let done = idempotency_keys::table.find((&once.caller, &once.key)).filter(idempotency_keys::made_at.gt(Utc::now() - KEPT));
        let Some(done) = done.select(Done::as_select()).first(conn).await.optional()? else { return Ok(None) };
        let things: Vec<Id> = done.things.iter().flatten().flatten().copied().collect();
        let told = done.body.is_none() || ledger::may_be_told(&things, caller.reach(), conn).await?;
        Ok(Some(if told { done } else { Done { status: None, ..done } }))
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
    let caller = known.account();
    let (http, payload) = request.parts_mut();
    let body = read(http, payload, intake).await?;
    let address = request.uri().to_string();
    let digest = Sha256::new().chain_update(address.len().to_be_bytes()).chain_update(address).chain_update(&body).finalize().to_vec();
    request.set_payload(Payload::from(body));
    Ok(Some(Idempotency { caller, key: key.to_owned(), digest }))
}

/// The kept answer. The error is 422 if the request was another one, and 409 if the answer is not kept any more, or may not be told any more.
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
