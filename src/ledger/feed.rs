//! The feed: what was done, in the order of the stamps, as one caller may know it. From it alone a copy can be built.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::shown;
use crate::{
    db::{Budget, Conn},
    rights::Reach,
    values::Id,
};

/// How many lines are looked through at once, and how often for one page at most.
const WINDOW: i64 = 10_000;
const WINDOWS: usize = 10;

/// A thing that another one is part of.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChangedWhole {
    /// Its noun, as addresses say it.
    #[schema(max_length = 100)]
    pub noun: String,
    /// The identifier of the thing.
    pub id: Id,
}

/// Something that happened to a thing.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeEvent {
    /// Where to go on after it.
    #[schema(max_length = 4096)]
    pub cursor: String,
    /// Its number in the whole feed, for who sees all there is; else null.
    pub seq: Option<i64>,
    /// The noun, as addresses say it: `action-fiches`, `committee-seats`.
    #[schema(max_length = 100)]
    pub noun: String,
    /// The thing.
    pub id: Id,
    /// What it is part of.
    pub parent: Option<ChangedWhole>,
    /// What happened: `create`, `update`, `delete`, `restore` (it is as it was once), `erase` (a person was forgotten) or
    /// `merge` (others became one with it). What one may know from now on is a `create`, and what one may know no more a `delete`.
    #[schema(max_length = 20)]
    pub action: String,
    /// The version that it made.
    pub version: i32,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// Who did it; null for who shows no key, and where nothing is told but that something was done elsewhere.
    #[schema(max_length = 200)]
    pub author: Option<String>,
    /// The key that did it, by its identifier; null for an identity or a command, and where `author` is.
    pub author_key: Option<Id>,
    /// The territories that it concerns; of a person who may not be named in public, those of them within one's reach.
    #[schema(max_items = 1000)]
    pub territories: Vec<Id>,
    /// The thing that it became one with, when it was deleted by a merge; else null.
    pub merged_into: Option<Id>,
    /// The whole thing as it is after this; null once it is deleted. Null too for what one may know no more: then a `delete` follows.
    #[schema(value_type = Option<Object>)]
    pub data: Option<Map<String, Value>>,
}

/// The parameters of the feed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// These tables; all of them when there is none.
    pub nouns: Vec<String>,
    /// What concerns this territory.
    pub territory: Option<Id>,
}

/// Where the feed stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Head {
    /// The epoch of its numbers.
    #[diesel(sql_type = Uuid)]
    pub epoch: Id,
    /// The last number.
    #[diesel(sql_type = BigInt)]
    pub seq: i64,
}

/// Where the feed stands.
pub async fn head(conn: &mut Conn) -> QueryResult<Head> {
    sql_query("SELECT epoch, coalesce((SELECT max(seq) FROM stamps), 0) AS seq FROM stamping").get_result(conn).await
}

/// Some events, each with its number, and where to go on.
pub struct Batch {
    /// The events. Their cursors are still to be written.
    pub events: Vec<(i64, ChangeEvent)>,
    /// All is told up to this number.
    pub up_to: i64,
    /// Is there more to tell?
    pub more: bool,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Text)]
    noun: String,
    #[diesel(sql_type = Uuid)]
    thing: Id,
    #[diesel(sql_type = Nullable<Text>)]
    parent_noun: Option<String>,
    #[diesel(sql_type = Nullable<Uuid>)]
    parent: Option<Id>,
    #[diesel(sql_type = Int4)]
    version: i32,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    after: Option<Value>,
    #[diesel(sql_type = Text)]
    author: String,
    #[diesel(sql_type = Nullable<Uuid>)]
    key_id: Option<Id>,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    audience: String,
    #[diesel(sql_type = Array<Text>)]
    places: Vec<String>,
    #[diesel(sql_type = Nullable<Uuid>)]
    merged_into: Option<Id>,
    /// May the caller see today what it is about? (Of what is deleted: could it, until then?)
    #[diesel(sql_type = Bool)]
    still: bool,
    /// Did nothing change of what it and its parts say?
    #[diesel(sql_type = Bool)]
    quiet: bool,
}

