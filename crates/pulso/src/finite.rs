//! A log whose writer will stop, as a finite input.

use pulso_model::Offsets;
use pulso_pipeline::{Batch, Source};
use tokio::sync::watch;

/// Reads a log until the end offsets that the writer tells once it has written everything.
#[derive(Debug)]
pub(crate) struct Finite<S> {
    source: S,
    next_offsets: Offsets,
    end_offsets: watch::Receiver<Option<Offsets>>,
}

impl<S: Source> Finite<S> {
    pub(crate) fn new(source: S, end_offsets: watch::Receiver<Option<Offsets>>) -> Self {
        let next_offsets = Offsets::zero(source.partitions());
        Self { source, next_offsets, end_offsets }
    }

    fn finished(&self) -> bool {
        let end_offsets = self.end_offsets.borrow();
        end_offsets.as_ref().is_some_and(|ends| self.next_offsets.reach(ends))
    }
}

impl<S: Source> Source for Finite<S> {
    type Error = S::Error;

    fn partitions(&self) -> u32 {
        self.source.partitions()
    }

    async fn acquire(&mut self) -> Result<(), S::Error> {
        self.source.acquire().await
    }

    fn may_write(&self) -> Result<(), S::Error> {
        self.source.may_write()
    }

    async fn first_offsets(&mut self) -> Result<Offsets, S::Error> {
        self.source.first_offsets().await
    }

    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), S::Error> {
        self.next_offsets.clone_from(next_offsets);
        self.source.seek(next_offsets).await
    }

    async fn next_batch(&mut self) -> Result<Batch, S::Error> {
        let mut batch = Batch::default();
        if !self.finished() {
            batch = self.source.next_batch().await?;
            for record in &batch.records {
                self.next_offsets.pass(record.position());
            }
        }
        batch.finished = self.finished();
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use pulso_model::{Key, WallTime};
    use pulso_pipeline::memory::MemoryLog;
    use pulso_pipeline::{Headers, ManualClock, Message, Sink};
    use pulso_runtime::stores::StoreError;

    use super::*;

    #[tokio::test]
    async fn the_end_is_where_the_writer_stopped() {
        let mut log = MemoryLog::new(2, ManualClock::default());
        let message = |key| Message {
            headers: Headers { source: "test".into(), received_time: WallTime(0), cursor: None },
            key: Some(Key::Integer(key)),
            payload: "{}".into(),
        };
        log.write(vec![message(0), message(1)]).await.unwrap();
        let (ends, receiver) = watch::channel(None);
        let mut finite = Finite::new(log.source(1), receiver);
        assert!(!finite.next_batch().await.unwrap().finished);
        ends.send_replace(Some([1, 1].into()));
        assert!(finite.next_batch().await.unwrap().finished);
        assert!(finite.next_batch().await.unwrap().finished, "also when read again");
        finite.seek(&[0, 1].into()).await.unwrap();
        assert_eq!(finite.next_batch().await.unwrap().records.len(), 1);
    }

    /// A log that begins later, and whose reader has no right to write before it has asked for it.
    struct Guarded {
        acquired: bool,
    }

    impl Source for Guarded {
        type Error = StoreError;

        fn partitions(&self) -> u32 {
            2
        }

        async fn acquire(&mut self) -> Result<(), StoreError> {
            self.acquired = true;
            Ok(())
        }

        fn may_write(&self) -> Result<(), StoreError> {
            let path = "not acquired".into();
            if self.acquired { Ok(()) } else { Err(StoreError::NoLog { path }) }
        }

        async fn first_offsets(&mut self) -> Result<Offsets, StoreError> {
            Ok([3, 4].into())
        }

        async fn seek(&mut self, _: &Offsets) -> Result<(), StoreError> {
            Ok(())
        }

        async fn next_batch(&mut self) -> Result<Batch, StoreError> {
            Ok(Batch::default())
        }
    }

    #[tokio::test]
    async fn who_may_read_and_where_the_log_begins_is_for_the_log_to_say() {
        let (_ends, receiver) = watch::channel(None);
        let mut finite = Finite::new(Guarded { acquired: false }, receiver);
        assert_eq!(finite.first_offsets().await.unwrap(), [3, 4]);
        assert!(finite.may_write().is_err());
        finite.acquire().await.unwrap();
        assert!(finite.may_write().is_ok());
    }
}
