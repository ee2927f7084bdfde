//! Who pays a post, and how much, as far as it is known.

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
        listing::{Field, Listed, field, word},
    },
    http::{
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, sent,
    },
    rights::Reach,
    schema::post_funding_lines,
    values::{Amount, Basis, BasisWords, Count, Id, LongText, Vocabulary, Word},
};

/// The words of [`PostFunder`].
#[derive(Debug, Clone)]
pub struct PostFunderWords;

impl Vocabulary for PostFunderWords {
    const NAME: &'static str = "PostFunder";
    const ABOUT: &'static str = "Who pays (financeur).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("state", "État"),
        ("region", "Région"),
        ("department", "Département"),
        ("territory", "Territoire"),
        ("operator", "Opérateur"),
        ("european_union", "Union européenne"),
        ("private", "Privé"),
        ("other", "Autre"),
    ];
}

/// Who pays (financeur).
pub type PostFunder = Word<PostFunderWords>;

/// A funding line of a post (cofinancement du poste).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = post_funding_lines, check_for_backend(diesel::pg::Pg))]
#[schema(as = PostFundingLine)]
pub struct PostFunding {
    pub id: Id,
    /// The post it is part of.
    pub post_id: Id,
    /// Of what kind the funder is.
    pub funder: PostFunder,
    /// The funder.
    pub partner_id: Option<Id>,
    /// How much, in euros; null when it is not known.
    pub amount_eur: Option<Amount>,
    pub basis: Basis,
    /// Which share of the cost, of 100.
    pub share_pct: Option<Amount>,
    /// For which year.
    pub year: Option<Count>,
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for PostFunding {
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
#[diesel(table_name = post_funding_lines, treat_none_as_default_value = false)]
#[schema(as = NewPostFundingLine)]
pub struct NewPostFunding {
    /// Of what kind the funder is.
    funder: PostFunder,
    /// The funder.
    partner_id: Option<Id>,
    /// How much, in euros; null when it is not known.
    amount_eur: Option<Amount>,
    #[serde(default)]
    basis: Basis,
    /// Which share of the cost, of 100.
    share_pct: Option<Amount>,
    /// For which year.
    year: Option<Count>,
    note: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = post_funding_lines)]
#[schema(as = PostFundingLinePatch)]
pub struct PostFundingPatch {
    /// Of what kind the funder is.
    funder: Option<PostFunder>,
    /// The funder.
    partner_id: Option<Option<Id>>,
    /// How much, in euros; null when it is not known.
    amount_eur: Option<Option<Amount>>,
    basis: Option<Basis>,
    /// Which share of the cost, of 100.
    share_pct: Option<Option<Amount>>,
    /// For which year.
    year: Option<Option<Count>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        word::<PostFunderWords, _>(post_funding_lines::funder),
        field(post_funding_lines::partner_id),
        field(post_funding_lines::amount_eur).sorted(),
        word::<BasisWords, _>(post_funding_lines::basis),
        field(post_funding_lines::share_pct).sorted(),
        field(post_funding_lines::year).sorted(),
        field(post_funding_lines::created_at).sorted(),
        field(post_funding_lines::updated_at).sorted(),
    ]
});

impl Listed for PostFunding {
    type Table = post_funding_lines::table;
    type Key = post_funding_lines::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for PostFunding {
    type View = Self;
    const ORDER: &'static str = "";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_post_funding_lines)
        .service(create_post_funding_line)
        .service(read_post_funding_line)
        .service(update_post_funding_line)
        .service(delete_post_funding_line);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<PostFunding> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<PostFunding> {
    let part = post_funding_lines::table.find(path.part).filter(post_funding_lines::post_id.eq(path.id)).select(PostFunding::as_select());
    part.first(conn).await.or_gone("post_funding_lines", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its post.
pub async fn insert(post_id: Id, new: &NewPostFunding, conn: &mut Conn) -> Result<PostFunding> {
    let row = (post_funding_lines::id.eq(Id::new()), post_funding_lines::post_id.eq(post_id), new);
    Ok(diesel::insert_into(post_funding_lines::table).values(row).returning(PostFunding::as_returning()).get_result(conn).await?)
}

/// List the funding lines of a post
#[utoipa::path(params(List<PostFunding>), responses((status = OK, body = Page<PostFunding>)))]
#[get("/posts/{id}/funding-lines")]
async fn list_post_funding_lines(db: Data<Db>, At(id): At, list: List<PostFunding>) -> Result<Page<PostFunding>> {
    list.parts(&db, post_funding_lines::post_id, id, super::find).await
}

/// Add a funding line of a post
#[utoipa::path(responses((status = CREATED, body = PostFunding)))]
#[post("/posts/{id}/funding-lines")]
async fn create_post_funding_line(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewPostFunding>) -> Result<Created<PostFunding>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;

        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a funding line of a post
#[utoipa::path(params(One<PostFunding>), responses((status = OK, body = PostFunding)))]
#[get("/posts/{id}/funding-lines/{part_id}")]
async fn read_post_funding_line(db: Data<Db>, path: PartOf, one: One<PostFunding>) -> Result<Tagged<PostFunding>> {
    one.part(&db, path, super::find, find).await
}

/// Change a funding line of a post
#[utoipa::path(responses((status = OK, body = PostFunding)))]
#[patch("/posts/{id}/funding-lines/{part_id}")]
async fn update_post_funding_line(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<PostFundingPatch>,
) -> Result<Tagged<PostFunding>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(post_funding_lines::table.find(path.part)).set(&patch);
        let changed = update.returning(PostFunding::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a funding line of a post
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/posts/{id}/funding-lines/{part_id}")]
async fn delete_post_funding_line(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(post_funding_lines::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
