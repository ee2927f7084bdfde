//! What has changed since: the feed of changes, page by page or as a stream, and the proof that a copy is exact.
//!
//! The frames of the stream are written by hand. `actix-sse` and `actix-web-lab` would write the three lines of a frame; they
//! know nothing of what makes out a stream here: when it ends, and who may still read it.

use std::{
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
    http::{self, Caller, Momentary, Problem, Said, Site, Wrong, elsewhere, gate::Gate, kinds, number, parameters, seal::Seal, unknown},
    ledger::feed::{self, Event, Filter, Head},
    values::Id,
};

/// What a cursor of the feed is sealed for.
const PURPOSE: &str = "cursor of the feed";
/// How many events a page has when nobody says, and at most.
const USUAL: i64 = 100;
const MOST: i64 = 1000;
/// How often a stream says that it is there, and how often it looks whether its reader still may read.
const HEARTBEAT: Duration = Duration::from_secs(15);
const CHECK: Duration = Duration::from_secs(2);
/// How long a reader may leave what is sent unread.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a fingerprint waits for its turn.
const TURN: Duration = Duration::from_secs(5);

/// What all streams of a process share.
pub struct Streams {
    head: watch::Receiver<i64>,
    stopped: watch::Receiver<bool>,
    /// Places for anyone, and for who shows a key or a token: the first never take the others'.
    open: Arc<Semaphore>,
    known: Arc<Semaphore>,
    /// How many fingerprints are made at once: each goes through the whole ledger.
    counting: Semaphore,
}

impl Streams {
    /// At most so many at once, half of them without a key; woken by each new number, ended by the stop.
    pub fn new(most: usize, head: watch::Receiver<i64>, stopped: watch::Receiver<bool>) -> Self {
        let open = most / 2;
        let places = |count| Arc::new(Semaphore::new(count));
        Self { head, stopped, open: places(open), known: places(most - open), counting: Semaphore::new(2) }
    }

    /// Nobody else has a place: who asks comes again later.
    fn busy() -> Problem {
        Problem::new(&kinds::UNAVAILABLE).header(header::RETRY_AFTER, "30")
    }
}

/// What is followed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document reads it; `Following` reads the query string")]
struct FollowingParameters {
    /// Only these nouns and parts, as addresses say them, separated by commas: `action-fiches,action-fiche-participants`.
    noun: Option<String>,
    /// Only what concerns this territory.
    territory: Option<Id>,
    /// Where to go on: a cursor of the same filters. Without one, from the beginning.
    #[param(min_length = 1, max_length = 4096)]
    cursor: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document reads it; `Following` reads the query string")]
struct LimitParameter {
    /// How many events a page has at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
}

/// What a query string asks to follow, for this caller.
struct Following {
    filter: Filter,
    /// The number to go on after, and its epoch.
    from: Option<(i64, [u8; 8])>,
    limit: i64,
    caller: Caller,
    /// Says which feed this is: a cursor of one goes with no other.
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
                    for noun in value.split(',').map(str::trim) {
                        match super::kept().find(|face| face.card.name() == noun) {
                            Some(face) => filter.nouns.push(face.card.table.to_owned()),
                            None => errors.push(unknown(&name, noun, super::names().iter().map(String::as_str))),
                        }
                    }
                }
            }
            seen.push(name);
        }
        filter.nouns.sort_unstable();
        filter.nouns.dedup();
        let told = format!("{:?}\n{:?}\n{}", filter.nouns, filter.territory, caller.view());
        let mut digest = [0; 8];
        digest.copy_from_slice(&Sha256::digest(told)[..8]);
        // Of a stream that broke, the reader tells the last event it got.
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

    /// The number to go on after. 410 when the cursor is of another epoch, or of what is not there: then all begins anew.
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

    /// The cursor that goes on after this number.
    fn cursor(&self, epoch: Id, seq: i64) -> String {
        self.site.seal.seal(PURPOSE, &[&short(epoch)[..], &self.digest, &seq.to_be_bytes()].concat())
    }
}

/// What tells an epoch from others.
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
    data: Vec<Event>,
    links: ChangesLinks,
    meta: ChangesMeta,
}

