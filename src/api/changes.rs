//! The feed of changes, page by page or as a stream, and the proof that a copy is exact.
//!
//! The frames of the stream are written by hand. `actix-sse` and `actix-web-lab` would write the three lines of a frame; but they do not
//! help with the rest of a stream: when it ends, and who may still read it.

use std::{
    collections::BTreeSet,
    future::{Ready, ready},
    sync::Arc,
    time::Duration,
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, Responder,
    dev::Payload,
    get,
    http::header::{self, HeaderValue},
    web::{Bytes, Data},
};
use futures_util::stream;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::{self, Instant},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    db::Db,
    http::{self, Caller, Momentary, Problem, Said, Site, Wrong, elsewhere, gate::Gate, kinds, limit::Use, number, parameters, seal::Seal, unknown},
    ledger::feed::{self, ChangeEvent, Filter, Head},
    values::Id,
};

/// What a cursor of the feed is sealed for.
const PURPOSE: &str = "cursor of the feed";
/// The number of events on a page: the default, and the most.
const USUAL: i64 = 100;
const MOST: i64 = 1000;
/// A stream sends a comment this often, and then also checks that its reader may still read.
const HEARTBEAT: Duration = Duration::from_secs(15);
const CHECK: Duration = Duration::from_secs(2);
/// A reader who takes nothing for this long loses the stream.
const PATIENCE: Duration = Duration::from_secs(30);

/// A fingerprint waits this long for its turn.
const TURN: Duration = Duration::from_secs(5);

/// What all streams of a process share.
pub struct Streams {
    head: watch::Receiver<i64>,
    stopped: watch::Receiver<bool>,
    /// The places for anyone, and the places for callers with a key or a token. Callers without a key never take a place of callers with
    /// one.
    open: Arc<Semaphore>,
    known: Arc<Semaphore>,
    /// Limits the fingerprints that are computed at once, since each of them reads the whole ledger.
    counting: Semaphore,
}

impl Streams {
    /// Allows so many streams at once, half of them without a key. Each new number of the ledger wakes them; the stop of the service ends
    /// them.
    pub fn new(most: usize, head: watch::Receiver<i64>, stopped: watch::Receiver<bool>) -> Self {
        let open = most / 2;
        let places = |count| Arc::new(Semaphore::new(count));
        Self { head, stopped, open: places(open), known: places(most - open), counting: Semaphore::new(2) }
    }

    /// The refusal when every place is taken: the caller should come again later.
    fn busy() -> Problem {
        Problem::new(&kinds::UNAVAILABLE).header(header::RETRY_AFTER, "30")
    }
}

/// The parameters of the feed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document reads it; `Following` reads the query string")]
struct FollowingParameters {
    /// Only these nouns and parts, by their names in addresses, separated by commas: `action-fiches,action-fiche-participants`.
    noun: Option<String>,
    /// Only changes that concern this territory (territoire).
    territory: Option<Id>,
    /// The cursor to continue from: one that was given for the same filters. Without a cursor the feed starts at its beginning.
    #[param(min_length = 1, max_length = 4096)]
    cursor: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document reads it; `Following` reads the query string")]
struct LimitParameter {
    /// The most events on a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
}

/// What this caller asks to follow.
struct Following {
    filter: Filter,
    /// The number to continue after, and its epoch.
    from: Option<(i64, [u8; 8])>,
    limit: i64,
    caller: Caller,
    /// Tells feeds apart: a cursor of one feed is refused for another.
    digest: [u8; 8],
    site: Data<Site>,
    request: HttpRequest,
}

impl Following {
    fn read(request: &HttpRequest) -> http::Result<Self> {
        let site = request.app_data::<Data<Site>>().cloned().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
        let caller = Caller::of(request);
        let (mut filter, mut limit, mut cursor, mut errors) = (Filter::default(), USUAL, None, Vec::new());
        let mut seen = Vec::new();
        for (name, value) in parameters(request) {
            if seen.contains(&name) {
                let said = Said::new("Is given more than once.", "Est donné plusieurs fois.");
                errors.push(Wrong::parameter(&name, "repeated_parameter", said));
                continue;
            }
            match name.as_str() {
                "limit" => limit = number(&name, &value, 1, MOST, &mut errors),
                "cursor" => cursor = Some(value),
                "territory" => match Id::parse(&value) {
                    Ok(id) => filter.territory = Some(id),
                    Err(_) => {
                        errors.push(Wrong::parameter(&name, "invalid_id", Said::new("Is not an identifier.", "N'est pas un identifiant.")));
                    }
                },
                _ => {
                    let (known, asked) = (super::names(), value.split(',').map(str::trim).collect::<BTreeSet<_>>());
                    for noun in asked {
                        match known.binary_search_by(|known| known.as_str().cmp(noun)) {
                            Ok(_) => filter.nouns.push(noun.replace('-', "_")),
                            Err(_) => unknown(&name, noun, known.iter().map(String::as_str), &mut errors),
                        }
                    }
                }
            }
            seen.push(name);
        }
        filter.nouns.sort_unstable();
        let told = format!("{:?}\n{:?}\n{}", filter.nouns, filter.territory, caller.view());
        let mut digest = [0; 8];
        digest.copy_from_slice(&Sha256::digest(told)[..8]);
        // The reader of a broken stream names the last event that it received.
        let last = request.headers().get("Last-Event-ID").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
        let last = last.filter(|_| request.path().ends_with("/stream")).map(str::to_owned);
        let from = last.or(cursor).and_then(|text| match open(&text, &digest, &site.seal) {
            Ok(from) => Some(from),
            Err(wrong) => {
                errors.push(wrong);
                None
            }
        });
        if errors.is_empty() {
            Ok(Self { filter, from, limit, caller, digest, site, request: request.clone() })
        } else {
            Err(Problem::errors(&kinds::INVALID_PARAMETERS, errors))
        }
    }

