//! The official lists of a phase, as the ANCT publishes them: the code and the members of each territory.

mod files;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Int4, Text, Uuid},
};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};

use super::{Territory, labels::Label, members::Member, successions::Succession};
use crate::{
    db::{Conn, Db, contours},
    http::{Json, Problem, Result, Writer, kinds},
    noun::{Act, Address, Noun, act},
    schema::{programme_phases, territories, territory_labels, territory_members, territory_successions},
    values::{Alias, Id, Many},
};

use files::{Faults, KINDS};
pub use files::{Lists, read};

/// The result of a load.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// The number of territories on the lists.
    pub territories: usize,
    /// The number of their members.
    pub members: usize,
    /// The number of new territories.
    pub territories_made: usize,
    /// The number of new labels.
    pub labels_made: usize,
    /// The number of new members.
    pub members_made: usize,
    /// The number of members that were removed, since the lists do not name them any more.
    pub members_removed: usize,
    /// The number of new successions between this phase and the phases before and after it.
    pub successions_made: usize,
    /// The number of new or changed contours.
    pub contours_drawn: usize,
}

/// Loads the lists of a phase, wholly or not at all. A territory that is known, by its code in this phase or by its name, keeps its data
/// and gets what it lacks. Members of the phase that the lists do not name any more are removed. The error lists everything that
/// contradicts the known data.
pub async fn load(lists: &Lists, phase: i32, db: &Db) -> anyhow::Result<Loaded> {
    let by = &Writer::command("load territories");
    let loaded = db
        .write(by, async |conn| {
            let Some(phase_id) =
                programme_phases::table.filter(programme_phases::number.eq(phase)).select(programme_phases::id).first::<Id>(conn).await.optional()?
            else {
                return Ok(Err(Faults(vec![format!("there is no phase {phase}: make it first, or load the demo")])));
            };
            let mut faults = Faults::default();
            let members = resolve(lists, &mut faults, conn).await?;
            let known = recognise(lists, phase_id, &mut faults, conn).await?;
            if !faults.0.is_empty() {
                return Ok(Err(faults));
            }
            let mut loaded = Loaded { territories: lists.0.len(), members: members.values().map(BTreeMap::len).sum(), ..Loaded::default() };
            for (code, listed) in &lists.0 {
                let name = listed.name.as_deref().unwrap_or_default();
                let (id, label) = settle(code, name, known.get(code.as_str()).copied(), (phase, phase_id), &mut loaded, by, conn).await?;
                if let Some(members) = members.get(code.as_str()).filter(|members| !members.is_empty()) {
                    enrol(id, phase_id, members, &mut loaded, by, conn).await?;
                }
                if let Some(contour) = &listed.contour {
                    loaded.contours_drawn += usize::from(contours::draw("territory_labels", &label.to_string(), contour, conn).await?);
                }
            }
            for earlier in [phase - 1, phase] {
                loaded.successions_made += succeed(earlier, by, conn).await?;
            }
            Result::Ok(Ok(loaded))
        })
        .await?;
    loaded.or_else(|faults| faults.none().map(|()| Loaded::default()))
}

