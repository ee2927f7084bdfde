//! The card of a noun: what the document, the feed, the history, the demo and the ledger need to know about the noun.

use actix_web::{guard::fn_guard, web::Bytes};
use futures_util::{FutureExt, future::LocalBoxFuture};
use utoipa::ToSchema;
use utoipa_actix_web::{scope::scope, service_config::ServiceConfig};

use super::{Act, Address, Alone, Noun, Whole, act, history};
use crate::{
    db::{Caused, Conn, Error},
    http::{Json, Problem, Result, Right, Said, Shown, Writer},
    rights::Role,
    values::Id,
};

/// What is true of a noun and not said by its types.
#[derive(Debug)]
pub struct Card {
    /// The table: `action_fiche_milestones`. The tag and the addresses are the same word with dashes. The addresses of a part stand below
    /// those of its whole.
    pub table: &'static str,
    /// The singular, for the names of operations: `objective`.
    pub one: &'static str,
    /// The singular in sentences: `an objective`, `a milestone of an action fiche`.
    pub a: &'static str,
    /// The plural in sentences: `objectives`, `the milestones of an action fiche`.
    pub all: &'static str,
    /// The description of the tag, with the French term. Empty for a part: its operations have the tag of the whole.
    pub about: &'static str,
    /// The members that tell the place of a thing, and so who may see, write and restore it: `territory_id`, `region_code`, and `id` for a
    /// thing that is a place itself.
    pub places: &'static [&'static str],
    /// The members that identify a person. They are emptied when the person is erased.
    pub erased: &'static [&'static str],
    /// The sentences for broken CHECK constraints.
    pub rules: &'static [Rule],
}

/// A rule between several members that the database checks: the name of the constraint without the name of the table, the member that the
/// refusal points to, and the sentence in English and in French.
#[derive(Debug)]
pub struct Rule(pub &'static str, pub &'static str, pub &'static str, pub &'static str);

impl Rule {
    /// A thing is not its own parent.
    pub const PARENT: Self = Self("parent", "/parent_id", "A thing is not its own parent.", "Un élément n'est pas son propre parent.");
    /// A thing is not related to itself.
    pub const OTHER: Self = Self("other", "", "A thing is not related to itself.", "Un élément n'est pas lié à lui-même.");
    /// The rule that a precision needs a date that was understood.
    pub const STATED: Self = Self("stated_precision", "", "A precision is of a date that is understood.", "Une précision demande une date comprise.");
    /// The rule that a participant is a person, a partner or a function.
    pub const ATTENDED: Self =
        Self("attended", "", "A person, a partner or a function is needed.", "Il faut une personne, un partenaire ou une fonction.");

    /// The rule that an end comes after its start, which the constraint with this name checks.
    pub const fn period(name: &'static str) -> Self {
        Self(name, "", "The end comes before the start.", "La fin précède le début.")
    }
}

impl Card {
    /// An empty card: the default of every member that a card leaves out.
    pub const EMPTY: Self = Self { table: "", one: "", a: "", all: "", about: "", places: &[], erased: &[], rules: &[] };

    /// The name in the feed: `action-fiches`; and for a part, with the singular of its whole in front: `action-fiche-milestones`.
    pub fn name(&self) -> String {
        self.table.replace('_', "-")
    }

    /// The last segment of the addresses: `action-fiches`, and for a part of this whole `milestones`.
    pub fn segment(&self, whole: Option<&Self>) -> String {
        let whole = whole.map(|whole| format!("{}_", whole.one)).unwrap_or_default();
        self.table.strip_prefix(&whole).unwrap_or(self.table).replace('_', "-")
    }
}

/// A noun in the list of all nouns: its card, and functions over its types.
pub struct Face {
    /// The card of the noun.
    pub card: &'static Card,
    /// The role that may write the noun.
    pub role: Role,
    /// For a part: the card of its whole, and the column that points to the whole.
    pub whole: Option<(&'static Card, &'static str)>,
    /// The members that name things which not everyone may see.
    pub names: fn() -> Vec<&'static str>,
    /// The parts of the noun.
    pub parts: &'static [Face],
    /// Registers the operations of the noun and of its parts.
    pub routes: fn(&mut ServiceConfig),
    /// Creates a thing with this identifier from a body, with the checks of every write. A part is created with its whole.
    pub make: Option<Make>,
}

/// A function that creates a thing with this identifier from this body.
pub type Make = for<'a> fn(Id, Bytes, &'a Writer, &'a mut Conn) -> LocalBoxFuture<'a, Result<()>>;

impl Face {
    /// The face of a noun.
    pub const fn of<N: Noun<Whole = Alone> + Shown<View: ToSchema>>() -> Self {
        Self {
            routes: |routes| {
                N::routes(routes);
                history::routes::<N>(routes);
                for part in N::PARTS {
                    let name = part.card.segment(Some(&N::CARD));
                    // `/api/v1/{noun}/{id}/{name}`
                    let theirs = fn_guard(move |request| request.head().uri.path().split('/').nth(5) == Some(&name));
                    routes.service(scope("").guard(theirs).configure(part.routes));
                }
            },
            make: Some(make::<N>),
            ..Self::part::<N>()
        }
    }

    /// The face of a part.
    pub const fn part<N: Noun>() -> Self {
        Self {
            card: &N::CARD,
            role: N::Right::ROLE,
            whole: match (N::Whole::CARD, N::Whole::COLUMN) {
                (Some(card), Some(column)) => Some((card, column)),
                _ => None,
            },
            names: || N::NAMES.iter().map(|naming| naming.member).collect(),
            parts: N::PARTS,
            routes: N::routes,
            make: None,
        }
    }

    /// The noun and its parts.
    pub fn family(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.parts)
    }
}

fn make<'a, N: Noun<Whole = Alone>>(id: Id, body: Bytes, by: &'a Writer, conn: &'a mut Conn) -> LocalBoxFuture<'a, Result<()>> {
    async move { act::<N>(&Act::Make(Address::alone(id), &Json::new(body)), by, conn).await.map(drop) }.boxed_local()
}

/// Adds the sentence of the broken rule to the refusal of a write: a rule of the noun, of its parts, or of its whole.
pub fn in_words<N: Noun>(problem: Problem) -> Problem {
    let Some(Error::Violated(violation)) = problem.caused() else { return problem };
    let cards = std::iter::once(&N::CARD).chain(N::PARTS.iter().map(|part| part.card)).chain(N::Whole::CARD);
    let rules = cards.flat_map(|card| card.rules.iter().map(move |rule| (card.table, rule)));
    let broken =
        |(table, Rule(name, ..)): &(&str, &Rule)| violation.constraint.strip_prefix(table).is_some_and(|rest| rest.strip_prefix('_') == Some(name));
    match rules.into_iter().find(broken) {
        Some((_, Rule(_, pointer, en, fr))) => problem.reworded(pointer, Said::new(*en, *fr)),
        None => problem,
    }
}