/// Where to go from here.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangesLinks {
    /// This page.
    #[serde(rename = "self")]
    #[schema(max_length = 20000)]
    itself: String,
    /// The page after: always there, since something may happen at any time.
    #[schema(max_length = 20000)]
    next: String,
}

/// About the page.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangesMeta {
    /// The most events that this page could have.
    limit: i64,
    /// Where the next page begins.
    #[schema(max_length = 4096)]
    next_cursor: String,
    /// Is there more to read at once? A page may be empty and yet not be the last.
    more: bool,
}

/// What a copy must hold.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangesFingerprint {
    /// How many things.
    count: i64,
    /// The hash over them, in hexadecimal.
    #[schema(min_length = 64, max_length = 64)]
    sha256: String,
    /// The cursor up to which the copy has followed the feed when it holds that.
    #[schema(max_length = 4096)]
    up_to: String,
}

/// One event, as it is streamed: a line each, and an empty one.
#[derive(ToSchema)]
pub struct ChangesStream {
    /// The cursor to go on from.
    #[schema(max_length = 4096)]
    pub id: String,
    /// Always `change`.
    #[schema(max_length = 10)]
    pub event: String,
    /// A `ChangeEvent`, as one line of JSON.
    #[schema(max_length = 1_000_000)]
    pub data: String,
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_changes).service(read_changes_fingerprint).service(stream_changes);
}

/// Follow what changes
///
/// Everything that is created, changed, deleted, restored or erased, each once, in one order for all: what a change builds on
/// comes before it, and nothing is ever added before what was read. Nothing is left out, and nothing is ever forgotten: the feed goes back to the
/// beginning. To keep a copy: read from the beginning, without `cursor`; write `data` over what is there under `noun` and
/// `id`, and take away what is deleted; follow `links.next`, at once while `meta.more` is true, else some time later. Each
/// event is told as the caller may know it: what comes within sight is a `create`, what goes out of sight a `delete`.
///
/// A cursor is for the same filters and the same rights only (400 `incompatible_cursor`); after the database was restored
/// from its backup, cursors are refused with 410 `expired_cursor`.
#[utoipa::path(params(FollowingParameters, LimitParameter), responses((status = OK, body = ChangesPage)))]
#[get("/changes")]
async fn list_changes(db: Data<Db>, asked: Following) -> http::Result<Momentary<ChangesPage>> {
    let (reach, limit) = (asked.caller.reach(), asked.limit);
    let (head, batch) = db
        .read(async |conn| -> http::Result<_> {
            let head = feed::head(conn).await?;
            Ok((head, feed::read(asked.after(head)?, head.seq, limit, &asked.filter, reach, conn).await?))
        })
        .await?;
    let told = |(seq, event)| Event { cursor: asked.cursor(head.epoch, seq), ..event };
    let next_cursor = asked.cursor(head.epoch, batch.up_to);
    let (query, address) = (asked.request.query_string(), format!("{}{}", asked.site.url, asked.request.path()));
    Ok(Momentary(ChangesPage {
        data: batch.events.into_iter().map(told).collect(),
        links: ChangesLinks {
            itself: if query.is_empty() { address.clone() } else { format!("{address}?{query}") },
            next: format!("{address}?{}", elsewhere(query, "cursor", &next_cursor)),
        },
        meta: ChangesMeta { limit, next_cursor, more: batch.more },
    }))
}

