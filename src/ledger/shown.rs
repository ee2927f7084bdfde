//! What a caller may know of a line of the ledger. The line has an audience; and each person that it names has an audience of today.

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

/// The SQL condition that the caller belongs to the audience of this line. It uses the first three values of `bind`.
pub fn reached(line: &str) -> String {
    "($1 OR {}.audience = 'public' OR {}.audience = 'partners' AND {}.places && $2 OR {}.audience = 'restricted' AND {}.places && $3)"
        .replace("{}", line)
}

/// The same condition, and that the line concerns the territory, which is the fourth value.
pub fn concerning(line: &str) -> String {
    format!("({} AND ($4 IS NULL OR {line}.places @> ARRAY[$4]))", reached(line))
}

/// The SQL condition that the thing exists after this line, and that the caller may see it.
pub fn within(line: &str) -> String {
    format!("({line}.after IS NOT NULL AND {})", concerning(line))
}

/// Binds the values for the conditions of this module: the reach of the caller, and the territory.
pub fn bind<'q, Q>(query: BoxedSqlQuery<'q, Pg, Q>, reach: &Reach, territory: Option<Id>) -> BoxedSqlQuery<'q, Pg, Q> {
    query
        .bind::<Bool, _>(reach.everything)
        .bind::<Array<Text>, _>(reach.partner_places())
        .bind::<Array<Text>, _>(reach.restricted_places())
        .bind::<Nullable<Text>, _>(territory.map(|id| id.to_string()))
}

/// The identifier that this member of a row holds.
fn named(member: &str, row: &Value) -> Option<Id> {
    Id::parse(row.get(member)?.as_str()?).ok()
}

/// The people that the caller may know, and the documents that the caller may see.
pub struct Known {
    /// Each person, with whether everyone may know the person; none when the caller may know all.
    people: Option<HashMap<Id, bool>>,
    documents: HashSet<Id>,
    /// The places within the caller's reach.
    places: Vec<String>,
}

impl Known {
    /// Those among these people, and among the people that these rows name.
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

    /// May the caller know this person?
    pub fn has(&self, person: Id) -> bool {
        self.people.as_ref().is_none_or(|known| known.contains_key(&person))
    }

    /// Is this place within the reach of the caller?
    pub fn reaches(&self, place: &str) -> bool {
        self.places.iter().any(|reached| reached == place)
    }

    /// Empties the person in a row of these places, unless the caller may know the person there. Empties the document in an observation,
    /// unless the caller may see the document. (A caller who may see a citation may see its document.)
    pub fn veil(&self, noun: &str, row: &mut Map<String, Value>, places: &[String]) {
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
