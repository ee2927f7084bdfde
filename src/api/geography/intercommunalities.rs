//! Intercommunalities (EPCI) and the public territorial establishments (EPT) of Greater Paris.

use std::sync::LazyLock;

use actix_web::{get, web::Data};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, Scope, code, field, word},
    },
    http::{Along, Coded, List, One, Page, Resource, Result, Shown, Tagged},
    rights::Reach,
    schema::{intercommunalities, intercommunality_places},
    values::{Contour, DepartmentCode, Id, Name, RegionCode, Siren, Vocabulary, Word, rules},
};

/// The words of [`IntercommunalityKind`].
#[derive(Debug, Clone)]
pub struct IntercommunalityKindWords;

impl Vocabulary for IntercommunalityKindWords {
    const NAME: &'static str = "IntercommunalityKind";
    const ABOUT: &'static str = "What an intercommunality is (nature de l'intercommunalité).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("cc", "Communauté de communes"),
        ("ca", "Communauté d'agglomération"),
        ("cu", "Communauté urbaine"),
        ("metropole", "Métropole"),
        ("metropole_de_lyon", "Métropole de Lyon"),
        ("ept", "Établissement public territorial"),
    ];
}

/// What an intercommunality is (nature de l'intercommunalité).
pub type IntercommunalityKind = Word<IntercommunalityKindWords>;

/// The communes of an intercommunality in one department.
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = intercommunality_places, check_for_backend(diesel::pg::Pg))]
pub struct IntercommunalityPlace {
    #[serde(skip)]
    intercommunality_id: Id,
    pub department_code: DepartmentCode,
    pub region_code: RegionCode,
    /// The number of communes.
    pub communes_count: i32,
    /// The number of inhabitants of these communes (population municipale).
    #[schema(required)]
    pub population: Option<i32>,
}

/// An intercommunality of the COG of a year (EPCI à fiscalité propre, EPT).
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = intercommunalities, check_for_backend(diesel::pg::Pg))]
pub struct Intercommunality {
    pub id: Id,
    /// The year of the COG (millésime).
    pub year: i32,
    pub siren: Siren,
    pub name: Name,
    pub kind: IntercommunalityKind,
    /// The number of communes of the intercommunality.
    pub communes_count: i32,
    /// The number of inhabitants of its communes (population municipale).
    #[schema(required)]
    pub population: Option<i32>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
}

impl Resource for Intercommunality {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// An intercommunality, with the related things that `include` names.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
pub struct IntercommunalityView {
    #[serde(flatten)]
    intercommunality: Intercommunality,
    /// The departments where the intercommunality has communes. An intercommunality may lie in several departments, and in several regions.
    places: Option<Vec<IntercommunalityPlace>>,
    /// The contour (contour); left out when it is unknown.
    contour: Option<Contour>,
}

impl From<Intercommunality> for IntercommunalityView {
    fn from(intercommunality: Intercommunality) -> Self {
        Self { intercommunality, places: None, contour: None }
    }
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(intercommunalities::search),
        field(intercommunalities::year).named("year", "The year of the COG (millésime); by default the latest loaded year."),
        code::<rules::Siren, _>(intercommunalities::siren).sorted(),
        field(intercommunalities::name).sorted(),
        word::<IntercommunalityKindWords, _>(intercommunalities::kind),
        field(intercommunalities::population).sorted(),
        code::<rules::DepartmentCode, _>(intercommunality_places::department_code)
            .linked(intercommunality_places::intercommunality_id, intercommunalities::id)
            .named("department_code", "Those with communes in this department."),
        code::<rules::RegionCode, _>(intercommunality_places::region_code)
            .linked(intercommunality_places::intercommunality_id, intercommunalities::id)
            .named("region_code", "Those with communes in this region."),
    ]
});

impl Listed for Intercommunality {
    type Table = intercommunalities::table;
    type Key = intercommunalities::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Intercommunality {
    type View = IntercommunalityView;
    const INCLUDES: &'static [(&'static str, &'static str)] =
        &[("places", "The departments and regions where it has communes."), ("contour", "The contour (contour).")];
    const KEPT: bool = false;
    const ORDER: &'static str = "name";

    fn unless_asked() -> Option<(&'static str, Scope<intercommunalities::table>)> {
        Some(("year", Scope::of(intercommunalities::year.eq(super::latest()))))
    }

    async fn include(along: &mut Along<'_, IntercommunalityView>) -> Result<()> {
        if along.wants("places") {
            let rows: Vec<IntercommunalityPlace> = intercommunality_places::table
                .filter(intercommunality_places::intercommunality_id.eq_any(along.ids()))
                .order_by(intercommunality_places::department_code)
                .select(IntercommunalityPlace::as_select())
                .load(along.conn)
                .await?;
            along.share(rows, |row| row.intercommunality_id, |view| &mut view.places);
        }
        along.contours("intercommunalities", |_, view| view.intercommunality.siren.as_str().to_owned(), |view| &mut view.contour).await
    }
}

pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_intercommunalities).service(read_intercommunality);
}

async fn find(code: &str, _reach: &Reach, conn: &mut Conn) -> Result<Intercommunality> {
    let intercommunality = intercommunalities::table
        .filter(intercommunalities::siren.eq(code))
        .order_by(intercommunalities::year.desc())
        .select(Intercommunality::as_select());
    Ok(intercommunality.first(conn).await?)
}

/// List intercommunalities
#[utoipa::path(params(List<Intercommunality>), responses((status = OK, body = Page<IntercommunalityView>)))]
#[get("/intercommunalities")]
async fn list_intercommunalities(db: Data<Db>, list: List<Intercommunality>) -> Result<Page<IntercommunalityView>> {
    list.page(&db).await
}

/// Read an intercommunality by its SIREN, of the latest COG that knows the SIREN
#[utoipa::path(params(One<Intercommunality>), responses((status = OK, body = IntercommunalityView)))]
#[get("/intercommunalities/{code}")]
async fn read_intercommunality(db: Data<Db>, code: Coded<rules::Siren>, one: One<Intercommunality>) -> Result<Tagged<IntercommunalityView>> {
    one.answer(&db, code.0.as_str(), find).await
}