/// Does a line concern the territory, as far as the caller may know? Who knows a person here does not know where else it sits.
fn near(line: &str) -> String {
    format!("($1 OR $4 IS NULL OR {line}.audience = 'public' OR line.noun NOT IN ('people', 'person_mandates') OR $4 = ANY ($2))")
}

/// How much is read at once at most. One event is read in any case.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// The number of events.
    pub events: i64,
    /// The bytes of what they say of things.
    pub bytes: usize,
}

/// What happened after this number, up to the head, as this caller may know it.
pub async fn read(after: i64, head: i64, most: Most, filter: &Filter, reach: &Reach, conn: &mut Conn) -> QueryResult<Batch> {
    let mut until = head.min(after + WINDOW);
    let query = sql_query(format!(
        "SELECT seq, noun, thing, parent_noun, parent, version, author, key_id, recorded_at,
            CASE WHEN now THEN CASE WHEN same_as IS NULL THEN after ELSE (SELECT origin.after FROM ledger origin WHERE origin.id = line.same_as) || after END END AS after, CASE WHEN now THEN places ELSE past_places END AS places, still,
            CASE WHEN now THEN audience ELSE past_audience END AS audience,
            was AND now AND action = 'update'
                AND (same_as IS NOT NULL OR coalesce(before - '{{version,updated_at}}'::text[] = after - '{{version,updated_at}}'::text[], false))
                AND NOT EXISTS (SELECT FROM ledger part WHERE part.parent = line.thing AND part.transaction = line.transaction) AS quiet,
            CASE WHEN action = 'delete' THEN merged_by(transaction, recorded_at, noun) END AS merged_into,
            CASE WHEN NOT now THEN 'delete' WHEN was OR action = 'create' OR returned THEN action ELSE 'create' END AS action
         FROM (SELECT stamp.seq, line.*, past.audience AS past_audience, past.places AS past_places,
                coalesce({now} AND {near_now}, false) AS now, coalesce({was} AND {near_then}, false) AS was,
                coalesce($1 OR (SELECT {still} FROM audience_today(line.thing) today), false) AS still,
                line.action = 'restore' AND past.after IS NULL AND coalesce({returned}, false) AS returned
            FROM stamps stamp JOIN ledger line ON line.id = stamp.line
            LEFT JOIN LATERAL (SELECT audience, places, after FROM ledger past WHERE past.thing = line.thing AND past.version < line.version
                ORDER BY version DESC LIMIT 1) past ON true
            WHERE stamp.seq > $5 AND stamp.seq <= $6 AND ($7 = '{{}}' OR line.noun = ANY ($7))) line
         WHERE now OR was ORDER BY seq LIMIT $8",
        now = shown::within("line"),
        was = shown::within("past"),
        near_now = near("line"),
        near_then = near("past"),
        still = shown::reached("today"),
        returned = shown::concerning("past"),
    ));
    let (mut from, mut windows) = (after, 1);
    // One line more than asked tells whether there is more: of what the caller does not see, nothing is told.
    let (mut lines, ended): (Vec<Line>, bool) = loop {
        let lines = shown::bind(query.clone().into_boxed(), reach, filter.territory)
            .bind::<BigInt, _>(from)
            .bind::<BigInt, _>(until)
            .bind::<Array<Text>, _>(&filter.nouns)
            .bind::<BigInt, _>(most.events + 1);
        let lines = lines.load_stream::<Line>(conn).await?;
        let (lines, ended) = Budget::new(most.bytes).read(lines, |budget, line| budget.spend(&line.after)).await?;
        if !lines.is_empty() || until >= head || windows == WINDOWS {
            break (lines, ended);
        }
        windows += 1;
        (from, until) = (until, head.min(until + WINDOW));
    };
    let cut = ended || lines.len() as i64 > most.events;
    lines.truncate(usize::try_from(most.events).unwrap_or_default());
    let up_to = if cut { lines.last().map_or(until, |line| line.seq) } else { until.max(after) };
    let more = cut || until < head;
    let rows = lines.iter().filter_map(|line| line.after.as_ref());
    let known = shown::Known::of(lines.iter().filter_map(person), rows, reach, conn).await?;
    let events = lines.into_iter().map(|line| (line.seq, event(line, &known, reach))).collect();
    Ok(Batch { events, up_to, more })
}

