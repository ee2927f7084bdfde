//! What happened to a thing, and the way back: the history of every noun, and its restoring.

use actix_web::{HttpRequest, http::Method, web::Data};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Address, Alone, Entry, Noun, Where, id_in, in_words};
use crate::{
    db::Db,
    http::{Caller, Holder, IfMatch, Json, Page, Problem, Resource, Result, Said, Site, Tagged, Wrong, kinds, number, parameters},
    ledger::history::{self, Standing, Version},
    rights::Place,
    values::{self, Id, LongText, RegionCode},
};

/// How many versions a page has when nobody says, and at most.
const USUAL: i64 = 50;
const MOST: i64 = 200;

/// Which versions.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document reads it; `list` reads the query string")]
struct HistoryParameters {
    /// How many versions a page has at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// Where to go on: `meta.next_cursor` of a page.
    #[param(min_length = 1, max_length = 4096)]
    cursor: Option<String>,
}

/// To which version to go back, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRestoration {
    /// The version to go back to.
    #[serde(deserialize_with = "version")]
    #[schema(minimum = 1)]
    version: i32,
    /// Why.
    reason: Option<LongText>,
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<i32, D::Error> {
    values::whole(deserializer, 1, i32::MAX)
}

const HISTORY: &str = "Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.";
const RESTORE: &str = "Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes\n\
    back under its identifiers. Answers with the version that was made.";

/// The two operations of a noun.
pub(super) fn routes<N: Noun<Whole = Alone>>(routes: &mut ServiceConfig) {
    let card = &N::CARD;
    let path = |end: &str| format!("/{}/{{id}}/{end}", card.name());
    let list_entry = Entry::new(Method::GET, path("history"), format!("list_{}_history", card.one), format!("History of {}", card.a), list::<N>);
    routes.service(list_entry.about(HISTORY).asks::<HistoryParameters>().answers_page::<Version>());
    let restore_entry = Entry::new(Method::POST, path("restore"), format!("restore_{}", card.one), format!("Restore {}", card.a), restore::<N>);
    routes.service(restore_entry.about(RESTORE).locked().takes::<NewRestoration>().answers::<Version>("200"));
}

/// The versions of a thing.
async fn list<N: Noun<Whole = Alone>>(db: Data<Db>, at: Address<N>, request: HttpRequest) -> Result<Page<Version>> {
    let site = request.app_data::<Data<Site>>().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
    let caller = Caller::of(&request);
    let (mut limit, mut before, mut errors) = (USUAL, i32::MAX, Vec::new());
    let purpose = format!("cursor of the history {}{}", request.path(), caller.view());
    for (name, value) in parameters(&request) {
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
    let mut versions = db
        .snapshot(async |conn| -> Result<_> { Ok(history::versions(N::CARD.table, at.id, before, limit + 1, caller.reach(), conn).await?) })
        .await?;
    if versions.is_empty() {
        return Err(Problem::new(&kinds::NOT_FOUND));
    }
    let more = versions.len() as i64 > limit;
    versions.truncate(usize::try_from(limit).unwrap_or_default());
    let last = versions.last().filter(|_| more).map(|last| last.version);
    let next = last.map(|version| site.seal.seal(&purpose, &version.to_be_bytes()));
    Ok(Page::of(versions, limit, next, &request))
}

/// A thing that is to be restored, as it stands.
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

/// A restoring that is asked for.
pub struct Restoration<'a> {
    /// The thing.
    pub id: Id,
    /// How it stands.
    pub standing: &'a Standing,
    /// The row that comes back.
    pub then: &'a Value,
}

impl Restoration<'_> {
    /// Does this member change by it?
    pub fn changes(&self, member: &str) -> bool {
        self.then.get(member) != self.standing.last.get(member)
    }
}

/// Where a row of the ledger is. What has no place of its own, and what is of both a territory and a region, is the nation's.
pub fn place_of<N: Noun>(row: &Value) -> Place {
    let names = |member: &str| N::CARD.places.contains(&member);
    let level = row.get("level").and_then(Value::as_str).unwrap_or_default();
    let territory = id_in(row, "territory_id").filter(|_| names("territory_id"));
    let region = row.get("region_code").and_then(Value::as_str).filter(|_| names("region_code"));
    let region = region.and_then(|code| RegionCode::parse(code).ok());
    Place { fiche: id_in(row, "id").filter(|_| names("id")), ..Place::at(level, territory, region) }
}

/// Where a row must be the caller's to restore it whole, with its parts: where it is removed.
fn restored_at<N: Noun>(row: &Value) -> Place {
    match N::WRITING.remove {
        Where::Nation => Place::nation(),
        _ => place_of::<N>(row),
    }
}

/// Brings a thing back to one of its versions.
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
        history::lock(table, id, conn).await?;
        let standing = history::standing(table, id, conn).await?.filter(|standing| standing.seen(reach));
        let standing = standing.ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
        let place = restored_at::<N>(&standing.last);
        match standing.row {
            Some(_) => {
                by.within(&place)?;
                if_match.check(&Stands { id, version: standing.version }, conn).await?;
            }
            // As to delete it: whoever had a fiche alone has nothing left.
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
        // What comes back names nothing that the caller may not name.
        if let Some(member) = familiar.strange(id, conn).await? {
            return Err(Problem::unknown_reference(format!("/{member}")));
        }
        // What names something that is hidden meanwhile is hidden as well.
        let made = history::versions(table, id, i32::MAX, 1, reach, conn).await?.pop();
        let made = made.ok_or_else(|| Problem::unknown_reference("/version"))?;
        Ok(Tagged(made.version, made))
    })
    .await
    .map_err(in_words::<N>)
}
