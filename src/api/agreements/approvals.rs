//! Which bodies approved an agreement, or did not.

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
    schema::agreement_approvals,
    values::{Confidence, ConfidenceWords, Day, Id, LongText, Precision, PrecisionWords, ShortText, Vocabulary, Word},
};

/// The words of [`ApprovalOutcome`].
#[derive(Debug, Clone)]
pub struct ApprovalOutcomeWords;

impl Vocabulary for ApprovalOutcomeWords {
    const NAME: &'static str = "ApprovalOutcome";
    const ABOUT: &'static str = "What a body decided on an agreement (issue).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("pending", "En attente"),
        ("approved", "Approuvé"),
        ("reserved", "Approuvé sous réserve"),
        ("rejected", "Rejeté"),
        ("unknown", "Inconnue"),
    ];
}

/// What a body decided on an agreement (issue).
pub type ApprovalOutcome = Word<ApprovalOutcomeWords>;

/// An approval of an agreement by a body (approbation), such as the region's.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = agreement_approvals, check_for_backend(diesel::pg::Pg))]
#[schema(as = AgreementApproval)]
pub struct Approval {
    pub id: Id,
    /// The agreement it is part of.
    pub agreement_id: Id,
    /// The body, as a partner.
    pub partner_id: Option<Id>,
    /// The body, as a committee.
    pub committee_id: Option<Id>,
    /// The day of its decision, as it is understood.
    pub approved_on: Option<Day>,
    /// The same, as the source says it.
    pub approved_stated: Option<ShortText>,
    /// How much of it the source tells.
    pub approved_precision: Option<Precision>,
    /// How sure it is what it means.
    pub approved_confidence: Option<Confidence>,
    pub outcome: ApprovalOutcome,
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Approval {
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
#[diesel(table_name = agreement_approvals, treat_none_as_default_value = false)]
#[schema(as = NewAgreementApproval)]
pub struct NewApproval {
    /// The body, as a partner.
    partner_id: Option<Id>,
    /// The body, as a committee.
    committee_id: Option<Id>,
    /// The day of its decision, as it is understood.
    approved_on: Option<Day>,
    /// The same, as the source says it.
    approved_stated: Option<ShortText>,
    /// How much of it the source tells.
    approved_precision: Option<Precision>,
    /// How sure it is what it means.
    approved_confidence: Option<Confidence>,
    outcome: ApprovalOutcome,
    note: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreement_approvals)]
#[schema(as = AgreementApprovalPatch)]
pub struct ApprovalPatch {
    /// The body, as a partner.
    partner_id: Option<Option<Id>>,
    /// The body, as a committee.
    committee_id: Option<Option<Id>>,
    /// The day of its decision, as it is understood.
    approved_on: Option<Option<Day>>,
    /// The same, as the source says it.
    approved_stated: Option<Option<ShortText>>,
    /// How much of it the source tells.
    approved_precision: Option<Option<Precision>>,
    /// How sure it is what it means.
    approved_confidence: Option<Option<Confidence>>,
    outcome: Option<ApprovalOutcome>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(agreement_approvals::partner_id),
        field(agreement_approvals::committee_id),
        field(agreement_approvals::approved_on).sorted(),
        word::<PrecisionWords, _>(agreement_approvals::approved_precision),
        word::<ConfidenceWords, _>(agreement_approvals::approved_confidence),
        word::<ApprovalOutcomeWords, _>(agreement_approvals::outcome),
        field(agreement_approvals::created_at).sorted(),
        field(agreement_approvals::updated_at).sorted(),
    ]
});

impl Listed for Approval {
    type Table = agreement_approvals::table;
    type Key = agreement_approvals::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Approval {
    type View = Self;
    const ORDER: &'static str = "";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_agreement_approvals)
        .service(create_agreement_approval)
        .service(read_agreement_approval)
        .service(update_agreement_approval)
        .service(delete_agreement_approval);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Approval> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Approval> {
    let part = agreement_approvals::table.find(path.part).filter(agreement_approvals::agreement_id.eq(path.id)).select(Approval::as_select());
    part.first(conn).await.or_gone("agreement_approvals", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its agreement.
pub async fn insert(agreement_id: Id, new: &NewApproval, conn: &mut Conn) -> Result<Approval> {
    let row = (agreement_approvals::id.eq(Id::new()), agreement_approvals::agreement_id.eq(agreement_id), new);
    Ok(diesel::insert_into(agreement_approvals::table).values(row).returning(Approval::as_returning()).get_result(conn).await?)
}

/// List the approvals of an agreement
#[utoipa::path(params(List<Approval>), responses((status = OK, body = Page<Approval>)))]
#[get("/agreements/{id}/approvals")]
async fn list_agreement_approvals(db: Data<Db>, At(id): At, list: List<Approval>) -> Result<Page<Approval>> {
    list.parts(&db, agreement_approvals::agreement_id, id, super::find).await
}

/// Add an approval of an agreement
#[utoipa::path(responses((status = CREATED, body = Approval)))]
#[post("/agreements/{id}/approvals")]
async fn create_agreement_approval(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewApproval>) -> Result<Created<Approval>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;

        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read an approval of an agreement
#[utoipa::path(params(One<Approval>), responses((status = OK, body = Approval)))]
#[get("/agreements/{id}/approvals/{part_id}")]
async fn read_agreement_approval(db: Data<Db>, path: PartOf, one: One<Approval>) -> Result<Tagged<Approval>> {
    one.part(&db, path, super::find, find).await
}

/// Change an approval of an agreement
#[utoipa::path(responses((status = OK, body = Approval)))]
#[patch("/agreements/{id}/approvals/{part_id}")]
async fn update_agreement_approval(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<ApprovalPatch>,
) -> Result<Tagged<Approval>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(agreement_approvals::table.find(path.part)).set(&patch);
        let changed = update.returning(Approval::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove an approval of an agreement
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/agreements/{id}/approvals/{part_id}")]
async fn delete_agreement_approval(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(agreement_approvals::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
