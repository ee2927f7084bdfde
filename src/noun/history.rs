//! The history of a thing, and the restoring of one of its versions, for every noun.

use actix_web::{HttpRequest, http::Method, web::Data};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Address, Alone, Entry, Noun, Where, id_in, in_words};
use crate::{
    db::{
        Db,
        refs::{lock_row, lock_thing},
    },
    http::{Caller, Holder, IfMatch, Json, Page, Problem, Resource, Result, Said, Site, Tagged, Wrong, kinds, number, once},
    ledger::history::{self, Standing, Version},
    rights::Place,
    values::{self, Id, LongText, RegionCode},
};

/// The number of versions on a page: the default, and the most.
const USUAL: i64 = 50;
const MOST: i64 = 200;

/// The parameters of a history.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document reads it; `list` reads the query string")]
struct HistoryParameters {
    /// The most versions on a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// The cursor to continue from: `meta.next_cursor` of the page before.
    #[param(min_length = 1, max_length = 4096)]
    cursor: Option<String>,
}

/// The version to restore, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRestoration {
    /// The number of the version to restore.
    #[serde(deserialize_with = "version")]
    #[schema(minimum = 1)]
    version: i32,
    /// Why the version is restored (motif); the history keeps it.
    reason: Option<LongText>,
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<i32, D::Error> {
    values::whole(deserializer, 1, i32::MAX)
}

const HISTORY: &str = "The versions (historique), the newest first, each with its author and its changes: those that the caller may see. A \
    deleted thing keeps its history.";
const RESTORE: &str = "Makes a new version with the content of an earlier one, parts included. A deleted thing comes back under its old \
    identifier, and so do its parts. The answer is the new version.";

/// Registers the history and the restore operation of a noun.
pub(super) fn routes<N: Noun<Whole = Alone>>(routes: &mut ServiceConfig) {
    let card = &N::CARD;
    let path = |end: &str| format!("/{}/{{id}}/{end}", card.name());
    let list_entry = Entry::new(Method::GET, path("history"), format!("list_{}_history", card.one), format!("History of {}", card.a), list::<N>);
    routes.service(list_entry.about(HISTORY).asks::<HistoryParameters>().answers_page::<Version>());
    let restore_entry = Entry::new(Method::POST, path("restore"), format!("restore_{}", card.one), format!("Restore {}", card.a), restore::<N>);
    routes.service(restore_entry.about(RESTORE).locked().takes::<NewRestoration>().answers::<Version>("200"));
}

/// Lists the versions of a thing.
async fn list<N: Noun<Whole = Alone>>(db: Data<Db>, at: Address<N>, request: HttpRequest) -> Result<Page<Version>> {
    let site = request.app_data::<Data<Site>>().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
    let caller = Caller::of(&request);
    let (mut limit, mut before, mut errors) = (USUAL, i32::MAX, Vec::new());
    let purpose = format!("cursor of the history {}{}", request.path(), caller.view());
    for (name, value) in once(&request, &mut errors) {
        if name == "limit" {
            limit = number(&name, &value, 1, MOST, &mut errors);
        } else {
            let bytes = site.seal.open(&purpose, &value);
            match bytes.and_then(|bytes| bytes.try_into().ok()) {
                Some(version) => before = i32::from_be_bytes(version),
                None => {
                    let said = Said::new("Is not a cursor of this history.", "N'est pas un curseur de cet historique.");
                    errors.push(Wrong::parameter(&name, "invalid_cursor", said));
                }
            }
        }
    }
    if !errors.is_empty() {
        return Err(Problem::errors(&kinds::INVALID_PARAMETERS, errors));
    }
    let (mut versions, early) = db
        .snapshot(async |conn| -> Result<_> { Ok(history::versions(N::CARD.table, at.id, before, limit + 1, caller.reach(), conn).await?) })
        .await?;
    if versions.is_empty() {
        return Err(Problem::new(&kinds::NOT_FOUND));
    }
    let more = early || versions.len() as i64 > limit;
    let early = early && versions.len() as i64 <= limit;
    versions.truncate(usize::try_from(limit).unwrap_or_default());
    let last = versions.last().filter(|_| more).map(|last| last.version);
    let next = last.map(|version| site.seal.seal(&purpose, &version.to_be_bytes()));
    Ok(Page::of(versions, limit, next, early, &request))
}

