//! Objectives: what a territory wants to reach. An objective stands between a theme and the fiches that serve it.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Alone, Card, Noun, Operations, Rule, Writing},
    rights::Place,
    schema::objectives,
    values::{Count, Id, Many, ShortText},
};

/// An objective of a territory (objectif). It stands between a theme and the fiches that serve it.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = objectives, check_for_backend(diesel::pg::Pg))]
pub struct Objective {
    pub id: Id,
    /// The territory (territoire).
    pub territory_id: Id,
    /// The theme of the objective (thématique, axe).
    pub theme_id: Option<Id>,
    /// What the territory wants to reach (libellé).
    pub wording: ShortText,
    /// The points that the wording lists, in order.
    pub points: Many<ShortText>,
    /// The place of the objective in the plan (ordre).
    pub position: Option<Count>,
    /// The objective that this one is a part of (objectif parent).
    pub parent_id: Option<Id>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Objective {
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
#[diesel(table_name = objectives, treat_none_as_default_value = false)]
pub struct NewObjective {
    /// The territory (territoire).
    territory_id: Id,
    /// The theme of the objective (thématique, axe).
    theme_id: Option<Id>,
    /// What the territory wants to reach (libellé).
    wording: ShortText,
    /// The points that the wording lists, in order.
    #[serde(default)]
    points: Many<ShortText>,
    /// The place of the objective in the plan (ordre).
    position: Option<Count>,
    /// The objective that this one is a part of (objectif parent).
    parent_id: Option<Id>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = objectives)]
pub struct ObjectivePatch {
    /// The theme of the objective (thématique, axe).
    theme_id: Option<Option<Id>>,
    /// What the territory wants to reach (libellé).
    wording: Option<ShortText>,
    /// The points that the wording lists, in order.
    points: Option<Many<ShortText>>,
    /// The place of the objective in the plan (ordre).
    position: Option<Option<Count>>,
    /// The objective that this one is a part of (objectif parent).
    parent_id: Option<Option<Id>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(objectives::search),
        field(objectives::territory_id),
        field(objectives::theme_id),
        field(objectives::position).sorted(),
        field(objectives::parent_id),
        field(objectives::created_at).sorted(),
        field(objectives::updated_at).sorted(),
    ]
});

impl Listed for Objective {
    type Table = objectives::table;
    type Key = objectives::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Objective {
    type View = Self;
    const ORDER: &'static str = "position";
}

impl Noun for Objective {
    const CARD: Card = Card {
        table: "objectives",
        one: "objective",
        a: "an objective",
        all: "objectives",
        about: "Objectives: between themes and fiches (objectifs).",
        places: &["territory_id"],
        rules: &[Rule::PARENT],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::at(|objective| Place::territory(objective.territory_id), |new| Place::territory(new.territory_id));
    type Whole = Alone;
    type Right = Content;
    type New = NewObjective;
    type Patch = ObjectivePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        objectives::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewObjective, conn: &mut Conn) -> Result<Self> {
        let row = (objectives::id.eq(at.id), new);
        Ok(diesel::insert_into(objectives::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &ObjectivePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(objectives::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(objectives::table.find(at.id)).execute(conn).await
    }
}
