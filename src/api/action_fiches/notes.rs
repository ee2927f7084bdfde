//! Notes on the progress of a fiche (notes de suivi).

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::ActionFiche;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, Scope, field, word},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Writing},
    rights::{self, Reach},
    schema::action_fiche_notes,
    values::{Day, Id, LongText, Visibility, VisibilityWords},
};

/// A note on the progress of a fiche (note de suivi). The history of the fiche tells who wrote the note.
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_notes, check_for_backend(diesel::pg::Pg))]
#[schema(as = Note)]
pub struct Note {
    pub id: Id,
    /// The action fiche that this belongs to (fiche action).
    pub action_fiche_id: Id,
    /// The day that the note is about (date).
    pub dated_on: Day,
    pub text: LongText,
    /// Who may see the note, among the callers who may see the fiche (visibilité).
    pub visibility: Visibility,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_notes, treat_none_as_default_value = false)]
#[schema(as = NewNote)]
pub struct NewNote {
    /// The day that the note is about (date).
    dated_on: Day,
    text: LongText,
    /// Who may see the note, among the callers who may see the fiche (visibilité).
    #[serde(default)]
    visibility: Visibility,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_notes)]
#[schema(as = NotePatch)]
pub struct NotePatch {
    /// The day that the note is about (date).
    dated_on: Option<Day>,
    text: Option<LongText>,
    /// Who may see the note, among the callers who may see the fiche (visibilité).
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

impl Noun for Note {
    const CARD: Card = Card {
        table: "action_fiche_notes",
        one: "action_fiche_note",
        a: "a note of an action fiche",
        all: "the notes of an action fiche",
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<ActionFiche, action_fiche_notes::action_fiche_id>;
    type Right = Content;
    type New = NewNote;
    type Patch = NotePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        action_fiche_notes::table.find(at.id).filter(action_fiche_notes::action_fiche_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewNote, conn: &mut Conn) -> Result<Self> {
        let row = (action_fiche_notes::id.eq(at.id), action_fiche_notes::action_fiche_id.eq(at.whole), new);
        Ok(diesel::insert_into(action_fiche_notes::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &NotePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(action_fiche_notes::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(action_fiche_notes::table.find(at.id)).execute(conn).await
    }
}
