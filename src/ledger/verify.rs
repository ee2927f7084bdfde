//! The proof that nothing of the past was changed: every line, in the order of the numbers, is compared with the chain of hashes. This
//! module computes the hashes itself, because somebody who changes lines could change the functions of the database as well.

use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Binary, Bool, Nullable, Text},
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use sha2::{Digest, Sha256};

use crate::db::{Conn, Error};

/// The result of the verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The chain is whole. Who keeps the number of lines and the last hash can prove later that no line was removed.
    Sound {
        /// The number of lines.
        lines: i64,
        /// The last hash.
        hash: String,
    },
    /// The chain is broken.
    Broken {
        /// The number where it is broken; none when the line has no number.
        seq: Option<i64>,
        /// The line of the ledger; none when the line is gone.
        line: Option<i64>,
        /// How it is broken.
        how: Defect,
    },
}

/// The ways in which a chain is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// A number is missing.
    #[error("the number is missing")]
    Gap,
    /// A line is missing.
    #[error("the line is missing")]
    Missing,
    /// A hash does not follow from the hash before and the line.
    #[error("the line was altered, moved or put in between")]
    Altered,
    /// A name is not the one that was recorded.
    #[error("what identifies a person was altered")]
    Personal,
    /// The reason of a write, or the name that a client gave to its request, is not the one that was recorded.
    #[error("why it was written was altered")]
    Remark,
    /// A name, or the reason of a write, was removed by other means than an erasure, or came back after one.
    #[error("what identifies a person is not as an erasure leaves it")]
    Erasure,
    /// A line was added at a place where all lines are numbered already.
    #[error("the line was put in between, without a number")]
    Unnumbered,
    /// Two lines say the same version of one thing.
    #[error("another line says the same version of the same thing")]
    Twice,
    /// The last numbers are gone, or were made again.
    #[error("the hash is not the one that was noted")]
    Noted,
}

/// The members that identify a person, by noun, and the values that an erasure puts there.
const PERSONAL: &str = r#"(VALUES ('people', '{"name": "Personne effacée", "variants": []}'::jsonb),
    ('person_mandates', '{"function": "Fonction effacée", "note": null}'), ('citations', '{"passage": null}'), ('committee_seats', '{"function": null}'),
    ('agreement_signatories', '{"function": null}'), ('event_participants', '{"function": null, "quote": null}'),
    ('meeting_attendances', '{"function": null, "note": null, "represented_by": null}'), ('posts', '{"note": null}'))"#;

/// The name that a client gave to a request. The service names a request by a UUID.
const CLIENT_REQUEST: &str = "CASE WHEN line.request !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN line.request END";

/// Those whom a line of this name is about, and who were erased: a person, whose mandate it is, whom it names, whom a citation is about.
fn erased(line: &str) -> String {
    let named = |line: &str| {
        format!(
            "unnest(ARRAY[CASE {line}.noun WHEN 'people' THEN {line}.thing WHEN 'person_mandates' THEN {line}.parent END,
                ({line}.before ->> 'person_id')::uuid, ({line}.after ->> 'person_id')::uuid])"
        )
    };
    format!(
        "(SELECT erasure.thing FROM {} AS person (id) JOIN ledger erasure ON erasure.thing = person.id AND erasure.action = 'erase' AND erasure.noun = 'people'
          UNION ALL SELECT erasure.thing FROM ledger cited CROSS JOIN {} AS person (id)
            JOIN ledger erasure ON erasure.thing = person.id AND erasure.action = 'erase' AND erasure.noun = 'people'
            WHERE {line}.noun = 'citations' AND cited.thing = (coalesce({line}.after, {line}.before) ->> 'thing_id')::uuid)",
        named(line),
        named("cited"),
    )
}

const BATCH: i64 = 5000;

#[derive(QueryableByName)]
struct Link {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = BigInt)]
    line: i64,
    #[diesel(sql_type = Binary)]
    hash: Vec<u8>,
    #[diesel(sql_type = Nullable<Binary>)]
    personal: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    salt: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    lasting: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    named: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    remark: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    remark_salt: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    remarked: Option<String>,
    #[diesel(sql_type = Bool)]
    erased: bool,
    #[diesel(sql_type = Bool)]
    unremarked: bool,
}

