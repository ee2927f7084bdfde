//! Where a thing stands: alone, or inside of the thing that it is a part of.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use diesel::{Column, NotFound, QueryResult, pg::Pg, query_builder::QueryFragment, sql_types::Uuid};
use diesel_async::methods::LoadQuery;

use super::{Card, Noun, Where, find, lock};
use crate::{
    db::{
        Conn, Db, Weighed,
        listing::{Keys, Listed, Listing, Rows, Scope, Total},
    },
    http::{At, List, Page, PartOf, Problem, Result, Shown, Writer},
    rights::{Place, Reach},
    values::Id,
};

/// A noun that can be listed: every [`Shown`] whose rows diesel can load. The bounds of diesel are written here only.
pub trait Paged: Shown + Send {
    /// The page that a list answers.
    fn page(list: List<Self>, db: &Db) -> impl Future<Output = Result<Page<Self::View>>>;
    /// The page with the parts of one thing, which `whole` finds.
    fn page_within<C, W>(
        list: List<Self>,
        db: &Db,
        column: C,
        id: Id,
        whole: impl AsyncFn(Id, &Reach, &mut Conn) -> Result<W>,
    ) -> impl Future<Output = Result<Page<Self::View>>>
    where
        C: Column<SqlType = Uuid> + QueryFragment<Pg> + Send + Sync + 'static;
    /// The row with this identifier and this whole, if it is in the scope.
    fn one<W: Whole>(whole: W::Id, id: Id, scope: Scope<Self::Table>, conn: &mut Conn) -> impl Future<Output = QueryResult<Self>>;
}

impl<N> Paged for N
where
    N: Shown + Send,
    N::Key: QueryFragment<Pg> + Send + Sync,
    for<'a> Rows<'a, N>: LoadQuery<'a, Conn, Weighed<(N, Keys)>>,
    for<'a> Total<'a, N>: LoadQuery<'a, Conn, i64>,
{
    async fn page(list: List<Self>, db: &Db) -> Result<Page<Self::View>> {
        list.page(db).await
    }

    async fn page_within<C, W>(
        list: List<Self>,
        db: &Db,
        column: C,
        id: Id,
        whole: impl AsyncFn(Id, &Reach, &mut Conn) -> Result<W>,
    ) -> Result<Page<Self::View>>
    where
        C: Column<SqlType = Uuid> + QueryFragment<Pg> + Send + Sync + 'static,
    {
        list.parts(db, column, id, whole).await
    }

    async fn one<W: Whole>(whole: W::Id, id: Id, scope: Scope<Self::Table>, conn: &mut Conn) -> QueryResult<Self> {
        let mut listing = Listing::<N>::default();
        W::limit(&mut listing, whole);
        listing.within(N::Key::default(), vec![id]);
        listing.scope = Some(scope);
        listing.rows(conn).await?.pop().map(|(row, _)| row).ok_or(NotFound)
    }
}

/// What the things of a noun are parts of: of nothing ([`Alone`]), or of the things of another noun ([`Of`]).
pub trait Whole: Sized + 'static {
    /// The type that names the whole in an address.
    type Id: Copy;
    /// The type of the whole.
    type Thing;
    /// Is there a whole?
    const IS: bool;
    /// The card of the whole.
    const CARD: Option<&'static Card>;
    /// The column by which a part points to its whole.
    const COLUMN: Option<&'static str>;

    /// Reads the whole from the path of a request for the list of its parts.
    fn of_path(request: &HttpRequest) -> Result<Self::Id>;
    /// Reads the whole and the identifier of the thing itself from the path of a request.
    fn both_of_path(request: &HttpRequest) -> Result<(Self::Id, Id)>;
    /// The identifier, if there is a whole.
    fn id(id: Self::Id) -> Option<Id>;
    /// Refuses (404, 410) a whole that the caller may not see.
    fn see(id: Self::Id, reach: &Reach, conn: &mut Conn) -> impl Future<Output = Result<()>>;
    /// Finds the whole, if the caller may see it, and locks it until the transaction ends. Locking the whole also locks its parts.
    fn open(id: Self::Id, by: &Writer, conn: &mut Conn) -> impl Future<Output = Result<Self::Thing>>;
    /// The place over which the right to change the whole is checked.
    fn place(thing: &Self::Thing) -> Place;
    /// Limits a listing to the parts of this whole.
    fn limit<N: Listed>(listing: &mut Listing<N>, id: Self::Id);
    /// The page with the things inside of the whole.
    fn page<N: Paged>(list: List<N>, id: Self::Id, db: &Db) -> impl Future<Output = Result<Page<N::View>>>;
}

