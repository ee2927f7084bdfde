//! Departments of the COG, and the overseas collectivities that are in no department.

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
    schema::departments,
    values::{Contour, DepartmentCode, Id, Name, RegionCode, rules},
};

/// A department of the COG of a year (département).
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = departments, check_for_backend(diesel::pg::Pg))]
pub struct Department {
    pub id: Id,
    /// The year of the COG (millésime).
    pub year: i32,
    pub code: DepartmentCode,
    pub name: Name,
    /// The region of the department (région), by its code.
    pub region_code: RegionCode,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
}

impl Resource for Department {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A department, with the related things that `include` names.
#[derive(Debug, Serialize, ToSchema)]
pub struct DepartmentView {
    #[serde(flatten)]
    department: Department,
    /// The contour (contour); left out when it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    contour: Option<Contour>,
}

impl From<Department> for DepartmentView {
    fn from(department: Department) -> Self {
        Self { department, contour: None }
    }
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(departments::search),
        field(departments::year).named("year", "The year of the COG (millésime); by default the latest loaded year."),
        code::<rules::DepartmentCode, _>(departments::code).sorted(),
        field(departments::name).sorted(),
        code::<rules::RegionCode, _>(departments::region_code).sorted(),
    ]
});

impl Listed for Department {
    type Table = departments::table;
    type Key = departments::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Department {
    type View = DepartmentView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("contour", "The contour (contour).")];
    const KEPT: bool = false;
    const ORDER: &'static str = "code";

    fn unless_asked() -> Option<(&'static str, Scope<departments::table>)> {
        Some(("year", Scope::of(departments::year.eq(super::latest()))))
    }

    async fn include(along: &mut Along<'_, DepartmentView>) -> Result<()> {
        along.contours("departments", |_, view| view.department.code.as_str().to_owned(), |view| &mut view.contour).await
    }
}

pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_departments).service(read_department);
}

async fn find(code: &str, _reach: &Reach, conn: &mut Conn) -> Result<Department> {
    let department = departments::table.filter(departments::code.eq(code)).order_by(departments::year.desc()).select(Department::as_select());
    Ok(department.first(conn).await?)
}

/// List departments
#[utoipa::path(params(List<Department>), responses((status = OK, body = Page<DepartmentView>)))]
#[get("/departments")]
async fn list_departments(db: Data<Db>, list: List<Department>) -> Result<Page<DepartmentView>> {
    list.page(&db).await
}

/// Read a department by its code, of the latest COG that knows the code
#[utoipa::path(params(One<Department>), responses((status = OK, body = DepartmentView)))]
#[get("/departments/{code}")]
async fn read_department(db: Data<Db>, code: Coded<rules::DepartmentCode>, one: One<Department>) -> Result<Tagged<DepartmentView>> {
    one.answer(&db, code.0.as_str(), find).await
}
