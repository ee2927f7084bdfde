//! The stamper: gives each line of the ledger its number and its hash, once it is committed. One works at a time, whichever
//! process it is of.

use std::time::Duration;

use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Int4},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use tokio::{sync::watch, time};

use crate::db::{self, Conn, Error};

/// How many lines are numbered in one transaction, which a writer of erasures may wait for.
const BATCH: i32 = 1000;
/// How long to wait for lines while there are some, and when there are none. Looking costs a fifth of a millisecond; to be
/// told instead (`NOTIFY`) would make PostgreSQL commit one write after the other.
const BUSY: Duration = Duration::from_millis(10);
const IDLE: Duration = Duration::from_millis(50);
/// How long lines are expected after one has come.
const CALM: u32 = 100;
/// How long to wait for a database that is away, at first and at most.
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

/// Numbers all that is committed, once whoever else is about it is done; waits for him as long as for any lock.
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

/// Starts to number the lines of this database, for as long as the runtime lives, and tells the highest number there is
/// whenever it moves.
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

/// Works until nobody listens any more, or the connection is lost.
async fn work(url: &str, tell: &watch::Sender<i64>, wait: &mut Duration) -> Result<(), Error> {
    let mut conn = db::connect(url).await.map_err(|error| Error::Unavailable(error.to_string()))?;
    let mut calm = CALM;
    while !tell.is_closed() {
        let stamped = stamp(&mut conn).await?;
        *wait = AWAY;
        let moved = tell.send_if_modified(|head| std::mem::replace(head, stamped.head) != stamped.head);
        calm = if moved { 0 } else { calm.saturating_add(1) };
        if stamped.made < BATCH {
            time::sleep(if calm < CALM { BUSY } else { IDLE }).await;
        }
    }
    Ok(())
}
