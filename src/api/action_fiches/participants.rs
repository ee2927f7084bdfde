//! The partners that take part in a fiche, each with a role. A fiche that several partners share counts once in every sum.

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
        listing::{Field, Listed, field, word},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Writing},
    schema::action_fiche_participants,
    values::{Id, LongText, Vocabulary, Word},
};

/// The words of [`Role`].
#[derive(Debug, Clone)]
pub struct RoleWords;

impl Vocabulary for RoleWords {
    const NAME: &'static str = "ParticipantRole";
    const ABOUT: &'static str = "The role of a partner in a fiche (rôle).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("owner", "Maître d'ouvrage"),
        ("lead", "Chef de file"),
        ("co_lead", "Co-chef de file"),
        ("pilot", "Pilote"),
        ("partner", "Partenaire"),
        ("beneficiary", "Bénéficiaire"),
    ];
}

/// The role of a partner in a fiche (rôle).
pub type Role = Word<RoleWords>;

/// A partner that takes part in a fiche, with its role (participant).
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_participants, check_for_backend(diesel::pg::Pg))]
#[schema(as = ActionFicheParticipant)]
pub struct Participant {
    pub id: Id,
    /// The action fiche that this belongs to (fiche action).
    pub action_fiche_id: Id,
    /// The partner (partenaire).
    pub partner_id: Id,
    pub role: Role,
    #[schema(required)]
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_participants, treat_none_as_default_value = false)]
#[schema(as = NewActionFicheParticipant)]
pub struct NewParticipant {
    /// The partner (partenaire).
    partner_id: Id,
    role: Role,
    note: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
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

impl Noun for Participant {
    const CARD: Card = Card {
        table: "action_fiche_participants",
        one: "action_fiche_participant",
        a: "a participant of a fiche",
        all: "the participants of a fiche",
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<ActionFiche, action_fiche_participants::action_fiche_id>;
    type Right = Content;
    type New = NewParticipant;
    type Patch = ParticipantPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        action_fiche_participants::table
            .find(at.id)
            .filter(action_fiche_participants::action_fiche_id.eq(at.whole))
            .select(Self::as_select())
            .first(conn)
            .await
    }
    async fn insert(at: Address<Self>, new: &NewParticipant, conn: &mut Conn) -> Result<Self> {
        let row = (action_fiche_participants::id.eq(at.id), action_fiche_participants::action_fiche_id.eq(at.whole), new);
        Ok(diesel::insert_into(action_fiche_participants::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &ParticipantPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(action_fiche_participants::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(action_fiche_participants::table.find(at.id)).execute(conn).await
    }
}
