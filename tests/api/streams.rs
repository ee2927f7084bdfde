//! A listing as a stream: exactly the rows of one state of the database, a chunk at a time; and how long the database waits.

use std::{pin::pin, sync::LazyLock, time::Duration};

use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::StreamExt;
use territoires_industrie::{
    db::{
        Conn, Db, Error, Patience, Sees,
        listing::{Field, Keys, Listed, Listing, Step, field},
    },
    values::{Id, Instant},
};

use crate::support::{House, house};

diesel::table! {
    lines (id) {
        id -> Uuid,
        rank -> Nullable<Int4>,
    }
}

/// A noun of this test's own: its ranks have gaps and ties.
#[derive(Queryable, Selectable)]
#[diesel(table_name = lines, check_for_backend(diesel::pg::Pg))]
struct Line {
    id: Id,
    #[expect(dead_code, reason = "the order is by it")]
    rank: Option<i32>,
}

static FIELDS: LazyLock<[Field; 1]> = LazyLock::new(|| [field(lines::rank).sorted()]);

impl Listed for Line {
    type Table = lines::table;
    type Key = lines::id;
    fn fields() -> &'static [Field] {
        &*FIELDS
    }
}

/// Makes 2500 lines, of which 1000 were there in 2020.
async fn write_lines(house: &House) -> Conn {
    let mut conn = house.database().await;
    conn.batch_execute(
        "CREATE TABLE lines (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), rank integer, since timestamptz NOT NULL DEFAULT now());
         CREATE VIEW as_of.lines AS SELECT * FROM public.lines WHERE since <= current_setting('app.as_of')::timestamptz;
         GRANT SELECT ON lines, as_of.lines TO PUBLIC;
         INSERT INTO lines (rank, since) SELECT nullif(n % 300, 7), CASE WHEN n <= 1000 THEN '2019-12-31Z' ELSE now() END FROM generate_series(1, 2500) n",
    )
    .await
    .unwrap();
    conn
}

fn from_the_last() -> Listing<Line> {
    let mut listing = Listing::<Line>::default();
    listing.order.push(Step { field: &FIELDS[0], words: None, descending: true });
    listing
}

/// The identifiers of a chunk, and how many lines there are in the same state of the database.
async fn ids(rows: Vec<(Line, Keys)>, conn: &mut Conn) -> Result<(Vec<Id>, i64), Error> {
    Ok((rows.into_iter().map(|(line, _)| line.id).collect(), lines::table.count().get_result(conn).await?))
}

/// The session that the only connection of this pool has.
async fn session(db: &Db) -> i32 {
    diesel::define_sql_function! { fn pg_backend_pid() -> diesel::sql_types::Integer }
    db.run(async |conn: &mut Conn| Ok::<i32, Error>(diesel::select(pg_backend_pid()).get_result(conn).await?)).await.unwrap()
}

async fn setting(name: &str, conn: &mut Conn) -> Result<String, Error> {
    diesel::define_sql_function! { fn current_setting(name: diesel::sql_types::Text) -> diesel::sql_types::Text }
    Ok(diesel::select(current_setting(name)).get_result(conn).await?)
}

#[actix_web::test]
async fn a_stream_gives_one_state_whatever_is_written_meanwhile() {
    let house = house().await;
    let mut others = write_lines(&house).await;
    let db = Db::new(&house.url, 1).unwrap();
    let own = session(&db).await;
    for (chunk, due) in [(500, vec![500; 5]), (700, vec![700, 700, 700, 400]), (10_000, vec![2500])] {
        let there: Vec<Id> = lines::table.order((lines::rank.desc().nulls_last(), lines::id)).select(lines::id).load(&mut others).await.unwrap();
        // What a page says of itself means nothing to a stream.
        let mut listing = from_the_last();
        (listing.limit, listing.offset) = (Some(3), 7);
        let mut stream = pin!(db.stream(listing, chunk, None, ids).await.unwrap());
        let (mut sizes, mut given) = (Vec::new(), Vec::new());
        while let Some(made) = stream.next().await {
            let (ids, count) = made.unwrap();
            assert_eq!(count, 2500, "what is asked along is of the same state");
            others
                .batch_execute(
                    "DELETE FROM lines WHERE id IN (SELECT id FROM lines ORDER BY random() LIMIT 300);
                     INSERT INTO lines (rank) SELECT nullif(n % 300, 7) FROM generate_series(1, 300) n;
                     UPDATE lines SET rank = 300 - rank WHERE id IN (SELECT id FROM lines ORDER BY random() LIMIT 300)",
                )
                .await
                .unwrap();
            sizes.push(ids.len());
            given.extend(ids);
        }
        assert_eq!(sizes, due);
        assert_eq!(given, there);
        assert_eq!(session(&db).await, own, "the connection went back to the pool");
    }
}