/// A member as it is stored: kind, name, SIREN, code of the commune, departments.
type Row = (&'static str, String, Option<String>, Option<String>, Vec<String>);

#[derive(QueryableByName)]
struct Reference {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    whole: String,
}

/// The members of each territory. The COG completes what the lists leave out: the kind of a member, the code of a commune, and the communes
/// that are in no listed intercommunality.
async fn resolve<'a>(lists: &'a Lists, faults: &mut Faults, conn: &mut Conn) -> QueryResult<HashMap<&'a str, BTreeMap<String, Row>>> {
    let sirens: Vec<&String> = lists.0.values().flat_map(|listed| listed.members.keys()).collect();
    let codes: Vec<&String> = lists.0.values().flat_map(|listed| listed.communes.keys()).collect();
    let reference = sql_query(
        "SELECT DISTINCT ON (siren) siren AS key, CASE kind WHEN 'ept' THEN 'ept' ELSE 'intercommunality' END AS kind, '' AS code, name, '' AS whole
            FROM (SELECT * FROM intercommunalities WHERE siren = ANY ($1) ORDER BY siren, year DESC) known
         UNION ALL SELECT DISTINCT ON (siren) siren, 'commune', code, name, '' FROM (SELECT * FROM communes WHERE siren = ANY ($1) ORDER BY siren, year DESC) known
         UNION ALL SELECT DISTINCT ON (code) code, 'commune', code, name, coalesce(intercommunality_siren, '') || ' ' || coalesce(ept_siren, '')
            FROM (SELECT * FROM communes WHERE code = ANY ($2) ORDER BY code, year DESC) known",
    );
    let reference: Vec<Reference> = reference.bind::<Array<Text>, _>(sirens).bind::<Array<Text>, _>(codes).load(conn).await?;
    let reference: HashMap<String, Reference> = reference.into_iter().map(|known| (known.key.clone(), known)).collect();
    let mut resolved = HashMap::new();
    for (code, listed) in &lists.0 {
        let mut rows = BTreeMap::new();
        for (siren, member) in &listed.members {
            let known = reference.get(siren);
            let kind = member.kind.or_else(|| known.and_then(|known| KINDS.iter().find(|(_, kind)| *kind == known.kind).map(|(_, kind)| *kind)));
            let Some(kind) = kind else {
                faults.say(
                    code,
                    siren,
                    "no list says what this member is, and the COG does not know it: load it first (load cog), or give the list of members",
                );
                continue;
            };
            let name = if member.name == *siren { known.map_or(siren, |known| &known.name) } else { &member.name };
            let commune = known.filter(|_| kind == "commune").map(|known| known.code.clone());
            rows.insert(siren.clone(), (kind, name.clone(), Some(siren.clone()), commune, member.departments.clone()));
        }
        for (commune, name) in &listed.communes {
            match reference.get(commune) {
                // The commune is covered: its intercommunality is a member, or the commune is a member itself.
                Some(known) if known.whole.split(' ').any(|whole| listed.members.contains_key(whole)) => {}
                Some(known) if rows.values().any(|(.., code, _)| code.as_deref() == Some(&known.code)) => {}
                Some(_) => drop(rows.insert(commune.clone(), ("commune", name.clone(), None, Some(commune.clone()), Vec::new()))),
                None => faults.say(code, commune, "the COG does not know this commune: load it first (load cog)"),
            }
        }
        resolved.insert(code.as_str(), rows);
    }
    Ok(resolved)
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Uuid)]
    id: Id,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    own: bool,
}

#[derive(QueryableByName)]
struct Folded {
    #[diesel(sql_type = Text)]
    given: String,
    #[diesel(sql_type = Text)]
    folded: String,
}

/// The listed territories that are known: by their code in this phase, else by a name of a territory without a code in this phase. The same
/// code in another phase means nothing.
async fn recognise<'a>(lists: &'a Lists, phase_id: Id, faults: &mut Faults, conn: &mut Conn) -> QueryResult<HashMap<&'a str, Id>> {
    let labels = territory_labels::table.filter(territory_labels::phase_id.eq(phase_id));
    let labels: Vec<(Id, Option<String>)> = labels.select((territory_labels::territory_id, territory_labels::official_code)).load(conn).await?;
    let by_code: HashMap<&str, Id> = labels.iter().filter_map(|(id, code)| Some((code.as_deref()?, *id))).collect();
    let coded: HashMap<Id, Option<&str>> = labels.iter().map(|(id, code)| (*id, code.as_deref())).collect();
    let names = sql_query(
        "SELECT id, fold(name) AS name, true AS own FROM territories
         UNION SELECT id, fold(alias ->> 'name'), false FROM territories CROSS JOIN jsonb_array_elements(aliases) alias ORDER BY own DESC",
    );
    let names: Vec<Named> = names.load(conn).await?;
    let given: Vec<&String> = lists.0.values().filter_map(|listed| listed.name.as_ref()).collect();
    let folded: Vec<Folded> = sql_query("SELECT given, fold(given) AS folded FROM unnest($1) given").bind::<Array<Text>, _>(given).load(conn).await?;
    let folded: HashMap<&str, &str> = folded.iter().map(|name| (name.given.as_str(), name.folded.as_str())).collect();
    let mut known = HashMap::new();
    let mut taken: HashSet<Id> = lists.0.keys().filter_map(|code| by_code.get(code.as_str()).copied()).collect();
    for (code, listed) in &lists.0 {
        if let Some(id) = by_code.get(code.as_str()) {
            known.insert(code.as_str(), *id);
            continue;
        }
        let name = listed.name.as_deref().and_then(|name| folded.get(name)).copied().unwrap_or_default();
        for candidate in names.iter().filter(|candidate| candidate.name == name) {
            match coded.get(&candidate.id) {
                Some(Some(other)) if candidate.own => {
                    faults.say(code, "name", format_args!("a territory of this name bears the code {other} in this phase"))
                }
                Some(Some(_)) => continue,
                Some(None) | None if taken.insert(candidate.id) => drop(known.insert(code.as_str(), candidate.id)),
                Some(None) | None => continue,
            }
            break;
        }
    }
    Ok(known)
}