/// Prove that a copy is exact
///
/// Over the things of these filters that the caller may see. An agency computes the same on its copy: for each thing one
/// line, `noun`, a space, `id`, a space, `version` and a line feed (`partners 0190a1b2-… 3`), with the version of the last
/// event it applied; the lines sorted by `id`, joined, and their SHA-256 in hexadecimal. The copy must have followed the feed,
/// with the same filters, up to `up_to` exactly: read on from its own cursor until `meta.more` is false, ask for the fingerprint, and if
/// something happened in between, apply that and ask again. With `up_to` the feed goes on from there.
#[utoipa::path(params(FollowingParameters), responses((status = OK, body = ChangesFingerprint)))]
#[get("/changes/fingerprint")]
async fn read_changes_fingerprint(db: Data<Db>, streams: Data<Streams>, asked: Following) -> http::Result<Momentary<ChangesFingerprint>> {
    let reach = asked.caller.reach();
    let turn = time::timeout(TURN, streams.counting.acquire()).await;
    let _turn = turn.ok().and_then(Result::ok).ok_or_else(Streams::busy)?;
    db.read(async |conn| {
        let head = feed::head(conn).await?;
        let up_to = if asked.from.is_some() { asked.after(head)? } else { head.seq };
        let found = feed::fingerprint(up_to, &asked.filter, reach, conn).await?;
        Ok(Momentary(ChangesFingerprint { count: found.count, sha256: found.sha256, up_to: asked.cursor(head.epoch, up_to) }))
    })
    .await
}

/// Follow what changes, as it happens
///
/// The same events as Server-Sent Events, each as soon as it is known: `id` is the cursor, `event` is `change`, `data` one line
/// of JSON. A reader that lost the stream comes back with `Last-Event-ID` (browsers do so by themselves), and misses nothing.
/// A comment is sent every 15 seconds. The stream ends when the key is revoked or its rights change, when the service stops,
/// and when nothing is read for 30 seconds.
#[utoipa::path(
    params(FollowingParameters, ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that came: goes before `cursor`.", max_length = 4096)),
    responses((status = OK, body = ChangesStream, content_type = "text/event-stream"))
)]
#[get("/changes/stream")]
async fn stream_changes(db: Data<Db>, streams: Data<Streams>, asked: Following) -> http::Result<impl Responder> {
    let head = db.read(async |conn| -> http::Result<_> { Ok(feed::head(conn).await?) }).await?;
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
    // It says that it has its encoding, so that nothing gathers it to compress it.
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

/// The stream is at its end.
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

    /// Is the reader still who it was, with the same rights?
    async fn allowed(&mut self) -> Result<(), Ended> {
        let Some(authorization) = &self.authorization else { return Ok(()) };
        let request = &self.asked.request;
        let Some(gate) = request.app_data::<Data<Gate>>() else { return Err(Ended) };
        let address = gate.limits.address(request.peer_addr(), request.headers());
        match gate.caller(authorization.as_bytes(), address, &self.db).await {
            Ok(caller) if caller.view() == self.asked.caller.view() => {
                self.checked = Instant::now();
                Ok(())
            }
            // Who cannot be asked for is not believed for long.
            Err(problem) if problem.kind().status >= 500 && self.checked.elapsed() < CHECK * 5 => Ok(()),
            _ => Err(Ended),
        }
    }

    /// Writes what has happened since.
    async fn more(&mut self) -> Result<(), Ended> {
        let (after, reach, filter) = (self.after, self.asked.caller.reach(), &self.asked.filter);
        let read = self.db.read(async |conn| -> http::Result<_> {
            let head = feed::head(conn).await?;
            Ok((head, feed::read(after, head.seq, USUAL, filter, reach, conn).await?))
        });
        let (head, batch) = read.await.map_err(|_| Ended)?;
        // Of another epoch this stream knows nothing.
        if head.epoch != self.epoch {
            return Err(Ended);
        }
        let mut text = String::new();
        for (seq, event) in batch.events {
            let event = Event { cursor: self.asked.cursor(head.epoch, seq), ..event };
            let data = serde_json::to_string(&event).map_err(|_| Ended)?;
            text.push_str(&format!("id: {}\nevent: change\ndata: {data}\n\n", event.cursor));
        }
        self.after = batch.up_to;
        if text.is_empty() {
            return Ok(());
        }
        // What happened after the key was revoked is not told.
        self.allowed().await?;
        self.write(text.into()).await
    }

    /// Hands over what is to be sent. A reader who takes nothing any more is left.
    async fn write(&self, frame: Bytes) -> Result<(), Ended> {
        let mut stopped = self.stopped.clone();
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => Err(Ended),
            sent = self.send.send_timeout(frame, PATIENCE) => sent.map_err(|_| Ended),
        }
    }
}
