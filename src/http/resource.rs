//! Things with a version: ETags, the answers with an ETag, and the precondition of a change. An ETag is a version in the view of a caller, and
//! the refusal of a stale version tells the changes: no crate has these.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, Responder,
    body::BoxBody,
    dev::Payload,
    http::{StatusCode, header},
    web::Data,
};
use diesel::{
    OptionalEmptyChangesetExtension, OptionalExtension,
    result::{Error as DieselError, QueryResult},
};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Caller, Problem, Result, Said, Site, kinds, tag::Tags};
use crate::{db::Conn, ledger, rights::Reach, values::Id};

/// A thing that has an identity and a version.
pub trait Resource {
    /// The identifier.
    fn id(&self) -> Id;
    /// The version: 1 when it was created, one more at each change.
    fn version(&self) -> i32;
}

/// The ETag of a version, in the view of the caller.
fn tag(version: i32, request: &HttpRequest) -> String {
    format!("\"v{version}{}\"", Caller::of(request).view())
}

/// A thing with its ETag.
pub struct Tagged<T>(pub i32, pub T);

impl<T: Resource> From<T> for Tagged<T> {
    fn from(thing: T) -> Self {
        Self(thing.version(), thing)
    }
}

/// A new thing (201), with its ETag and its address.
pub struct Created<T>(pub T);

/// A new thing without a version (201), with its address. No cache may keep the answer: it may contain a secret.
pub struct Made<T>(pub Id, pub T);

/// An answer that holds for this moment only: it has no ETag, and no cache may keep it.
pub struct Momentary<T>(pub T);

/// An answer without content (204).
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
        let mut response = HttpResponse::Ok();
        // The related things of `include` may change while the version of the thing does not. So such an answer has no ETag.
        if request.query_string().is_empty() {
            response.insert_header((header::ETAG, tag(self.0, request)));
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

/// The version that a change is meant for.
#[derive(Debug, Clone)]
pub struct IfMatch {
    /// The tags in `If-Match`, and those in `If-None-Match`.
    tags: Result<(Option<Tags>, Option<Tags>)>,
    caller: Caller,
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        // A thing that does not exist, or may not be written, is refused before a header that cannot be read.
        let read = |name| Tags::read(request.headers(), name);
        let tags = read(header::IF_MATCH).and_then(|wanted| Ok((wanted, read(header::IF_NONE_MATCH)?)));
        ready(Ok(Self { tags, caller: Caller::of(request) }))
    }
}

impl IfMatch {
    /// Refuses with 428 if no version is named, and with 412 if the present version is another one, or is the one that `If-None-Match` names.
    /// The 412 tells the present version, and who made the changes since the version that is named, if the thing ever had it. Tags are
    /// compared by their version: a tag that a proxy made weak still names it, and the view at its end does not matter here.
    pub async fn check(&self, current: &impl Resource, conn: &mut Conn) -> Result<()> {
        let (wanted, unwanted) = self.tags.as_ref().map_err(Problem::clone)?;
        let Some(wanted) = wanted else {
            let said = Said::new(
                "Name the version that you change: If-Match with the ETag you read.",
                "Indiquez la version modifiée : If-Match avec l'ETag lu.",
            );
            return Err(Problem::new(&kinds::PRECONDITION_REQUIRED).saying(said));
        };
        let version = |tag: &String| -> Option<i32> {
            let digits = tag.strip_prefix('v')?.split('.').next()?;
            digits.parse().ok().filter(|version: &i32| version.to_string() == digits)
        };
        let names = |tags: &Tags| match tags {
            Tags::Any => true,
            Tags::These(tags) => tags.iter().any(|tag| version(tag) == Some(current.version())),
        };
        let known = unwanted.as_ref().is_some_and(names);
        if names(wanted) && !known {
            return Ok(());
        }
        let tag = format!("\"v{}{}\"", current.version(), self.caller.view());
        let standing = |problem: Problem| problem.header(header::ETAG, tag).with("version", current.version());
        if known {
            let said = Said::new("If-None-Match names the version that stands.", "If-None-Match désigne la version actuelle.");
            return Err(standing(Problem::new(&kinds::STALE).saying(said)));
        }
        let stood = |version: &i32| (1..current.version()).contains(version);
        let theirs = match wanted {
            Tags::These(tags) => tags.iter().find_map(|tag| version(tag).filter(stood)),
            Tags::Any => None,
        };
        match theirs {
            Some(theirs) => {
                let changes = ledger::since(current.id(), theirs, self.caller.reach(), conn).await?;
                Err(standing(Problem::new(&kinds::STALE).with("changes", changes)))
            }
            None => Err(standing(Problem::new(&kinds::NO_SUCH_VERSION))),
        }
    }
}

/// The result of an update that had nothing to write.
pub trait OrUnchanged<T> {
    /// The row as it was, if the body changed nothing: no member was sent, or only the present values.
    fn or_unchanged(self, current: T) -> QueryResult<T>;
}

impl<T> OrUnchanged<T> for QueryResult<T> {
    fn or_unchanged(self, current: T) -> QueryResult<T> {
        // diesel refuses a changeset without a member. `set_version()` passes over a row that stays the same, so no row comes back.
        Ok(self.optional_empty_changeset().optional()?.flatten().unwrap_or(current))
    }
}

/// The refusal for a row that does not exist.
pub trait OrGone<T> {
    /// 404 if this table (or for a part, this whole) never had the row; 410 if it was deleted and the caller could see it.
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
