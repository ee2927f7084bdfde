//! Regions of the COG.

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
        listing::{Field, Listed, Scope, code, field},
    },
    http::{Along, Coded, List, One, Page, Resource, Result, Shown, Tagged},
    rights::Reach,
    schema::regions,
    values::{Contour, Id, Name, RegionCode, rules},
};

/// A region of the COG of a year (région).
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = regions, check_for_backend(diesel::pg::Pg))]
pub struct Region {
    pub id: Id,
    /// The year of the COG (millésime).
    pub year: i32,
    pub code: RegionCode,
    pub name: Name,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
}

impl Resource for Region {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A region, with the related things that `include` names.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegionView {
    #[serde(flatten)]
    region: Region,
    /// The contour (contour); left out when it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    contour: Option<Contour>,
}

impl From<Region> for RegionView {
    fn from(region: Region) -> Self {
        Self { region, contour: None }
    }
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(regions::search),
        field(regions::year).named("year", "The year of the COG (millésime); by default the latest loaded year."),
        code::<rules::RegionCode, _>(regions::code).sorted(),
        field(regions::name).sorted(),
    ]
});

impl Listed for Region {
    type Table = regions::table;
    type Key = regions::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Region {
    type View = RegionView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("contour", "The contour (contour).")];
    const KEPT: bool = false;
    const ORDER: &'static str = "code";

    fn unless_asked() -> Option<(&'static str, Scope<regions::table>)> {
        Some(("year", Scope::of(regions::year.eq(super::latest()))))
    }

    async fn include(along: &mut Along<'_, RegionView>) -> Result<()> {
        along.contours("regions", |_, view| view.region.code.as_str().to_owned(), |view| &mut view.contour).await
    }
}

pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_regions).service(read_region);
}

async fn find(code: &str, _reach: &Reach, conn: &mut Conn) -> Result<Region> {
    let region = regions::table.filter(regions::code.eq(code)).order_by(regions::year.desc()).select(Region::as_select());
    Ok(region.first(conn).await?)
}

/// List regions
#[utoipa::path(params(List<Region>), responses((status = OK, body = Page<RegionView>)))]
#[get("/regions")]
async fn list_regions(db: Data<Db>, list: List<Region>) -> Result<Page<RegionView>> {
    list.page(&db).await
}

/// Read a region by its code, of the latest COG that knows the code
#[utoipa::path(params(One<Region>), responses((status = OK, body = RegionView)))]
#[get("/regions/{code}")]
async fn read_region(db: Data<Db>, code: Coded<rules::RegionCode>, one: One<Region>) -> Result<Tagged<RegionView>> {
    one.answer(&db, code.0.as_str(), find).await
}
