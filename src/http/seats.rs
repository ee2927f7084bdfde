//! What each one may hold at once: connections of an address, streams of a caller.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// Counts what each one holds. Nobody gets more than so many.
#[derive(Debug)]
pub struct Seats<K> {
    most: usize,
    taken: Mutex<HashMap<K, usize>>,
}

impl<K: Clone + Eq + Hash> Seats<K> {
    /// At most this number for each one.
    pub fn new(most: usize) -> Self {
        Self { most, taken: Mutex::default() }
    }

    /// One seat more for this one; nothing if it has all of its seats already.
    pub fn take(self: &Arc<Self>, whose: K) -> Option<Seat<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(whose.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Seat { seats: self.clone(), whose })
    }
}

/// A seat. It is given back when it is dropped.
#[derive(Debug)]
pub struct Seat<K: Clone + Eq + Hash> {
    seats: Arc<Seats<K>>,
    whose: K,
}

impl<K: Clone + Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_another_s_seats_and_nothing_is_remembered() {
        let seats = Arc::new(Seats::new(2));
        let held = [seats.take("a"), seats.take("a"), seats.take("b")];
        assert!(held.iter().all(Option::is_some));
        assert!(seats.take("a").is_none() && seats.take("b").is_some());
        drop(held);
        assert!(seats.taken.lock().unwrap().is_empty());
    }
}
