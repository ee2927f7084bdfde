//! Who takes part in a fiche, and as what: a fiche that several share counts once.

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
    schema::action_fiche_participants,
    values::{Id, LongText, Vocabulary, Word},
};

/// The words of [`Role`].
#[derive(Debug, Clone)]
pub struct RoleWords;

impl Vocabulary for RoleWords {
    const NAME: &'static str = "ParticipantRole";
    const ABOUT: &'static str = "As what a partner takes part (rôle).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("owner", "Maître d'ouvrage"),
        ("lead", "Chef de file"),
        ("co_lead", "Co-chef de file"),
        ("pilot", "Pilote"),
        ("partner", "Partenaire"),
        ("beneficiary", "Bénéficiaire"),
    ];
}

/// As what a partner takes part (rôle).
pub type Role = Word<RoleWords>;

/// A partner that takes part in a fiche (participant).
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_participants, check_for_backend(diesel::pg::Pg))]
#[schema(as = ActionFicheParticipant)]
pub struct Participant {
    pub id: Id,
    /// The fiche it is part of.
    pub action_fiche_id: Id,
    /// The partner.
    pub partner_id: Id,
    pub role: Role,
    #[schema(required)]
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Participant {
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
#[diesel(table_name = action_fiche_participants, treat_none_as_default_value = false)]
#[schema(as = NewActionFicheParticipant)]
pub struct NewParticipant {
    /// The partner.
    partner_id: Id,
    role: Role,
    note: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_participants)]
#[schema(as = ActionFicheParticipantPatch)]
pub struct ParticipantPatch {
    role: Option<Role>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(action_fiche_participants::partner_id),
        word::<RoleWords, _>(action_fiche_participants::role).sorted(),
        field(action_fiche_participants::created_at).sorted(),
        field(action_fiche_participants::updated_at).sorted(),
    ]
});

impl Listed for Participant {
    type Table = action_fiche_participants::table;
    type Key = action_fiche_participants::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Participant {
    type View = Self;
    const ORDER: &'static str = "";
}

pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_action_fiche_participants)
        .service(create_action_fiche_participant)
        .service(read_action_fiche_participant)
        .service(update_action_fiche_participant)
        .service(delete_action_fiche_participant);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Participant> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Participant> {
    let part = action_fiche_participants::table
        .find(path.part)
        .filter(action_fiche_participants::action_fiche_id.eq(path.id))
        .select(Participant::as_select());
    part.first(conn).await.or_gone("action_fiche_participants", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its fiche.
pub async fn insert(action_fiche_id: Id, new: &NewParticipant, conn: &mut Conn) -> Result<Participant> {
    let row = (action_fiche_participants::id.eq(Id::new()), action_fiche_participants::action_fiche_id.eq(action_fiche_id), new);
    Ok(diesel::insert_into(action_fiche_participants::table).values(row).returning(Participant::as_returning()).get_result(conn).await?)
}

/// List the participants of a fiche
#[utoipa::path(params(List<Participant>), responses((status = OK, body = Page<Participant>)))]
#[get("/action-fiches/{id}/participants")]
async fn list_action_fiche_participants(db: Data<Db>, At(id): At, list: List<Participant>) -> Result<Page<Participant>> {
    list.parts(&db, action_fiche_participants::action_fiche_id, id, super::find).await
}

/// Add a participant of a fiche
#[utoipa::path(responses((status = CREATED, body = Participant)))]
#[post("/action-fiches/{id}/participants")]
async fn create_action_fiche_participant(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewParticipant>) -> Result<Created<Participant>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        Ok(Created(insert(id, &body.valid()?, conn).await?))
    })
    .await
}

/// Read a participant of a fiche
#[utoipa::path(params(One<Participant>), responses((status = OK, body = Participant)))]
#[get("/action-fiches/{id}/participants/{part_id}")]
async fn read_action_fiche_participant(db: Data<Db>, path: PartOf, one: One<Participant>) -> Result<Tagged<Participant>> {
    one.part(&db, path, super::find, find).await
}

/// Change a participant of a fiche
#[utoipa::path(responses((status = OK, body = Participant)))]
#[patch("/action-fiches/{id}/participants/{part_id}")]
async fn update_action_fiche_participant(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<ParticipantPatch>,
) -> Result<Tagged<Participant>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(action_fiche_participants::table.find(path.part)).set(&patch);
        let changed = update.returning(Participant::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a participant of a fiche
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/action-fiches/{id}/participants/{part_id}")]
async fn delete_action_fiche_participant(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(action_fiche_participants::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
