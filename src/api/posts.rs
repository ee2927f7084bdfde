//! Posts: project managers and the like, who employs them, who pays.

mod funding_lines;

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::funding_lines::{NewPostFunding, PostFunding};
use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, field, period, word},
    },
    http::{
        Along, At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, Resource, Result, Shown, Tagged, Views, may_name_person, sent,
    },
    rights::{self, Place, Reach},
    schema::{post_funding_lines, posts},
    values::{Confidence, ConfidenceWords, Day, Id, LongText, Many, Name, Precision, PrecisionWords, ShortText, Vocabulary, Word},
};

/// The words of [`PostKind`].
#[derive(Debug, Clone)]
pub struct PostKindWords;

impl Vocabulary for PostKindWords {
    const NAME: &'static str = "PostKind";
    const ABOUT: &'static str = "What a post is (nature du poste).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("project_manager", "Chef de projet"), ("other", "Autre")];
}

/// What a post is (nature du poste).
pub type PostKind = Word<PostKindWords>;

/// A post (poste), such as a project manager's (chef de projet).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = posts, check_for_backend(diesel::pg::Pg))]
pub struct Post {
    pub id: Id,
    /// What the source calls it.
    pub title: Name,
    pub kind: PostKind,
    /// Its territory.
    pub territory_id: Id,
    /// The partner that employs.
    pub employer_id: Option<Id>,
    /// Who holds it.
    pub person_id: Option<Id>,
    /// Its first day, as it is understood.
    pub starts_on: Option<Day>,
    /// The same, as the source says it.
    pub starts_stated: Option<ShortText>,
    /// How much of it the source tells.
    pub starts_precision: Option<Precision>,
    /// How sure it is what it means.
    pub starts_confidence: Option<Confidence>,
    /// To this day, included.
    pub ends_on: Option<Day>,
    /// What the source claims of it.
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Post {
    /// Whose it is.
    fn place(&self) -> Place {
        Place::territory(self.territory_id)
    }
}

impl Resource for Post {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A post, with what was asked along.
#[derive(Debug, Serialize, ToSchema)]
pub struct PostView {
    #[serde(flatten)]
    post: Post,
    /// Who pays it.
    #[serde(skip_serializing_if = "Option::is_none")]
    funding_lines: Option<Vec<PostFunding>>,
}

impl From<Post> for PostView {
    fn from(post: Post) -> Self {
        Self { post, funding_lines: None }
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = posts, treat_none_as_default_value = false)]
pub struct NewPost {
    /// What the source calls it.
    title: Name,
    #[serde(default)]
    kind: PostKind,
    /// Its territory.
    territory_id: Id,
    /// The partner that employs.
    employer_id: Option<Id>,
    /// Who holds it.
    person_id: Option<Id>,
    /// Its first day, as it is understood.
    starts_on: Option<Day>,
    /// The same, as the source says it.
    starts_stated: Option<ShortText>,
    /// How much of it the source tells.
    starts_precision: Option<Precision>,
    /// How sure it is what it means.
    starts_confidence: Option<Confidence>,
    /// To this day, included.
    ends_on: Option<Day>,
    /// What the source claims of it.
    note: Option<LongText>,
    /// Who pays it.
    #[serde(default)]
    #[diesel(skip_insertion)]
    funding_lines: Many<NewPostFunding>,
}

impl NewPost {
    /// Whose it is to be.
    fn place(&self) -> Place {
        Place::territory(self.territory_id)
    }

    /// Refuses what the caller may not know.
    async fn check(&self, reach: &Reach, conn: &mut Conn) -> Result<()> {
        may_name_person(self.person_id, reach, conn).await?;
        Ok(())
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = posts)]
pub struct PostPatch {
    /// What the source calls it.
    title: Option<Name>,
    kind: Option<PostKind>,
    /// The partner that employs.
    employer_id: Option<Option<Id>>,
    /// Who holds it.
    person_id: Option<Option<Id>>,
    /// Its first day, as it is understood.
    starts_on: Option<Option<Day>>,
    /// The same, as the source says it.
    starts_stated: Option<Option<ShortText>>,
    /// How much of it the source tells.
    starts_precision: Option<Option<Precision>>,
    /// How sure it is what it means.
    starts_confidence: Option<Option<Confidence>>,
    /// To this day, included.
    ends_on: Option<Option<Day>>,
    /// What the source claims of it.
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(posts::search),
        field(posts::title).sorted(),
        word::<PostKindWords, _>(posts::kind).sorted(),
        field(posts::territory_id),
        field(posts::employer_id),
        field(posts::person_id).personal(posts::id),
        field(posts::starts_on).sorted(),
        word::<PrecisionWords, _>(posts::starts_precision),
        word::<ConfidenceWords, _>(posts::starts_confidence),
        field(posts::ends_on).sorted(),
        period("on", posts::starts_on, posts::ends_on),
        field(posts::created_at).sorted(),
        field(posts::updated_at).sorted(),
    ]
});