    /// The number to continue after. 410 when the cursor is of another epoch, or of a number that does not exist: then the reader must
    /// start at the beginning.
    fn after(&self, head: Head) -> http::Result<i64> {
        match self.from {
            None => Ok(0),
            Some((seq, epoch)) if epoch == short(head.epoch) && seq <= head.seq => Ok(seq),
            Some(_) => {
                let query: Vec<&str> =
                    self.request.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor=")).collect();
                let address = format!("{}{}", self.site.url, self.request.path());
                let restart = if query.is_empty() { address } else { format!("{address}?{}", query.join("&")) };
                let said = Said::new(
                    "The database was restored since: empty the copy, and follow the feed again from its beginning.",
                    "La base a été restaurée depuis : videz la copie, et suivez de nouveau le flux depuis son début.",
                );
                Err(Problem::new(&kinds::EXPIRED_CURSOR).saying(said).with("restart", restart))
            }
        }
    }

    /// The cursor that continues after this number.
    fn cursor(&self, epoch: Id, seq: i64) -> String {
        self.site.seal.seal(PURPOSE, &[&short(epoch)[..], &self.digest, &seq.to_be_bytes()].concat())
    }
}

/// The short form of an epoch, which tells it from other epochs.
fn short(epoch: Id) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(&Uuid::from(epoch).as_bytes()[8..]);
    short
}

fn open(text: &str, digest: &[u8; 8], seal: &Seal) -> Result<(i64, [u8; 8]), Wrong> {
    let alien = || Wrong::parameter("cursor", "invalid_cursor", Said::new("Is not a cursor of ours.", "N'est pas un curseur de ce service."));
    let bytes = seal.open(PURPOSE, text).ok_or_else(alien)?;
    let bytes: [u8; 24] = bytes.try_into().map_err(|_| alien())?;
    let part = |from: usize| -> [u8; 8] { std::array::from_fn(|index| bytes[from + index]) };
    if part(8) != *digest {
        let said = Said::new(
            "Belongs to a feed with other filters, or to who may see something else.",
            "Appartient à un flux d'autres filtres, ou à qui voit autre chose.",
        );
        return Err(Wrong::parameter("cursor", "incompatible_cursor", said));
    }
    Ok((i64::from_be_bytes(part(16)), part(0)))
}

impl FromRequest for Following {
    type Error = Problem;
    type Future = Ready<http::Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::read(request))
    }
}

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
    /// Are there more changes to read now? An empty page is not always the last one.
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

