//! The feed as a stream of Server-Sent Events.
//!
//! The frames are written by hand. `actix-sse` and `actix-web-lab` would write the three lines of a frame; but they do not help with the
//! rest of a stream: when it ends, and who may still read it.

use std::{future::ready, sync::Arc, time::Duration};

use actix_web::{
    HttpResponse, Responder, get,
    http::header::{self, HeaderValue},
    web::{Bytes, Data},
};
use futures_util::stream;
use tokio::{
    sync::{Semaphore, SemaphorePermit, mpsc, watch},
    time::{self, Instant},
};
use utoipa::ToSchema;

use super::following::{Following, FollowingParameters, USUAL};
use crate::{
    db::{Db, on_behalf_of},
    http::{
        self, Caller, Problem, Said,
        gate::Gate,
        kinds,
        limit::Who,
        seats::{Seat, Seats},
    },
    ledger::feed::{self, ChangeEvent, Most},
    values::Id,
};

/// What all streams of a process share.
pub struct Streams {
    head: watch::Receiver<i64>,
    stopped: watch::Receiver<bool>,
    /// The places for anyone, and the places for callers with a key or a token. Callers without a key never take a place of callers with
    /// one.
    open: Arc<Semaphore>,
    known: Arc<Semaphore>,
    /// One caller cannot take all places.
    seats: Arc<Seats<Who>>,
    /// Limits the fingerprints that are computed at once, since each of them reads the whole ledger: two, and one of a caller.
    counting: Semaphore,
    counted: Arc<Seats<Who>>,
}

impl Streams {
    /// Allows so many streams at once, half of them without a key. Each new number of the ledger wakes them; the stop of the service ends
    /// them.
    pub fn new(most: usize, head: watch::Receiver<i64>, stopped: watch::Receiver<bool>) -> Self {
        let open = most / 2;
        let places = |count| Arc::new(Semaphore::new(count));
        let seats = Arc::new(Seats::new((most / 10).max(2)));
        Self { head, stopped, open: places(open), known: places(most - open), seats, counting: Semaphore::new(2), counted: Arc::new(Seats::new(1)) }
    }

    /// The refusal when every place is taken: the caller should come again later.
    fn busy() -> Problem {
        Problem::new(&kinds::UNAVAILABLE).header(header::RETRY_AFTER, "30")
    }

    /// The refusal when one caller has a tenth of all streams.
    fn crowded() -> Problem {
        let said = Said::new("You follow too many streams at once: end one of them.", "Vous suivez trop de flux à la fois : fermez-en un.");
        Problem::new(&kinds::TOO_MANY_REQUESTS).header(header::RETRY_AFTER, "30").saying(said)
    }

    /// Waits for a turn of this caller to compute a fingerprint.
    pub(super) async fn turn(&self, who: Who) -> http::Result<(Seat<Who>, SemaphorePermit<'_>)> {
        let seat = self.counted.take(who).ok_or_else(|| {
            let said = Said::new("You have a fingerprint computed already: await it.", "Une empreinte est déjà en calcul pour vous : attendez-la.");
            Problem::new(&kinds::TOO_MANY_REQUESTS).header(header::RETRY_AFTER, "5").saying(said)
        })?;
        let turn = time::timeout(TURN, self.counting.acquire()).await.ok().and_then(Result::ok).ok_or_else(Self::busy)?;
        Ok((seat, turn))
    }
}

/// A fingerprint waits this long for its turn.
const TURN: Duration = Duration::from_secs(5);

/// A stream sends a comment this often, and then also checks that its reader may still read.
const HEARTBEAT: Duration = Duration::from_secs(15);
const CHECK: Duration = Duration::from_secs(2);
/// The bytes that are read at once for one stream. Each stream holds as much of them at most.
const FRAME: usize = 256 * 1024;

/// One event of the stream: one line for each member, then an empty line.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document reads it; the frames are written by hand")]
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

/// Follow what changes, as it happens
///
/// The events of the feed as Server-Sent Events, each as soon as it is known: `id` is the cursor, `event` is `change`, `data` is one line
/// of JSON. A reader that lost the stream reconnects with `Last-Event-ID` (browsers do so by themselves), and misses nothing. A comment is
/// sent every 15 seconds. The stream ends when the key is revoked, when its rights change, when the service stops, or when the reader takes
/// nothing for 30 seconds. One caller may follow a tenth of the streams that the service allows (20 of 200); more are refused with 429.
#[utoipa::path(
    params(FollowingParameters, ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that the reader received. It counts instead of `cursor`.", max_length = 4096)),
    responses((status = OK, body = ChangesStream, content_type = "text/event-stream"))
)]
#[get("/changes/stream")]
pub async fn stream_changes(db: Data<Db>, streams: Data<Streams>, asked: Following) -> http::Result<impl Responder> {
    let head = db.run(async |conn| -> http::Result<_> { Ok(feed::head(conn).await?) }).await?;
    let after = asked.after(head)?;
    let who = asked.who()?;
    let behalf = who.to_string();
    let seat = streams.seats.take(who).ok_or_else(Streams::crowded)?;
    let places = if matches!(asked.caller, Caller::Anyone) { &streams.open } else { &streams.known };
    let place = places.clone().try_acquire_owned().map_err(|_| Streams::busy())?;
    let (send, receive) = mpsc::channel(1);
    let authorization = asked.request.headers().get(header::AUTHORIZATION).cloned();
    let writer =
        Writer { db, asked, epoch: head.epoch, after, authorization, send, stopped: streams.stopped.clone(), checked: Instant::now(), failing: None };
    actix_web::rt::spawn(on_behalf_of(behalf, writer.run(streams.head.clone())));
    // The place belongs to the answer: so it is given back with the connection, and not before.
    let held = (receive, place, seat);
    let frames = stream::unfold(held, async |mut held| Some((Ok::<Bytes, Problem>(held.0.recv().await?), held)));
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store")).insert_header(("X-Accel-Buffering", "no")).content_type("text/event-stream");
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
    /// Since when nothing could be read.
    failing: Option<Instant>,
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
        match gate.again(authorization.as_bytes(), &self.db).await {
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
            Ok((head, feed::read(after, head.seq, Most { events: USUAL, bytes: FRAME }, filter, reach, conn).await?))
        });
        let (head, batch) = match read.await {
            Ok(read) => read,
            Err(problem) => return self.fail(problem).await,
        };
        self.failing = None;
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

    /// Nothing could be read: waits, so that it is tried again, but not for long.
    async fn fail(&mut self, problem: Problem) -> Result<(), Ended> {
        log::warn!("a stream of changes cannot be read: {problem}");
        if self.failing.get_or_insert_with(Instant::now).elapsed() > CHECK * 5 {
            return Err(Ended);
        }
        let mut stopped = self.stopped.clone();
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => Err(Ended),
            () = self.send.closed() => Err(Ended),
            () = time::sleep(CHECK) => Ok(()),
        }
    }

    /// Hands over a frame, when the reader has taken the one before. The connection of a reader who takes nothing ends.
    async fn write(&self, frame: Bytes) -> Result<(), Ended> {
        let mut stopped = self.stopped.clone();
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => Err(Ended),
            sent = self.send.send(frame) => sent.map_err(|_| Ended),
        }
    }
}
