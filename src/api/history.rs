//! What happened to a thing, and the way back: the history of every noun, and its restoring. Written once for all nouns.

use actix_web::{HttpRequest, get, post, web::Data};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::Db,
    http::{
        At, Caller, Editor, IfMatch, Json, Page, Problem, Resource, Result, Said, Site, Tagged, Wrong, kinds, may_cite_so, number, parameters, veil,
    },
    ledger::history::{self, Standing, Version},
    rights::{self, Place},
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

/// The versions of a thing of this table.
async fn list(table: &'static str, db: Data<Db>, id: Id, request: HttpRequest) -> Result<Page<Version>> {
    let site = request.app_data::<Data<Site>>().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
    let caller = Caller::of(&request);
    let (mut limit, mut before, mut errors) = (USUAL, i32::MAX, Vec::new());
    let place = format!("{}{}", request.path(), caller.view());
    for (name, value) in parameters(&request) {
        if name == "limit" {
            limit = number(&name, &value, 1, MOST, &mut errors);
        } else {
            let bytes = veil::unveiled(&value, &site.secret).filter(|bytes| bytes.get(4..) == Some(place.as_bytes()));
            match bytes.and_then(|bytes| bytes.first_chunk().copied()) {
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
    let mut versions =
        db.snapshot(async |conn| -> Result<_> { Ok(history::versions(table, id, before, limit + 1, caller.reach(), conn).await?) }).await?;
    if versions.is_empty() {
        return Err(Problem::new(&kinds::NOT_FOUND));
    }
    let more = versions.len() as i64 > limit;
    versions.truncate(usize::try_from(limit).unwrap_or_default());
    let last = versions.last().filter(|_| more).map(|last| last.version);
    let next = last.map(|version| veil::veiled(&[&version.to_be_bytes()[..], place.as_bytes()].concat(), &site.secret));
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

/// Where a row is, as what it says itself tells.
fn place(row: &Value) -> Place {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let id = |name: &str| text(name).and_then(|id| Id::parse(id).ok());
    let region = text("region_code").and_then(|code| RegionCode::parse(code).ok());
    Place { fiche: id("id"), ..Place::at(text("level").unwrap_or_default(), id("territory_id"), region) }
}

/// Refuses who may not write this row of this table whole, with its parts. What belongs to several territories, or has parts
/// that belong to the nation, is the nation's.
fn check_right(table: &str, row: &Value, editor: &Editor) -> Result<()> {
    let place = place(row);
    match table {
        "action_fiches" => editor.within(&place),
        "programme_phases" | "territories" | "support_tools" | "indicators" => editor.within(&Place::nation()),
        "committees" => editor.within_as("approver", &Place { fiche: None, ..place }),
        "partners" | "people" => editor.within_as("approver", &Place::nation()),
        // A figure of a region is not the region's.
        "observations" => editor.within(&Place { fiche: None, region: None, ..place }),
        _ => editor.within(&Place { fiche: None, ..place }),
    }
}

/// Brings a thing of this table back to one of its versions.
async fn restore(
    table: &'static str,
    db: Data<Db>,
    editor: Editor,
    id: Id,
    if_match: IfMatch,
    body: Json<NewRestoration>,
) -> Result<Tagged<Version>> {
    db.write(&editor, async |conn| {
        let reach = editor.reach();
        history::lock(table, id, conn).await?;
        let standing: Option<Standing> = history::standing(table, id, conn).await?.filter(|standing| standing.seen(reach));
        let standing = standing.ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
        check_right(table, &standing.last, &editor)?;
        if standing.row.is_none() && table == "action_fiches" {
            // As to delete it: a pilot has nothing left to pilot.
            editor.within(&Place { fiche: None, ..place(&standing.last) })?;
        } else if standing.row.is_some() {
            if_match.check(&Stands { id, version: standing.version }, conn).await?;
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
        check_right(table, &then, &editor)?;
        // Nor does a pilot choose the reference of a fiche, or what it is a part of.
        let owned = |row: &Value| ["reference", "parent_id"].map(|name| row.get(name).cloned());
        if table == "action_fiches" && owned(&then) != owned(&standing.last) {
            editor.within(&Place { fiche: None, ..place(&then) })?;
        }
        // What a committee decided comes back, or goes, only as it came: the decision, its date and its reason.
        let decided = |row: &Value| ["validation", "validation_since", "validation_reason"].map(|name| row.get(name).cloned());
        if decided(&then) != decided(&standing.last) {
            editor.within_as("approver", &Place { fiche: None, ..place(&then) })?;
        }
        // What comes back names nothing that the caller may not name.
        let parent = then.get("parent_id").filter(|parent| table == "action_fiches" && standing.last.get("parent_id") != Some(*parent));
        if let Some(parent) = parent.and_then(Value::as_str).and_then(|parent| Id::parse(parent).ok()) {
            let seen = history::standing(table, parent, conn).await?.is_some_and(|parent| parent.row.is_some() && parent.seen(reach));
            if !seen {
                return Err(Problem::unknown_reference("/parent_id"));
            }
        }
        // So is what was decided, which is an approver's.
        if table == "meetings" {
            for territory in history::decided_in(id, conn).await? {
                editor.within_as("approver", &Place::territory(territory))?;
            }
        }
        let familiar = history::Familiar::with(id, reach, conn).await?;
        history::because(body.reason.as_ref().map(LongText::as_str), conn).await?;
        history::restore(table, id, body.version, conn).await?;
        if matches!(table, "documents" | "citations") {
            may_cite_so(&editor, conn).await?;
        }
        let scheme = then.get("scheme").and_then(Value::as_str).filter(|_| table == "themes");
        if let Some(scheme) = scheme
            && rights::shares_scheme(scheme, place(&then).territory, conn).await?
        {
            editor.within(&Place::nation())?;
        }
        if let Some(member) = familiar.strange(id, conn).await? {
            return Err(Problem::unknown_reference(format!("/{member}")));
        }
        // What names something that is hidden meanwhile is hidden as well.
        let made = history::versions(table, id, i32::MAX, 1, reach, conn).await?.pop();
        let made = made.ok_or_else(|| Problem::unknown_reference("/version"))?;
        Ok(Tagged(made.version, made))
    })
    .await
}

/// The two operations of each noun.
macro_rules! nouns {
    ($($table:literal $list_path:literal $list:ident $(#[$list_about:meta])* $restore_path:literal $restore:ident $(#[$restore_about:meta])*;)*) => {
        $(
            $(#[$list_about])*
            #[utoipa::path(params(HistoryParameters), responses((status = OK, body = Page<Version>)))]
            #[get($list_path)]
            async fn $list(db: Data<Db>, At(id): At, request: HttpRequest) -> Result<Page<Version>> {
                list($table, db, id, request).await
            }

            $(#[$restore_about])*
            #[utoipa::path(params(("If-Match" = Option<String>, Header)), responses((status = OK, body = Version)))]
            #[post($restore_path)]
            async fn $restore(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch, body: Json<NewRestoration>) -> Result<Tagged<Version>> {
                restore($table, db, editor, id, if_match, body).await
            }
        )*

        /// The operations of the noun whose paths begin with this.
        pub fn routes(name: &str, routes: &mut ServiceConfig) {
            let table = name.replace('-', "_");
            $(if table == $table {
                routes.service($list).service($restore);
            })*
        }
    };
}

nouns! {
    "programme_phases"
        "/programme-phases/{id}/history" list_programme_phase_history
        /// History of a programme phase
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/programme-phases/{id}/restore" restore_programme_phase
        /// Restore a programme phase
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "themes"
        "/themes/{id}/history" list_theme_history
        /// History of a theme
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/themes/{id}/restore" restore_theme
        /// Restore a theme
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "territories"
        "/territories/{id}/history" list_territory_history
        /// History of a territory
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/territories/{id}/restore" restore_territory
        /// Restore a territory
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "partners"
        "/partners/{id}/history" list_partner_history
        /// History of a partner
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/partners/{id}/restore" restore_partner
        /// Restore a partner
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "people"
        "/people/{id}/history" list_person_history
        /// History of a person
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/people/{id}/restore" restore_person
        /// Restore a person
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "committees"
        "/committees/{id}/history" list_committee_history
        /// History of a committee
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/committees/{id}/restore" restore_committee
        /// Restore a committee
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "action_fiches"
        "/action-fiches/{id}/history" list_action_fiche_history
        /// History of an action fiche
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/action-fiches/{id}/restore" restore_action_fiche
        /// Restore an action fiche
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "documents"
        "/documents/{id}/history" list_document_history
        /// History of a document
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/documents/{id}/restore" restore_document
        /// Restore a document
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "support_tools"
        "/support-tools/{id}/history" list_support_tool_history
        /// History of a support tool
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/support-tools/{id}/restore" restore_support_tool
        /// Restore a support tool
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "objectives"
        "/objectives/{id}/history" list_objective_history
        /// History of an objective
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/objectives/{id}/restore" restore_objective
        /// Restore an objective
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "meetings"
        "/meetings/{id}/history" list_meeting_history
        /// History of a meeting
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/meetings/{id}/restore" restore_meeting
        /// Restore a meeting
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "events"
        "/events/{id}/history" list_event_history
        /// History of an event
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/events/{id}/restore" restore_event
        /// Restore an event
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "agreements"
        "/agreements/{id}/history" list_agreement_history
        /// History of an agreement
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/agreements/{id}/restore" restore_agreement
        /// Restore an agreement
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "diagnoses"
        "/diagnoses/{id}/history" list_diagnosis_history
        /// History of a diagnosis
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/diagnoses/{id}/restore" restore_diagnosis
        /// Restore a diagnosis
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "posts"
        "/posts/{id}/history" list_post_history
        /// History of a post
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/posts/{id}/restore" restore_post
        /// Restore a post
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "indicators"
        "/indicators/{id}/history" list_indicator_history
        /// History of an indicator
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/indicators/{id}/restore" restore_indicator
        /// Restore an indicator
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "observations"
        "/observations/{id}/history" list_observation_history
        /// History of an observation
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/observations/{id}/restore" restore_observation
        /// Restore an observation
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
    "citations"
        "/citations/{id}/history" list_citation_history
        /// History of a citation
        ///
        /// Its versions, the newest first, as far as the caller may know them, and who made them; of a deleted one too.
        "/citations/{id}/restore" restore_citation
        /// Restore a citation
        ///
        /// Makes a new version that is as one of its versions was, with its parts as they were then; what was deleted comes
        /// back under its identifiers. Answers with the version that was made.
        ;
}
