//! The five shared operations of a noun. A noun that deviates in an operation has a handler of its own for it.

use std::marker::PhantomData;

use actix_web::{http::Method, web::Data};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Act, Address, Entry, Noun, Whole, Within, act, find, look};
use crate::{
    db::Db,
    http::{Created, Holder, IfMatch, Json, List, NoContent, One, Page, Result, Shown, Tagged},
};

/// Registers the shared operations that a noun takes.
pub struct Operations<'a, 's, N> {
    routes: &'a mut ServiceConfig<'s>,
    about: &'static str,
    noun: PhantomData<N>,
}

impl<'a, 's, N> Operations<'a, 's, N>
where
    N: Noun + Shown<View: ToSchema>,
{
    /// Begins to register the operations of this noun.
    pub fn of(routes: &'a mut ServiceConfig<'s>) -> Self {
        Self { routes, about: "", noun: PhantomData }
    }

    /// Takes all five operations.
    pub fn all(self) -> Self {
        self.list().create().read().update().delete()
    }

    /// Adds a description to the next operation.
    pub fn saying(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Takes the operation that lists things.
    pub fn list(self) -> Self {
        let entry = Entry::new(Method::GET, Self::path(), format!("list_{}", N::CARD.table), format!("List {}", N::CARD.all), list::<N>);
        self.entry(entry.asks::<List<N>>().answers_page::<N::View>())
    }

    /// Takes the operation that creates a thing.
    pub fn create(self) -> Self {
        let verb = if N::Whole::IS { "Add" } else { "Create" };
        let entry = self.one(Method::POST, Self::path(), "create", verb, create::<N>);
        self.entry(entry.takes::<N::New>().answers::<N>("201"))
    }

    /// Takes the operation that reads a thing.
    pub fn read(self) -> Self {
        let entry = self.one(Method::GET, Self::path_of_one(), "read", "Read", read::<N>);
        self.entry(entry.asks::<One<N>>().answers::<N::View>("200"))
    }

    /// Takes the operation that changes a thing.
    pub fn update(self) -> Self {
        let entry = self.one(Method::PATCH, Self::path_of_one(), "update", "Change", update::<N>);
        self.entry(entry.takes::<N::Patch>().answers::<N>("200"))
    }

    /// Takes the operation that removes a thing.
    pub fn delete(self) -> Self {
        let verb = if N::Whole::IS { "Remove" } else { "Delete" };
        let entry = self.one(Method::DELETE, Self::path_of_one(), "delete", verb, delete::<N>);
        self.entry(entry.answers_nothing())
    }

    fn one<F, Args>(&self, method: Method, path: String, id: &str, verb: &str, handler: F) -> Entry
    where
        F: actix_web::Handler<Args, Output: actix_web::Responder + 'static>,
        Args: actix_web::FromRequest + 'static,
    {
        Entry::new(method, path, format!("{id}_{}", N::CARD.one), format!("{verb} {}", N::CARD.a), handler)
    }

    fn entry(self, entry: Entry) -> Self {
        self.routes.service(entry.about(self.about));
        Self { about: "", ..self }
    }

    /// `/objectives`, `/action-fiches/{id}/milestones`.
    fn path() -> String {
        let segment = N::CARD.segment(N::Whole::CARD);
        match N::Whole::CARD {
            None => format!("/{segment}"),
            Some(whole) => format!("/{}/{{id}}/{segment}", whole.name()),
        }
    }

    fn path_of_one() -> String {
        format!("{}/{{{}}}", Self::path(), if N::Whole::IS { "part_id" } else { "id" })
    }
}

async fn list<N: Noun>(db: Data<Db>, within: Within<N>, list: List<N>) -> Result<Page<N::View>> {
    N::Whole::page(list, within.0, &db).await
}

async fn create<N: Noun>(db: Data<Db>, by: Holder<N::Right>, within: Within<N>, body: Json<N::New>) -> Result<Created<N>> {
    let at = Address::new(within.0);
    db.write(&by, async |conn| act(&Act::Make(at, &body), &by, conn).await?.thing().map(Created)).await
}

async fn read<N: Noun>(db: Data<Db>, at: Address<N>, one: One<N>) -> Result<Tagged<N::View>> {
    one.answer(&db, at, async |at: Address<N>, reach, conn| {
        if N::Whole::IS {
            N::Whole::see(at.whole, reach, conn).await?;
            return look(at, reach, conn).await;
        }
        find(at, reach, conn).await
    })
    .await
}

async fn update<N: Noun>(db: Data<Db>, by: Holder<N::Right>, at: Address<N>, if_match: IfMatch, body: Json<N::Patch>) -> Result<Tagged<N::View>> {
    db.write(&by, async |conn| {
        let changed = act(&Act::Change(at, &if_match, &body), &by, conn).await?.thing()?;
        let (id, version) = (changed.id(), changed.version());
        let mut views = vec![(id, N::View::from(changed))];
        N::veil(&mut views, by.reach(), conn).await?;
        let (_, view) = views.remove(0);
        Ok(Tagged(version, view))
    })
    .await
}

async fn delete<N: Noun>(db: Data<Db>, by: Holder<N::Right>, at: Address<N>, if_match: IfMatch) -> Result<NoContent> {
    db.write(&by, async |conn| act(&Act::<N>::Remove(at, &if_match), &by, conn).await.map(|_| NoContent)).await
}