impl Listed for Post {
    type Table = posts::table;
    type Key = posts::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Post {
    type View = PostView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("funding_lines", "Who pays it.")];
    const ORDER: &'static str = "title";

    async fn include(along: &mut Along<'_, PostView>) -> Result<()> {
        along.parts("funding_lines", post_funding_lines::post_id, |row: &PostFunding| row.post_id, |view| &mut view.funding_lines).await
    }

    async fn veil(views: &mut Views<PostView>, reach: &Reach, conn: &mut Conn) -> Result<()> {
        Ok(rights::veil(views.iter_mut().map(|(id, row)| (*id, &mut row.post.person_id)), reach, conn).await?)
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    funding_lines::routes(routes);
    routes.service(list_posts).service(create_post).service(read_post).service(update_post).service(delete_post);
}

async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<Post> {
    posts::table.find(id).select(Post::as_select()).first(conn).await.or_gone("posts", None, id, reach, conn).await
}

async fn lock(id: Id, editor: &Editor, conn: &mut Conn) -> Result<Post> {
    let post = posts::table.find(id).select(Post::as_select()).for_no_key_update();
    let post = post.first(conn).await.or_gone("posts", None, id, editor.reach(), conn).await?;
    editor.within(&post.place())?;
    Ok(post)
}

/// Makes one under this identifier, with its parts.
pub async fn insert(id: Id, new: &NewPost, conn: &mut Conn) -> Result<Post> {
    let row = (posts::id.eq(id), new);
    let post = diesel::insert_into(posts::table).values(row).returning(Post::as_returning()).get_result(conn).await?;
    for (index, child) in new.funding_lines.iter().enumerate() {
        funding_lines::insert(id, child, conn).await.map_err(|problem| problem.inside("funding_lines", index))?;
    }
    Ok(post)
}

/// List posts
#[utoipa::path(params(List<Post>), responses((status = OK, body = Page<PostView>)))]
#[get("/posts")]
async fn list_posts(db: Data<Db>, list: List<Post>) -> Result<Page<PostView>> {
    list.page(&db).await
}

/// Create a post
#[utoipa::path(responses((status = CREATED, body = Post)))]
#[post("/posts")]
async fn create_post(db: Data<Db>, editor: Editor, body: Json<NewPost>) -> Result<Created<Post>> {
    db.write(&editor, async |conn| {
        let new = body.valid()?;
        editor.within(&new.place())?;
        new.check(editor.reach(), conn).await?;
        Ok(Created(insert(Id::new(), &new, conn).await?))
    })
    .await
}

/// Read a post
#[utoipa::path(params(One<Post>), responses((status = OK, body = PostView)))]
#[get("/posts/{id}")]
async fn read_post(db: Data<Db>, At(id): At, one: One<Post>) -> Result<Tagged<PostView>> {
    one.answer(&db, id, find).await
}

/// Change a post
#[utoipa::path(responses((status = OK, body = Post)))]
#[patch("/posts/{id}")]
async fn update_post(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch, body: Json<PostPatch>) -> Result<Tagged<Post>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        may_name_person(patch.person_id.flatten(), editor.reach(), conn).await?;
        let update = diesel::update(posts::table.find(id)).set(&patch);
        let changed = update.returning(Post::as_returning()).get_result(conn).await;
        let mut changed = changed.or_unchanged(current)?;
        rights::veil(std::iter::once((changed.id, &mut changed.person_id)), editor.reach(), conn).await?;
        Ok(changed.into())
    })
    .await
}

/// Delete a post
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/posts/{id}")]
async fn delete_post(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(id, &editor, conn).await?, conn).await?;
        diesel::delete(posts::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
