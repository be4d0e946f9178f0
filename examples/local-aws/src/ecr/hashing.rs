//! Hashing without a lock on the emulator: the work is done after its state is unlocked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The digest of a content that comes piece by piece. Clones are handles on the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hashing(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// What has come and isn't hashed yet. Apart from the hasher, so that a piece gets its place
    /// in the order at once, however long the one before it takes.
    waiting: Mutex<VecDeque<Bytes>>,
    hasher: Mutex<Sha256>,
}

impl Hashing {
    /// Takes the next piece. What is returned hashes it, and may be called at any time: a request
    /// for the digest does the work itself if it comes first.
    pub(crate) fn append(&self, piece: Bytes) -> Box<dyn FnOnce() + Send> {
        lock(&self.0.waiting).push_back(piece);
        let hashing = self.clone();
        Box::new(move || drop(hashing.catch_up()))
    }

    /// The digest of all that has come so far, as `sha256:` and hexadecimal digits.
    pub(crate) fn digest(&self) -> String {
        sha256(&self.catch_up().clone().finalize())
    }

    /// The hash of all that has come so far, for a caller that hashes the rest itself.
    pub(crate) fn state(&self) -> Sha256 {
        self.catch_up().clone()
    }

    /// Takes the hash of what was hashed elsewhere, from the [`state`](Self::state) on.
    pub(crate) fn set(&self, state: Sha256) {
        *self.catch_up() = state;
    }

    fn catch_up(&self) -> MutexGuard<'_, Sha256> {
        let mut hasher = lock(&self.0.hasher);
        while let Some(piece) = self.next() {
            hasher.update(piece);
        }
        hasher
    }

    fn next(&self) -> Option<Bytes> {
        lock(&self.0.waiting).pop_front()
    }
}

/// The digest of a content that is there as a whole.
pub(crate) fn digest(content: &[u8]) -> String {
    sha256(&Sha256::digest(content))
}

fn sha256(hash: &[u8]) -> String {
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_hashed_in_the_order_in_which_they_came() {
        let hashing = Hashing::default();
        let first = hashing.append(Bytes::from_static(b"lay"));
        let second = hashing.append(Bytes::from_static(b"er"));
        second();
        first();
        assert_eq!(hashing.digest(), digest(b"layer"));
    }

    #[test]
    fn hashing_goes_on_elsewhere() {
        let hashing = Hashing::default();
        let first = hashing.append(Bytes::from_static(b"lay"));
        let mut state = hashing.state();
        first();
        state.update(b"er");
        hashing.set(state);
        assert_eq!(hashing.digest(), digest(b"layer"));
    }

    #[test]
    fn a_digest_waits_for_no_one() {
        let hashing = Hashing::default();
        let late = hashing.append(Bytes::from_static(b"layer"));
        assert_eq!(hashing.digest(), digest(b"layer"));
        late();
        assert_eq!(hashing.digest(), digest(b"layer"));
    }
}
