//! The milestones of a fiche.

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
        listing::{Field, Listed, field},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Writing},
    schema::action_fiche_milestones,
    values::{Count, Day, Id, LongText, Name},
};

/// A milestone of a fiche (jalon).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_milestones, check_for_backend(diesel::pg::Pg))]
#[schema(as = Milestone)]
pub struct Milestone {
    pub id: Id,
    /// The action fiche that this belongs to (fiche action).
    pub action_fiche_id: Id,
    pub title: Name,
    pub position: Option<Count>,
    /// The day for which the milestone is planned (date prévue).
    pub planned_on: Option<Day>,
    /// The day on which the milestone was reached (date de réalisation).
    pub done_on: Option<Day>,
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Milestone {
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
#[diesel(table_name = action_fiche_milestones, treat_none_as_default_value = false)]
#[schema(as = NewMilestone)]
pub struct NewMilestone {
    title: Name,
    position: Option<Count>,
    /// The day for which the milestone is planned (date prévue).
    planned_on: Option<Day>,
    /// The day on which the milestone was reached (date de réalisation).
    done_on: Option<Day>,
    note: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_milestones)]
#[schema(as = MilestonePatch)]
pub struct MilestonePatch {
    title: Option<Name>,
    position: Option<Option<Count>>,
    /// The day for which the milestone is planned (date prévue).
    planned_on: Option<Option<Day>>,
    /// The day on which the milestone was reached (date de réalisation).
    done_on: Option<Option<Day>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(action_fiche_milestones::title).sorted(),
        field(action_fiche_milestones::position).sorted(),
        field(action_fiche_milestones::planned_on).sorted(),
        field(action_fiche_milestones::done_on).sorted(),
        field(action_fiche_milestones::created_at).sorted(),
        field(action_fiche_milestones::updated_at).sorted(),
    ]
});

impl Listed for Milestone {
    type Table = action_fiche_milestones::table;
    type Key = action_fiche_milestones::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Milestone {
    type View = Self;
    const ORDER: &'static str = "planned_on";
}

impl Noun for Milestone {
    const CARD: Card = Card {
        table: "action_fiche_milestones",
        one: "action_fiche_milestone",
        a: "a milestone of an action fiche",
        all: "the milestones of an action fiche",
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<ActionFiche, action_fiche_milestones::action_fiche_id>;
    type Right = Content;
    type New = NewMilestone;
    type Patch = MilestonePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        action_fiche_milestones::table
            .find(at.id)
            .filter(action_fiche_milestones::action_fiche_id.eq(at.whole))
            .select(Self::as_select())
            .first(conn)
            .await
    }
    async fn insert(at: Address<Self>, new: &NewMilestone, conn: &mut Conn) -> Result<Self> {
        let row = (action_fiche_milestones::id.eq(at.id), action_fiche_milestones::action_fiche_id.eq(at.whole), new);
        Ok(diesel::insert_into(action_fiche_milestones::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &MilestonePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(action_fiche_milestones::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(action_fiche_milestones::table.find(at.id)).execute(conn).await
    }
}
