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
        At, Created, Editor, IfMatch, Json, List, NoContent, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, given, nullable,
    },
    schema::{partner_commitments, partners},
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
    #[schema(required)]
    pub starts_on: Option<Day>,
    #[schema(required)]
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

/// What to change: a member left out stays as it is, a `null` empties it.
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = partner_commitments)]
#[schema(as = PartnerCommitmentPatch)]
pub struct CommitmentPatch {
    #[serde(default, deserialize_with = "given")]
    side: Option<CommitmentSide>,
    /// What it undertakes, as the source says it.
    #[serde(default, deserialize_with = "given")]
    text: Option<LongText>,
    #[serde(default, deserialize_with = "nullable")]
    starts_on: Option<Option<Day>>,
    #[serde(default, deserialize_with = "nullable")]
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

/// The partner, locked, so that its parts change one after the other.
async fn lock_parent(id: Id, conn: &mut Conn) -> Result<()> {
    partners::table.find(id).select(partners::id).for_no_key_update().first::<Id>(conn).await.or_gone("partners", None, id, conn).await?;
    Ok(())
}

async fn lock(path: PartOf, conn: &mut Conn) -> Result<Commitment> {
    lock_parent(path.id, conn).await?;
    find(path, conn).await
}

async fn find(path: PartOf, conn: &mut Conn) -> Result<Commitment> {
    let part = partner_commitments::table.find(path.part).filter(partner_commitments::partner_id.eq(path.id)).select(Commitment::as_select());
    part.first(conn).await.or_gone("partner_commitments", Some(path.id), path.part, conn).await
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
    db.read(async |conn| partners::table.find(id).select(partners::id).first::<Id>(conn).await.or_gone("partners", None, id, conn).await).await?;
    list.within(partner_commitments::partner_id, id).page(&db).await
}

/// Add a commitment of a partner
#[utoipa::path(responses((status = CREATED, body = Commitment)))]
#[post("/partners/{id}/commitments")]
async fn create_partner_commitment(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewCommitment>) -> Result<Created<Commitment>> {
    db.write(&editor, async |conn| {
        lock_parent(id, conn).await?;
        Ok(Created(insert(id, &body.valid()?, conn).await?))
    })
    .await
}

/// Read a commitment of a partner
#[utoipa::path(responses((status = OK, body = Commitment)))]
#[get("/partners/{id}/commitments/{part_id}")]
async fn read_partner_commitment(db: Data<Db>, path: PartOf) -> Result<Tagged<Commitment>> {
    db.read(async |conn| Ok(find(path, conn).await?.into())).await
}

/// Change a commitment of a partner
#[utoipa::path(responses((status = OK, body = Commitment)))]
#[patch("/partners/{id}/commitments/{part_id}")]
async fn update_partner_commitment(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<CommitmentPatch>,
) -> Result<Tagged<Commitment>> {
    db.write(&editor, async |conn| {
        let current = lock(path, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(partner_commitments::table.find(path.part)).set(&patch);
        let changed = update.returning(Commitment::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a commitment of a partner
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/partners/{id}/commitments/{part_id}")]
async fn delete_partner_commitment(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, conn).await?, conn).await?;
        diesel::delete(partner_commitments::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
