//! A listing as a stream: all its rows, of one state of the database, however long it takes to read them. It is for files;
//! a page asks [`Listing::rows`].

use diesel_async::{SimpleAsyncConnection, methods::LoadQuery};
use futures_util::{Stream, stream};

use super::{
    Caused, Conn, Db, Error, Lease, SNAPSHOT, Sees, Weighed,
    listing::{Keys, Listed, Listing, Mark, Rows},
};
use crate::values::Instant;

impl Db {
    /// The rows of a listing, in its order, `chunk` rows at a time: those of now, or of a `past` instant as [`Db::past`] shows
    /// it. Memory never holds more than a chunk. `make` makes of each chunk what the stream gives, and may ask the same state
    /// of the database for more. The listing's own limit, offset and mark have no effect.
    ///
    /// An open stream occupies one connection of the pool: who offers streams limits how many are open at once. Between two
    /// chunks the reader may be silent for as long as the [`Patience`](super::Patience) says; then the stream ends with an
    /// error. At the end of the stream its connection goes back to the pool; dropped before the end, it is closed.
    pub async fn stream<N, T, E, F>(
        &self,
        mut listing: Listing<N>,
        chunk: u32,
        past: Option<(Instant, Option<&Sees>)>,
        make: F,
    ) -> Result<impl Stream<Item = Result<T, E>> + use<N, T, E, F>, E>
    where
        N: Listed + Send,
        for<'a> Rows<'a, N>: LoadQuery<'a, Conn, Weighed<(N, Keys)>>,
        E: From<Error> + Caused,
        F: AsyncFn(Vec<(N, Keys)>, &mut Conn) -> Result<T, E>,
    {
        let begin = match past {
            None => SNAPSHOT.to_owned(),
            Some((instant, sees)) => self.back_to(instant, sees).await?,
        };
        let lease = self.begin(&begin).await?;
        (listing.limit, listing.offset, listing.mark) = (Some(chunk.into()), 0, None);
        Ok(stream::try_unfold(Some((lease, listing, make)), move |rest| async move {
            let Some((mut lease, mut listing, make)) = rest else { return Ok(None) };
            let rows = listing.rows(&mut lease).await.map_err(Error::from)?;
            let whole = rows.len() as u64 == u64::from(chunk);
            listing.mark = rows.last().map(|(_, keys)| Mark { keys: keys.clone(), back: false });
            let made = if rows.is_empty() { None } else { Some(make(rows, &mut lease).await?) };
            let rest = if whole {
                Some((lease, listing, make))
            } else {
                lease.end().await;
                None
            };
            Ok(made.map(|made| (made, rest)))
        }))
    }
}

impl Lease {
    /// Ends a transaction that has only read.
    async fn end(mut self) {
        if self.batch_execute("COMMIT").await.is_ok() {
            self.give_back();
        }
    }
}
