//! Bulk requests: bounded in size, several at a time, with each item's outcome handled on its own.

use std::future::Future;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use pulso_model::{Layer, ViewDocument};
use pulso_pipeline::observe;
use tracing::warn;

use crate::encode::{Action, item_bytes, push_item};
use crate::error::{Error, Operation, Refusal};
use crate::request::Request;
use crate::response::{BulkAnswer, Fate};
use crate::retry::{Patience, transient};
use crate::store::{Refresh, Store};

/// One action on one document.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) action: Action,
    /// The alias through which the document's index is written; of what is amended, the index.
    pub(crate) alias: Arc<str>,
    pub(crate) document: ViewDocument,
}

/// What is left over after a call.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    /// Items whose index does not take documents.
    pub(crate) missing: Vec<Item>,
    /// Documents that the server will never accept.
    pub(crate) rejected: Vec<(ViewDocument, Refusal)>,
}

impl Rest {
    fn add(&mut self, other: Self) {
        self.missing.extend(other.missing);
        self.rejected.extend(other.rejected);
    }
}

/// What all requests of one call have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) layer: Layer,
    pub(crate) refresh: Refresh,
    pub(crate) patience: Patience,
}

impl Store {
    /// Performs all items. Each document must be in one item only.
    pub(crate) async fn bulk(&self, call: Call, items: Vec<Item>) -> Result<Rest, Error> {
        let requests = split(items, self.options.bulk_bytes);
        let in_flight = self.options.bulk_requests_in_flight.max(1);
        let sent = stream::iter(requests.into_iter().map(|items| self.request(call, items)));
        let rests = sent.buffer_unordered(in_flight);
        rests
            .try_fold(Rest::default(), async |mut all, rest| {
                all.add(rest);
                Ok(all)
            })
            .await
    }

    /// Sends one request, and again whatever has to be retried.
    async fn request(&self, mut call: Call, mut items: Vec<Item>) -> Result<Rest, Error> {
        let mut rest = Rest::default();
        loop {
            let request = self.bulk_request(call, &items);
            let failure = match self.client.send(call.operation, &request).await {
                Ok(response) if response.succeeded() => {
                    let answer: BulkAnswer = self.client.parse(call.operation, &response)?;
                    match self.sort(call, answer, &mut items, &mut rest)? {
                        None => return Ok(rest),
                        Some(refusal) => self.failure(call, refusal),
                    }
                }
                Ok(response) if response.status == 413 => {
                    rest.add(self.halves(call, items, response.refusal()).await?);
                    return Ok(rest);
                }
                Ok(response) => {
                    let refusal = response.refusal();
                    let passes = refusal.passes();
                    let failure = self.failure(call, refusal);
                    if passes { failure } else { return Err(failure) }
                }
                Err(error) if transient(&error) => error,
                Err(error) => return Err(error),
            };
            observe::bulk_retried(items.len() as u64);
            if !call.patience.pause(&failure).await {
                return Err(failure);
            }
        }
    }

    fn failure(&self, call: Call, source: Refusal) -> Error {
        Error::refused(call.operation, self.client.urls(), source)
    }

    fn bulk_request(&self, call: Call, items: &[Item]) -> Request {
        let bytes = items.iter().map(|item| item_bytes(&item.document)).sum();
        let mut lines = String::with_capacity(bytes);
        for Item { action, alias, document } in items {
            push_item(&mut lines, *action, alias, call.layer, document);
        }
        // What is amended is there, and where the batch layer has published it no alias takes documents.
        let require_alias = call.operation != Operation::Amend;
        let request = Request::post("_bulk")
            .with("require_alias", require_alias.to_string())
            .with("filter_path", "items.*.status,items.*.error");
        match call.refresh {
            Refresh::Soon => request.lines(lines),
            Refresh::AtOnce => request.with("refresh", "true").lines(lines),
        }
    }

    /// Leaves in `items` what has to be sent again, and says why the last of them was not accepted.
    fn sort(
        &self,
        call: Call,
        answer: BulkAnswer,
        items: &mut Vec<Item>,
        rest: &mut Rest,
    ) -> Result<Option<Refusal>, Error> {
        let mut busy = None;
        let mut again = Vec::new();
        // What a wrong answer leaves out was not acknowledged.
        let unanswered = items.split_off(answer.items.len().min(items.len()));
        for (item, status) in std::mem::take(items).into_iter().zip(answer.items) {
            match status.fate() {
                Fate::Done => {}
                Fate::Missing => rest.missing.push(item),
                Fate::Rejected(refusal) => rest.rejected.push((item.document, refusal)),
                Fate::Failed(refusal) => return Err(self.failure(call, refusal)),
                Fate::Later(refusal) => {
                    busy = Some(refusal);
                    again.push(item);
                }
            }
        }
        if !unanswered.is_empty() && busy.is_none() {
            let (kind, reason) = ("no answer for an item".to_owned(), String::new());
            busy = Some(Refusal { status: 502, kind, reason });
        }
        again.extend(unanswered);
        *items = again;
        Ok(busy)
    }

    /// Splits a request that the server finds too large into two. A single document that is too
    /// large will never be accepted.
    fn halves(
        &self,
        call: Call,
        mut items: Vec<Item>,
        refusal: Refusal,
    ) -> impl Future<Output = Result<Rest, Error>> + Send {
        let boxed: futures::future::BoxFuture<'_, _> = Box::pin(async move {
            if items.len() <= 1 {
                let rejected = items.into_iter().map(|item| (item.document, refusal.clone()));
                return Ok(Rest { rejected: rejected.collect(), missing: Vec::new() });
            }
            warn!(items = items.len(), "a bulk request is too large for the server");
            let second = items.split_off(items.len() / 2);
            let mut rest = self.request(call, items).await?;
            rest.add(self.request(call, second).await?);
            Ok(rest)
        });
        boxed
    }
}

/// Cuts items into requests of at most `bytes_max` bytes, but with at least one item each.
fn split(items: Vec<Item>, bytes_max: usize) -> Vec<Vec<Item>> {
    let mut requests = Vec::new();
    let (mut request, mut bytes) = (Vec::new(), 0);
    for item in items {
        let size = item_bytes(&item.document);
        if bytes + size > bytes_max && !request.is_empty() {
            requests.push(std::mem::take(&mut request));
            bytes = 0;
        }
        bytes += size;
        request.push(item);
    }
    requests.extend(Some(request).filter(|request| !request.is_empty()));
    requests
}
