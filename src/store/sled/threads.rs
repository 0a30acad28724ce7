//! The threads that rules keep in channels: which message begins each.

use serde::{Deserialize, Serialize};

use super::draft::{Draft, Table};
use crate::delivery::{Delivery, DeliveryId, State, Thread, ThreadId};
use crate::store::StoreError;

/// What is kept of a thread. It goes with the newest of its deliveries: nobody writes into a thread that was quiet for as
/// long as anything is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    root: String,
    newest: DeliveryId,
}

/// See [`crate::store::Outbox::thread`].
pub(super) fn root(draft: &Draft<'_>, id: &ThreadId) -> Result<Option<String>, StoreError> {
    Ok(kept(draft, id)?.map(|kept| kept.root))
}

/// A delivery was settled: if it is the newest of a thread that its rule keeps, that is remembered.
pub(super) fn follow(draft: &mut Draft<'_>, delivery: &Delivery) -> Result<(), StoreError> {
    let (Some(Thread::Shared { id }), Some(root), State::Delivered) =
        (&delivery.terms.thread, &delivery.thread_root, delivery.state)
    else {
        return Ok(());
    };
    let kept = Kept {
        root: root.clone(),
        newest: delivery.id.clone(),
    };
    draft.put(Table::Thread, id.as_str(), &kept)
}

/// A delivery is forgotten, and with the newest of a thread the thread.
pub(super) fn forget(draft: &mut Draft<'_>, delivery: &Delivery) -> Result<(), StoreError> {
    let Some(Thread::Shared { id }) = &delivery.terms.thread else {
        return Ok(());
    };
    if kept(draft, id)?.is_some_and(|kept| kept.newest == delivery.id) {
        draft.remove(Table::Thread, id.as_str())?;
    }
    Ok(())
}

fn kept(draft: &Draft<'_>, id: &ThreadId) -> Result<Option<Kept>, StoreError> {
    Ok(draft
        .get(Table::Thread, id.as_str())?
        .or_missing(Table::Thread, id.as_str()))
}
