//! Notes on how a fiche goes on.

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
        listing::{Field, Listed, Scope, field, word},
    },
    http::{At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, sent},
    rights::{self, Reach},
    schema::action_fiche_notes,
    values::{Day, Id, LongText, Visibility, VisibilityWords},
};

/// A note on a fiche (note de suivi). Who wrote it is in its history.
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_notes, check_for_backend(diesel::pg::Pg))]
#[schema(as = Note)]
pub struct Note {
    pub id: Id,
    /// The fiche it is part of.
    pub action_fiche_id: Id,
    /// Of which day.
    pub dated_on: Day,
    pub text: LongText,
    /// Who may see it, of those who see the fiche.
    pub visibility: Visibility,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Note {
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
#[diesel(table_name = action_fiche_notes, treat_none_as_default_value = false)]
#[schema(as = NewNote)]
pub struct NewNote {
    /// Of which day.
    dated_on: Day,
    text: LongText,
    /// Who may see it, of those who see the fiche.
    #[serde(default)]
    visibility: Visibility,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_notes)]
#[schema(as = NotePatch)]
pub struct NotePatch {
    /// Of which day.
    dated_on: Option<Day>,
    text: Option<LongText>,
    /// Who may see it, of those who see the fiche.
    visibility: Option<Visibility>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(action_fiche_notes::dated_on).sorted(),
        word::<VisibilityWords, _>(action_fiche_notes::visibility),
        field(action_fiche_notes::created_at).sorted(),
        field(action_fiche_notes::updated_at).sorted(),
    ]
});

impl Listed for Note {
    type Table = action_fiche_notes::table;
    type Key = action_fiche_notes::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Note {
    type View = Self;
    const ORDER: &'static str = "-dated_on";

    fn scope(reach: &Reach) -> Option<Scope<action_fiche_notes::table>> {
        rights::visible_part(action_fiche_notes::visibility, action_fiche_notes::action_fiche_id, reach)
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_action_fiche_notes)
        .service(create_action_fiche_note)
        .service(read_action_fiche_note)
        .service(update_action_fiche_note)
        .service(delete_action_fiche_note);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Note> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Note> {
    let mut part =
        action_fiche_notes::table.find(path.part).filter(action_fiche_notes::action_fiche_id.eq(path.id)).select(Note::as_select()).into_boxed();
    if let Some(scope) = Note::scope(reach) {
        part = part.filter(scope);
    }
    part.first(conn).await.or_gone("action_fiche_notes", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its fiche.
pub async fn insert(action_fiche_id: Id, new: &NewNote, conn: &mut Conn) -> Result<Note> {
    let row = (action_fiche_notes::id.eq(Id::new()), action_fiche_notes::action_fiche_id.eq(action_fiche_id), new);
    Ok(diesel::insert_into(action_fiche_notes::table).values(row).returning(Note::as_returning()).get_result(conn).await?)
}

/// List the notes of an action fiche
#[utoipa::path(params(List<Note>), responses((status = OK, body = Page<Note>)))]
#[get("/action-fiches/{id}/notes")]
async fn list_action_fiche_notes(db: Data<Db>, At(id): At, list: List<Note>) -> Result<Page<Note>> {
    list.parts(&db, action_fiche_notes::action_fiche_id, id, super::find).await
}

/// Add a note of an action fiche
#[utoipa::path(responses((status = CREATED, body = Note)))]
#[post("/action-fiches/{id}/notes")]
async fn create_action_fiche_note(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewNote>) -> Result<Created<Note>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;

        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a note of an action fiche
#[utoipa::path(params(One<Note>), responses((status = OK, body = Note)))]
#[get("/action-fiches/{id}/notes/{part_id}")]
async fn read_action_fiche_note(db: Data<Db>, path: PartOf, one: One<Note>) -> Result<Tagged<Note>> {
    one.part(&db, path, super::find, find).await
}

/// Change a note of an action fiche
#[utoipa::path(responses((status = OK, body = Note)))]
#[patch("/action-fiches/{id}/notes/{part_id}")]
async fn update_action_fiche_note(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch, body: Json<NotePatch>) -> Result<Tagged<Note>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(action_fiche_notes::table.find(path.part)).set(&patch);
        let changed = update.returning(Note::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a note of an action fiche
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/action-fiches/{id}/notes/{part_id}")]
async fn delete_action_fiche_note(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(action_fiche_notes::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
