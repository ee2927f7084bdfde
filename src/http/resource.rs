//! Things with a version: tags, preconditions, and the answers that carry them. actix's own types read the headers. What a tag
//! says (a version, in the view of a caller) and what is told of a stale one are this service's own: no crate has them.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, Responder,
    body::BoxBody,
    dev::Payload,
    http::{
        StatusCode,
        header::{self, EntityTag, Header, IfNoneMatch},
    },
    web::Data,
};
use diesel::{
    OptionalEmptyChangesetExtension, OptionalExtension,
    result::{Error as DieselError, QueryResult},
};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Caller, Problem, Result, Said, Site, kinds};
use crate::{db::Conn, ledger, rights::Reach, values::Id};

/// A thing that has an identity and a version.
pub trait Resource {
    /// Its identity.
    fn id(&self) -> Id;
    /// How often it was written, from 1.
    fn version(&self) -> i32;
}

/// The tag of a version, in the view of who asks.
fn tag(version: i32, request: &HttpRequest) -> String {
    format!("\"v{version}{}\"", Caller::of(request).view())
}

/// A thing, with its tag; 304 when the client has it already.
pub struct Tagged<T>(pub i32, pub T);

impl<T: Resource> From<T> for Tagged<T> {
    fn from(thing: T) -> Self {
        Self(thing.version(), thing)
    }
}

/// A thing that was made, with its tag and its address.
pub struct Created<T>(pub T);

/// A thing without a version that was made, with its address. Kept by nobody: it may hold a secret.
pub struct Made<T>(pub Id, pub T);

/// What holds for this moment only, and is kept by nobody.
pub struct Momentary<T>(pub T);

/// Done, and nothing to say.
pub struct NoContent;

fn json<T: Serialize>(mut response: HttpResponseBuilder, thing: &T) -> HttpResponse {
    match serde_json::to_vec(thing) {
        Ok(body) => response.insert_header((header::CONTENT_TYPE, "application/json")).body(body),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

impl<T: Serialize> Responder for Tagged<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let tag = tag(self.0, request);
        // What came along may have changed although the thing did not: such an answer has no tag.
        let whole = request.query_string().is_empty();
        if whole && not_modified(request, &tag) {
            return HttpResponse::NotModified().insert_header((header::ETAG, tag)).finish();
        }
        let mut response = HttpResponse::Ok();
        if whole {
            response.insert_header((header::ETAG, tag));
        }
        json(response, &self.1)
    }
}

impl<T: Resource + Serialize> Responder for Created<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let site = request.app_data::<Data<Site>>().map(|site| site.url.as_str()).unwrap_or_default();
        let location = format!("{site}{}/{}", request.path(), self.0.id());
        let mut response = HttpResponse::build(StatusCode::CREATED);
        response.insert_header((header::ETAG, tag(self.0.version(), request))).insert_header((header::LOCATION, location));
        json(response, &self.0)
    }
}

impl<T: Serialize> Responder for Made<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let site = request.app_data::<Data<Site>>().map(|site| site.url.as_str()).unwrap_or_default();
        let mut response = HttpResponse::build(StatusCode::CREATED);
        response.insert_header((header::LOCATION, format!("{site}{}/{}", request.path(), self.0)));
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        json(response, &self.1)
    }
}

impl<T: Serialize> Responder for Momentary<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        json(response, &self.0)
    }
}

impl Responder for NoContent {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::NoContent().finish()
    }
}

/// Does the client hold this already? By `If-None-Match`, compared weakly; only where a GET asks.
pub(super) fn not_modified(request: &HttpRequest, tag: &str) -> bool {
    let known = request.method().is_safe().then(|| IfNoneMatch::parse(request));
    match (known, tag.parse::<EntityTag>()) {
        (Some(Ok(IfNoneMatch::Any)), _) => true,
        (Some(Ok(IfNoneMatch::Items(known))), Ok(tag)) => known.iter().any(|one| one.weak_eq(&tag)),
        _ => false,
    }
}

/// The version that a change is meant for.
#[derive(Debug, Clone)]
pub struct IfMatch {
    tags: Option<header::IfMatch>,
    caller: Caller,
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        // What is no tag names no version.
        let tags = || header::IfMatch::parse(request).unwrap_or_else(|_| header::IfMatch::Items(Vec::new()));
        ready(Ok(Self { tags: request.headers().contains_key(header::IF_MATCH).then(tags), caller: Caller::of(request) }))
    }
}

impl IfMatch {
    /// Refuses with 428 when no version is named, and with 412 when another one stands: telling which, and who made it.
    pub async fn check(&self, current: &impl Resource, conn: &mut Conn) -> Result<()> {
        let Some(tags) = &self.tags else {
            let said = Said::new(
                "Name the version that you change: If-Match with the ETag you read.",
                "Indiquez la version modifiée : If-Match avec l'ETag lu.",
            );
            return Err(Problem::new(&kinds::PRECONDITION_REQUIRED).saying(said));
        };
        let header::IfMatch::Items(tags) = tags else { return Ok(()) };
        // What tells views apart has no bearing on which version is meant.
        let version = |tag: &EntityTag| -> Option<i32> { tag.tag().strip_prefix('v')?.split('.').next()?.parse().ok() };
        if tags.iter().any(|tag| version(tag) == Some(current.version())) {
            return Ok(());
        }
        let changes = match tags.first().and_then(version) {
            Some(theirs) => ledger::since(current.id(), theirs, self.caller.reach(), conn).await?,
            None => Vec::new(),
        };
        let tag = format!("\"v{}{}\"", current.version(), self.caller.view());
        Err(Problem::new(&kinds::STALE).header(header::ETAG, tag).with("version", current.version()).with("changes", changes))
    }
}

/// What an update gives back when nothing had to be written.
pub trait OrUnchanged<T> {
    /// The row as it was, when the body changed nothing: no member was sent, or only values that stood already.
    fn or_unchanged(self, current: T) -> QueryResult<T>;
}

impl<T> OrUnchanged<T> for QueryResult<T> {
    fn or_unchanged(self, current: T) -> QueryResult<T> {
        // diesel refuses a changeset without a member. `stamp()` passes over a row that stays the same, so no row comes back.
        Ok(self.optional_empty_changeset().optional()?.flatten().unwrap_or(current))
    }
}

/// What is said of a row that is not there.
pub trait OrGone<T> {
    /// 404 when there never was one in this table (of this whole, for a part), 410 when it was deleted and the caller could
    /// see it.
    fn or_gone(self, noun: &str, whole: Option<Id>, id: Id, reach: &Reach, conn: &mut Conn) -> impl Future<Output = Result<T>>;
}

impl<T> OrGone<T> for QueryResult<T> {
    async fn or_gone(self, noun: &str, whole: Option<Id>, id: Id, reach: &Reach, conn: &mut Conn) -> Result<T> {
        match self {
            Err(DieselError::NotFound) => Err(match ledger::deleted_at(noun, whole, id, reach, conn).await? {
                Some(at) => Problem::new(&kinds::GONE).with("deleted_at", at),
                None => Problem::new(&kinds::NOT_FOUND),
            }),
            other => Ok(other?),
        }
    }
}

/// Reads a member of a patch that was sent. A member that was left out stays as it is. A `null` empties an
/// `Option<Option<T>>`, and is refused where the member is an `Option<T>`.
pub fn sent<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> std::result::Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