/// The present state of a thing that is to be restored.
#[derive(Debug, Serialize)]
struct Stands {
    id: Id,
    version: i32,
}

impl Resource for Stands {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A restore that a caller asks for.
pub struct Restoration<'a> {
    /// The thing.
    pub id: Id,
    /// The present state of the thing.
    pub standing: &'a Standing,
    /// The row of the version that is restored.
    pub then: &'a Value,
}

impl Restoration<'_> {
    /// Does the restore change this member?
    pub fn changes(&self, member: &str) -> bool {
        self.then.get(member) != self.standing.last.get(member)
    }
}

/// The place of a row of the ledger. A row without a place, or of both a territory and a region, is for the nation.
pub fn place_of<N: Noun>(row: &Value) -> Place {
    let names = |member: &str| N::CARD.places.contains(&member);
    let level = row.get("level").and_then(Value::as_str).unwrap_or_default();
    let territory = id_in(row, "territory_id").filter(|_| names("territory_id"));
    let region = row.get("region_code").and_then(Value::as_str).filter(|_| names("region_code"));
    let region = region.and_then(|code| RegionCode::parse(code).ok());
    Place { fiche: id_in(row, "id").filter(|_| names("id")), ..Place::at(level, territory, region) }
}

/// The place over which the caller needs the right to restore the whole row with its parts: the same as for removing it.
fn restored_at<N: Noun>(row: &Value) -> Place {
    match N::WRITING.remove {
        Where::Nation => Place::nation(),
        _ => place_of::<N>(row),
    }
}

/// Restores a thing to one of its versions.
async fn restore<N: Noun<Whole = Alone>>(
    db: Data<Db>,
    by: Holder<N::Right>,
    at: Address<N>,
    if_match: IfMatch,
    body: Json<NewRestoration>,
) -> Result<Tagged<Version>> {
    let (table, id) = (N::CARD.table, at.id);
    db.write(&by, async |conn| {
        let reach = by.reach();
        lock_thing(id, conn).await?;
        lock_row(table, id, conn).await?;
        let standing = history::standing(table, id, conn).await?.filter(|standing| standing.seen(reach));
        let standing = standing.ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
        let place = restored_at::<N>(&standing.last);
        match standing.row {
            Some(_) => {
                by.within(&place)?;
                if_match.check(&Stands { id, version: standing.version }, conn).await?;
            }
            // The thing was deleted, so a grant over the single fiche does not count: as for the deletion, an editor of the place is
            // needed.
            None => by.within(&Place { fiche: None, ..place })?,
        }
        let body = body.valid()?;
        if standing.row.is_none() && history::merged_into(id, conn).await?.is_some() {
            let said = Said::new("Undo the merge: its links come back with it.", "Annulez la fusion : ses liens reviennent avec lui.");
            return Err(Problem::new(&kinds::MERGED_AWAY).saying(said));
        }
        let then = history::at(table, id, body.version, reach, conn).await?;
        let then = then.ok_or_else(|| {
            Problem::body(
                "/version",
                "unknown_version",
                Said::new("There is no such version to go back to.", "Il n'y a pas de telle version à rétablir."),
            )
        })?;
        by.within(&restored_at::<N>(&then))?;
        let restoration = Restoration { id, standing: &standing, then: &then };
        N::may_restore(&restoration, &by, conn).await?;
        let names = std::iter::once(N::NAMES.iter().map(|naming| naming.member).collect()).chain(N::PARTS.iter().map(|part| (part.names)()));
        let familiar = history::Familiar::with(id, names.flat_map(|names: Vec<_>| names).collect(), reach, conn).await?;
        history::because(body.reason.as_ref().map(LongText::as_str), conn).await?;
        history::restore(table, id, body.version, conn).await?;
        N::settle_restored(&restoration, &by, conn).await?;
        // The restored fiche must not name a parent that the caller may not see.
        if let Some(member) = familiar.strange(id, conn).await? {
            return Err(Problem::unknown_reference(format!("/{member}")));
        }
        // The restored version may be hidden from the caller, when it names a thing that is hidden meanwhile. Then nothing is restored.
        let made = history::versions(table, id, i32::MAX, 1, reach, conn).await?.0.pop();
        let made = made.ok_or_else(|| Problem::unknown_reference("/version"))?;
        Ok(Tagged(made.version, made))
    })
    .await
    .map_err(in_words::<N>)
}
