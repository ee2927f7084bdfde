//! Corrects what a load before took for one territory, or for two, where a person says otherwise.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Text, Uuid},
};
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{
    Faults, Territory,
    files::{Lists, Map},
    make,
};
use crate::{
    db::{Conn, Db},
    http::{Result, Writer},
    noun::Address,
    schema::{programme_phases, territories, territory_labels},
    values::{Id, fold},
};

/// A label of a phase: its number, its territory, its code and its name.
type Labelled = (i32, Id, Option<String>, Option<String>);

/// Makes one territory of two that the map says are one, and two of one that it says is alone in this phase. Each is one transaction, so that
/// each can be undone by itself.
pub(super) async fn correct(lists: &Lists, phase: i32, map: &Map, told: &mut Vec<String>, by: &Writer, db: &Db) -> anyhow::Result<()> {
    for code in lists.territories.keys() {
        let Some(said) = map.of(phase, code) else { continue };
        let corrected = db
            .write(by, async |conn| {
                let labels: Vec<Labelled> = territory_labels::table
                    .inner_join(programme_phases::table)
                    .select((programme_phases::number, territory_labels::territory_id, territory_labels::official_code, territory_labels::name))
                    .load(conn)
                    .await?;
                let find = |phase: i32, code: &str| labels.iter().find(|(number, _, known, _)| *number == phase && known.as_deref() == Some(code));
                let Some((_, stands, _, name)) = find(phase, code) else { return Ok(Ok(None)) };
                let others = labels.iter().filter(|(number, id, ..)| id == stands && *number != phase);
                match said {
                    None => split((*stands, phase), (code, name.as_deref()), others.max(), by, conn).await,
                    Some((other, theirs)) => match find(*other, theirs) {
                        Some((_, whole, ..)) if whole != stands => {
                            let twice = labels
                                .iter()
                                .filter(|(_, id, ..)| id == whole)
                                .find(|(number, ..)| labels.iter().any(|(one, id, ..)| one == number && id == stands));
                            if let Some((number, ..)) = twice {
                                return Ok(Err(format!("{code} and {theirs} of phase {other} both have a label in phase {number}: they are two")));
                            }
                            sql_query("SELECT merge_territories($1, $2)").bind::<Uuid, _>(stands).bind::<Uuid, _>(whole).execute(conn).await?;
                            Ok(Ok(Some(format!("{code} and {theirs} of phase {other} are one now"))))
                        }
                        _ => Ok(Ok(None)),
                    },
                }
            })
            .await?;
        match corrected {
            Ok(corrected) => told.extend(corrected),
            Err(fault) => Faults(vec![format!("{code}, map: {fault}")]).none()?,
        }
    }
    Ok(())
}

/// Gives the label and the members of this phase to a territory of their own, which has the name of the label. The other one is named as its
/// latest other label says.
async fn split(
    (whole, phase): (Id, i32),
    (code, name): (&str, Option<&str>),
    other: Option<&Labelled>,
    by: &Writer,
    conn: &mut Conn,
) -> Result<std::result::Result<Option<String>, String>> {
    let Some((number, .., theirs)) = other else { return Ok(Ok(None)) };
    let known: String = territories::table.find(whole).select(territories::name).first(conn).await?;
    let Some(name) = name else { return Ok(Err(format!("its label says no name, so it cannot be parted from {known:?}"))) };
    let rename = sql_query(
        "UPDATE territories SET name = $2, aliases = (SELECT coalesce(jsonb_agg(alias), '[]') FROM jsonb_array_elements(aliases) alias
            WHERE fold(alias ->> 'name') NOT IN (fold($2), fold($3))) WHERE id = $1",
    );
    let stays = if fold(&known) == fold(name) { theirs.as_deref() } else { Some(known.as_str()) };
    let Some(stays) = stays.filter(|stays| fold(stays) != fold(name)) else {
        return Ok(Err(format!("both would be named {name:?}: name one of them otherwise first")));
    };
    rename.bind::<Uuid, _>(whole).bind::<Text, _>(stays).bind::<Text, _>(name).execute(conn).await?;
    let own = make(Address::<Territory>::new(()), json!({ "name": name }), by, conn).await?.id;
    for table in ["territory_labels", "territory_members"] {
        let give = sql_query(format!(
            "UPDATE {table} SET territory_id = $1 WHERE territory_id = $2 AND phase_id = (SELECT id FROM programme_phases WHERE number = $3)"
        ));
        give.bind::<Uuid, _>(own).bind::<Uuid, _>(whole).bind::<diesel::sql_types::Int4, _>(phase).execute(conn).await?;
    }
    Ok(Ok(Some(format!("{code} {name:?} is a territory of its own now; of phase {number} is {stays:?}, with all that was linked to both"))))
}
