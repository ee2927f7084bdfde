//! Communes of the COG, with the former communes that became part of them.

use std::sync::LazyLock;

use actix_web::{get, web::Data};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, Scope, code, field},
    },
    http::{Along, Coded, List, One, Page, Resource, Result, Shown, Tagged},
    rights::Reach,
    schema::communes,
    values::{CommuneCode, Contour, DepartmentCode, Id, Many, Name, RegionCode, Siren, Vocabulary, Word, rules},
};

/// The words of [`FormerKind`].
#[derive(Debug, Clone, PartialEq)]
pub struct FormerKindWords;

impl Vocabulary for FormerKindWords {
    const NAME: &'static str = "FormerCommuneKind";
    const ABOUT: &'static str = "What a former commune is today (ancienne commune, commune déléguée ou associée, arrondissement).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("former", "Ancienne commune"),
        ("delegated", "Commune déléguée"),
        ("associated", "Commune associée"),
        ("district", "Arrondissement municipal"),
    ];
}

/// What a former commune is today (ancienne commune, commune déléguée ou associée, arrondissement).
pub type FormerKind = Word<FormerKindWords>;

/// A former commune that became part of another one, or a district of a commune (ancienne commune, arrondissement).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = FormerCommune)]
pub struct Former {
    /// The old code of the former commune, or the code of the district.
    pub code: CommuneCode,
    /// The name; null when it is unknown.
    #[schema(required)]
    pub name: Option<Name>,
    pub kind: FormerKind,
}

/// A commune of the COG of a year (commune).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = communes, check_for_backend(diesel::pg::Pg))]
pub struct Commune {
    pub id: Id,
    /// The year of the COG (millésime).
    pub year: i32,
    pub code: CommuneCode,
    pub name: Name,
    pub siren: Option<Siren>,
    pub department_code: DepartmentCode,
    pub region_code: RegionCode,
    /// The intercommunality of the commune (EPCI); null for a few islands that are in none.
    pub intercommunality_siren: Option<Siren>,
    /// The public territorial establishment (EPT) of a commune in Greater Paris.
    pub ept_siren: Option<Siren>,
    /// The number of inhabitants (population municipale).
    pub population: Option<i32>,
    /// The former communes that became part of the commune, with their old codes (anciennes communes).
    pub formers: Many<Former>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
}

impl Resource for Commune {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A commune, with the related things that `include` names.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommuneView {
    #[serde(flatten)]
    commune: Commune,
    /// The contour (contour); left out when it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    contour: Option<Contour>,
}

impl From<Commune> for CommuneView {
    fn from(commune: Commune) -> Self {
        Self { commune, contour: None }
    }
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(communes::search),
        field(communes::year).named("year", "The year of the COG (millésime); by default the latest loaded year."),
        code::<rules::CommuneCode, _>(communes::code).sorted().resolved("commune_ids", communes::id),
        field(communes::name).sorted(),
        code::<rules::Siren, _>(communes::siren),
        code::<rules::DepartmentCode, _>(communes::department_code).sorted(),
        code::<rules::RegionCode, _>(communes::region_code),
        code::<rules::Siren, _>(communes::intercommunality_siren),
        code::<rules::Siren, _>(communes::ept_siren),
        field(communes::population).sorted(),
    ]
});

impl Listed for Commune {
    type Table = communes::table;
    type Key = communes::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Commune {
    type View = CommuneView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("contour", "The contour (contour).")];
    const KEPT: bool = false;
    const ORDER: &'static str = "code";

    fn unless_asked() -> Option<(&'static str, Scope<communes::table>)> {
        Some(("year", Scope::of(communes::year.eq(super::latest()))))
    }

    async fn include(along: &mut Along<'_, CommuneView>) -> Result<()> {
        along.contours("communes", |_, view| view.commune.code.as_str().to_owned(), |view| &mut view.contour).await
    }
}

pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_communes).service(read_commune);
}

async fn find(code: &str, _reach: &Reach, conn: &mut Conn) -> Result<Commune> {
    // The commune that has the code now comes before the commune that had it once.
    let bore = communes::formers.contains(json!([{ "code": code }]));
    let commune = communes::table.filter(communes::code.eq(code).or(bore)).order_by((communes::year.desc(), communes::code.ne(code)));
    Ok(commune.select(Commune::as_select()).first(conn).await?)
}

/// List communes
#[utoipa::path(params(List<Commune>), responses((status = OK, body = Page<CommuneView>)))]
#[get("/communes")]
async fn list_communes(db: Data<Db>, list: List<Commune>) -> Result<Page<CommuneView>> {
    list.page(&db).await
}

/// Read a commune by its code, of the latest COG that knows the code; an old code finds the commune of today
#[utoipa::path(params(One<Commune>), responses((status = OK, body = CommuneView)))]
#[get("/communes/{code}")]
async fn read_commune(db: Data<Db>, code: Coded<rules::CommuneCode>, one: One<Commune>) -> Result<Tagged<CommuneView>> {
    one.answer(&db, code.0.as_str(), find).await
}
