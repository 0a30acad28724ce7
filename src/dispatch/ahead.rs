//! What decisions that are written together must know of one another.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::delivery::WindowId;
use crate::gathering::Gathering;
use crate::limit::{Change, Kept, Window, Windows};
use crate::store::{Outbox, StoreError};
use crate::storm::Recent;

/// The windows and gatherings as the decisions made so far will leave them.
#[derive(Default)]
pub(super) struct Ahead {
    windows: BTreeMap<WindowId, Window>,
    /// `None`: it is told.
    gathered: BTreeMap<WindowId, Option<Gathering>>,
    recent: Arc<Recent>,
}

impl Ahead {
    /// Nothing is decided yet; cards are counted in `recent`.
    pub(super) fn of(recent: &Arc<Recent>) -> Self {
        Self {
            recent: recent.clone(),
            ..Self::default()
        }
    }

    /// Puts what is decided in the place of what is stored under these ids.
    pub(super) fn lay_over(&self, windows: &mut Windows, limited: &[WindowId], gathered: &[WindowId]) {
        windows.recent = self.recent.clone();
        if self.windows.is_empty() && self.gathered.is_empty() {
            return;
        }
        for id in limited {
            windows
                .known
                .extend(self.windows.get(id).map(|window| (id.clone(), window.clone())));
        }
        for id in gathered {
            match self.gathered.get(id) {
                Some(Some(gathering)) => drop(windows.gathered.insert(id.clone(), gathering.clone())),
                Some(None) => drop(windows.gathered.remove(id)),
                None => {}
            }
        }
    }

    /// Takes over what a decision changes.
    ///
    /// # Errors
    /// Those of the store; [`StoreError::Overtaken`] if what is stored is not what it was decided on.
    pub(super) async fn add(&mut self, outbox: &dyn Outbox, changes: &[Change]) -> Result<(), StoreError> {
        let touched = || changes.iter().map(|change| change.window.clone());
        let limited: Vec<WindowId> = touched().filter(|id| !self.windows.contains_key(id)).collect();
        let gathered: Vec<WindowId> = touched().filter(|id| !self.gathered.contains_key(id)).collect();
        if !limited.is_empty() {
            self.windows.extend(outbox.windows(&limited).await?);
        }
        if !gathered.is_empty() {
            let stored = outbox.gatherings(&gathered).await?;
            self.gathered
                .extend(stored.into_iter().map(|(id, one)| (id, Some(one))));
        }
        for change in changes {
            let id = &change.window;
            let window = change.apply(self.windows.get(id)).map_err(|_| StoreError::Overtaken)?;
            self.windows.extend(window.map(|window| (id.clone(), window)));
            let found = self.gathered.get(id).and_then(Option::as_ref);
            match change.gather(found).map_err(|_| StoreError::Overtaken)? {
                Kept::AsItWas => {}
                Kept::More(gathering, _) | Kept::On(gathering) => {
                    self.gathered.insert(id.clone(), Some(*gathering));
                }
                Kept::Nothing => {
                    self.gathered.insert(id.clone(), None);
                }
            }
        }
        Ok(())
    }
}
