//! The stamper: gives each committed line of the ledger its number and its hash. Only one stamper works at a time, among all processes.

use std::time::Duration;

use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Int4},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use tokio::{sync::watch, time};

use crate::db::{self, Conn, Error};

/// The most lines that are numbered in one transaction: an erasure may have to wait for that transaction.
const BATCH: i32 = 1000;
/// The pause between two looks for new lines: while lines come, and when none come. A look costs a fifth of a millisecond. `NOTIFY` would
/// save the looks, but it makes PostgreSQL commit writes one after the other.
const BUSY: Duration = Duration::from_millis(10);
const IDLE: Duration = Duration::from_millis(50);
/// The number of short pauses without a new line, after which the pauses become long.
const CALM: u32 = 100;
/// A statement ends after five seconds. A server that says nothing for longer is lost, whatever its socket says.
const SILENT: Duration = Duration::from_secs(15);
/// The wait for a database that is away: the first one, and the longest.
const AWAY: Duration = Duration::from_millis(100);
const AWAY_LONG: Duration = Duration::from_secs(5);

#[derive(QueryableByName)]
struct Stamped {
    #[diesel(sql_type = BigInt)]
    head: i64,
    #[diesel(sql_type = Int4)]
    made: i32,
}

async fn stamp(conn: &mut Conn) -> Result<Stamped, Error> {
    Ok(sql_query(format!("SELECT head, made FROM stamp_ledger({BATCH})")).get_result(conn).await?)
}

/// Numbers all committed lines. If another stamper is at work, waits for it as long as for any lock.
#[expect(clippy::disallowed_methods, reason = "what is numbered was signed when it was written")]
pub async fn catch_up(conn: &mut Conn) -> Result<i64, Error> {
    loop {
        let stamped = conn
            .transaction::<_, Error, _>(async |conn| {
                sql_query("SELECT pg_advisory_xact_lock(hashtextextended('stamp_ledger', 0))").execute(conn).await?;
                stamp(conn).await
            })
            .await?;
        if stamped.made < BATCH {
            return Ok(stamped.head);
        }
    }
}

/// Starts to number the lines of this database, until the runtime ends. Sends the highest number whenever it changes.
pub fn start(url: &str) -> watch::Receiver<i64> {
    let (tell, head) = watch::channel(0);
    let url = url.to_owned();
    tokio::spawn(async move {
        let mut wait = AWAY;
        loop {
            match work(&url, &tell, &mut wait).await {
                Ok(()) => return,
                Err(error) => log::warn!("the ledger is not numbered for the moment: {error}"),
            }
            time::sleep(wait).await;
            wait = (wait * 2).min(AWAY_LONG);
        }
    });
    head
}

/// Numbers lines until nobody listens any more, or until the connection is lost.
async fn work(url: &str, tell: &watch::Sender<i64>, wait: &mut Duration) -> Result<(), Error> {
    let mut conn = db::connect(url).await?;
    let mut calm = CALM;
    while !tell.is_closed() {
        let stamped = time::timeout(SILENT, stamp(&mut conn)).await.unwrap_or_else(|_| Err(Error::Unavailable("it says nothing".to_owned())))?;
        *wait = AWAY;
        let moved = tell.send_if_modified(|head| std::mem::replace(head, stamped.head) != stamped.head);
        calm = if moved { 0 } else { calm.saturating_add(1) };
        if stamped.made < BATCH {
            time::sleep(if calm < CALM { BUSY } else { IDLE }).await;
        }
    }
    Ok(())
}
