//! What of a line a caller may know: the audience of the line itself, and of each person that it names as things stand today.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::BoxedSqlQuery,
    sql_types::{Array, Bool, Nullable, Text},
};
use serde_json::{Map, Value, json};

use crate::{
    db::Conn,
    rights::{self, Reach},
    values::Id,
};

/// May the caller see what this line is for? Of the first three values that `bind` gives.
pub fn reached(line: &str) -> String {
    "($1 OR {}.audience = 'public' OR {}.audience = 'partners' AND {}.places && $2 OR {}.audience = 'restricted' AND {}.places && $3)"
        .replace("{}", line)
}

/// The same, and does it concern the territory, which is the fourth value?
pub fn concerning(line: &str) -> String {
    format!("({} AND ($4 IS NULL OR {line}.places @> ARRAY[$4]))", reached(line))
}

/// Is there, after this line, a thing that the caller may see?
pub fn within(line: &str) -> String {
    format!("({line}.after IS NOT NULL AND {})", concerning(line))
}

/// The values of a query that asks what is within reach, and concerns a territory.
pub fn bind<'q, Q>(query: BoxedSqlQuery<'q, Pg, Q>, reach: &Reach, territory: Option<Id>) -> BoxedSqlQuery<'q, Pg, Q> {
    query
        .bind::<Bool, _>(reach.everything)
        .bind::<Array<Text>, _>(reach.partner_places())
        .bind::<Array<Text>, _>(reach.team_places())
        .bind::<Nullable<Text>, _>(territory.map(|id| id.to_string()))
}

/// What a row names by this member.
fn named(member: &str, row: &Value) -> Option<Id> {
    Id::parse(row.get(member)?.as_str()?).ok()
}

/// The people whom the caller may know, and the documents that it sees.
pub struct Known {
    /// Each, and whether everyone may; none when the caller may know all.
    people: Option<HashMap<Id, bool>>,
    documents: HashSet<Id>,
    /// The places within the caller's reach.
    places: Vec<String>,
}

impl Known {
    /// Those of these people, and of what these rows name.
    pub async fn of<'a>(
        people: impl Iterator<Item = Id>,
        rows: impl Iterator<Item = &'a Value> + Clone,
        reach: &Reach,
        conn: &mut Conn,
    ) -> QueryResult<Self> {
        let people: Vec<Id> = people.chain(rows.clone().filter_map(|row| named("person_id", row))).collect();
        let documents: Vec<Id> = rows.filter_map(|row| named("document_id", row)).collect();
        let documents =
            if reach.everything || documents.is_empty() { HashSet::new() } else { rights::visible_documents(&documents, reach, conn).await? };
        let people = match people.as_slice() {
            _ if reach.everything => None,
            [] => Some(HashMap::new()),
            people => Some(rights::known_people(people, reach, conn).await?.into_iter().collect()),
        };
        Ok(Self { people, documents, places: reach.partner_places() })
    }

    /// Is this one of them?
    pub fn has(&self, person: Id) -> bool {
        self.people.as_ref().is_none_or(|known| known.contains_key(&person))
    }

    /// Is this place within the caller's reach?
    pub fn reaches(&self, place: &str) -> bool {
        self.places.iter().any(|reached| reached == place)
    }

    /// Takes the person out of a row of these places, unless it may be named there, and out of a figure the document, unless it is seen.
    /// (Who sees a citation sees its document.)
    pub fn mask(&self, noun: &str, row: &mut Map<String, Value>, places: &[String]) {
        let Some(known) = &self.people else { return };
        let here = places.iter().any(|place| self.places.contains(place));
        if let Some(person) = row.get_mut("person_id")
            && !here
            && person.as_str().and_then(|text| Id::parse(text).ok()).is_none_or(|id| known.get(&id) != Some(&true))
        {
            *person = Value::Null;
        }
        if noun == "observations"
            && let Some(document) = row.get_mut("document_id")
            && document.as_str().and_then(|text| Id::parse(text).ok()).is_none_or(|id| !self.documents.contains(&id))
        {
            *document = Value::Null;
        }
    }
}

/// Writes the instants of a row as every answer writes them.
pub fn instants(row: &mut Map<String, Value>) {
    for (name, value) in row {
        if (name.ends_with("_at") || name.ends_with("_since"))
            && let Some(instant) = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        {
            *value = json!(instant.with_timezone(&Utc));
        }
    }
}