#[actix_web::test]
async fn a_stream_that_is_dropped_leaves_no_transaction() {
    let house = house().await;
    let mut others = write_lines(&house).await;
    let db = Db::new(&house.url, 1).unwrap();
    let own = session(&db).await;
    let mut stream = Box::pin(db.stream(from_the_last(), 500, None, ids).await.unwrap());
    assert_eq!(stream.next().await.unwrap().unwrap().0.len(), 500);
    drop(stream);
    let next = session(&db).await;
    assert_ne!(next, own, "the connection was closed");
    // So is the one of a chunk that could not be made.
    let broken = async |_: Vec<(Line, Keys)>, _: &mut Conn| Err::<(), _>(Error::Bug("x".to_owned()));
    let mut stream = Box::pin(db.stream(from_the_last(), 500, None, broken).await.unwrap());
    assert!(matches!(stream.next().await, Some(Err(Error::Bug(_)))));
    assert!(stream.next().await.is_none());
    assert_ne!(session(&db).await, next, "the connection was closed");
    let isolation = db.run(async |conn: &mut Conn| setting("transaction_isolation", conn).await).await.unwrap();
    assert_eq!(isolation, "read committed");
    // PostgreSQL has seen both end: a lock that needs the table for itself is had at once.
    others.batch_execute("SET lock_timeout = '2s'; ALTER TABLE lines ADD COLUMN more text").await.unwrap();
}

#[actix_web::test]
async fn a_stream_looks_back() {
    let house = house().await;
    let mut others = write_lines(&house).await;
    let db = Db::new(&house.url, 1).unwrap();
    let (then, nothing) = (Instant::parse("2020-01-01T00:00:00Z").unwrap(), Sees { partners: Vec::new(), restricted: Vec::new() });
    for sees in [None, Some(&nothing)] {
        let told =
            async |rows: Vec<(Line, Keys)>, conn: &mut Conn| Ok::<_, Error>((ids(rows, conn).await?.0.len(), setting("app.sees", conn).await?));
        let stream = db.stream(from_the_last(), 600, Some((then, sees)), told).await.unwrap();
        let told: Vec<(usize, String)> = stream.map(Result::unwrap).collect().await;
        let due = if sees.is_none() { "everything" } else { "" };
        assert_eq!(told, [600, 400].map(|length| (length, due.to_owned())));
        others.batch_execute("DELETE FROM lines WHERE since > '2020-01-01Z'").await.unwrap();
    }
    // What is asked of the same connection afterwards is of now.
    let path = db.run(async |conn: &mut Conn| setting("search_path", conn).await).await.unwrap();
    assert!(!path.contains("as_of"), "{path}");
}

#[actix_web::test]
async fn the_database_waits_as_long_as_an_operation_says() {
    let house = house().await;
    write_lines(&house).await;
    let db = Db::new(&house.url, 1).unwrap();
    let seconds = Duration::from_secs;
    let waits = async |conn: &mut Conn| {
        Ok::<_, Error>([setting("statement_timeout", conn).await?, setting("idle_in_transaction_session_timeout", conn).await?])
    };
    assert_eq!(db.snapshot(waits).await.unwrap(), ["5s", "5s"]);
    let patient = db.patient(Patience { statement: seconds(90), silence: seconds(20) });
    assert_eq!(patient.snapshot(waits).await.unwrap(), ["90s", "20s"]);
    assert_eq!(db.run(waits).await.unwrap(), ["5s", "5s"], "the next transaction of the connection knows nothing of it");

    let hasty = db.patient(Patience { statement: Duration::from_millis(100), silence: Duration::from_millis(300) });
    let sleep = async |conn: &mut Conn| Ok::<_, Error>(conn.batch_execute("SELECT pg_sleep(2)").await?);
    assert!(matches!(hasty.snapshot(sleep).await, Err(Error::TimedOut(_))));
    let mut stream = pin!(hasty.stream(from_the_last(), 500, None, ids).await.unwrap());
    assert!(stream.next().await.unwrap().is_ok());
    actix_web::rt::time::sleep(Duration::from_millis(900)).await;
    assert!(matches!(stream.next().await, Some(Err(Error::Unavailable(_)))), "the reader was silent for too long");
    assert!(stream.next().await.is_none());
    session(&db).await;
}

/// What PostgreSQL answers is told by its SQLSTATE, whatever the words.
#[actix_web::test]
async fn an_error_is_told_by_its_state() {
    let house = house().await;
    let db = Db::new(&house.url, 1).unwrap();
    for (state, due) in [
        ("40001", "Again"),
        ("40P01", "Again"),
        ("57014", "TimedOut"),
        ("55P03", "TimedOut"),
        ("53100", "StorageFull"),
        ("57P01", "Unavailable"),
        ("53300", "Unavailable"),
        ("25006", "Unavailable"),
        ("22012", "Bug"),
    ] {
        let raise = format!("DO $$ BEGIN RAISE 'des mots' USING ERRCODE = '{state}'; END $$");
        let copied = db.copy(async |transaction| transaction.batch_execute(&raise).await).await.unwrap_err();
        let asked = db.run(async |conn: &mut Conn| Ok::<_, Error>(conn.batch_execute(&raise).await?)).await.unwrap_err();
        for error in [copied, asked] {
            assert!(format!("{error:?}").starts_with(&format!("{due}(\"{state} des mots")), "{state}: {error:?}");
        }
    }
}
