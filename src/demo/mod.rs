//! The facts of five public documents on the programme, loaded through the same checks as any write.
//!
//! Each file holds the bodies that `POST` takes, with a `key` of its own. A member that ends in `_id` names another
//! thing by `@noun/key`. Identifiers are made of noun and key, so loading twice changes nothing.

use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use indicatif::{ProgressBar, ProgressStyle};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    api::{self, action_fiches, geography::cog},
    db::{Conn, Db},
    http::{Problem, Result, Said, Writer, kinds},
    values::Id,
};

/// 22 November 2018, the day the programme was announced: the hour in the identifiers of the demo.
const ANNOUNCED: u64 = 1_542_844_800_000;

/// The files, in the order in which they refer to each other.
const FILES: [(&str, &str); 18] = [
    ("programme-phases", include_str!("programme-phases.json")),
    ("territories", include_str!("territories.json")),
    ("themes", include_str!("themes.json")),
    ("partners", include_str!("partners.json")),
    ("people", include_str!("people.json")),
    ("documents", include_str!("documents.json")),
    ("indicators", include_str!("indicators.json")),
    ("support-tools", include_str!("support-tools.json")),
    ("objectives", include_str!("objectives.json")),
    ("committees", include_str!("committees.json")),
    ("action-fiches", include_str!("action-fiches.json")),
    ("meetings", include_str!("meetings.json")),
    ("events", include_str!("events.json")),
    ("agreements", include_str!("agreements.json")),
    ("diagnoses", include_str!("diagnoses.json")),
    ("posts", include_str!("posts.json")),
    ("observations", include_str!("observations.json")),
    ("citations", include_str!("citations.json")),
];

/// The year of the extract of the COG: the intercommunalities of the documents and their communes.
const COG: i32 = 2026;

/// The files of the extract.
const GEOGRAPHY: [(&str, &[u8]); 5] = [
    ("regions.json", include_bytes!("cog/regions.json")),
    ("departements.json", include_bytes!("cog/departements.json")),
    ("epci.json", include_bytes!("cog/epci.json")),
    ("ept.json", include_bytes!("cog/ept.json")),
    ("communes.json", include_bytes!("cog/communes.json")),
];

/// The identifier of a thing of the demo.
fn id(noun: &str, key: &str) -> Id {
    let digest = Sha256::digest(format!("{noun}/{key}"));
    let mut words = [0; 10];
    words.copy_from_slice(&digest[..10]);
    Id::of(ANNOUNCED, &words)
}

/// Replaces `@noun/key` by the identifier it stands for, at any depth.
fn resolve(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((noun, key)) = text.strip_prefix('@').and_then(|name| name.split_once('/')) {
                *text = id(noun, key).to_string();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(resolve),
        Value::Object(members) => members.values_mut().for_each(resolve),
        _ => {}
    }
}

fn read<T: DeserializeOwned>(name: &str, body: Value) -> Result<T> {
    serde_path_to_error::deserialize(body).map_err(|error| broken(&format_args!("{name}: {error}")))
}

/// The fault when the shipped data is not valid: a bug of the service.
fn broken(error: &dyn std::fmt::Display) -> Problem {
    let said = format!("demo: {error}");
    Problem::new(&kinds::INTERNAL).saying(Said::new(said.clone(), said))
}

/// Loads what is missing, wholly or not at all. Returns the number of new things. The extract of the COG is loaded only if no COG is
/// loaded, since it would replace a whole one.
pub async fn load(db: &Db) -> Result<usize> {
    if db.run(cog::is_empty).await? {
        let file = |name: &str| GEOGRAPHY.iter().find(|(known, _)| *known == name).map(|(_, text)| text.to_vec());
        let cog = cog::parse(|name| file(name).ok_or_else(|| anyhow::anyhow!("no {name}")));
        cog::load(&cog.map_err(|error| broken(&error))?, COG, db).await?;
    }
    let by = Writer::command("load demo");
    db.write(&by, async |conn| {
        let mut made = 0;
        for (noun, text) in FILES {
            let things: Vec<Value> = read(noun, serde_json::from_str(text).map_err(|_| Problem::new(&kinds::INTERNAL))?)?;
            let style = ProgressStyle::with_template("{msg:<18} {bar:30} {pos}/{len}").unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(things.len() as u64).with_style(style).with_message(noun);
            for thing in things {
                made += usize::from(add(noun, thing, &by, conn).await?);
                bar.inc(1);
            }
            bar.finish();
        }
        Ok(made)
    })
    .await
}

#[derive(QueryableByName)]
struct There {
    #[diesel(sql_type = sql_types::Bool)]
    there: bool,
}

/// Adds a thing, unless it exists. Returns whether it was added.
async fn add(noun: &str, mut body: Value, by: &Writer, conn: &mut Conn) -> Result<bool> {
    resolve(&mut body);
    let members = body.as_object_mut().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
    let key = members.shift_remove("key").and_then(|key| key.as_str().map(str::to_owned)).unwrap_or_default();
    let moves = members.shift_remove("moves");
    let (id, name) = (id(noun, &key), format!("{noun}/{key}"));
    let table = noun.replace('-', "_");
    let there = sql_query(format!("SELECT EXISTS (SELECT FROM {table} WHERE id = $1) AS there"));
    if there.bind::<sql_types::Uuid, _>(id).get_result::<There>(conn).await?.there {
        return Ok(false);
    }
    let face = api::NOUNS.iter().find(|face| face.card.table == table);
    let make = face.and_then(|face| face.make).ok_or_else(|| broken(&format_args!("{name}: no such noun")))?;
    make(id, body.to_string().into(), by, conn).await.map_err(|problem| broken(&format_args!("{name}: {problem}")))?;
    if let Some(moves) = moves {
        action_fiches::advance_all(id, &read::<Vec<_>>(&name, moves)?, conn).await?;
    }
    Ok(true)
}
