//! The feed of changes, page by page or as a stream, and the proof that a copy is exact.

mod following;
mod stream;

use std::time::Duration;

use actix_web::{get, web::Data};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::following::{Following, FollowingParameters, LimitParameter};
pub use self::stream::Streams;
use self::stream::stream_changes;
use crate::{
    db::{BUDGET, Db, Patience},
    http::{self, Momentary, elsewhere},
    ledger::feed::{self, ChangeEvent, Most},
};

/// A fingerprint reads the whole ledger.
const LONG: Patience = Patience { statement: Duration::from_secs(30), silence: Duration::from_secs(5) };

/// A page of changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangesPage {
    /// The events, the oldest first.
    #[schema(max_items = 1000)]
    data: Vec<ChangeEvent>,
    links: ChangesLinks,
    meta: ChangesMeta,
}

/// The links of this page.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangesLinks {
    /// The address of this page.
    #[serde(rename = "self")]
    #[schema(max_length = 20000)]
    itself: String,
    /// The address of the next page; null when there is nothing more to read now. `meta.next_cursor` says where to go on later.
    #[schema(max_length = 20000)]
    next: Option<String>,
}

/// What to know about this page.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangesMeta {
    /// The most events that this page could hold.
    limit: i64,
    /// The cursor to go on with, now or later. It is always there, since a change may happen at any time.
    #[schema(max_length = 4096)]
    next_cursor: String,
    /// Are there more changes to read now? An empty page is not always the last one, nor is a page with fewer events than `limit`: a page
    /// ends early when its events have 4 MB, or when 100 000 changes were looked through.
    more: bool,
}

/// The fingerprint that an exact copy has (empreinte).
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangesFingerprint {
    /// The number of things that the copy must hold.
    count: i64,
    /// The SHA-256 over these things, in hexadecimal.
    #[schema(min_length = 64, max_length = 64)]
    sha256: String,
    /// The cursor up to which the copy must have followed the feed, to have this fingerprint.
    #[schema(max_length = 4096)]
    up_to: String,
}

/// Registers the operations of this noun.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_changes).service(read_changes_fingerprint).service(stream_changes);
}

/// Follow what changes
///
/// The feed (flux des modifications): everything that was created, changed, deleted, restored, erased or merged, each change once. All
/// readers get the same order: a change comes after the changes that it builds on, and no change is ever inserted before one that was read.
/// The feed is complete, and goes back to the beginning.
///
/// To keep a copy: read from the beginning, without `cursor`. Write `data` over the thing with this `noun` and `id`; remove the thing when
/// the event is a `delete`. Then follow `links.next` until it is null. Some time later, go on with the last `meta.next_cursor` as `cursor`.
///
/// The feed shows what the caller may see. A thing that becomes visible to the caller is sent as `create`; one that becomes hidden, as
/// `delete`.
///
/// A cursor holds for the same filters and the same rights only (else 400 `incompatible_cursor`). After the database was restored from a
/// backup, older cursors are refused with 410 `expired_cursor`.
#[utoipa::path(params(FollowingParameters, LimitParameter), responses((status = OK, body = ChangesPage)))]
#[get("/changes")]
async fn list_changes(db: Data<Db>, asked: Following) -> http::Result<Momentary<ChangesPage>> {
    let (reach, limit) = (asked.caller.reach(), asked.limit);
    let most = Most { events: limit, bytes: BUDGET };
    let (head, batch) = db
        .run(async |conn| -> http::Result<_> {
            let head = feed::head(conn).await?;
            Ok((head, feed::read(asked.after(head)?, head.seq, most, &asked.filter, reach, conn).await?))
        })
        .await?;
    let told = |(seq, event)| ChangeEvent { cursor: asked.cursor(head.epoch, seq), ..event };
    let next_cursor = asked.cursor(head.epoch, batch.up_to);
    let (query, address) = (asked.request.query_string(), format!("{}{}", asked.site.url, asked.request.path()));
    Ok(Momentary(ChangesPage {
        data: batch.events.into_iter().map(told).collect(),
        links: ChangesLinks {
            itself: if query.is_empty() { address.clone() } else { format!("{address}?{query}") },
            next: batch.more.then(|| format!("{address}?{}", elsewhere(query, "cursor", &next_cursor))),
        },
        meta: ChangesMeta { limit, next_cursor, more: batch.more },
    }))
}

/// Prove that a copy is exact
///
/// The fingerprint (empreinte) of all things that fit the filters and that the caller may see. The keeper of a copy computes the same and
/// compares.
///
/// 1. Read the feed, with the same filters, until `meta.more` is false.
/// 2. Ask for the fingerprint. If the copy has not followed the feed up to `up_to` exactly, something changed in between: read on, and ask
///    again.
/// 3. For each thing, write one line: `noun`, a space, `id`, a space, `version` of the last event, a line feed (`partners 0190a1b2-… 3`).
///    Sort the lines by `id`, join them, and take their SHA-256 in hexadecimal.
///
/// The feed continues from `up_to`.
#[utoipa::path(params(FollowingParameters), responses((status = OK, body = ChangesFingerprint)))]
#[get("/changes/fingerprint")]
async fn read_changes_fingerprint(db: Data<Db>, streams: Data<Streams>, asked: Following) -> http::Result<Momentary<ChangesFingerprint>> {
    let reach = asked.caller.reach();
    let _turn = streams.turn(asked.who()?).await?;
    db.patient(LONG)
        .snapshot(async |conn| {
            let head = feed::head(conn).await?;
            let up_to = if asked.from.is_some() { asked.after(head)? } else { head.seq };
            let found = feed::fingerprint(up_to, &asked.filter, reach, conn).await?;
            Ok(Momentary(ChangesFingerprint { count: found.count, sha256: found.sha256, up_to: asked.cursor(head.epoch, up_to) }))
        })
        .await
}
