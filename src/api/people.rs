//! People: persons in a public role only, with their functions.

mod mandates;

use std::sync::LazyLock;

use actix_web::{post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::mandates::{Mandate, NewMandate};
use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, Scope, field, word},
    },
    http::{Along, Approver, At, Decisions, IfMatch, Json, Resource, Result, Shown, Tagged, sent},
    ledger::history,
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Where, Writing, find, open},
    rights::{self, Reach},
    schema::{people, person_mandates},
    values::{Day, Id, LongText, Many, Name, Vocabulary, Word},
};

/// The words of [`PublicationBasis`].
#[derive(Debug, Clone)]
pub struct PublicationBasisWords;

impl Vocabulary for PublicationBasisWords {
    const NAME: &'static str = "PublicationBasis";
    const ABOUT: &'static str = "The legal ground on which a person may be named in public (fondement de la publication, CRPA L. 312-1-2 \
        and D. 312-1-3).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("not_publishable", "Non publiable"),
        ("elected_mandate", "Répertoire national des élus"),
        ("directory_of_officials", "Annuaire de l'administration"),
        ("company_register", "Registre des entreprises ou des associations"),
        ("consent", "Consentement"),
    ];
}

/// On what ground a person may be named in public (fondement de la publication).
pub type PublicationBasis = Word<PublicationBasisWords>;

/// A person in a public role (personne). A person without a legal ground to be named in public is visible only to callers who work with the
/// committees where the person sits.
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = people, check_for_backend(diesel::pg::Pg))]
pub struct Person {
    pub id: Id,
    /// The first name, then the family name, as far as they are known (prénom et nom).
    pub name: Name,
    /// Other spellings of the name (variantes).
    pub variants: Many<Name>,
    pub publication_basis: PublicationBasis,
    /// The day on which the person consented (consentement); only with the ground `consent`.
    #[schema(required)]
    pub consented_on: Option<Day>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Person {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A person in a public role, with the related things that `include` names.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonView {
    #[serde(flatten)]
    person: Person,
    /// The functions of the person, past and present (mandats, fonctions).
    #[serde(skip_serializing_if = "Option::is_none")]
    mandates: Option<Vec<Mandate>>,
}

impl From<Person> for PersonView {
    fn from(person: Person) -> Self {
        Self { person, mandates: None }
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = people, treat_none_as_default_value = false)]
pub struct NewPerson {
    /// The first name, then the family name, as far as they are known (prénom et nom).
    name: Name,
    /// Other spellings of the name (variantes).
    #[serde(default)]
    variants: Many<Name>,
    #[serde(default)]
    publication_basis: PublicationBasis,
    /// The day on which the person consented (consentement); only with the ground `consent`.
    consented_on: Option<Day>,
    /// The functions of the person, past and present (mandats, fonctions).
    #[serde(default)]
    #[diesel(skip_insertion)]
    mandates: Many<NewMandate>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = people)]
pub struct PersonPatch {
    /// The first name, then the family name, as far as they are known (prénom et nom).
    name: Option<Name>,
    /// Other spellings of the name (variantes).
    variants: Option<Many<Name>>,
    publication_basis: Option<PublicationBasis>,
    /// The day on which the person consented (consentement); only with the ground `consent`.
    consented_on: Option<Option<Day>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(people::search),
        field(people::name).sorted(),
        word::<PublicationBasisWords, _>(people::publication_basis),
        field(person_mandates::partner_id)
            .linked(person_mandates::person_id, people::id)
            .named("partner_id", "Those with a mandate at this partner."),
        field(people::created_at).sorted(),
        field(people::updated_at).sorted(),
    ]
});

impl Listed for Person {
    type Table = people::table;
    type Key = people::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Person {
    type View = PersonView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("mandates", "The functions, past and present (mandats, fonctions).")];
    const ORDER: &'static str = "name";

    fn scope(reach: &Reach) -> Option<Scope<people::table>> {
        rights::people(reach)
    }

    async fn include(along: &mut Along<'_, PersonView>) -> Result<()> {
        along.parts("mandates", person_mandates::person_id, |row: &Mandate| row.person_id, |view| &mut view.mandates).await
    }
}

impl Noun for Person {
    const CARD: Card = Card {
        table: "people",
        one: "person",
        a: "a person",
        all: "people",
        about: "People in a public role, with their mandates (personnes).",
        erased: &["name", "variants"],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing { make: Where::Anywhere, change: Where::Nation, remove: Where::Nation };
    const PARTS: &'static [Face] = &[Face::part::<Mandate>()];
    type Whole = Alone;
    type Right = Decisions;
    type New = NewPerson;
    type Patch = PersonPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
        routes.service(create_person_erasure);
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        people::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewPerson, conn: &mut Conn) -> Result<Self> {
        let row = (people::id.eq(at.id), new);
        Ok(diesel::insert_into(people::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &PersonPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(people::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(people::table.find(at.id)).execute(conn).await
    }
    async fn parts(new: &NewPerson, parts: &mut Parts<'_>) -> Result<()> {
        parts.take::<Mandate>("mandates", &new.mandates).await
    }
}

/// The body of a request that erases the personal data of a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPersonErasure {
    /// Why the person is forgotten (motif): the request of the person, the decision that was taken.
    reason: LongText,
}

/// Forget a person
///
/// Erases the personal data (droit à l'effacement), now and in all past versions: the name and its spellings, the functions and notes of the
/// mandates, what is said of the person where it sits, attends, signs or has a post, the passages about all these, and why and under which
/// name of a request they were written. The seats and links of the person stay. The ledger keeps that the person was forgotten, by whom and
/// why. The caller must be an approver of the nation. A deleted person must be restored first.
#[utoipa::path(params(("If-Match" = String, Header)), responses((status = OK, body = Person)))]
#[post("/people/{id}/erasure")]
async fn create_person_erasure(
    db: Data<Db>,
    editor: Approver,
    At(id): At,
    if_match: IfMatch,
    body: Json<NewPersonErasure>,
) -> Result<Tagged<Person>> {
    db.write(&editor, async |conn| {
        let current = open::<Person>(Address::alone(id), &Person::WRITING.change, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let erasure = body.valid()?;
        history::because(Some(erasure.reason.as_str()), conn).await?;
        history::erase_person(id, conn).await?;
        Ok(find::<Person>(Address::alone(id), editor.reach(), conn).await?.into())
    })
    .await
}
