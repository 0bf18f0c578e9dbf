//! Decoded models of a session: a prediction of one customer must not read megabytes.

use crate::models::Stored;
use crate::pg::error::Outcome;
use std::cell::RefCell;
use std::rc::Rc;

/// Models that are kept, by the bytes that they were stored as.
const BYTES: u64 = 256 << 20;
/// And at most so many.
const MODELS: usize = 8;

/// The models of a kind. A session is in one database for all its life, and a number with its checksum is one model, so that
/// a model of another content is never taken for it; which model serves is asked anew by each statement.
pub struct Cache<T>(RefCell<Vec<(Stored, Rc<T>)>>);

impl<T> Cache<T> {
    /// An empty cache.
    pub const fn new() -> Cache<T> {
        Cache(RefCell::new(Vec::new()))
    }

    /// The model, decoded by `decode` unless it is kept already.
    ///
    /// # Errors
    /// What `decode` gives.
    pub fn get(
        &self,
        stored: &Stored,
        decode: impl FnOnce(&Stored) -> Outcome<T>,
    ) -> Outcome<Rc<T>> {
        if let Some(model) = self.kept(stored) {
            return Ok(model);
        }
        let model = Rc::new(decode(stored)?);
        let mut kept = self.0.borrow_mut();
        kept.push((*stored, Rc::clone(&model)));
        // The one that was used longest ago goes first; the newest always stays.
        while kept.len() > 1
            && (kept.len() > MODELS || kept.iter().map(|(s, _)| s.bytes).sum::<u64>() > BYTES)
        {
            kept.remove(0);
        }
        Ok(model)
    }

    fn kept(&self, stored: &Stored) -> Option<Rc<T>> {
        let mut kept = self.0.borrow_mut();
        let at = kept.iter().position(|(s, _)| s == stored)?;
        let entry = kept.remove(at);
        let model = Rc::clone(&entry.1);
        kept.push(entry);
        Some(model)
    }
}
