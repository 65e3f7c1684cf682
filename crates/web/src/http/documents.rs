//! The documents of a view, in pages.
//!
//! Stored bodies are copied into the answer as they are, without parsing, unless they say who people are
//! where that is not shown.

use axum::http::Uri;
use axum::response::Response;
use pulso_model::{EventTime, View};
use pulso_pipeline::{Cursor, Query, StoredDocument, Views};
use tracing::error;

use super::measures::Fields;
use super::reach::Reach;
use super::{App, Error, cache, kept, parameters};
use crate::people::{Hidden, People};

/// The most documents read from the store at once, so that a long page of large documents is not in
/// memory twice.
const DOCUMENTS_AT_ONCE: usize = 500;

/// A page ends early rather than grow beyond this, unless its first document does; dead letters may
/// be large. The cursor continues from there.
const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The estimated size of one document's JSON, to allocate once.
const DOCUMENT_BYTES: usize = 512;

pub(super) async fn list<V: Views>(app: &App<V>, view: View, uri: &Uri) -> Result<Response, Error> {
    let fields = Fields::of(view, &app.options);
    let wanted = parameters::documents(&fields, uri)?;
    let mut query = wanted.query;
    let people = &app.options.organiser.people;
    if let Some(cursor) = &mut query.after {
        let shown = std::mem::take(&mut cursor.id);
        cursor.id = people.stored_id(&fields.hidden, shown);
    }
    // Before the documents, so that these reach at least as far.
    let reach = app.reach(view).await?;
    if wanted.latest {
        let Some(window_end) = latest(app, &query).await? else {
            return Ok(kept(cache::ASK, PageBody::new(&fields, 0).finish(None, &reach, None)));
        };
        let next = EventTime(window_end.0.saturating_add(1));
        query.from = Some(query.from.map_or(window_end, |from| from.max(window_end)));
        query.to = Some(query.to.map_or(next, |to| to.min(next)));
    }
    let control = cache::control(reach.completes(query.from, query.to));
    Ok(kept(control, page(app, &fields, query, &reach).await?))
}

/// The newest window of a trend view in the requested layer and range, whatever the country: a
/// country without trends in that window has none now. Later pages stay in the window of the first,
/// even if a newer one has fired in the meantime.
async fn latest<V: Views>(app: &App<V>, query: &Query) -> Result<Option<EventTime>, Error> {
    if let Some(cursor) = &query.after {
        return Ok(Some(cursor.time));
    }
    let newest =
        app.query(Query { limit: 1, scope: None, filters: Vec::new(), ..query.clone() }).await?;
    Ok(newest.documents.first().map(|stored| stored.document.time))
}

async fn page<V: Views>(
    app: &App<V>,
    fields: &Fields<'_>,
    mut query: Query,
    reach: &Reach,
) -> Result<String, Error> {
    let mut body = PageBody::new(fields, query.limit);
    let mut missing = query.limit;
    loop {
        query.limit = missing.min(DOCUMENTS_AT_ONCE);
        let found = app.query(query.clone()).await?;
        missing = missing.saturating_sub(found.documents.len());
        for stored in found.documents {
            if body.exceeds_limit_with(&stored) {
                return Ok(body.finish(query.after, reach, None));
            }
            body.push(&stored)?;
            query.after = Some(cursor_of(stored));
        }
        if found.next.is_none() || missing == 0 {
            let notice = app.options.unwritten(query.view);
            return Ok(body.finish(found.next, reach, notice));
        }
    }
}

fn cursor_of(StoredDocument { document, .. }: StoredDocument) -> Cursor {
    Cursor { time: document.time, position: document.position, id: document.id }
}

/// The JSON of a page while it is being written.
struct PageBody<'a> {
    text: String,
    empty: bool,
    people: &'a People,
    hidden: &'a Hidden,
}

impl<'a> PageBody<'a> {
    fn new(fields: &'a Fields<'_>, documents: usize) -> Self {
        let mut text =
            String::with_capacity(100 + documents.min(DOCUMENTS_AT_ONCE) * DOCUMENT_BYTES);
        text.push_str(&format!("{{\"view\":\"{}\",\"documents\":[", fields.view));
        let people = &fields.options.organiser.people;
        Self { text, empty: true, people, hidden: &fields.hidden }
    }

    fn exceeds_limit_with(&self, stored: &StoredDocument) -> bool {
        !self.empty && self.text.len() + stored.document.body.len() > PAGE_BYTES_MAX
    }

    fn push(&mut self, StoredDocument { layer, document }: &StoredDocument) -> Result<(), Error> {
        let hiding = !self.hidden.nothing();
        let without = hiding.then(|| self.people.body(self.hidden, &document.body)).flatten();
        let body = if hiding { without.as_deref() } else { Some(&*document.body) };
        let fields = body.and_then(|body| body.strip_prefix('{'));
        let fields = fields.filter(|fields| !fields.starts_with('}'));
        let Some(fields) = fields else {
            error!(view = %document.view, "found a document that is no object");
            return Err(Error::Internal);
        };
        if !self.empty {
            self.text.push(',');
        }
        self.empty = false;
        let id = self.people.id(self.hidden, document.id.clone());
        let id = serde_json::to_string(&id).expect("text can be shown as JSON");
        self.text.push_str(&format!("{{\"_id\":{id},\"layer\":\"{layer}\","));
        self.text.push_str(fields);
        Ok(())
    }

    /// `notice` is why no layer writes the view: told where there is nothing else to show.
    fn finish(mut self, next: Option<Cursor>, reach: &Reach, notice: Option<String>) -> String {
        match next {
            Some(Cursor { time, position, id }) => {
                let id = self.people.id(self.hidden, id);
                let cursor = Cursor { time, position, id };
                self.text.push_str(&format!("],\"next_cursor\":\"{cursor}\""));
            }
            None => self.text.push_str("],\"next_cursor\":null"),
        }
        let reach = serde_json::to_string(&reach.fields()).expect("times can be shown as JSON");
        self.text.push(',');
        self.text.push_str(reach.trim_start_matches('{').trim_end_matches('}'));
        if let Some(notice) = notice.filter(|_| self.empty) {
            let notice = serde_json::to_string(&notice).expect("text can be shown as JSON");
            self.text.push_str(&format!(",\"notice\":{notice}"));
        }
        self.text.push('}');
        self.text
    }
}