/// The things of the noun stand alone: they are parts of nothing.
pub struct Alone;

impl Whole for Alone {
    type Id = ();
    type Thing = ();
    const IS: bool = false;
    const CARD: Option<&'static Card> = None;
    const COLUMN: Option<&'static str> = None;

    fn of_path(_: &HttpRequest) -> Result<()> {
        Ok(())
    }
    fn both_of_path(request: &HttpRequest) -> Result<((), Id)> {
        At::of(request).map(|At(id)| ((), id))
    }
    fn id((): ()) -> Option<Id> {
        None
    }
    async fn see((): (), _: &Reach, _: &mut Conn) -> Result<()> {
        Ok(())
    }
    async fn open((): (), _: &Writer, _: &mut Conn) -> Result<()> {
        Ok(())
    }
    fn place((): &()) -> Place {
        Place::nation()
    }
    fn limit<N: Listed>(_: &mut Listing<N>, (): ()) {}
    async fn page<N: Paged>(list: List<N>, (): (), db: &Db) -> Result<Page<N::View>> {
        N::page(list, db).await
    }
}

/// The things of the noun are parts of the things of `W`, to which the column `C` points.
pub struct Of<W, C>(PhantomData<(W, C)>);

impl<W, C> Whole for Of<W, C>
where
    W: Noun<Whole = Alone>,
    C: Column<SqlType = Uuid> + QueryFragment<Pg> + Default + Send + Sync + 'static,
{
    type Id = Id;
    type Thing = W;
    const IS: bool = true;
    const CARD: Option<&'static Card> = Some(&W::CARD);
    const COLUMN: Option<&'static str> = Some(C::NAME);

    fn of_path(request: &HttpRequest) -> Result<Id> {
        At::of(request).map(|At(id)| id)
    }
    fn both_of_path(request: &HttpRequest) -> Result<(Id, Id)> {
        PartOf::of(request).map(|PartOf { id, part }| (id, part))
    }
    fn id(id: Id) -> Option<Id> {
        Some(id)
    }
    async fn see(id: Id, reach: &Reach, conn: &mut Conn) -> Result<()> {
        find::<W>(Address::alone(id), reach, conn).await.map(drop)
    }
    async fn open(id: Id, by: &Writer, conn: &mut Conn) -> Result<W> {
        lock(Address::alone(id), by.reach(), conn).await
    }
    fn place(whole: &W) -> Place {
        match W::WRITING.change {
            Where::At(place) => place(whole),
            Where::Nation | Where::Anywhere | Where::Whole => Place::nation(),
        }
    }
    fn limit<N: Listed>(listing: &mut Listing<N>, id: Id) {
        listing.within(C::default(), vec![id]);
    }
    async fn page<N: Paged>(list: List<N>, id: Id, db: &Db) -> Result<Page<N::View>> {
        N::page_within(list, db, C::default(), id, async |id, reach, conn| find::<W>(Address::alone(id), reach, conn).await).await
    }
}

/// The address of a thing: its identifier, and for a part also the identifier of its whole.
pub struct Address<N: Noun> {
    /// The identifier of the whole.
    pub whole: <N::Whole as Whole>::Id,
    /// The identifier of the thing.
    pub id: Id,
}

impl<N: Noun> Clone for Address<N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N: Noun> Copy for Address<N> {}

impl<N: Noun<Whole = Alone>> Address<N> {
    /// The address of a thing that is not a part.
    pub fn alone(id: Id) -> Self {
        Self { whole: (), id }
    }
}

impl<N: Noun> Address<N> {
    /// The address of a new thing.
    pub fn new(whole: <N::Whole as Whole>::Id) -> Self {
        Self { whole, id: Id::new() }
    }
}

/// Reads the address from the path of a request.
impl<N: Noun> FromRequest for Address<N> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(N::Whole::both_of_path(request).map(|(whole, id)| Self { whole, id }))
    }
}

/// The whole inside of which things are listed or created, from the path of a request; nothing for things that stand alone.
pub struct Within<N: Noun>(pub <N::Whole as Whole>::Id);

impl<N: Noun> FromRequest for Within<N> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(N::Whole::of_path(request).map(Self))
    }
}
