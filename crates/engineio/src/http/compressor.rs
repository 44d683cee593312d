//! Compressing answers, within bounds.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use engineio_proto::{Ledger, Loan};
use tokio::sync::{OnceCell, Semaphore};

use super::compression::{Encoding, compress};

/// Compresses the answers to polls: each payload once for all who get it, and no more at a time than the machine can
/// spare.
///
/// An event to hundreds of pollers is hundreds of equal answers. And where more is asked for than `at_once_max` large ones,
/// the rest goes as it is: to be late is worse than to be long, for those who poll and for everyone else.
#[derive(Debug)]
pub(crate) struct Compressor {
    ledger: Arc<Ledger>,
    permits: Arc<Semaphore>,
    recent: Mutex<Recent>,
}

/// The latest first.
#[derive(Debug, Default)]
struct Recent {
    works: VecDeque<Arc<Work>>,
    /// The payloads, and what became of them at most.
    bytes: usize,
}

/// One payload in one coding. `None` comes of it when all hands were full.
#[derive(Debug)]
struct Work {
    payload: Bytes,
    encoding: Encoding,
    outcome: OnceCell<Option<Bytes>>,
    /// While somebody waits for it; what is kept for those who may come is not on anybody's account.
    loan: Mutex<Weak<Loan>>,
}

/// A payload in another coding, and the account on which it is in memory for all who get it.
pub(crate) type Compressed = (Bytes, Arc<Loan>);

impl Compressor {
    pub(crate) fn new(at_once_max: NonZeroUsize, ledger: Arc<Ledger>) -> Self {
        Self { ledger, permits: Arc::new(Semaphore::new(at_once_max.get())), recent: Mutex::default() }
    }

    /// `payload` in another coding, or `None` if it is to go as it is.
    pub(crate) async fn compress(&self, payload: &Bytes, encoding: Encoding) -> Option<Compressed> {
        let work = self.work_for(payload, encoding);
        let outcome = work.outcome.get_or_init(|| self.run(&work)).await;
        if outcome.is_none() {
            self.forget(&work);
        }
        let bytes = outcome.clone()?;
        let loan = work.lend(&self.ledger, bytes.len());
        Some((bytes, loan))
    }

