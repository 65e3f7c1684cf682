//! Removes days that are older than their limit.

use pulso_model::{Day, Layer, View, ViewKind};

use crate::error::{Error, Operation};
use crate::indices::Actions;
use crate::names::Place;
use crate::state::Index;
use crate::store::ViewStore;

impl ViewStore {
    /// Removes the indices of a layer that hold only days before `before`, and returns them. Views
    /// as of now have no age. Journals count as the speed layer's here.
    ///
    /// A day whose answer is removed stays without one. Documents that arrive late for it are kept
    /// aside, where no reader of the view sees them, until they are removed too.
    ///
    /// # Errors
    /// When the server refuses; then nothing is removed.
    pub async fn retain(
        &self,
        view: View,
        layer: Layer,
        before: Day,
    ) -> Result<Vec<String>, Error> {
        let store = &self.store;
        let state = store.state(Operation::Retain, view).await?;
        let mut actions = Actions::new();
        let mut removed = Vec::new();
        let mut from = None;
        for (place, Index { name, answers, .. }) in &state.indices {
            let of_layer = matches!(
                (place, layer),
                (Place::Speed(_), Layer::Speed) | (Place::Batch(..), Layer::Batch)
            );
            let Some(end) = place.slot().and_then(|slot| slot.end()) else { continue };
            if of_layer && end <= before {
                actions.delete(name);
                removed.push(name.clone());
                from = from.max(Some(end).filter(|_| *answers));
            }
        }
        if actions.is_empty() {
            return Ok(removed);
        }
        let from = from.filter(|from| state.from.last().is_none_or(|last| last < from));
        if let Some(from) = from.filter(|_| view.kind() == ViewKind::Day) {
            store.make_empty(view).await?;
            let empty = store.names.index(view, Place::Empty);
            actions.add_hidden(&empty, &store.names.from(view, from));
            for earlier in &state.from {
                actions.remove(&empty, &store.names.from(view, *earlier));
            }
        }
        if !store.try_change(Operation::Retain, actions).await? {
            return Err(Error::Contended { operation: Operation::Retain, view });
        }
        store.sweep(view).await;
        Ok(removed)
    }
}