/// Makes a thing from a value that is read as the body of a request is.
async fn make<N: Noun>(at: Address<N>, body: Value, by: &Writer, conn: &mut Conn) -> Result<N> {
    act(&Act::Make(at, &Json::new(body.to_string())), by, conn).await?.thing()
}

/// Finds the territory and its label in the phase, or inserts them. A new name is kept as another name of the territory.
async fn settle(
    code: &str,
    name: &str,
    known: Option<Id>,
    (phase, phase_id): (i32, Id),
    loaded: &mut Loaded,
    by: &Writer,
    conn: &mut Conn,
) -> Result<(Id, Id)> {
    let label = json!({ "phase_id": phase_id, "official_code": code, "status": "labelled" });
    let Some(id) = known else {
        let id = make(Address::<Territory>::new(()), json!({ "name": name }), by, conn).await?.id;
        let label = make(Address::<Label>::new(id), label, by, conn).await?;
        loaded.territories_made += 1;
        loaded.labels_made += 1;
        return Ok((id, label.id));
    };
    let standing = territory_labels::table.filter(territory_labels::territory_id.eq(id).and(territory_labels::phase_id.eq(phase_id)));
    let standing = standing.select((territory_labels::id, territory_labels::official_code)).first::<(Id, Option<String>)>(conn).await.optional()?;
    let label = match standing {
        Some((label, Some(_))) => label,
        Some((label, None)) => {
            diesel::update(territory_labels::table.find(label)).set(territory_labels::official_code.eq(code)).execute(conn).await?;
            loaded.labels_made += 1;
            label
        }
        None => {
            loaded.labels_made += 1;
            make(Address::<Label>::new(id), label, by, conn).await?.id
        }
    };
    let unknown = sql_query(
        "SELECT id FROM territories WHERE id = $1 AND fold(name) <> fold($2)
            AND NOT EXISTS (SELECT FROM jsonb_array_elements(aliases) alias WHERE fold(alias ->> 'name') = fold($2))",
    );
    #[derive(QueryableByName)]
    struct Unknown {
        #[diesel(sql_type = Uuid)]
        id: Id,
    }
    let unknown: Option<Unknown> = unknown.bind::<Uuid, _>(id).bind::<Text, _>(name).get_result(conn).await.optional()?;
    if let Some(Unknown { id }) = unknown {
        let aliases: Many<Alias> = territories::table.find(id).select(territories::aliases).first(conn).await?;
        let bug = |_| Problem::new(&kinds::INTERNAL);
        let mut aliases = serde_json::to_value(aliases).map_err(bug)?;
        if let Some(aliases) = aliases.as_array_mut() {
            aliases.push(json!({ "name": name, "source": format!("Liste officielle de la phase {phase}") }));
        }
        let aliases: Many<Alias> = serde_json::from_value(aliases).map_err(bug)?;
        diesel::update(territories::table.find(id)).set(territories::aliases.eq(aliases)).execute(conn).await?;
    }
    Ok((id, label))
}