/// One event of the stream: one line for each member, then an empty line.
#[derive(ToSchema)]
pub struct ChangesStream {
    /// The cursor to continue from.
    #[schema(max_length = 4096)]
    pub id: String,
    /// Always `change`.
    #[schema(max_length = 10)]
    pub event: String,
    /// The event: a `ChangeEvent` in one line of JSON.
    #[schema(max_length = 1_000_000)]
    pub data: String,
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
    let (head, batch) = db
        .run(async |conn| -> http::Result<_> {
            let head = feed::head(conn).await?;
            Ok((head, feed::read(asked.after(head)?, head.seq, limit, &asked.filter, reach, conn).await?))
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
    let turn = time::timeout(TURN, streams.counting.acquire()).await;
    let _turn = turn.ok().and_then(Result::ok).ok_or_else(Streams::busy)?;
    db.run(async |conn| {
        let head = feed::head(conn).await?;
        let up_to = if asked.from.is_some() { asked.after(head)? } else { head.seq };
        let found = feed::fingerprint(up_to, &asked.filter, reach, conn).await?;
        Ok(Momentary(ChangesFingerprint { count: found.count, sha256: found.sha256, up_to: asked.cursor(head.epoch, up_to) }))
    })
    .await
}

/// Follow what changes, as it happens
///
/// The events of the feed as Server-Sent Events, each as soon as it is known: `id` is the cursor, `event` is `change`, `data` is one line
/// of JSON. A reader that lost the stream reconnects with `Last-Event-ID` (browsers do so by themselves), and misses nothing. A comment is
/// sent every 15 seconds. The stream ends when the key is revoked, when its rights change, when the service stops, or when the reader takes
/// nothing for 30 seconds.
#[utoipa::path(
    params(FollowingParameters, ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that the reader received. It counts instead of `cursor`.", max_length = 4096)),
    responses((status = OK, body = ChangesStream, content_type = "text/event-stream"))
)]
#[get("/changes/stream")]
async fn stream_changes(db: Data<Db>, streams: Data<Streams>, asked: Following) -> http::Result<impl Responder> {
    let head = db.run(async |conn| -> http::Result<_> { Ok(feed::head(conn).await?) }).await?;
    let after = asked.after(head)?;
    let places = if matches!(asked.caller, Caller::Anyone) { &streams.open } else { &streams.known };
    let place = places.clone().try_acquire_owned().map_err(|_| Streams::busy())?;
    let (send, receive) = mpsc::channel(2);
    let authorization = asked.request.headers().get(header::AUTHORIZATION).cloned();
    let writer =
        Writer { db, asked, epoch: head.epoch, after, authorization, send, stopped: streams.stopped.clone(), checked: Instant::now(), _place: place };
    actix_web::rt::spawn(writer.run(streams.head.clone()));
    let frames = stream::unfold(receive, async |mut receive| Some((Ok::<Bytes, Problem>(receive.recv().await?), receive)));
    let mut response = HttpResponse::Ok();
    // The header tells that the encoding is done: else the compression would hold events back.
    response.insert_header((header::CONTENT_ENCODING, "identity")).insert_header((header::CACHE_CONTROL, "no-store"));
    response.insert_header(("X-Accel-Buffering", "no")).content_type("text/event-stream");
    Ok(response.streaming(Box::pin(frames)))
}

/// Writes one stream.
struct Writer {
    db: Data<Db>,
    asked: Following,
    epoch: Id,
    after: i64,
    authorization: Option<HeaderValue>,
    send: mpsc::Sender<Bytes>,
    stopped: watch::Receiver<bool>,
    checked: Instant,
    _place: OwnedSemaphorePermit,
}

/// The stream has ended.
struct Ended;

impl Writer {
    async fn run(mut self, mut head: watch::Receiver<i64>) {
        let mut heartbeat = time::interval(HEARTBEAT);
        let mut check = time::interval(CHECK);
        let mut stopped = self.stopped.clone();
        let mut behind = true;
        loop {
            let told = tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => Err(Ended),
                () = self.send.closed() => Err(Ended),
                _ = check.tick() => self.allowed().await,
                _ = heartbeat.tick() => self.write(Bytes::from_static(b": here\n\n")).await,
                () = ready(()), if behind => self.more().await,
                changed = head.changed() => changed.map_err(|_| Ended),
            };
            if told.is_err() {
                return;
            }
            behind = self.after < *head.borrow_and_update();
        }
    }

    /// Checks that the reader is still the same caller, with the same rights.
    async fn allowed(&mut self) -> Result<(), Ended> {
        let Some(authorization) = &self.authorization else { return Ok(()) };
        let request = &self.asked.request;
        let Some(gate) = request.app_data::<Data<Gate>>() else { return Err(Ended) };
        let address = gate.limits.address(request.peer_addr(), request.headers());
        match gate.caller(authorization.as_bytes(), address, Use::Export, &self.db).await {
            Ok(caller) if caller.view() == self.asked.caller.view() => {
                self.checked = Instant::now();
                Ok(())
            }
            // When the rights cannot be checked, the reader is trusted for a short time only.
            Err(problem) if problem.kind().status >= 500 && self.checked.elapsed() < CHECK * 5 => Ok(()),
            _ => Err(Ended),
        }
    }

    /// Writes the events that came since the last write.
    async fn more(&mut self) -> Result<(), Ended> {
        let (after, reach, filter) = (self.after, self.asked.caller.reach(), &self.asked.filter);
        let read = self.db.run(async |conn| -> http::Result<_> {
            let head = feed::head(conn).await?;
            Ok((head, feed::read(after, head.seq, USUAL, filter, reach, conn).await?))
        });
        let (head, batch) = read.await.map_err(|_| Ended)?;
        // Another epoch has other numbers: this stream cannot continue.
        if head.epoch != self.epoch {
            return Err(Ended);
        }
        let mut text = String::new();
        for (seq, event) in batch.events {
            let event = ChangeEvent { cursor: self.asked.cursor(head.epoch, seq), ..event };
            let data = serde_json::to_string(&event).map_err(|_| Ended)?;
            text.push_str(&format!("id: {}\nevent: change\ndata: {data}\n\n", event.cursor));
        }
        self.after = batch.up_to;
        if text.is_empty() {
            return Ok(());
        }
        // Events after the end of the key must not be sent, so the rights are checked first.
        self.allowed().await?;
        self.write(text.into()).await
    }

    /// Hands over a frame. A reader who takes nothing any more loses the stream.
    async fn write(&self, frame: Bytes) -> Result<(), Ended> {
        let mut stopped = self.stopped.clone();
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => Err(Ended),
            sent = self.send.send_timeout(frame, PATIENCE) => sent.map_err(|_| Ended),
        }
    }
}
