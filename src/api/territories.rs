//! Territories: the Territoires d'industrie, with their labels, members and successions.

mod labels;
mod members;
mod merging;
pub mod official;
mod overview;
mod perimeter;
mod plan;
mod successions;

use std::{collections::HashMap, sync::LazyLock};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Uuid},
};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::labels::LabelStatusWords;
use self::labels::{Label, LabelView, NewLabel};
use self::members::{Member, NewMember};
use self::perimeter::Perimeter;
use self::successions::{NewSuccession, Succession, SuccessionView};
use crate::{
    db::{
        Conn, TODAY, contours,
        listing::{Field, Listed, code, field, period, word},
    },
    http::{Along, Content, Resource, Result, Shown, Views, sent},
    ledger::history,
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Where, Writing},
    rights::{Place, territory_places},
    schema::{territories, territory_labels, territory_members, territory_successions},
    values::{Alias, Contour, Email, Id, LongText, Many, Name, Phone, Url, rules},
};

/// A Territoire d'industrie (territoire): a territory that is labelled for a phase of the programme, or was a candidate.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = territories, check_for_backend(diesel::pg::Pg))]
pub struct Territory {
    pub id: Id,
    pub name: Name,
    /// Other names, past or present, each with its source (autres noms).
    pub aliases: Many<Alias>,
    pub description: Option<LongText>,
    pub website: Option<Url>,
    /// The contact: a service, never a person (service référent).
    pub contact_service: Option<Name>,
    /// The e-mail address of the contact service.
    pub contact_email: Option<Email>,
    /// The telephone number of the contact service.
    pub contact_phone: Option<Phone>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Territory {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A Territoire d'industrie, with the related things that `include` names.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
pub struct TerritoryView {
    #[serde(flatten)]
    territory: Territory,
    /// The labels, one for each phase (labellisations); with their contours, when `contour` is included too.
    labels: Option<Vec<LabelView>>,
    /// The members, of all phases and dates (membres).
    members: Option<Vec<Member>>,
    /// The territories that came after this one (filiation).
    successions: Option<Vec<SuccessionView>>,
    /// The territories that came before this one (filiation).
    predecessors: Option<Vec<SuccessionView>>,
    /// The communes, departments and regions of the territory today (périmètre).
    perimeter: Option<Perimeter>,
    /// The contour in the current phase (contour); left out when it is unknown.
    contour: Option<Contour>,
}

impl From<Territory> for TerritoryView {
    fn from(territory: Territory) -> Self {
        Self { territory, labels: None, members: None, successions: None, predecessors: None, perimeter: None, contour: None }
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territories, treat_none_as_default_value = false)]
pub struct NewTerritory {
    name: Name,
    /// Other names, past or present, each with its source (autres noms).
    #[serde(default)]
    aliases: Many<Alias>,
    description: Option<LongText>,
    website: Option<Url>,
    /// The contact: a service, never a person (service référent).
    contact_service: Option<Name>,
    /// The e-mail address of the contact service.
    contact_email: Option<Email>,
    /// The telephone number of the contact service.
    contact_phone: Option<Phone>,
    /// The labels, one for each phase (labellisations).
    #[serde(default)]
    #[diesel(skip_insertion)]
    labels: Many<NewLabel>,
    /// The members (membres).
    #[serde(default)]
    #[diesel(skip_insertion)]
    members: Many<NewMember>,
    /// The territories that came after this one (filiation).
    #[serde(default)]
    #[diesel(skip_insertion)]
    successions: Many<NewSuccession>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territories)]
pub struct TerritoryPatch {
    name: Option<Name>,
    /// Other names, past or present, each with its source (autres noms).
    aliases: Option<Many<Alias>>,
    description: Option<Option<LongText>>,
    website: Option<Option<Url>>,
    /// The contact: a service, never a person (service référent).
    contact_service: Option<Option<Name>>,
    /// The e-mail address of the contact service.
    contact_email: Option<Option<Email>>,
    /// The telephone number of the contact service.
    contact_phone: Option<Option<Phone>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(territories::search),
        field(territories::name).sorted(),
        code::<rules::OfficialCode, _>(territory_labels::official_code)
            .linked(territory_labels::territory_id, territories::id)
            .together("label")
            .named("official_code", "Those with this official code; together with `phase_id`, in that phase."),
        field(territory_labels::phase_id)
            .linked(territory_labels::territory_id, territories::id)
            .together("label")
            .named("phase_id", "Those with a label of this phase."),
        word::<LabelStatusWords, _>(territory_labels::status)
            .linked(territory_labels::territory_id, territories::id)
            .together("label")
            .named("label_status", "Those with a label of this status; together with `phase_id`, for that phase."),
        code::<rules::Siren, _>(territory_members::siren).linked(territory_members::territory_id, territories::id).together("member").named(
            "member_siren",
            "Those with this member, by its SIREN; together with `member_phase_id` or `member_on`, a member in that \
                phase or on that day.",
        ),
        code::<rules::CommuneCode, _>(territory_members::commune_code)
            .linked(territory_members::territory_id, territories::id)
            .together("member")
            .named("member_commune_code", "Those with this commune as a member."),
        field(territory_members::phase_id)
            .linked(territory_members::territory_id, territories::id)
            .together("member")
            .named("member_phase_id", "Those with a member of this phase."),
        period("member_on", territory_members::starts_on, territory_members::ends_on)
            .linked(territory_members::territory_id, territories::id)
            .together("member"),
        code::<rules::RegionCode, _>(territory_places::region_code)
            .linked(territory_places::territory_id, territories::id)
            .named("region_code", "Those with a commune in this region, in any phase."),
        code::<rules::DepartmentCode, _>(territory_places::department_code)
            .linked(territory_places::territory_id, territories::id)
            .named("department_code", "Those with a commune in this department, in any phase."),
        field(territory_successions::successor_id)
            .linked(territory_successions::territory_id, territories::id)
            .named("successor_id", "Those that this territory came after: its predecessors (prédécesseurs)."),
        field(territory_successions::territory_id)
            .linked(territory_successions::successor_id, territories::id)
            .named("predecessor_id", "Those that came after this territory: its successors (filiation)."),
        field(territories::created_at).sorted(),
        field(territories::updated_at).sorted(),
    ]
});

