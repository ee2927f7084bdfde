//! Who pays for a post, and how much, as far as it is known.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Post;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, word},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Rule, Writing},
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
    /// The post that this belongs to (poste).
    pub post_id: Id,
    /// The kind of funder (nature du financeur).
    pub funder: PostFunder,
    /// The partner that funds (financeur).
    pub partner_id: Option<Id>,
    /// The amount, in euros (montant); null when it is unknown.
    pub amount_eur: Option<Amount>,
    pub basis: Basis,
    /// The share of the cost of the post, in percent (part).
    pub share_pct: Option<Amount>,
    /// The year that the amounts are for (année).
    pub year: Option<Count>,
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = post_funding_lines, treat_none_as_default_value = false)]
#[schema(as = NewPostFundingLine)]
pub struct NewPostFunding {
    /// The kind of funder (nature du financeur).
    funder: PostFunder,
    /// The partner that funds (financeur).
    partner_id: Option<Id>,
    /// The amount, in euros (montant); null when it is unknown.
    amount_eur: Option<Amount>,
    #[serde(default)]
    basis: Basis,
    /// The share of the cost of the post, in percent (part).
    share_pct: Option<Amount>,
    /// The year that the amounts are for (année).
    year: Option<Count>,
    note: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = post_funding_lines)]
#[schema(as = PostFundingLinePatch)]
pub struct PostFundingPatch {
    /// The kind of funder (nature du financeur).
    funder: Option<PostFunder>,
    /// The partner that funds (financeur).
    partner_id: Option<Option<Id>>,
    /// The amount, in euros (montant); null when it is unknown.
    amount_eur: Option<Option<Amount>>,
    basis: Option<Basis>,
    /// The share of the cost of the post, in percent (part).
    share_pct: Option<Option<Amount>>,
    /// The year that the amounts are for (année).
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

impl Noun for PostFunding {
    const CARD: Card = Card {
        table: "post_funding_lines",
        one: "post_funding_line",
        a: "a funding line of a post",
        all: "the funding lines of a post",
        rules: &[Rule("share", "/share_pct", "A share is of 100.", "Une part est sur 100.")],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<Post, post_funding_lines::post_id>;
    type Right = Content;
    type New = NewPostFunding;
    type Patch = PostFundingPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        post_funding_lines::table.find(at.id).filter(post_funding_lines::post_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewPostFunding, conn: &mut Conn) -> Result<Self> {
        let row = (post_funding_lines::id.eq(at.id), post_funding_lines::post_id.eq(at.whole), new);
        Ok(diesel::insert_into(post_funding_lines::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &PostFundingPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(post_funding_lines::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(post_funding_lines::table.find(at.id)).execute(conn).await
    }
}
