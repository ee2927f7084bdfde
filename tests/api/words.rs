//! Closed words stand twice: in a vocabulary of the code, and in the CHECK of each column that holds one of them. Both lists are the same.
//!
//! Nobody lists the columns. The document names the vocabulary of each member of a list's rows, and a member is called as its column; the
//! database names each column whose CHECK is a list of words. What one side has and the other has not is found, whichever side it is.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::support::{contract::DOCUMENT, house};

/// Columns with a CHECK of words that no list's rows show, and their vocabulary, where it is one.
const APART: [(&str, Option<&str>); 4] = [
    // Of the lines, whom they were for.
    ("ledger.audience", Some("Visibility")),
    // What triggers and SQL functions write.
    ("ledger.action", None),
    // The tables that have contours.
    ("contours.noun", None),
    // What the service counts of a caller.
    ("usage.what", None),
];

/// Vocabularies whose words no column holds: they are told inside of JSON, or asked for in a path.
const UNSTORED: [&str; 3] = ["FormerCommuneKind", "TransitionAxis", "TransitionState"];

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    of: String,
}

/// What a reference in the document names: directly, or as what may be null.
fn named(schema: &Value) -> Option<&str> {
    let direct = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    direct.or_else(|| schema["oneOf"].as_array()?.iter().find_map(named))
}

/// The members of a row, with those of the rows that it is made of.
fn members(schema: &Value) -> Vec<(String, Value)> {
    if let Some(name) = named(schema) {
        return members(&DOCUMENT["components"]["schemas"][name]);
    }
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, member)| (name.clone(), member.clone()));
    own.chain(schema["allOf"].as_array().into_iter().flatten().flat_map(members)).collect()
}

#[actix_web::test]
async fn a_column_holds_the_words_of_its_vocabulary_and_no_others() {
    let house = house().await;
    let mut conn = house.database().await;
    let mut ask = async |query: &str| -> Vec<(String, String)> {
        let found: Vec<Found> = sql_query(query).load(&mut conn).await.unwrap();
        found.into_iter().map(|found| (found.name, found.of)).collect()
    };
    let wholes = ask("SELECT noun AS name, coalesce(parent_noun, '') AS of FROM kept").await;
    let checks = ask("SELECT conrelid::regclass || '.' || attname AS name, pg_get_constraintdef(pg_constraint.oid) AS of
         FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND conkey = ARRAY[attnum]
         WHERE contype = 'c' AND pg_get_constraintdef(pg_constraint.oid) LIKE 'CHECK ((' || attname || ' = ANY (ARRAY[%'")
    .await;
    let checks: BTreeMap<String, BTreeSet<String>> =
        checks.into_iter().map(|(column, check)| (column, check.split('\'').skip(1).step_by(2).map(str::to_owned).collect())).collect();

    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    let vocabularies: BTreeMap<&str, BTreeSet<String>> =
        schemas.iter().filter_map(|(name, schema)| Some((name.as_str(), schema["x-labels-fr"].as_object()?.keys().cloned().collect()))).collect();

    let mut spoken: BTreeMap<String, String> = BTreeMap::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        let page = named(&item["get"]["responses"]["200"]["content"]["application/json"]["schema"]).filter(|name| name.starts_with("Page_"));
        let steps: Vec<String> = path.split('/').skip(3).filter(|step| !step.starts_with('{')).map(|step| step.replace('-', "_")).collect();
        let table = match steps.as_slice() {
            [noun] => Some(noun),
            [noun, part] => wholes.iter().find(|(name, whole)| whole == noun && name.ends_with(&format!("_{part}"))).map(|(name, _)| name),
            _ => None,
        };
        let (Some(page), Some(table)) = (page, table) else { continue };
        for (member, schema) in members(&schemas[page]["properties"]["data"]["items"]) {
            if let Some(word) = named(&schema).filter(|name| vocabularies.contains_key(name)) {
                spoken.insert(format!("{table}.{member}"), word.to_owned());
            }
        }
    }
    spoken.extend(APART.iter().filter_map(|(column, word)| Some(((*column).to_owned(), (*word)?.to_owned()))));

    let mut odd = Vec::new();
    for column in checks.keys().chain(spoken.keys()).collect::<BTreeSet<_>>() {
        let (check, word) = (checks.get(column), spoken.get(column).map(String::as_str));
        let words = word.map(|word| &vocabularies[word]);
        if check != words && !APART.contains(&(column, None)) {
            odd.push(format!("{column}: its CHECK has {check:?}, its vocabulary {word:?} has {words:?}"));
        }
    }
    assert_eq!(odd, [""; 0], "To fix this: name the same words in the CHECK, by a new migration, and in the Vocabulary");
    let unstored: Vec<&str> = vocabularies.keys().copied().filter(|name| !spoken.values().any(|word| word == name)).collect();
    assert_eq!(unstored, UNSTORED, "To fix this: give the column of the vocabulary a CHECK, or name the vocabulary in UNSTORED");
    assert!(spoken.len() > 60, "the document tells the columns: {spoken:#?}");
}
