//! Communes of the COG, and what became part of them.

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
        listing::{Field, Listed, Scope, field},
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
    const ABOUT: &'static str = "What a commune that became part of another one still is.";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("former", "Ancienne commune"),
        ("delegated", "Commune déléguée"),
        ("associated", "Commune associée"),
        ("district", "Arrondissement municipal"),
    ];
}

/// What a commune that became part of another one still is.
pub type FormerKind = Word<FormerKindWords>;

/// A commune that became part of another one, or a district of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = FormerCommune)]
pub struct Former {
    /// The code it had, or has as a district.
    pub code: CommuneCode,
    /// Its name, where it is known.
    #[schema(required)]
    pub name: Option<Name>,
    pub kind: FormerKind,
}

/// A commune as the COG of a year has it (commune).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = communes, check_for_backend(diesel::pg::Pg))]
pub struct Commune {
    pub id: Id,
    /// The year of the COG.
    pub year: i32,
    pub code: CommuneCode,
    pub name: Name,
    pub siren: Option<Siren>,
    pub department_code: DepartmentCode,
    pub region_code: RegionCode,
    /// The intercommunality it is in; a few islands are in none.
    pub intercommunality_siren: Option<Siren>,
    /// In Greater Paris, the public territorial establishment as well.
    pub ept_siren: Option<Siren>,
    /// How many people live in it (population municipale).
    pub population: Option<i32>,
    /// What became part of it: its old codes.
    pub formers: Many<Former>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
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

/// A commune, with what was asked along.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommuneView {
    #[serde(flatten)]
    commune: Commune,
    /// Its contour; left out where none is known.
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
        field(communes::year).named("year", "Of the COG of this year; unless told, of the latest that is loaded."),
        field(communes::code).sorted(),
        field(communes::name).sorted(),
        field(communes::siren),
        field(communes::department_code).sorted(),
        field(communes::region_code),
        field(communes::intercommunality_siren),
        field(communes::ept_siren),
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
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("contour", "Its contour.")];
    const KEPT: bool = false;
    const ORDER: &'static str = "code";

    fn unless_asked() -> Option<(&'static str, Scope<communes::table>)> {
        Some(("year", Scope::of(communes::year.eq(super::latest()))))
    }

    async fn include(along: &mut Along<'_, CommuneView>) -> Result<()> {
        super::draw("communes", along, |view| view.commune.code.as_str(), |view| &mut view.contour).await
    }
}

pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_communes).service(read_commune);
}

async fn find(code: &str, _reach: &Reach, conn: &mut Conn) -> Result<Commune> {
    // What bears the code now comes before what bore it.
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

/// Read a commune, as the latest COG has it that knows its code; of an old code, what it became part of
#[utoipa::path(params(One<Commune>), responses((status = OK, body = CommuneView)))]
#[get("/communes/{code}")]
async fn read_commune(db: Data<Db>, code: Coded<rules::CommuneCode>, one: One<Commune>) -> Result<Tagged<CommuneView>> {
    one.answer(&db, code.0.as_str(), find).await
}