    async fn run(&self, work: &Work) -> Option<Bytes> {
        let encoding = work.encoding;
        if work.payload.len() <= SMALL_MAX_BYTES {
            return compress(&work.payload, encoding);
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        if work.payload.len() <= COMPRESSED_HERE_MAX_BYTES {
            return compress(&work.payload, encoding);
        }
        let payload = work.payload.clone();
        let running = tokio::task::spawn_blocking(move || {
            // Held until it is done, also when nobody waits for it any more.
            let _permit = permit;
            compress(&payload, encoding)
        });
        running.await.ok()?
    }

    /// The work that is already being done for this payload, or was a moment ago; else a new one.
    fn work_for(&self, payload: &Bytes, encoding: Encoding) -> Arc<Work> {
        let mut recent = self.lock();
        if let Some(work) =
            recent.works.iter().find(|work| work.encoding == encoding && is_same(&work.payload, payload))
        {
            return Arc::clone(work);
        }
        let work =
            Arc::new(Work { payload: payload.clone(), encoding, outcome: OnceCell::new(), loan: Mutex::default() });
        recent.bytes += 2 * payload.len();
        recent.works.push_front(Arc::clone(&work));
        while recent.works.len() > KEPT_MAX || recent.bytes > KEPT_BYTES_MAX {
            let Some(oldest) = recent.works.pop_back() else { break };
            recent.bytes -= 2 * oldest.payload.len();
        }
        work
    }

    /// Who asks for it again may have better luck.
    fn forget(&self, work: &Arc<Work>) {
        let mut recent = self.lock();
        if let Some(index) = recent.works.iter().position(|kept| Arc::ptr_eq(kept, work)) {
            recent.works.remove(index);
            recent.bytes -= 2 * work.payload.len();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Recent> {
        // Nothing in here panics between two states of it.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    /// One loan for all who wait for it.
    fn lend(&self, ledger: &Arc<Ledger>, bytes: usize) -> Arc<Loan> {
        let mut lent = self.loan.lock().unwrap_or_else(PoisonError::into_inner);
        lent.upgrade().unwrap_or_else(|| {
            let loan = Arc::new(Ledger::lend(ledger, bytes));
            *lent = Arc::downgrade(&loan);
            loan
        })
    }
}

/// The same bytes: mostly in the same place, since a message is made into a payload once. Those that differ do so soon.
fn is_same(one: &Bytes, other: &Bytes) -> bool {
    one.len() == other.len() && (one.as_ptr() == other.as_ptr() || one == other)
}

/// A tenth of a millisecond of work: not worth to be counted.
const SMALL_MAX_BYTES: usize = 8 * 1024;

/// Half a millisecond. What takes longer has a thread of its own, so that nobody waits behind it.
const COMPRESSED_HERE_MAX_BYTES: usize = 32 * 1024;

/// Pollers that get the same answer get it in the same moment; a few events may be under way at once.
const KEPT_MAX: usize = 8;

/// Of what is kept for those who come a moment later. A payload of more than half of it is shared by nobody.
const KEPT_BYTES_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn compressor() -> Compressor {
        Compressor::new(NonZeroUsize::MIN, Arc::new(Ledger::new(0)))
    }

    fn payload(len: usize, seed: usize) -> Bytes {
        (0..len).map(|at| b'a' + ((at * at / 7 + seed) % 23) as u8).collect::<Vec<_>>().into()
    }

    fn unpacked(data: &[u8]) -> Vec<u8> {
        let mut unpacked = Vec::new();
        GzDecoder::new(data).read_to_end(&mut unpacked).unwrap();
        unpacked
    }

    #[tokio::test]
    async fn equal_payloads_are_compressed_once() {
        for len in [2000, 20_000, 200_000] {
            let compressor = compressor();
            let data = payload(len, 0);
            let first = compressor.compress(&data, Encoding::Gzip);
            let copy = Bytes::copy_from_slice(&data);
            let (first, same, equal) = tokio::join!(
                first,
                compressor.compress(&data, Encoding::Gzip),
                compressor.compress(&copy, Encoding::Gzip)
            );
            let later = compressor.compress(&data, Encoding::Gzip).await.unwrap();
            let (first, _) = first.unwrap();
            assert_eq!(unpacked(&first), data);
            for (other, _) in [same.unwrap(), equal.unwrap(), later] {
                assert_eq!(other.as_ptr(), first.as_ptr(), "{len}");
            }
            let (other, _) = compressor.compress(&data, Encoding::Deflate).await.unwrap();
            assert_ne!(other, first);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_compressed_at_once_goes_as_it_is() {
        let compressor = compressor();
        let held = Arc::clone(&compressor.permits).try_acquire_owned().unwrap();
        let large = payload(20_000, 0);
        assert!(compressor.compress(&large, Encoding::Gzip).await.is_none());
        assert!(compressor.compress(&payload(200_000, 0), Encoding::Gzip).await.is_none());
        assert!(compressor.compress(&payload(2000, 0), Encoding::Gzip).await.is_some());
        drop(held);
        assert!(compressor.compress(&large, Encoding::Gzip).await.is_some());
    }

    #[tokio::test]
    async fn a_large_one_holds_its_place_until_it_is_done() {
        let compressor = compressor();
        let (one, other) = (payload(400_000, 0), payload(400_000, 1));
        let (one, other) =
            tokio::join!(compressor.compress(&one, Encoding::Gzip), compressor.compress(&other, Encoding::Gzip));
        assert_eq!((one.is_some(), other.is_none()), (true, true));
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded() {
        let compressor = compressor();
        for seed in 0..3 * KEPT_MAX {
            let _ = compressor.compress(&payload(100, seed), Encoding::Gzip).await;
            let _ = compressor.compress(&payload(900_000, seed), Encoding::Gzip).await;
            let recent = compressor.lock();
            assert!(recent.works.len() <= KEPT_MAX && recent.bytes <= KEPT_BYTES_MAX);
            assert_eq!(recent.bytes, recent.works.iter().map(|work| 2 * work.payload.len()).sum::<usize>());
        }
        assert!(compressor.compress(&payload(KEPT_BYTES_MAX, 0), Encoding::Gzip).await.is_some());
        assert!(compressor.lock().works.is_empty());
    }
}
