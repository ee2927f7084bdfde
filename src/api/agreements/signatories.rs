//! Who signs an agreement, for whom, or sees it signed.

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
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, Views, may_name_person, sent,
    },
    rights::{self, Reach},
    schema::agreement_signatories,
    values::{Day, Id, ShortText, Vocabulary, Word},
};

/// The words of [`SigningCapacity`].
#[derive(Debug, Clone)]
pub struct SigningCapacityWords;

impl Vocabulary for SigningCapacityWords {
    const NAME: &'static str = "SigningCapacity";
    const ABOUT: &'static str = "In what capacity someone is at a signature (qualité).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("signs", "Signe"), ("signs_for", "Signe pour"), ("in_presence_of", "En présence de")];
}

/// In what capacity someone is at a signature (qualité).
pub type SigningCapacity = Word<SigningCapacityWords>;

/// A signatory of an agreement (signataire), or who was there when it was signed.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = agreement_signatories, check_for_backend(diesel::pg::Pg))]
#[schema(as = AgreementSignatory)]
pub struct Signatory {
    pub id: Id,
    /// The agreement it is part of.
    pub agreement_id: Id,
    /// Who; how the deed spells the name is one of the person's `variants`, which go with the person.
    pub person_id: Option<Id>,
    /// For which partner; or which partner.
    pub partner_id: Option<Id>,
    /// By which function, as the deed or the source says it.
    pub function: Option<ShortText>,
    pub capacity: SigningCapacity,
    /// What the partner was called on the deed.
    pub organisation_as_stated: Option<ShortText>,
    /// When, if not on the day of the agreement.
    pub signed_on: Option<Day>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Signatory {
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
#[diesel(table_name = agreement_signatories, treat_none_as_default_value = false)]
#[schema(as = NewAgreementSignatory)]
pub struct NewSignatory {
    /// Who.
    person_id: Option<Id>,
    /// For which partner; or which partner.
    partner_id: Option<Id>,
    /// By which function, as the deed or the source says it.
    function: Option<ShortText>,
    capacity: SigningCapacity,
    /// What the partner was called on the deed.
    organisation_as_stated: Option<ShortText>,
    /// When, if not on the day of the agreement.
    signed_on: Option<Day>,
}

impl NewSignatory {
    /// Refuses what the caller may not know.
    pub(super) async fn check(&self, reach: &Reach, conn: &mut Conn) -> Result<()> {
        may_name_person(self.person_id, reach, conn).await?;
        Ok(())
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreement_signatories)]
#[schema(as = AgreementSignatoryPatch)]
pub struct SignatoryPatch {
    /// Who.
    person_id: Option<Option<Id>>,
    /// For which partner; or which partner.
    partner_id: Option<Option<Id>>,
    /// By which function, as the deed or the source says it.
    function: Option<Option<ShortText>>,
    capacity: Option<SigningCapacity>,
    /// What the partner was called on the deed.
    organisation_as_stated: Option<Option<ShortText>>,
    /// When, if not on the day of the agreement.
    signed_on: Option<Option<Day>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(agreement_signatories::person_id).personal(agreement_signatories::id),
        field(agreement_signatories::partner_id),
        word::<SigningCapacityWords, _>(agreement_signatories::capacity),
        field(agreement_signatories::signed_on).sorted(),
        field(agreement_signatories::created_at).sorted(),
        field(agreement_signatories::updated_at).sorted(),
    ]
});

impl Listed for Signatory {
    type Table = agreement_signatories::table;
    type Key = agreement_signatories::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Signatory {
    type View = Self;
    const ORDER: &'static str = "";

    async fn veil(views: &mut Views<Self>, reach: &Reach, conn: &mut Conn) -> Result<()> {
        Ok(rights::veil(views.iter_mut().map(|(id, row)| (*id, &mut row.person_id)), reach, conn).await?)
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_agreement_signatories)
        .service(create_agreement_signatory)
        .service(read_agreement_signatory)
        .service(update_agreement_signatory)
        .service(delete_agreement_signatory);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Signatory> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Signatory> {
    let part = agreement_signatories::table.find(path.part).filter(agreement_signatories::agreement_id.eq(path.id)).select(Signatory::as_select());
    part.first(conn).await.or_gone("agreement_signatories", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its agreement.
pub async fn insert(agreement_id: Id, new: &NewSignatory, conn: &mut Conn) -> Result<Signatory> {
    let row = (agreement_signatories::id.eq(Id::new()), agreement_signatories::agreement_id.eq(agreement_id), new);
    Ok(diesel::insert_into(agreement_signatories::table).values(row).returning(Signatory::as_returning()).get_result(conn).await?)
}

/// List the signatories of an agreement
#[utoipa::path(params(List<Signatory>), responses((status = OK, body = Page<Signatory>)))]
#[get("/agreements/{id}/signatories")]
async fn list_agreement_signatories(db: Data<Db>, At(id): At, list: List<Signatory>) -> Result<Page<Signatory>> {
    list.parts(&db, agreement_signatories::agreement_id, id, super::find).await
}

/// Add a signatory of an agreement
#[utoipa::path(responses((status = CREATED, body = Signatory)))]
#[post("/agreements/{id}/signatories")]
async fn create_agreement_signatory(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewSignatory>) -> Result<Created<Signatory>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;
        new.check(editor.reach(), conn).await?;
        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a signatory of an agreement
#[utoipa::path(params(One<Signatory>), responses((status = OK, body = Signatory)))]
#[get("/agreements/{id}/signatories/{part_id}")]
async fn read_agreement_signatory(db: Data<Db>, path: PartOf, one: One<Signatory>) -> Result<Tagged<Signatory>> {
    one.part(&db, path, super::find, find).await
}

/// Change a signatory of an agreement
#[utoipa::path(responses((status = OK, body = Signatory)))]
#[patch("/agreements/{id}/signatories/{part_id}")]
async fn update_agreement_signatory(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<SignatoryPatch>,
) -> Result<Tagged<Signatory>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        may_name_person(patch.person_id.flatten(), editor.reach(), conn).await?;
        let update = diesel::update(agreement_signatories::table.find(path.part)).set(&patch);
        let changed = update.returning(Signatory::as_returning()).get_result(conn).await;
        let mut changed = changed.or_unchanged(current)?;
        rights::veil(std::iter::once((changed.id, &mut changed.person_id)), editor.reach(), conn).await?;
        Ok(changed.into())
    })
    .await
}

/// Remove a signatory of an agreement
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/agreements/{id}/signatories/{part_id}")]
async fn delete_agreement_signatory(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(agreement_signatories::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
