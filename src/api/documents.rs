//! Documents: minutes, slides, deeds, web pages. The facts come from them.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn,
        listing::{Field, Listed, Scope, field, word},
    },
    http::{Content, Resource, Result, Shown, Writer, sent},
    noun::{Address, Alone, Card, Noun, Operations, Restoration, Writing, may_cite_so},
    rights::{self, Place, Reach},
    schema::documents,
    values::{Day, Id, LongText, Name, ShortText, Url, Visibility, VisibilityWords, Vocabulary, Word},
};

/// The words of [`DocumentKind`].
#[derive(Debug, Clone)]
pub struct DocumentKindWords;

impl Vocabulary for DocumentKindWords {
    const NAME: &'static str = "DocumentKind";
    const ABOUT: &'static str = "What a document is (nature du document).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("minutes", "Compte-rendu"),
        ("slides", "Support d'animation"),
        ("synthesis", "Synthèse"),
        ("participant_list", "Liste des participants"),
        ("deliberation", "Délibération"),
        ("signed_deed", "Acte signé"),
        ("web_page", "Page web"),
        ("press", "Article de presse"),
        ("form", "Formulaire"),
        ("report", "Rapport"),
        ("data_set", "Jeu de données"),
        ("other", "Autre"),
    ];
}

/// What a document is (nature du document).
pub type DocumentKind = Word<DocumentKindWords>;

/// The words of [`LinkState`].
#[derive(Debug, Clone)]
pub struct LinkStateWords;

impl Vocabulary for LinkStateWords {
    const NAME: &'static str = "LinkState";
    const ABOUT: &'static str = "The state of the link when it was last checked (état du lien).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("alive", "Accessible"), ("moved", "Déplacé"), ("gone", "Disparu")];
}

/// The state of the link when it was last checked (état du lien).
pub type LinkState = Word<LinkStateWords>;

/// A document (document, source). It is described here whether or not it can still be read.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = documents, check_for_backend(diesel::pg::Pg))]
pub struct Document {
    pub id: Id,
    /// The title (titre).
    pub title: Name,
    pub kind: DocumentKind,
    /// The address where the document can be read (lien); null when none is known.
    pub url: Option<Url>,
    /// What was found at the address (état du lien).
    pub url_state: Option<LinkState>,
    /// The day on which the address was last checked.
    pub url_checked_on: Option<Day>,
    /// The partner that published the document (éditeur).
    pub publisher_id: Option<Id>,
    /// Who published the document, in the words of the source (éditeur).
    pub publisher: Option<ShortText>,
    pub published_on: Option<Day>,
    /// The day on which the document was last changed (date de mise à jour).
    pub updated_on: Option<Day>,
    /// The licence under which the document may be reused (licence).
    pub licence: Option<ShortText>,
    /// What the document is about (description).
    pub description: Option<LongText>,
    /// The territory that the document is about; null when it is about no single one.
    pub territory_id: Option<Id>,
    pub visibility: Visibility,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Document {
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
#[diesel(table_name = documents, treat_none_as_default_value = false)]
pub struct NewDocument {
    /// The title (titre).
    title: Name,
    kind: DocumentKind,
    /// The address where the document can be read (lien); null when none is known.
    url: Option<Url>,
    /// What was found at the address (état du lien).
    url_state: Option<LinkState>,
    /// The day on which the address was last checked.
    url_checked_on: Option<Day>,
    /// The partner that published the document (éditeur).
    publisher_id: Option<Id>,
    /// Who published the document, in the words of the source (éditeur).
    publisher: Option<ShortText>,
    published_on: Option<Day>,
    /// The day on which the document was last changed (date de mise à jour).
    updated_on: Option<Day>,
    /// The licence under which the document may be reused (licence).
    licence: Option<ShortText>,
    /// What the document is about (description).
    description: Option<LongText>,
    /// The territory that the document is about; null when it is about no single one.
    territory_id: Option<Id>,
    #[serde(default)]
    visibility: Visibility,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = documents)]
pub struct DocumentPatch {
    /// The title (titre).
    title: Option<Name>,
    kind: Option<DocumentKind>,
    /// The address where the document can be read (lien); null when none is known.
    url: Option<Option<Url>>,
    /// What was found at the address (état du lien).
    url_state: Option<Option<LinkState>>,
    /// The day on which the address was last checked.
    url_checked_on: Option<Option<Day>>,
    /// The partner that published the document (éditeur).
    publisher_id: Option<Option<Id>>,
    /// Who published the document, in the words of the source (éditeur).
    publisher: Option<Option<ShortText>>,
    published_on: Option<Option<Day>>,
    /// The day on which the document was last changed (date de mise à jour).
    updated_on: Option<Option<Day>>,
    /// The licence under which the document may be reused (licence).
    licence: Option<Option<ShortText>>,
    /// What the document is about (description).
    description: Option<Option<LongText>>,
    visibility: Option<Visibility>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(documents::search),
        field(documents::title).sorted(),
        word::<DocumentKindWords, _>(documents::kind).sorted(),
        word::<LinkStateWords, _>(documents::url_state),
        field(documents::url_checked_on).sorted(),
        field(documents::publisher_id),
        field(documents::published_on).sorted(),
        field(documents::updated_on).sorted(),
        field(documents::territory_id),
        word::<VisibilityWords, _>(documents::visibility),
        field(documents::created_at).sorted(),
        field(documents::updated_at).sorted(),
    ]
});

impl Listed for Document {
    type Table = documents::table;
    type Key = documents::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Document {
    type View = Self;
    const ORDER: &'static str = "title";

    fn scope(reach: &Reach) -> Option<Scope<documents::table>> {
        rights::visible(documents::visibility, documents::territory_id, reach)
    }
}

impl Noun for Document {
    const CARD: Card = Card {
        table: "documents",
        one: "document",
        a: "a document",
        all: "documents",
        about: "Documents: the sources of facts (documents).",
        places: &["territory_id"],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::at(
        |document| Place { territory: document.territory_id, ..Place::nation() },
        |new| Place { territory: new.territory_id, ..Place::nation() },
    );
    type Whole = Alone;
    type Right = Content;
    type New = NewDocument;
    type Patch = DocumentPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes)
            .list()
            .create()
            .read()
            .saying(
                "Making a document public also makes its citations public. So the caller must be an editor of the territory of each of \
                these citations.",
            )
            .update()
            .delete();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        documents::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewDocument, conn: &mut Conn) -> Result<Self> {
        let row = (documents::id.eq(at.id), new);
        Ok(diesel::insert_into(documents::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &DocumentPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(documents::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(documents::table.find(at.id)).execute(conn).await
    }
    async fn settle(&self, by: &Writer, conn: &mut Conn) -> Result<()> {
        may_cite_so(by, conn).await
    }
    async fn settle_restored(_: &Restoration<'_>, by: &Writer, conn: &mut Conn) -> Result<()> {
        may_cite_so(by, conn).await
    }
}
