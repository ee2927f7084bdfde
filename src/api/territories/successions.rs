//! The territories that came after a territory: it continued, was split, merged, extended or reduced.

use std::{collections::HashMap, sync::LazyLock};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Nullable, Text, Uuid},
};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Territory;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, word},
    },
    http::{Along, Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Rule, Writing},
    schema::territory_successions,
    values::{CommuneCode, Day, Id, LongText, Name, Siren, Vocabulary, Word},
};

/// The words of [`SuccessionKind`].
#[derive(Debug, Clone)]
pub struct SuccessionKindWords;

impl Vocabulary for SuccessionKindWords {
    const NAME: &'static str = "SuccessionKind";
    const ABOUT: &'static str = "How one territory became another (filiation).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("continued", "Poursuivi"), ("split", "Scindé"), ("merged", "Fusionné"), ("extended", "Étendu"), ("reduced", "Réduit")];
}

/// How one territory became another (filiation).
pub type SuccessionKind = Word<SuccessionKindWords>;

/// A succession (filiation): a territory that came after another one.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = territory_successions, check_for_backend(diesel::pg::Pg))]
#[schema(as = TerritorySuccession)]
pub struct Succession {
    pub id: Id,
    /// The territory that this belongs to (territoire).
    pub territory_id: Id,
    /// The territory that came after (successeur).
    pub successor_id: Id,
    pub kind: SuccessionKind,
    pub happened_on: Option<Day>,
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Succession {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A member that a succession is about (membre).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SuccessionMember)]
pub struct Moving {
    name: Name,
    siren: Option<Siren>,
    commune_code: Option<CommuneCode>,
}

/// A succession, with the related things that `include` names.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TerritorySuccessionView)]
pub struct SuccessionView {
    #[serde(flatten)]
    succession: Succession,
    /// The members of the territory that are members of its successor (membres maintenus).
    stays: Option<Vec<Moving>>,
    /// The members of the successor that were none of the territory (membres entrants).
    joins: Option<Vec<Moving>>,
    /// The members of the territory that are none of its successor (membres sortants).
    leaves: Option<Vec<Moving>>,
}

impl From<Succession> for SuccessionView {
    fn from(succession: Succession) -> Self {
        Self { succession, stays: None, joins: None, leaves: None }
    }
}

impl SuccessionView {
    /// The territory that came before.
    pub fn territory_id(&self) -> Id {
        self.succession.territory_id
    }

    /// The territory that came after.
    pub fn successor_id(&self) -> Id {
        self.succession.successor_id
    }

    /// Adds the members that stay, join and leave.
    pub async fn name_members(views: &mut [(Id, Self)], conn: &mut Conn) -> QueryResult<()> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Uuid)]
            succession_id: Id,
            #[diesel(sql_type = Text)]
            fate: String,
            #[diesel(sql_type = Text)]
            name: Name,
            #[diesel(sql_type = Nullable<Text>)]
            siren: Option<Siren>,
            #[diesel(sql_type = Nullable<Text>)]
            commune_code: Option<CommuneCode>,
        }
        let ids: Vec<Id> = views.iter().map(|(id, _)| *id).collect();
        let rows: Vec<Row> = sql_query("SELECT * FROM succession_members($1)").bind::<Array<Uuid>, _>(ids).load(conn).await?;
        let index: HashMap<Id, usize> = views.iter().enumerate().map(|(index, (id, _))| (*id, index)).collect();
        for (_, view) in views.iter_mut() {
            (view.stays, view.joins, view.leaves) = (Some(Vec::new()), Some(Vec::new()), Some(Vec::new()));
        }
        for Row { succession_id, fate, name, siren, commune_code } in rows {
            let Some((_, view)) = index.get(&succession_id).and_then(|index| views.get_mut(*index)) else { continue };
            let fate = match fate.as_str() {
                "stays" => &mut view.stays,
                "joins" => &mut view.joins,
                _ => &mut view.leaves,
            };
            fate.get_or_insert_default().push(Moving { name, siren, commune_code });
        }
        Ok(())
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territory_successions, treat_none_as_default_value = false)]
#[schema(as = NewTerritorySuccession)]
pub struct NewSuccession {
    /// The territory that came after (successeur).
    successor_id: Id,
    kind: SuccessionKind,
    happened_on: Option<Day>,
    note: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territory_successions)]
#[schema(as = TerritorySuccessionPatch)]
pub struct SuccessionPatch {
    kind: Option<SuccessionKind>,
    happened_on: Option<Option<Day>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(territory_successions::successor_id),
        word::<SuccessionKindWords, _>(territory_successions::kind),
        field(territory_successions::happened_on).sorted(),
        field(territory_successions::created_at).sorted(),
        field(territory_successions::updated_at).sorted(),
    ]
});

impl Listed for Succession {
    type Table = territory_successions::table;
    type Key = territory_successions::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Succession {
    type View = SuccessionView;
    const INCLUDES: &'static [(&'static str, &'static str)] =
        &[("members", "The members that stay, join and leave (membres maintenus, entrants, sortants), from the earlier phase to the later one.")];

    async fn include(along: &mut Along<'_, SuccessionView>) -> Result<()> {
        Ok(SuccessionView::name_members(along.views, along.conn).await?)
    }
}

impl Noun for Succession {
    const CARD: Card = Card {
        table: "territory_successions",
        one: "territory_succession",
        a: "a succession of a territory",
        all: "the successions of a territory",
        rules: &[Rule::OTHER],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::NATION;
    type Whole = Of<Territory, territory_successions::territory_id>;
    type Right = Content;
    type New = NewSuccession;
    type Patch = SuccessionPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        territory_successions::table.find(at.id).filter(territory_successions::territory_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewSuccession, conn: &mut Conn) -> Result<Self> {
        let row = (territory_successions::id.eq(at.id), territory_successions::territory_id.eq(at.whole), new);
        Ok(diesel::insert_into(territory_successions::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &SuccessionPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(territory_successions::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(territory_successions::table.find(at.id)).execute(conn).await
    }
}
