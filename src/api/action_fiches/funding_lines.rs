//! The funding plan of a fiche: what was planned, asked, granted and paid, by whom, when.

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, field, word},
    },
    http::{
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, sent,
    },
    rights::Reach,
    schema::action_fiche_funding_lines,
    values::{Amount, Basis, BasisWords, Count, Day, Id, LongText, Name, ShortText, Vocabulary, Word},
};

/// The words of [`FunderKind`].
#[derive(Debug, Clone)]
pub struct FunderKindWords;

impl Vocabulary for FunderKindWords {
    const NAME: &'static str = "FunderKind";
    const ABOUT: &'static str = "Of what kind a funder is (nature du financeur).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("state", "État"),
        ("operator", "Opérateur"),
        ("region", "Région"),
        ("department", "Département"),
        ("intercommunality", "Intercommunalité"),
        ("municipality", "Commune"),
        ("european_union", "Union européenne"),
        ("private", "Privé"),
        ("other", "Autre"),
    ];
}

/// Of what kind a funder is (nature du financeur).
pub type FunderKind = Word<FunderKindWords>;

/// The words of [`FundingNature`].
#[derive(Debug, Clone)]
pub struct FundingNatureWords;

impl Vocabulary for FundingNatureWords {
    const NAME: &'static str = "FundingNature";
    const ABOUT: &'static str = "What is given (nature du financement).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("grant", "Subvention"),
        ("loan", "Prêt"),
        ("repayable_advance", "Avance remboursable"),
        ("own_funds", "Autofinancement"),
        ("engineering", "Ingénierie"),
        ("other", "Autre"),
    ];
}

/// What is given (nature du financement).
pub type FundingNature = Word<FundingNatureWords>;

/// A funding line (ligne du plan de financement). Unknown is null, none is 0.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_funding_lines, check_for_backend(diesel::pg::Pg))]
#[schema(as = FundingLine)]
pub struct FundingLine {
    pub id: Id,
    /// The fiche it is part of.
    pub action_fiche_id: Id,
    pub funder: FunderKind,
    /// The funder.
    pub partner_id: Option<Id>,
    /// The tool it comes from.
    pub support_tool_id: Option<Id>,
    pub nature: FundingNature,
    /// What it is called.
    pub label: Option<Name>,
    /// For which year.
    pub year: Option<Count>,
    /// With or without tax; unknown when empty.
    pub basis: Option<Basis>,
    /// What was planned (prévu), in euros.
    pub planned_eur: Option<Amount>,
    /// What was asked (demandé).
    pub requested_eur: Option<Amount>,
    /// When it was asked.
    pub requested_on: Option<Day>,
    /// What was granted (accordé).
    pub granted_eur: Option<Amount>,
    /// When it was granted.
    pub granted_on: Option<Day>,
    /// When it was refused.
    pub refused_on: Option<Day>,
    /// What was paid (versé), in all.
    pub paid_eur: Option<Amount>,
    /// When it was last paid.
    pub paid_on: Option<Day>,
    /// Its number in the system of the funder (numéro de dossier).
    pub file_reference: Option<ShortText>,
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for FundingLine {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_funding_lines, treat_none_as_default_value = false)]
#[schema(as = NewFundingLine)]
pub struct NewFundingLine {
    funder: FunderKind,
    /// The funder.
    partner_id: Option<Id>,
    /// The tool it comes from.
    support_tool_id: Option<Id>,
    #[serde(default)]
    nature: FundingNature,
    /// What it is called.
    label: Option<Name>,
    /// For which year.
    year: Option<Count>,
    /// With or without tax; unknown when empty.
    basis: Option<Basis>,
    /// What was planned (prévu), in euros.
    planned_eur: Option<Amount>,
    /// What was asked (demandé).
    requested_eur: Option<Amount>,
    /// When it was asked.
    requested_on: Option<Day>,
    /// What was granted (accordé).
    granted_eur: Option<Amount>,
    /// When it was granted.
    granted_on: Option<Day>,
    /// When it was refused.
    refused_on: Option<Day>,
    /// What was paid (versé), in all.
    paid_eur: Option<Amount>,
    /// When it was last paid.
    paid_on: Option<Day>,
    /// Its number in the system of the funder (numéro de dossier).
    file_reference: Option<ShortText>,
    note: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_funding_lines)]
