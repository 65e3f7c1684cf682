//! The names that a term has in the panes of the window.

use std::sync::Arc;

use super::Term;

impl Term {
    pub(super) fn add_name(&mut self, name: &str) -> Arc<str> {
        if let Some((known, panes)) = self.names.iter_mut().find(|(known, _)| &**known == name) {
            *panes += 1;
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.names.push((Arc::clone(&name), 1));
        name
    }

    pub(super) fn remove_name(&mut self, name: &Arc<str>) {
        let place = self.names.iter().position(|(known, _)| known == name);
        let place = place.expect("the pane brought the name");
        self.names[place].1 -= 1;
        if self.names[place].1 == 0 {
            self.names.swap_remove(place);
        }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        let names = self.names.iter().map(|(name, _)| name);
        names.min().expect("a term with facts in the window has a name")
    }
}
