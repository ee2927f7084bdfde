//! What a partner undertakes in a territory, and in which of the four groups it stands there.

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
        listing::{Field, Listed, field, period, word},
    },
    http::{
        Approver, At, Created, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, sent,
    },
    rights::{Place, Reach},
    schema::partner_commitments,
    values::{Day, Id, LongText, Vocabulary, Word},
};

/// The words of [`CommitmentSide`].
#[derive(Debug, Clone)]
pub struct CommitmentSideWords;

impl Vocabulary for CommitmentSideWords {
    const NAME: &'static str = "CommitmentSide";
    const ABOUT: &'static str = "Which of the four groups of partners (collège de partenaires).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("state", "État et opérateurs"), ("region", "Région"), ("intercommunality", "Intercommunalité"), ("economic", "Partenaires économiques")];
}

/// Which of the four groups of partners (collège de partenaires).
pub type CommitmentSide = Word<CommitmentSideWords>;

/// What a partner undertakes in a territory (engagement).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = partner_commitments, check_for_backend(diesel::pg::Pg))]
#[schema(as = PartnerCommitment)]
pub struct Commitment {
    pub id: Id,
    /// The partner it is part of.
    pub partner_id: Id,
    /// The territory.
    pub territory_id: Id,
    pub side: CommitmentSide,
    /// What it undertakes, as the source says it.
    pub text: LongText,
    pub starts_on: Option<Day>,
    pub ends_on: Option<Day>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Commitment {
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
#[diesel(table_name = partner_commitments, treat_none_as_default_value = false)]
#[schema(as = NewPartnerCommitment)]
pub struct NewCommitment {
    /// The territory.
    territory_id: Id,
    side: CommitmentSide,
    /// What it undertakes, as the source says it.
    text: LongText,
    starts_on: Option<Day>,
    ends_on: Option<Day>,
}

impl NewCommitment {
    /// Where it holds.
    pub fn place(&self) -> Place {
        Place::territory(self.territory_id)
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = partner_commitments)]
#[schema(as = PartnerCommitmentPatch)]
pub struct CommitmentPatch {
    side: Option<CommitmentSide>,
    /// What it undertakes, as the source says it.
    text: Option<LongText>,
    starts_on: Option<Option<Day>>,
    ends_on: Option<Option<Day>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(partner_commitments::territory_id),
        word::<CommitmentSideWords, _>(partner_commitments::side).sorted(),
        field(partner_commitments::starts_on).sorted(),
        field(partner_commitments::ends_on).sorted(),
        period("on", partner_commitments::starts_on, partner_commitments::ends_on),
        field(partner_commitments::created_at).sorted(),
        field(partner_commitments::updated_at).sorted(),
    ]
});

impl Listed for Commitment {
    type Table = partner_commitments::table;
    type Key = partner_commitments::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Commitment {
    type View = Self;
    const ORDER: &'static str = "";
}

pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_partner_commitments)
        .service(create_partner_commitment)
        .service(read_partner_commitment)
        .service(update_partner_commitment)
        .service(delete_partner_commitment);
}

/// What a partner undertakes in a territory is for who approves there.
async fn lock(path: PartOf, editor: &Approver, conn: &mut Conn) -> Result<Commitment> {
    super::hold(path.id, editor.reach(), conn).await?;
    let commitment = find(path, editor.reach(), conn).await?;
    editor.within(&Place::territory(commitment.territory_id))?;
    Ok(commitment)
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Commitment> {
    let part = partner_commitments::table.find(path.part).filter(partner_commitments::partner_id.eq(path.id)).select(Commitment::as_select());
    part.first(conn).await.or_gone("partner_commitments", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its partner.
pub async fn insert(partner_id: Id, new: &NewCommitment, conn: &mut Conn) -> Result<Commitment> {
    let row = (partner_commitments::id.eq(Id::new()), partner_commitments::partner_id.eq(partner_id), new);
    Ok(diesel::insert_into(partner_commitments::table).values(row).returning(Commitment::as_returning()).get_result(conn).await?)
}

/// List the commitments of a partner
#[utoipa::path(params(List<Commitment>), responses((status = OK, body = Page<Commitment>)))]
#[get("/partners/{id}/commitments")]
async fn list_partner_commitments(db: Data<Db>, At(id): At, list: List<Commitment>) -> Result<Page<Commitment>> {
    list.parts(&db, partner_commitments::partner_id, id, super::find).await
}

/// Add a commitment of a partner
#[utoipa::path(responses((status = CREATED, body = Commitment)))]
#[post("/partners/{id}/commitments")]
async fn create_partner_commitment(db: Data<Db>, editor: Approver, At(id): At, body: Json<NewCommitment>) -> Result<Created<Commitment>> {
    db.write(&editor, async |conn| {
        super::hold(id, editor.reach(), conn).await?;
        editor.anywhere()?;
        let new = body.valid()?;
        editor.within(&new.place())?;
        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a commitment of a partner
#[utoipa::path(params(One<Commitment>), responses((status = OK, body = Commitment)))]
#[get("/partners/{id}/commitments/{part_id}")]
async fn read_partner_commitment(db: Data<Db>, path: PartOf, one: One<Commitment>) -> Result<Tagged<Commitment>> {
    one.part(&db, path, super::find, find).await
}

/// Change a commitment of a partner
#[utoipa::path(responses((status = OK, body = Commitment)))]
#[patch("/partners/{id}/commitments/{part_id}")]
async fn update_partner_commitment(
    db: Data<Db>,
    editor: Approver,
    path: PartOf,
    if_match: IfMatch,
    body: Json<CommitmentPatch>,
) -> Result<Tagged<Commitment>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(partner_commitments::table.find(path.part)).set(&patch);
        let changed = update.returning(Commitment::as_returning()).get_result(conn).await;
        let commitment = changed.or_unchanged(current)?;
        editor.within(&Place::territory(commitment.territory_id))?;
        Ok(commitment.into())
    })
    .await
}

/// Remove a commitment of a partner
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/partners/{id}/commitments/{part_id}")]
async fn delete_partner_commitment(db: Data<Db>, editor: Approver, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(partner_commitments::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
