//! The official lists of a phase, as the ANCT publishes them: the code and the members of each territory.

mod correct;
mod files;
mod recognise;

use std::collections::{BTreeMap, BTreeSet, HashMap};

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
    http::{Json, Result, Writer},
    noun::{Act, Address, Noun, act},
    schema::{programme_phases, territories, territory_labels, territory_members, territory_successions},
    values::{Id, fold},
};

use files::{Faults, KINDS};
pub use files::{Lists, Map, read};
pub use recognise::How;
use recognise::recognise;

/// The result of a load.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
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
    /// How many territories were recognised how.
    pub recognised: BTreeMap<How, usize>,
    /// What was passed over, or taken for something else, and why.
    pub told: Vec<String>,
}

/// Loads the lists of a phase, wholly or not at all. A territory that is known, by what the map says, by its code in this phase, by its name
/// or by its members, keeps its data and gets what it lacks; it bears the name of its latest phase. Members of the phase that the lists do
/// not name any more are removed. The error lists everything that contradicts the known data. Where the map says otherwise than a load
/// before, what that load did is corrected first, each correction by itself.
pub async fn load(lists: &Lists, phase: i32, map: &Map, db: &Db) -> anyhow::Result<Loaded> {
    let by = &Writer::command("load territories");
    let mut told = lists.told.clone();
    correct::correct(lists, phase, map, &mut told, by, db).await?;
    let loaded = db
        .write(by, async |conn| {
            let Some(phase_id) =
                programme_phases::table.filter(programme_phases::number.eq(phase)).select(programme_phases::id).first::<Id>(conn).await.optional()?
            else {
                return Ok(Err(Faults(vec![format!("there is no phase {phase}: make it first, or load the demo")])));
            };
            let (mut faults, mut told) = (Faults::default(), told.clone());
            let members = resolve(lists, &mut told, &mut faults, conn).await?;
            let known = recognise(lists, &members, phase, map, &mut told, &mut faults, conn).await?;
            if !faults.0.is_empty() {
                return Ok(Err(faults));
            }
            let mut loaded =
                Loaded { territories: lists.territories.len(), members: members.values().map(BTreeMap::len).sum(), told, ..Loaded::default() };
            for (code, listed) in &lists.territories {
                let name = listed.name.as_deref().unwrap_or_default();
                let (known, how) = known.get(code.as_str()).copied().unwrap_or((None, How::New));
                *loaded.recognised.entry(how).or_default() += 1;
                let (id, label) = settle((code, name), known, (phase, phase_id), &mut loaded, by, conn).await?;
                if let Some(members) = members.get(code.as_str()).filter(|members| !members.is_empty()) {
                    enrol(id, phase_id, members, &mut loaded, by, conn).await?;
                }
                if let Some(contour) = &listed.contour {
                    loaded.contours_drawn += usize::from(contours::draw("territory_labels", &label.to_string(), contour, conn).await?);
                }
            }
            for earlier in [phase - 1, phase] {
                succeed(earlier, &mut loaded, by, conn).await?;
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
async fn resolve<'a>(
    lists: &'a Lists,
    told: &mut Vec<String>,
    faults: &mut Faults,
    conn: &mut Conn,
) -> QueryResult<HashMap<&'a str, BTreeMap<String, Row>>> {
    let sirens: Vec<&String> = lists.territories.values().flat_map(|listed| listed.members.keys()).collect();
    let codes: Vec<&String> = lists.territories.values().flat_map(|listed| listed.communes.keys()).collect();
    let reference = sql_query(
        "SELECT DISTINCT ON (siren) siren AS key, CASE kind WHEN 'ept' THEN 'ept' ELSE 'intercommunality' END AS kind, '' AS code, name, '' AS whole
            FROM (SELECT * FROM intercommunalities WHERE siren = ANY ($1) ORDER BY siren, year DESC) known
         UNION ALL SELECT DISTINCT ON (siren) siren, 'commune', code, name, '' FROM (SELECT * FROM communes WHERE siren = ANY ($1) ORDER BY siren, year DESC) known
         UNION ALL SELECT * FROM (
            SELECT DISTINCT ON (asked) asked, 'commune', code, name, coalesce(intercommunality_siren, '') || ' ' || coalesce(ept_siren, '')
            FROM (SELECT asked, commune.* FROM unnest($2) asked JOIN communes commune ON commune.code = asked
                UNION ALL SELECT asked, commune.* FROM unnest($2) asked
                    JOIN communes commune ON commune.formers @> jsonb_build_array(jsonb_build_object('code', asked))) known
            ORDER BY asked, year DESC, code <> asked) resolved",
    );
    let reference: Vec<Reference> = reference.bind::<Array<Text>, _>(sirens).bind::<Array<Text>, _>(codes).load(conn).await?;
    let reference: HashMap<String, Reference> = reference.into_iter().map(|known| (known.key.clone(), known)).collect();
    let mut resolved = HashMap::new();
    for (code, listed) in &lists.territories {
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
                Some(known) => {
                    if known.code != *commune {
                        told.push(format!(
                            "{code}, {commune}: {name:?} is the old code of a part of {} {:?}, which is the member",
                            known.code, known.name
                        ));
                    }
                    let name = if known.code == *commune { name } else { &known.name };
                    rows.insert(known.code.clone(), ("commune", name.clone(), None, Some(known.code.clone()), Vec::new()));
                }
                None => faults.say(code, commune, "the COG does not know this commune: load it first (load cog)"),
            }
        }
        resolved.insert(code.as_str(), rows);
    }
    Ok(resolved)
}