/// Gives a territory its members in a phase: adds the missing ones, and removes those that are not listed.
async fn enrol(id: Id, phase_id: Id, listed: &BTreeMap<String, Row>, loaded: &mut Loaded, by: &Writer, conn: &mut Conn) -> Result<()> {
    let standing = territory_members::table.filter(territory_members::territory_id.eq(id).and(territory_members::phase_id.eq(phase_id)));
    let standing = standing.filter(territory_members::kind.ne("other"));
    let standing = standing.select((territory_members::id, territory_members::siren, territory_members::commune_code));
    let standing: Vec<(Id, Option<String>, Option<String>)> = standing.load(conn).await?;
    let same =
        |row: &Row, siren: &Option<String>, commune: &Option<String>| row.2.is_some() && row.2 == *siren || row.3.is_some() && row.3 == *commune;
    for row in listed.values().filter(|row| !standing.iter().any(|(_, siren, commune)| same(row, siren, commune))) {
        let (kind, name, siren, commune, departments) = row;
        let new =
            json!({ "kind": kind, "name": name, "siren": siren, "commune_code": commune, "department_codes": departments, "phase_id": phase_id });
        make(Address::<Member>::new(id), new, by, conn).await?;
        loaded.members_made += 1;
    }
    let gone: Vec<Id> =
        standing.iter().filter(|(_, siren, commune)| !listed.values().any(|row| same(row, siren, commune))).map(|(member, ..)| *member).collect();
    loaded.members_removed += diesel::delete(territory_members::table.filter(territory_members::id.eq_any(gone))).execute(conn).await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Composed {
    #[diesel(sql_type = Int4)]
    number: i32,
    #[diesel(sql_type = Uuid)]
    territory_id: Id,
    #[diesel(sql_type = Array<Text>)]
    members: Vec<String>,
}

/// Inserts the unknown successions from a phase to the next one: two territories that share members succeed each other. A territory that
/// keeps its name needs no succession: the members of each phase tell how it changed.
async fn succeed(earlier: i32, by: &Writer, conn: &mut Conn) -> Result<usize> {
    let composed = sql_query(
        "SELECT number, territory_id, array_agg(DISTINCT coalesce(siren, commune_code)) AS members
         FROM territory_members member JOIN programme_phases phase ON phase.id = member.phase_id
         WHERE number IN ($1, $1 + 1) AND coalesce(siren, commune_code) IS NOT NULL GROUP BY number, territory_id ORDER BY number, territory_id",
    );
    let composed: Vec<Composed> = composed.bind::<Int4, _>(earlier).load(conn).await?;
    let sets = |number| {
        let of = composed.iter().filter(move |one| one.number == number);
        of.map(|one| (one.territory_id, one.members.iter().map(String::as_str).collect::<BTreeSet<_>>())).collect::<Vec<_>>()
    };
    let (before, after) = (sets(earlier), sets(earlier + 1));
    let shares = |one: &BTreeSet<&str>, other: &BTreeSet<&str>| !one.is_disjoint(other);
    let mut made = 0;
    for (id, was) in &before {
        let heirs = after.iter().filter(|(_, is)| shares(was, is)).count();
        for (heir, is) in after.iter().filter(|(heir, is)| heir != id && shares(was, is)) {
            let forebears = before.iter().filter(|(_, other)| shares(other, is)).count();
            let kind = relation(was, is, heirs, forebears);
            let known =
                territory_successions::table.filter(territory_successions::territory_id.eq(id).and(territory_successions::successor_id.eq(heir)));
            if diesel::select(diesel::dsl::exists(known)).get_result::<bool>(conn).await? {
                continue;
            }
            make(Address::<Succession>::new(*id), json!({ "successor_id": heir, "kind": kind, "note": NOTE }), by, conn).await?;
            made += 1;
        }
    }
    Ok(made)
}

const NOTE: &str = "Calculé des membres communs aux listes officielles des deux phases.";

/// How a territory becomes its heir: it continues, splits, merges, is extended or reduced.
fn relation(was: &BTreeSet<&str>, is: &BTreeSet<&str>, heirs: usize, forebears: usize) -> &'static str {
    if was == is {
        "continued"
    } else if heirs > 1 {
        "split"
    } else if forebears > 1 {
        "merged"
    } else if is.len() >= was.len() {
        "extended"
    } else {
        "reduced"
    }
}
