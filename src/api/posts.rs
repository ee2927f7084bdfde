//! Posts: project managers and others, with their employer and who pays for the post.

mod funding_lines;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::funding_lines::{NewPostFunding, PostFunding};
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, period, word},
    },
    http::{Along, Content, Resource, Result, Shown, Views, sent},
    noun::{Address, Alone, Card, Face, Naming, Noun, Operations, Parts, Rule, Writing},
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

/// A post (poste), such as the post of a project manager (chef de projet).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = posts, check_for_backend(diesel::pg::Pg))]
pub struct Post {
    pub id: Id,
    /// The name of the post in the source (intitulé).
    pub title: Name,
    pub kind: PostKind,
    /// The territory (territoire).
    pub territory_id: Id,
    /// The partner that employs the holder (employeur).
    pub employer_id: Option<Id>,
    /// The person who holds the post (titulaire).
    pub person_id: Option<Id>,
    /// The first day, as the service reads the source (date de début).
    pub starts_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    pub starts_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    pub starts_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    pub starts_confidence: Option<Confidence>,
    /// The last day, included; null when it is unknown or has not come.
    pub ends_on: Option<Day>,
    /// What the source says about the post.
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Post {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A post, with the related things that `include` names.
#[derive(Debug, Serialize, ToSchema)]
pub struct PostView {
    #[serde(flatten)]
    post: Post,
    /// The funding lines of the post: who pays for it (plan de financement).
    #[serde(skip_serializing_if = "Option::is_none")]
    funding_lines: Option<Vec<PostFunding>>,
}

impl From<Post> for PostView {
    fn from(post: Post) -> Self {
        Self { post, funding_lines: None }
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = posts, treat_none_as_default_value = false)]
pub struct NewPost {
    /// The name of the post in the source (intitulé).
    title: Name,
    #[serde(default)]
    kind: PostKind,
    /// The territory (territoire).
    territory_id: Id,
    /// The partner that employs the holder (employeur).
    employer_id: Option<Id>,
    /// The person who holds the post (titulaire).
    person_id: Option<Id>,
    /// The first day, as the service reads the source (date de début).
    starts_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    starts_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    starts_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    starts_confidence: Option<Confidence>,
    /// The last day, included; null when it is unknown or has not come.
    ends_on: Option<Day>,
    /// What the source says about the post.
    note: Option<LongText>,
    /// The funding lines of the post: who pays for it (plan de financement).
    #[serde(default)]
    #[diesel(skip_insertion)]
    funding_lines: Many<NewPostFunding>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = posts)]
pub struct PostPatch {
    /// The name of the post in the source (intitulé).
    title: Option<Name>,
    kind: Option<PostKind>,
    /// The partner that employs the holder (employeur).
    employer_id: Option<Option<Id>>,
    /// The person who holds the post (titulaire).
    person_id: Option<Option<Id>>,
    /// The first day, as the service reads the source (date de début).
    starts_on: Option<Option<Day>>,
    /// The same date, in the words of the source (date telle que la source la donne).
    starts_stated: Option<Option<ShortText>>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    starts_precision: Option<Option<Precision>>,
    /// How sure the reading of the source's words is (fiabilité).
    starts_confidence: Option<Option<Confidence>>,
    /// The last day, included; null when it is unknown or has not come.
    ends_on: Option<Option<Day>>,
    /// What the source says about the post.
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
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("funding_lines", "The funding lines (plan de financement).")];
    const ORDER: &'static str = "title";

    async fn include(along: &mut Along<'_, PostView>) -> Result<()> {
        along.parts("funding_lines", post_funding_lines::post_id, |row: &PostFunding| row.post_id, |view| &mut view.funding_lines).await
    }

    async fn veil(views: &mut Views<PostView>, reach: &Reach, conn: &mut Conn) -> Result<()> {
        Ok(rights::veil(views.iter_mut().map(|(id, row)| (*id, &mut row.post.person_id)), reach, conn).await?)
    }
}

impl Noun for Post {
    const CARD: Card = Card {
        table: "posts",
        one: "post",
        a: "a post",
        all: "posts",
        about: "Posts with their funding lines (postes, chefs de projet).",
        places: &["territory_id"],
        erased: &["note"],
        rules: &[Rule::period("period"), Rule::STATED],
    };
    const WRITING: Writing<Self> = Writing::at(|post| Place::territory(post.territory_id), |new| Place::territory(new.territory_id));
    const NAMES: &'static [Naming<Self>] = &[Naming::<Self>::person(|new| new.person_id, |patch| patch.person_id.flatten())];
    const PARTS: &'static [Face] = &[Face::part::<PostFunding>()];
    type Whole = Alone;
    type Right = Content;
    type New = NewPost;
    type Patch = PostPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        posts::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewPost, conn: &mut Conn) -> Result<Self> {
        let row = (posts::id.eq(at.id), new);
        Ok(diesel::insert_into(posts::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &PostPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(posts::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(posts::table.find(at.id)).execute(conn).await
    }
    async fn parts(new: &NewPost, parts: &mut Parts<'_>) -> Result<()> {
        parts.take::<PostFunding>("funding_lines", &new.funding_lines).await
    }
}
