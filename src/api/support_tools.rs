//! Support tools: what the State and its operators offer to the actions.

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, field, period, word},
    },
    http::{At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, Resource, Result, Shown, Tagged, sent},
    rights::{Place, Reach},
    schema::support_tools,
    values::{Day, Id, LongText, Name, Url, Vocabulary, Word},
};

/// The words of [`ToolKind`].
#[derive(Debug, Clone)]
pub struct ToolKindWords;

impl Vocabulary for ToolKindWords {
    const NAME: &'static str = "SupportToolKind";
    const ABOUT: &'static str = "What a tool gives (nature de l'outil).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("engineering", "Ingénierie"), ("funding", "Financement"), ("service", "Service"), ("exemption", "Dérogation"), ("unknown", "Inconnue")];
}

/// What a tool gives (nature de l'outil).
pub type ToolKind = Word<ToolKindWords>;

/// A support tool (outil de la boîte à outils, panier de services).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = support_tools, check_for_backend(diesel::pg::Pg))]
pub struct SupportTool {
    pub id: Id,
    pub name: Name,
    pub kind: ToolKind,
    /// The operator that offers it.
    pub partner_id: Option<Id>,
    /// The phase of the programme it is of.
    pub phase_id: Option<Id>,
    pub url: Option<Url>,
    /// What it offers, to whom.
    pub description: Option<LongText>,
    /// From this day, included.
    pub starts_on: Option<Day>,
    /// To this day, included.
    pub ends_on: Option<Day>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for SupportTool {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = support_tools, treat_none_as_default_value = false)]
pub struct NewSupportTool {
    name: Name,
    kind: ToolKind,
    /// The operator that offers it.
    partner_id: Option<Id>,
    /// The phase of the programme it is of.
    phase_id: Option<Id>,
    url: Option<Url>,
    /// What it offers, to whom.
    description: Option<LongText>,
    /// From this day, included.
    starts_on: Option<Day>,
    /// To this day, included.
    ends_on: Option<Day>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = support_tools)]
pub struct SupportToolPatch {
    name: Option<Name>,
    kind: Option<ToolKind>,
    /// The operator that offers it.
    partner_id: Option<Option<Id>>,
    /// The phase of the programme it is of.
    phase_id: Option<Option<Id>>,
    url: Option<Option<Url>>,
    /// What it offers, to whom.
    description: Option<Option<LongText>>,
    /// From this day, included.
    starts_on: Option<Option<Day>>,
    /// To this day, included.
    ends_on: Option<Option<Day>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(support_tools::search),
        field(support_tools::name).sorted(),
        word::<ToolKindWords, _>(support_tools::kind).sorted(),
        field(support_tools::partner_id),
        field(support_tools::phase_id),
        field(support_tools::starts_on).sorted(),
        field(support_tools::ends_on).sorted(),
        period("on", support_tools::starts_on, support_tools::ends_on),
        field(support_tools::created_at).sorted(),
        field(support_tools::updated_at).sorted(),
    ]
});

impl Listed for SupportTool {
    type Table = support_tools::table;
    type Key = support_tools::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for SupportTool {
    type View = Self;
    const ORDER: &'static str = "name";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_support_tools)
        .service(create_support_tool)
        .service(read_support_tool)
        .service(update_support_tool)
        .service(delete_support_tool);
}

async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<SupportTool> {
    support_tools::table.find(id).select(SupportTool::as_select()).first(conn).await.or_gone("support_tools", None, id, reach, conn).await
}

async fn lock(id: Id, editor: &Editor, conn: &mut Conn) -> Result<SupportTool> {
    let support_tool = support_tools::table.find(id).select(SupportTool::as_select()).for_no_key_update();
    let support_tool = support_tool.first(conn).await.or_gone("support_tools", None, id, editor.reach(), conn).await?;
    editor.within(&Place::nation())?;
    Ok(support_tool)
}

/// Makes one under this identifier.
pub async fn insert(id: Id, new: &NewSupportTool, conn: &mut Conn) -> Result<SupportTool> {
    let row = (support_tools::id.eq(id), new);
    let support_tool = diesel::insert_into(support_tools::table).values(row).returning(SupportTool::as_returning()).get_result(conn).await?;
    Ok(support_tool)
}

/// List support tools
#[utoipa::path(params(List<SupportTool>), responses((status = OK, body = Page<SupportTool>)))]
#[get("/support-tools")]
async fn list_support_tools(db: Data<Db>, list: List<SupportTool>) -> Result<Page<SupportTool>> {
    list.page(&db).await
}

/// Create a support tool
#[utoipa::path(responses((status = CREATED, body = SupportTool)))]
#[post("/support-tools")]
async fn create_support_tool(db: Data<Db>, editor: Editor, body: Json<NewSupportTool>) -> Result<Created<SupportTool>> {
    db.write(&editor, async |conn| {
        editor.within(&Place::nation())?;
        let new = body.valid()?;
        Ok(Created(insert(Id::new(), &new, conn).await?))
    })
    .await
}

/// Read a support tool
#[utoipa::path(params(One<SupportTool>), responses((status = OK, body = SupportTool)))]
#[get("/support-tools/{id}")]
async fn read_support_tool(db: Data<Db>, At(id): At, one: One<SupportTool>) -> Result<Tagged<SupportTool>> {
    one.answer(&db, id, find).await
}

/// Change a support tool
#[utoipa::path(responses((status = OK, body = SupportTool)))]
#[patch("/support-tools/{id}")]
async fn update_support_tool(
    db: Data<Db>,
    editor: Editor,
    At(id): At,
    if_match: IfMatch,
    body: Json<SupportToolPatch>,
) -> Result<Tagged<SupportTool>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(support_tools::table.find(id)).set(&patch);
        let changed = update.returning(SupportTool::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Delete a support tool
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/support-tools/{id}")]
async fn delete_support_tool(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(id, &editor, conn).await?, conn).await?;
        diesel::delete(support_tools::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
