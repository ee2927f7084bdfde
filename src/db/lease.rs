//! How the connections of a pool are lent: to each caller a part of them, and never more than PostgreSQL is to work on.

use std::{
    collections::HashMap,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use diesel_async::{SimpleAsyncConnection, pooled_connection::deadpool::Object};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Conn, Error, WAIT, link};

/// How long PostgreSQL may take to stop what nobody awaits. Then the connection is closed.
const STOPPING: Duration = Duration::from_secs(10);

/// After this number of callers, those who ask for nothing at the moment are forgotten.
const SWEEP: usize = 1024;

tokio::task_local! {
    static CALLER: String;
}

/// Does this on behalf of a caller: what it asks of PostgreSQL takes the turns of that caller.
pub async fn on_behalf_of<T>(caller: String, act: impl Future<Output = T>) -> T {
    CALLER.scope(caller, act).await
}

/// The turns of callers. A caller uses three quarters of a pool at once at most, so that some connections are left for the others.
#[derive(Debug)]
pub(super) struct Turns {
    most: usize,
    callers: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Turns {
    /// The turns of a pool with so many connections.
    pub(super) fn new(connections: usize) -> Self {
        Self { most: (connections * 3 / 4).max(1), callers: Mutex::default() }
    }

    /// Waits for a turn of the caller, if this is done on behalf of one.
    pub(super) async fn take(&self) -> Result<Option<OwnedSemaphorePermit>, Error> {
        let Ok(turns) = CALLER.try_with(|caller| self.of(caller)) else { return Ok(None) };
        let turn = tokio::time::timeout(WAIT, turns.acquire_owned()).await.map_err(|_| Error::Crowded)?;
        turn.map(Some).map_err(|error| Error::Bug(error.to_string()))
    }

    fn of(&self, caller: &str) -> Arc<Semaphore> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = callers.get(caller).and_then(Weak::upgrade) {
            return turns;
        }
        if callers.len() >= SWEEP {
            callers.retain(|_, turns| turns.strong_count() > 0);
        }
        let turns = Arc::new(Semaphore::new(self.most));
        callers.insert(caller.to_owned(), Arc::downgrade(&turns));
        turns
    }
}

/// A connection that is lent to one operation, until the operation gives it back.
///
/// When it is dropped before, nobody awaits the answer any more: its client has left, or the operation has failed. Then PostgreSQL is told
/// to stop, and its transaction is rolled back. Until that is done the connection stays taken, so that PostgreSQL never has more to do than
/// the pool allows. Then it is closed.
pub(super) struct Lease {
    conn: Option<Object<Conn>>,
    url: Arc<str>,
    turn: Option<OwnedSemaphorePermit>,
}

impl Lease {
    pub(super) fn new(conn: Object<Conn>, url: Arc<str>, turn: Option<OwnedSemaphorePermit>) -> Self {
        Self { conn: Some(conn), url, turn }
    }

    /// Gives the connection back. It is in no transaction.
    pub(super) fn give_back(mut self) {
        self.conn.take();
    }

    /// Closes the connection.
    pub(super) fn discard(mut self) {
        self.conn.take().map(Object::take);
    }
}

impl Deref for Lease {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        match &self.conn {
            Some(conn) => conn,
            None => unreachable!("a lease is given back by value"),
        }
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Conn {
        match &mut self.conn {
            Some(conn) => conn,
            None => unreachable!("a lease is given back by value"),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        let (url, turn) = (self.url.clone(), self.turn.take());
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let stop = async {
                // The statement may have ended meanwhile: then there is nothing to cancel.
                let _sent = link::cancel(&url, conn.cancel_token()).await;
                conn.batch_execute("ROLLBACK").await
            };
            let _stopped = tokio::time::timeout(STOPPING, stop).await;
            // The word to stop may arrive late, and nobody else is to be stopped by it: so the connection is closed.
            drop(Object::take(conn));
            drop(turn);
        });
    }
}