/// Makes a thing from a value that is read as the body of a request is.
async fn make<N: Noun>(at: Address<N>, body: Value, by: &Writer, conn: &mut Conn) -> Result<N> {
    act(&Act::Make(at, &Json::new(body.to_string())), by, conn).await?.thing()
}

/// Finds the territory and its label in the phase, or inserts them. The territory bears the name of its latest phase, unless somebody gave it
/// another one; each label bears the name of its phase.
async fn settle(
    (code, name): (&str, &str),
    known: Option<Id>,
    (phase, phase_id): (i32, Id),
    loaded: &mut Loaded,
    by: &Writer,
    conn: &mut Conn,
) -> Result<(Id, Id)> {
    let label = json!({ "phase_id": phase_id, "official_code": code, "name": name, "status": "labelled" });
    let Some(id) = known else {
        let id = make(Address::<Territory>::new(()), json!({ "name": name }), by, conn).await?.id;
        let label = make(Address::<Label>::new(id), label, by, conn).await?;
        loaded.territories_made += 1;
        loaded.labels_made += 1;
        return Ok((id, label.id));
    };
    let standing = territory_labels::table.inner_join(programme_phases::table).filter(territory_labels::territory_id.eq(id));
    let standing = standing.select((programme_phases::number, territory_labels::id, territory_labels::official_code, territory_labels::name));
    let standing: Vec<(i32, Id, Option<String>, Option<String>)> = standing.load(conn).await?;
    let label = match standing.iter().find(|(number, ..)| *number == phase) {
        Some((_, label, old_code, old_name)) => {
            if old_code.is_none() || old_name.as_deref() != Some(name) {
                let names = (territory_labels::official_code.eq(code), territory_labels::name.eq(name));
                diesel::update(territory_labels::table.find(label)).set(names).execute(conn).await?;
            }
            loaded.labels_made += usize::from(old_code.is_none());
            *label
        }
        None => {
            loaded.labels_made += 1;
            make(Address::<Label>::new(id), label, by, conn).await?.id
        }
    };
    let known: String = territories::table.find(id).select(territories::name).first(conn).await?;
    let of_a_list = standing.iter().find(|(number, .., old)| *number <= phase && old.as_deref() == Some(known.as_str()));
    let is_latest = standing.iter().all(|(number, ..)| *number <= phase);
    let mut alias = (name.to_owned(), phase);
    if known != name
        && is_latest
        && let Some((number, ..)) = of_a_list
    {
        let other = territories::table.filter(territories::id.ne(id)).select(territories::name).load::<String>(conn).await?;
        if other.iter().any(|other| fold(other) == fold(name)) {
            loaded.told.push(format!("{code} {name:?}: another territory has this name, so it is still named {known:?}"));
        } else {
            diesel::update(territories::table.find(id)).set(territories::name.eq(name)).execute(conn).await?;
            alias = (known, *number);
        }
    }
    // The other name is one of its other names.
    let add = sql_query(
        "UPDATE territories one SET aliases = (SELECT coalesce(jsonb_agg(alias), '[]') FROM jsonb_array_elements(
             aliases || jsonb_build_array(jsonb_build_object('name', $2, 'source', $3))) alias WHERE fold(alias ->> 'name') <> fold(one.name))
         WHERE id = $1 AND fold(name) <> fold($2) AND NOT EXISTS (SELECT FROM jsonb_array_elements(aliases) alias WHERE fold(alias ->> 'name') = fold($2))",
    );
    let source = format!("Liste officielle de la phase {}", alias.1);
    add.bind::<Uuid, _>(id).bind::<Text, _>(alias.0).bind::<Text, _>(source).execute(conn).await?;
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
/// goes on as one thing needs no succession: the members of each phase tell how it changed.
async fn succeed(earlier: i32, loaded: &mut Loaded, by: &Writer, conn: &mut Conn) -> Result<()> {
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
    let mut known: BTreeSet<(Id, Id)> = territory_successions::table
        .select((territory_successions::territory_id, territory_successions::successor_id))
        .load(conn)
        .await?
        .into_iter()
        .collect();
    for (id, was) in &before {
        let heirs = after.iter().filter(|(_, is)| shares(was, is)).count();
        for (heir, is) in after.iter().filter(|(heir, is)| heir != id && shares(was, is)) {
            let forebears = before.iter().filter(|(_, other)| shares(other, is)).count();
            let kind = relation(was, is, heirs, forebears);
            if known.contains(&(*id, *heir)) {
                continue;
            }
            if leads(*heir, *id, &known) {
                let names = territories::table.filter(territories::id.eq_any([id, heir])).order_by(territories::name).select(territories::name);
                let names: Vec<String> = names.load(conn).await?;
                loaded.told.push(format!("{} exchange members: a succession would close a circle, and is left out", names.join(" and ")));
                continue;
            }
            make(Address::<Succession>::new(*id), json!({ "successor_id": heir, "kind": kind, "note": NOTE }), by, conn).await?;
            known.insert((*id, *heir));
            loaded.successions_made += 1;
        }
    }
    Ok(())
}

/// Do the successions lead from one territory to another one, by however many steps?
fn leads(from: Id, to: Id, successions: &BTreeSet<(Id, Id)>) -> bool {
    let (mut reached, mut next) = (BTreeSet::from([from]), vec![from]);
    while let Some(id) = next.pop() {
        let heirs = successions.iter().filter(|(of, _)| *of == id).map(|(_, heir)| *heir);
        next.extend(heirs.filter(|heir| reached.insert(*heir)));
    }
    reached.contains(&to)
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
