//! What changes contacts: an organiser's click, a yes that follows, age, and the demo.

use std::time::Duration;

use pulso_model::{EventTime, Stream};
use pulso_organiser::{Candidate, Contact};
use pulso_pipeline::Views;
use pulso_runtime::chain;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::desk::{Desk, label_of};
use super::read::StoredContact;
use super::writer::WriteError;
use super::{Demo, Invitation, Organiser, Wanted};

/// How often contacts are compared with what members said since.
const SETTLE_EVERY: Duration = Duration::from_secs(5);

/// As whom the demo contacts candidates.
const DEMO: &str = "demo";

/// Why someone was not contacted.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ContactError {
    #[error("this server can only read the views, so it cannot note contacts")]
    ReadOnly,
    #[error(
        "`{person}` is no candidate for the event `{event}` any more: look again for what has changed"
    )]
    NoCandidate { person: String, event: String },
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Notes that a candidate was told of an event.
///
/// Whoever is none any more is refused: they came by themselves, or somebody else contacted them.
pub(crate) async fn contact(
    desk: &mut Desk,
    organiser: &Organiser,
    stream: &Stream,
    wanted: &Wanted,
    (person, event): (&str, &str),
    (by, note): (&str, &str),
) -> Result<StoredContact, ContactError> {
    let found = desk.candidates(wanted, &organiser.settings, usize::MAX);
    let mut found = found.into_iter();
    let chosen = found.find(|one| one.event == event && organiser.handle(one.member) == person);
    let chosen = chosen.ok_or_else(|| ContactError::NoCandidate {
        person: person.to_owned(),
        event: event.to_owned(),
    })?;
    note_contact(desk, organiser, stream, wanted, &chosen, (by, note)).await
}

async fn note_contact(
    desk: &mut Desk,
    organiser: &Organiser,
    stream: &Stream,
    wanted: &Wanted,
    candidate: &Candidate,
    (by, note): (&str, &str),
) -> Result<StoredContact, ContactError> {
    let writer = organiser.contacts.as_ref().ok_or(ContactError::ReadOnly)?;
    let member = desk.history.member(candidate.member);
    let stored = StoredContact {
        contact: Contact {
            time: EventTime(writer.now().0),
            member: candidate.member,
            event: candidate.event.clone(),
            reasons: candidate.reasons.labels(),
            converted: None,
        },
        event_name: desk.history.event(&candidate.event).and_then(|event| event.name.clone()),
        name: member.and_then(|member| member.name()).map(str::to_owned),
        choice: label_of(&wanted.choice),
        by: by.to_owned(),
        note: note.to_owned(),
        km: Some((candidate.reasons.km * 10.0).round() / 10.0),
    };
    writer.put(stream.name, &[&stored]).await?;
    desk.add_contact(stored.clone());
    Ok(stored)
}

/// Compares contacts with what members said since, removes old ones, and plays the demo's organiser;
/// until `shutdown`. Does nothing where contacts cannot be written.
pub(crate) async fn keep<V: Views>(
    views: V,
    organiser: Organiser,
    stream: Option<&'static Stream>,
    shutdown: CancellationToken,
) {
    let (Some(stream), Some(_)) = (stream, &organiser.contacts) else { return };
    let mut ticks = tokio::time::interval(SETTLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut contacted_at = Instant::now();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let mut desk = organiser.desk().lock_owned().await;
        let kept = settle(&mut desk, &views, &organiser, stream).await;
        if let Err(error) = kept {
            warn!(error = %chain(&error), "the organiser's desk could not read the views");
            continue;
        }
        let due = |demo: &&Demo| contacted_at.elapsed() >= demo.every;
        if let Some(demo) = organiser.demo.as_ref().filter(due) {
            contacted_at = Instant::now();
            play(&mut desk, &organiser, stream, demo).await;
        }
    }
}

async fn settle<V: Views>(
    desk: &mut Desk,
    views: &V,
    organiser: &Organiser,
    stream: &Stream,
) -> Result<(), V::Error> {
    desk.read_contacts(views, stream).await?;
    // Nobody need read responses before there is anybody to wait for.
    if desk.contacts.is_empty() && organiser.demo.is_none() {
        return Ok(());
    }
    desk.refresh(views, stream, &organiser.settings).await?;
    let Some(writer) = &organiser.contacts else { return Ok(()) };
    let expired = desk.expire(writer.now(), organiser.settings.retention);
    let changed = desk.settle(organiser.settings.change);
    let changed: Vec<_> = changed.iter().collect();
    // What fails is logged, and found again when contacts are read anew.
    if !expired.is_empty() {
        writer.remove(stream.name, &expired).await.ok();
    }
    if !changed.is_empty() {
        writer.put(stream.name, &changed).await.ok();
    }
    Ok(())
}

/// Contacts the best candidate, if there is one.
async fn play(desk: &mut Desk, organiser: &Organiser, stream: &Stream, demo: &Demo) {
    let Some(choice) = organiser.choice().or_else(|| desk.automatic()) else { return };
    let wanted = organiser.wanted(choice);
    let best = desk.candidates(&wanted, &organiser.settings, 1);
    let Some(best) = best.first() else { return };
    let noted = note_contact(desk, organiser, stream, &wanted, best, (DEMO, "")).await;
    let event = desk.history.event(&best.event);
    if let (Ok(_), Some(event)) = (noted, event)
        && let Some(event_time) = event.time
    {
        (demo.invite)(Invitation { member: best.member, group: event.group, event_time });
    }
}