#[schema(as = FundingLinePatch)]
pub struct FundingLinePatch {
    funder: Option<FunderKind>,
    /// The funder.
    partner_id: Option<Option<Id>>,
    /// The tool it comes from.
    support_tool_id: Option<Option<Id>>,
    nature: Option<FundingNature>,
    /// What it is called.
    label: Option<Option<Name>>,
    /// For which year.
    year: Option<Option<Count>>,
    /// With or without tax; unknown when empty.
    basis: Option<Option<Basis>>,
    /// What was planned (prévu), in euros.
    planned_eur: Option<Option<Amount>>,
    /// What was asked (demandé).
    requested_eur: Option<Option<Amount>>,
    /// When it was asked.
    requested_on: Option<Option<Day>>,
    /// What was granted (accordé).
    granted_eur: Option<Option<Amount>>,
    /// When it was granted.
    granted_on: Option<Option<Day>>,
    /// When it was refused.
    refused_on: Option<Option<Day>>,
    /// What was paid (versé), in all.
    paid_eur: Option<Option<Amount>>,
    /// When it was last paid.
    paid_on: Option<Option<Day>>,
    /// Its number in the system of the funder (numéro de dossier).
    file_reference: Option<Option<ShortText>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        word::<FunderKindWords, _>(action_fiche_funding_lines::funder),
        field(action_fiche_funding_lines::partner_id),
        field(action_fiche_funding_lines::support_tool_id),
        word::<FundingNatureWords, _>(action_fiche_funding_lines::nature),
        field(action_fiche_funding_lines::year).sorted(),
        word::<BasisWords, _>(action_fiche_funding_lines::basis),
        field(action_fiche_funding_lines::planned_eur).sorted(),
        field(action_fiche_funding_lines::requested_eur).sorted(),
        field(action_fiche_funding_lines::requested_on).sorted(),
        field(action_fiche_funding_lines::granted_eur).sorted(),
        field(action_fiche_funding_lines::granted_on).sorted(),
        field(action_fiche_funding_lines::refused_on).sorted(),
        field(action_fiche_funding_lines::paid_eur).sorted(),
        field(action_fiche_funding_lines::paid_on).sorted(),
        field(action_fiche_funding_lines::created_at).sorted(),
        field(action_fiche_funding_lines::updated_at).sorted(),
    ]
});

impl Listed for FundingLine {
    type Table = action_fiche_funding_lines::table;
    type Key = action_fiche_funding_lines::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for FundingLine {
    type View = Self;
    const ORDER: &'static str = "";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_action_fiche_funding_lines)
        .service(create_action_fiche_funding_line)
        .service(read_action_fiche_funding_line)
        .service(update_action_fiche_funding_line)
        .service(delete_action_fiche_funding_line);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<FundingLine> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<FundingLine> {
    let part = action_fiche_funding_lines::table
        .find(path.part)
        .filter(action_fiche_funding_lines::action_fiche_id.eq(path.id))
        .select(FundingLine::as_select());
    part.first(conn).await.or_gone("action_fiche_funding_lines", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its fiche.
pub async fn insert(action_fiche_id: Id, new: &NewFundingLine, conn: &mut Conn) -> Result<FundingLine> {
    let row = (action_fiche_funding_lines::id.eq(Id::new()), action_fiche_funding_lines::action_fiche_id.eq(action_fiche_id), new);
    Ok(diesel::insert_into(action_fiche_funding_lines::table).values(row).returning(FundingLine::as_returning()).get_result(conn).await?)
}

/// List the funding lines of an action fiche
#[utoipa::path(params(List<FundingLine>), responses((status = OK, body = Page<FundingLine>)))]
#[get("/action-fiches/{id}/funding-lines")]
async fn list_action_fiche_funding_lines(db: Data<Db>, At(id): At, list: List<FundingLine>) -> Result<Page<FundingLine>> {
    list.parts(&db, action_fiche_funding_lines::action_fiche_id, id, super::find).await
}

/// Add a funding line of an action fiche
#[utoipa::path(responses((status = CREATED, body = FundingLine)))]
#[post("/action-fiches/{id}/funding-lines")]
async fn create_action_fiche_funding_line(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewFundingLine>) -> Result<Created<FundingLine>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;

        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a funding line of an action fiche
#[utoipa::path(params(One<FundingLine>), responses((status = OK, body = FundingLine)))]
#[get("/action-fiches/{id}/funding-lines/{part_id}")]
async fn read_action_fiche_funding_line(db: Data<Db>, path: PartOf, one: One<FundingLine>) -> Result<Tagged<FundingLine>> {
    one.part(&db, path, super::find, find).await
}

/// Change a funding line of an action fiche
#[utoipa::path(responses((status = OK, body = FundingLine)))]
#[patch("/action-fiches/{id}/funding-lines/{part_id}")]
async fn update_action_fiche_funding_line(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<FundingLinePatch>,
) -> Result<Tagged<FundingLine>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(action_fiche_funding_lines::table.find(path.part)).set(&patch);
        let changed = update.returning(FundingLine::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a funding line of an action fiche
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/action-fiches/{id}/funding-lines/{part_id}")]
async fn delete_action_fiche_funding_line(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(action_fiche_funding_lines::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