#[derive(QueryableByName)]
struct Stray {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Verifies the chain from its beginning. `noted` is a number, with the hash that it had at an earlier time.
pub async fn verify(noted: Option<(i64, String)>, conn: &mut Conn) -> Result<Verdict, Error> {
    conn.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; SET LOCAL extra_float_digits = 1").await?;
    let verdict = walk(noted, conn).await;
    conn.batch_execute("ROLLBACK").await?;
    verdict
}

async fn walk(noted: Option<(i64, String)>, conn: &mut Conn) -> Result<Verdict, Error> {
    let lasting = format!(
        "jsonb_build_array(line.id, line.noun, line.thing, line.parent_noun, line.parent, line.parent_version, line.version, line.action,
            line.before - members, line.after - members, line.author, line.key_id, nullif(line.request, {CLIENT_REQUEST}), encode(stamp.remark, 'hex'),
            to_char(line.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), line.transaction::text,
            line.audience, line.places, encode(stamp.personal, 'hex'), line.same_as)::text"
    );
    let part = |side: &str| format!("(SELECT jsonb_object_agg(key, value) FROM jsonb_each(line.{side}) WHERE key = ANY (members))");
    // On each side of the line, what identifies a person who was erased is gone; where another person stands, nothing was taken away.
    let left = |side: &str| {
        format!(
            "(line.{side} || left_by IS NOT DISTINCT FROM line.{side}
              OR line.noun NOT IN ('people', 'person_mandates', 'citations') AND NOT coalesce((line.{side} ->> 'person_id')::uuid = ANY (erased), false))"
        )
    };
    let query = format!(
        "SELECT stamp.seq, stamp.line, stamp.hash, stamp.personal, stamp.salt, stamp.remark, stamp.remark_salt,
            CASE WHEN line.id IS NOT NULL THEN {lasting} END AS lasting, jsonb_build_array({before}, {after})::text AS named,
            jsonb_build_array(line.reason, {CLIENT_REQUEST})::text AS remarked,
            CASE WHEN stamp.personal IS NULL OR stamp.salt IS NOT NULL THEN false ELSE
                coalesce((SELECT {left_before} AND {left_after} FROM (SELECT array_agg(thing) AS erased FROM {of_line} AS things) AS people WHERE erased IS NOT NULL), false)
            END AS erased,
            CASE WHEN stamp.remark IS NULL AND num_nonnulls(line.reason, {CLIENT_REQUEST}) = 0 THEN true
                 WHEN stamp.remark IS NULL OR stamp.remark_salt IS NOT NULL OR num_nonnulls(line.reason, {CLIENT_REQUEST}) > 0 THEN false
                 ELSE EXISTS (SELECT FROM ledger other CROSS JOIN LATERAL {of_other} AS things WHERE other.transaction = line.transaction
                    AND other.recorded_at BETWEEN line.recorded_at - interval '1 day' AND line.recorded_at + interval '1 day') END AS unremarked
         FROM stamps stamp LEFT JOIN ledger line ON line.id = stamp.line LEFT JOIN {PERSONAL} AS personal (noun, left_by) ON personal.noun = line.noun,
            LATERAL (SELECT coalesce(array_agg(key), '{{}}') AS members FROM jsonb_each(left_by)) AS names
         WHERE stamp.seq > $1 ORDER BY stamp.seq LIMIT {BATCH}",
        before = part("before"),
        after = part("after"),
        left_before = left("before"),
        left_after = left("after"),
        of_line = erased("line"),
        of_other = erased("other"),
    );
    let mut chain: Vec<u8> = Vec::new();
    let mut last = 0;
    loop {
        let links: Vec<Link> = sql_query(&query).bind::<BigInt, _>(last).load(conn).await?;
        let more = links.len() as i64 == BATCH;
        for link in links {
            let broken = |how| Ok(Verdict::Broken { seq: Some(link.seq), line: Some(link.line), how });
            if link.seq != last + 1 {
                return Ok(Verdict::Broken { seq: Some(last + 1), line: None, how: Defect::Gap });
            }
            let (Some(lasting), Some(named), Some(remarked)) = (&link.lasting, &link.named, &link.remarked) else { return broken(Defect::Missing) };
            chain = Sha256::new().chain_update(&chain).chain_update(lasting).finalize().to_vec();
            if chain != link.hash {
                return broken(Defect::Altered);
            }
            match (&link.personal, &link.salt) {
                (Some(digest), Some(salt)) if Sha256::new().chain_update(salt).chain_update(named).finalize()[..] != digest[..] => {
                    return broken(Defect::Personal);
                }
                (Some(_), None) if !link.erased => return broken(Defect::Erasure),
                _ => {}
            }
            match (&link.remark, &link.remark_salt) {
                (Some(digest), Some(salt)) if Sha256::new().chain_update(salt).chain_update(remarked).finalize()[..] != digest[..] => {
                    return broken(Defect::Remark);
                }
                (Some(_), Some(_)) => {}
                _ if !link.unremarked => return broken(Defect::Erasure),
                _ => {}
            }
            last = link.seq;
            if let Some((_, hash)) = noted.as_ref().filter(|(seq, _)| *seq == last)
                && *hash != hex::encode(&chain)
            {
                return broken(Defect::Noted);
            }
        }
        if !more {
            break;
        }
    }
    if let Some((seq, _)) = noted.filter(|(seq, _)| *seq > last) {
        return Ok(Verdict::Broken { seq: Some(seq), line: None, how: Defect::Noted });
    }
    for (query, how) in [
        (
            "SELECT id FROM ledger WHERE id <= (SELECT below FROM stamping) AND NOT EXISTS (SELECT FROM stamps WHERE line = ledger.id) ORDER BY id LIMIT 1",
            Defect::Unnumbered,
        ),
        ("SELECT max(id) AS id FROM ledger GROUP BY thing, version HAVING count(*) > 1 ORDER BY 1 LIMIT 1", Defect::Twice),
    ] {
        let stray: Vec<Stray> = sql_query(query).load(conn).await?;
        if let Some(stray) = stray.into_iter().next() {
            return Ok(Verdict::Broken { seq: None, line: Some(stray.id), how });
        }
    }
    Ok(Verdict::Sound { lines: last, hash: hex::encode(&chain) })
}