impl Listed for Territory {
    type Table = territories::table;
    type Key = territories::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Territory {
    type View = TerritoryView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[
        ("labels", "The labels, one for each phase (labellisations): code, name and status in it; with `contour`, each with its contour."),
        ("members", "The members, of all phases and dates (membres)."),
        ("successions", "The territories that came after this one (filiation)."),
        ("predecessors", "The territories that came before this one (filiation)."),
        ("succession_members", "With `successions` or `predecessors`: the members that stay, join and leave at each (membres)."),
        ("perimeter", "The perimeter today (périmètre): the numbers of communes and inhabitants, the departments and the regions."),
        ("contour", "The contour today: that of the current phase (contour). The contour of each phase comes with its label."),
    ];
    const ORDER: &'static str = "name";

    async fn include(along: &mut Along<'_, TerritoryView>) -> Result<()> {
        let ids = along.ids();
        if along.wants("labels") {
            let drawn = along.wants("contour");
            let labels = along.rows(async |views, budget, conn| {
                let ids = views.iter().map(|(id, _)| *id);
                let rows = territory_labels::table.filter(territory_labels::territory_id.eq_any(ids)).order_by(territory_labels::id);
                let rows: Vec<Label> = rows.select(Label::as_select()).load(conn).await?;
                let mut labels: Views<LabelView> = rows.into_iter().map(|label| (label.id(), label.into())).collect();
                let ended = drawn && LabelView::draw(&mut labels, budget, conn).await?;
                Ok((labels, ended))
            });
            let labels = labels.await?;
            along.share(labels.into_iter().map(|(_, label)| label), LabelView::territory_id, |view| &mut view.labels);
        }
        along.parts("members", territory_members::territory_id, |row: &Member| row.territory_id, |view| &mut view.members).await?;
        for (name, heirs) in [("successions", true), ("predecessors", false)] {
            if !along.wants(name) {
                continue;
            }
            let links = territory_successions::table.order_by(territory_successions::id).select(Succession::as_select()).into_boxed();
            let links = if heirs {
                links.filter(territory_successions::territory_id.eq_any(ids.clone()))
            } else {
                links.filter(territory_successions::successor_id.eq_any(ids.clone()))
            };
            let rows: Vec<Succession> = links.load(along.conn).await?;
            let mut links: Views<SuccessionView> = rows.into_iter().map(|link| (link.id(), link.into())).collect();
            if along.wants("succession_members") {
                SuccessionView::name_members(&mut links, along.conn).await?;
            }
            let links = links.into_iter().map(|(_, link)| link);
            if heirs {
                along.share(links, SuccessionView::territory_id, |view| &mut view.successions);
            } else {
                along.share(links, SuccessionView::successor_id, |view| &mut view.predecessors);
            }
        }
        if along.wants("perimeter") {
            let mut perimeters = perimeter::of(&along.ids(), None, None, along.conn).await?;
            for (id, view) in along.views.iter_mut() {
                view.perimeter = perimeters.remove(id);
            }
        }
        if along.wants("contour") {
            #[derive(QueryableByName)]
            struct Current {
                #[diesel(sql_type = Uuid)]
                territory_id: Id,
                #[diesel(sql_type = Uuid)]
                label_id: Id,
            }
            let drawn = along.rows(async |views, budget, conn| {
                let ids: Vec<Id> = views.iter().map(|(id, _)| *id).collect();
                let current = sql_query(format!("SELECT * FROM phases_on($1, {TODAY})")).bind::<Array<Uuid>, _>(ids);
                let current: Vec<Current> = current.load(conn).await?;
                let keys: Vec<String> = current.iter().map(|current| current.label_id.to_string()).collect();
                let (drawn, ended) = contours::drawn("territory_labels", &keys, budget, conn).await?;
                let of = |label: &str| current.iter().find(|current| current.label_id.to_string() == label).map(|current| current.territory_id);
                Ok((drawn.into_iter().filter_map(|(label, contour)| Some((of(&label)?, contour))).collect(), ended))
            });
            let mut drawn: HashMap<Id, Contour> = drawn.await?.into_iter().collect();
            for (id, view) in along.views.iter_mut() {
                view.contour = drawn.remove(id);
            }
        }
        Ok(())
    }
}

impl Noun for Territory {
    const CARD: Card = Card {
        table: "territories",
        one: "territory",
        a: "a territory",
        all: "territories",
        about: "Territories with labels, members and successions (territoires).",
        places: &["id"],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> =
        Writing { make: Where::Nation, change: Where::At(|territory| Place::territory(territory.id)), remove: Where::Nation };
    const PARTS: &'static [Face] = &[Face::part::<Label>(), Face::part::<Member>(), Face::part::<Succession>()];
    type Whole = Alone;
    type Right = Content;
    type New = NewTerritory;
    type Patch = TerritoryPatch;

    fn routes(routes: &mut ServiceConfig) {
        perimeter::routes(routes);
        overview::routes(routes);
        plan::routes(routes);
        merging::routes(routes);
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        territories::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewTerritory, conn: &mut Conn) -> Result<Self> {
        let row = (territories::id.eq(at.id), new);
        Ok(diesel::insert_into(territories::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &TerritoryPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(territories::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(territories::table.find(at.id)).execute(conn).await
    }
    async fn parts(new: &NewTerritory, parts: &mut Parts<'_>) -> Result<()> {
        parts.take::<Label>("labels", &new.labels).await?;
        parts.take::<Member>("members", &new.members).await?;
        parts.take::<Succession>("successions", &new.successions).await
    }
    async fn moved(id: Id, conn: &mut Conn) -> Result<Option<Id>> {
        Ok(history::merged_into(id, conn).await?)
    }
}
