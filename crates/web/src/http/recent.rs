//! What the store said a moment ago, so that it is asked once however many clients ask the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

/// How old an answer of the store may be.
pub(super) const AGE_MAX: Duration = Duration::from_secs(1);

/// Answers that are kept at once; further ones are given to the one who asked.
const KEPT_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct Recent<K, T> {
    found: Mutex<BTreeMap<K, Asked<T>>>,
}

#[derive(Debug)]
struct Asked<T> {
    at: Instant,
    answer: Arc<OnceCell<T>>,
}

impl<K, T> Default for Recent<K, T> {
    fn default() -> Self {
        Self { found: Mutex::new(BTreeMap::new()) }
    }
}

impl<K: Ord, T: Clone> Recent<K, T> {
    /// The answer to a question that was asked less than [`AGE_MAX`] ago. Who comes while it is being asked
    /// waits for the same answer; if the one who asked gives up or fails, the next asks.
    ///
    /// # Errors
    /// That of `ask`; an error is not kept.
    pub(super) async fn get<E, F: Future<Output = Result<T, E>>>(
        &self,
        key: K,
        ask: impl FnOnce() -> F,
    ) -> Result<T, E> {
        let answer = self.answer(key);
        answer.get_or_try_init(ask).await.cloned()
    }

    /// Something is known to have changed: the next who asks gets what is so from now on.
    pub(super) fn forget(&self) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn answer(&self, key: K) -> Arc<OnceCell<T>> {
        let now = Instant::now();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.retain(|_, asked| now.duration_since(asked.at) < AGE_MAX);
        if let Some(asked) = found.get(&key) {
            return Arc::clone(&asked.answer);
        }
        let answer = Arc::default();
        if found.len() < KEPT_MAX {
            found.insert(key, Asked { at: now, answer: Arc::clone(&answer) });
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    /// A store that takes half a second, and counts.
    #[derive(Default)]
    struct Store {
        asked: AtomicUsize,
        recent: Recent<usize, usize>,
    }

    impl Store {
        async fn get(&self, key: usize) -> Result<usize, &'static str> {
            let ask = || async {
                let number = self.asked.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(AGE_MAX / 2).await;
                if number == 0 { Err("the first fails") } else { Ok(number) }
            };
            self.recent.get(key, ask).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_the_same_at_once_gets_one_answer() {
        let store = Store::default();
        let answers = join_all([store.get(7), store.get(7), store.get(7)]).await;
        assert_eq!(answers, [Err("the first fails"), Ok(1), Ok(1)]);
        assert_eq!(store.get(8).await, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_as_old_as_its_question() {
        let store = Store::default();
        store.asked.store(1, Ordering::SeqCst);
        assert_eq!(store.get(7).await, Ok(1));
        tokio::time::sleep(AGE_MAX / 4).await;
        assert_eq!(store.get(7).await, Ok(1), "three quarters of the age");
        tokio::time::sleep(AGE_MAX / 4).await;
        assert_eq!(store.get(7).await, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_asks_when_the_first_gives_up() {
        let store = Store::default();
        store.asked.store(1, Ordering::SeqCst);
        let first = tokio::time::timeout(AGE_MAX / 4, store.get(7));
        let (first, second) = tokio::join!(first, store.get(7));
        assert!(first.is_err());
        assert_eq!(second, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_kept_than_fits() {
        let store = Store::default();
        store.asked.store(1, Ordering::SeqCst);
        join_all((0..=KEPT_MAX).map(|key| store.get(key))).await;
        assert_eq!(store.recent.found.lock().unwrap().len(), KEPT_MAX);
        assert_eq!(store.asked.load(Ordering::SeqCst), KEPT_MAX + 2);
    }
}
