//! Where a fiche takes place.

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
        listing::{Field, Listed, code, field},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Rule, Writing},
    schema::action_fiche_locations,
    values::{CommuneCode, Id, Name, ShortText, rules},
};

/// A location of a fiche (localisation): a commune, a place, a point.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_locations, check_for_backend(diesel::pg::Pg))]
#[schema(as = Location)]
pub struct Location {
    pub id: Id,
    /// The action fiche that this belongs to (fiche action).
    pub action_fiche_id: Id,
    /// The place, in the words of the source (lieu).
    pub label: Name,
    /// The commune, by its code of the COG (code commune).
    pub commune_code: Option<CommuneCode>,
    /// The delegated commune, inside the commune (commune déléguée).
    pub delegated_commune: Option<ShortText>,
    /// The latitude, in degrees north (WGS 84).
    pub latitude: Option<f64>,
    /// The longitude, in degrees east (WGS 84).
    pub longitude: Option<f64>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Location {
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
#[diesel(table_name = action_fiche_locations, treat_none_as_default_value = false)]
#[schema(as = NewLocation)]
pub struct NewLocation {
    /// The place, in the words of the source (lieu).
    label: Name,
    /// The commune, by its code of the COG (code commune).
    commune_code: Option<CommuneCode>,
    /// The delegated commune, inside the commune (commune déléguée).
    delegated_commune: Option<ShortText>,
    /// The latitude, in degrees north (WGS 84).
    latitude: Option<f64>,
    /// The longitude, in degrees east (WGS 84).
    longitude: Option<f64>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_locations)]
#[schema(as = LocationPatch)]
pub struct LocationPatch {
    /// The place, in the words of the source (lieu).
    label: Option<Name>,
    /// The commune, by its code of the COG (code commune).
    commune_code: Option<Option<CommuneCode>>,
    /// The delegated commune, inside the commune (commune déléguée).
    delegated_commune: Option<Option<ShortText>>,
    /// The latitude, in degrees north (WGS 84).
    latitude: Option<Option<f64>>,
    /// The longitude, in degrees east (WGS 84).
    longitude: Option<Option<f64>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(action_fiche_locations::label).sorted(),
        code::<rules::CommuneCode, _>(action_fiche_locations::commune_code),
        field(action_fiche_locations::created_at).sorted(),
        field(action_fiche_locations::updated_at).sorted(),
    ]
});

impl Listed for Location {
    type Table = action_fiche_locations::table;
    type Key = action_fiche_locations::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Location {
    type View = Self;
    const ORDER: &'static str = "";
}

impl Noun for Location {
    const CARD: Card = Card {
        table: "action_fiche_locations",
        one: "action_fiche_location",
        a: "a location of an action fiche",
        all: "the locations of an action fiche",
        rules: &[Rule("point", "", "A point has a latitude and a longitude.", "Un point a une latitude et une longitude.")],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<ActionFiche, action_fiche_locations::action_fiche_id>;
    type Right = Content;
    type New = NewLocation;
    type Patch = LocationPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        action_fiche_locations::table
            .find(at.id)
            .filter(action_fiche_locations::action_fiche_id.eq(at.whole))
            .select(Self::as_select())
            .first(conn)
            .await
    }
    async fn insert(at: Address<Self>, new: &NewLocation, conn: &mut Conn) -> Result<Self> {
        let row = (action_fiche_locations::id.eq(at.id), action_fiche_locations::action_fiche_id.eq(at.whole), new);
        Ok(diesel::insert_into(action_fiche_locations::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &LocationPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(action_fiche_locations::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(action_fiche_locations::table.find(at.id)).execute(conn).await
    }
}