/// The person that a line is about.
fn person(line: &Line) -> Option<Id> {
    if line.noun == "people" { Some(line.thing) } else { line.parent.filter(|_| line.parent_noun.as_deref() == Some("people")) }
}

fn event(line: Line, known: &shown::Known, reach: &Reach) -> ChangeEvent {
    let someone = person(&line);
    let unknown = someone.is_some_and(|person| !known.has(person));
    let told_of = |place: &&String| reach.everything || someone.is_none() || line.audience == "public" || known.reaches(place);
    // A fiche is a place too.
    let fiche = [("action_fiches", Some(line.thing)), (line.parent_noun.as_deref().unwrap_or_default(), line.parent)];
    let fiche = fiche.into_iter().find(|(noun, _)| *noun == "action_fiches" && (line.noun == *noun || line.parent.is_some())).and_then(|(_, id)| id);
    let territories = line.places.iter().filter(told_of).filter_map(|place| Id::parse(place).ok()).filter(|id| Some(*id) != fiche).collect();
    let data = match line.after {
        Some(Value::Object(mut row)) if !unknown && line.still => {
            known.veil(&line.noun, &mut row, &line.places);
            shown::instants(&mut row);
            Some(row)
        }
        _ => None,
    };
    let signed = !reach.is_public() && (reach.everything || !line.quiet);
    ChangeEvent {
        cursor: String::new(),
        seq: reach.everything.then_some(line.seq),
        noun: line.noun.replace('_', "-"),
        id: line.thing,
        parent: line.parent_noun.zip(line.parent).map(|(noun, id)| ChangedWhole { noun: noun.replace('_', "-"), id }),
        action: line.action,
        version: line.version,
        recorded_at: line.recorded_at,
        author: Some(line.author).filter(|_| signed),
        author_key: line.key_id.filter(|_| signed),
        territories,
        merged_into: line.merged_into,
        data,
    }
}

/// What a copy holds that followed the feed up to a number.
#[derive(Debug, QueryableByName)]
pub struct Fingerprint {
    /// The number of things that the copy must hold.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// The hash over them.
    #[diesel(sql_type = Text)]
    pub sha256: String,
}

/// The fingerprint of what a copy holds that followed the feed up to this number: of each thing, the last line up to there says
/// whether this caller knows it, and in which version.
pub async fn fingerprint(up_to: i64, filter: &Filter, reach: &Reach, conn: &mut Conn) -> QueryResult<Fingerprint> {
    let query = sql_query(format!(
        "SELECT count(*) AS count, encode(sha256(convert_to(coalesce(string_agg(text, '' ORDER BY thing), ''), 'UTF8')), 'hex') AS sha256
         FROM (SELECT thing, replace(noun, '_', '-') || ' ' || thing || ' ' || version || chr(10) AS text
            FROM (SELECT DISTINCT ON (thing) ledger.* FROM ledger JOIN stamps ON stamps.line = ledger.id
                WHERE seq <= $5 AND ($6 = '{{}}' OR noun = ANY ($6)) AND ($4 IS NULL OR thing IN (SELECT thing FROM ledger WHERE places @> ARRAY[$4]))
                ORDER BY thing, version DESC) line
            WHERE {now} AND {near}) texts",
        now = shown::within("line"),
        near = near("line"),
    ));
    shown::bind(query.into_boxed(), reach, filter.territory).bind::<BigInt, _>(up_to).bind::<Array<Text>, _>(&filter.nouns).get_result(conn).await
}
