//! What each field of a sample is good for.

use std::collections::BTreeSet;

use vrl::value::Value;

use super::choices::{self, Kind, Scope};
use super::facets::{self, FacetField};
use super::fields::{Field, Path, Type};
use super::place::{self, Place};
use super::snippet::Snippet;
use super::times::Time;

/// More columns are left to the one who knows the stream.
const COLUMNS_MAX: usize = 32;

/// Longer texts are read, not counted; the message itself keeps them.
const TEXT_BYTES_MAX: usize = 512;

/// Names of fields that tell messages apart.
const IDENTITIES: [&str; 10] =
    ["id", "_id", "uuid", "guid", "event_id", "eventid", "message_id", "messageid", "uri", "key"];

/// Names of fields that say who did it.
const ACTORS: [&str; 28] = [
    "user",
    "user_id",
    "userid",
    "username",
    "user_name",
    "uid",
    "member",
    "member_id",
    "author",
    "author_id",
    "actor",
    "actor_id",
    "did",
    "account",
    "account_id",
    "customer",
    "customer_id",
    "client",
    "client_id",
    "client_ip",
    "remote_addr",
    "remote_ip",
    "ip",
    "device",
    "device_id",
    "session",
    "session_id",
    "visitor_id",
];

/// In the log of a server the host is the client's.
const ACTORS_OF_LOGS: [&str; 2] = ["client", "host"];

/// Words in names of numbers that are worth adding up.
const SUMS: [&str; 14] = [
    "bytes", "size", "amount", "total", "quantity", "qty", "count", "guests", "units", "items",
    "hits", "clicks", "likes", "sales",
];

/// What the fields are.
#[derive(Debug)]
pub(super) struct Roles {
    pub(super) time: Time,
    pub(super) identity: Option<Path>,
    pub(super) actor: Option<Path>,
    pub(super) kind: Kind,
    pub(super) scope: Option<Scope>,
    pub(super) place: Option<Place>,
    pub(super) sums: Vec<Path>,
    pub(super) facets: Vec<FacetField>,
    pub(super) columns: Vec<(Path, ColumnField)>,
}

/// What a column has.
#[derive(Clone, Debug)]
pub(super) enum ColumnField {
    Boolean,
    Integer,
    Float,
    Text,
    Texts,
    Time(Time),
}

impl Roles {
    /// Of messages that all have the time.
    pub(super) fn guess(time: Time, fields: &[Field], messages: &[&Value], log: bool) -> Self {
        let mut free = Free { fields, used: BTreeSet::from([time.path.clone()]) };
        let identity = free.take(identity(&free, messages));
        let kind = choices::kind(&free.all(), messages.len(), true);
        free.used.extend(kind.path().cloned());
        let place = place::find(fields);
        free.used.extend(place.iter().flat_map(Place::paths));
        let scope = choices::scope(&free.all(), messages.len());
        free.used.extend(scope.iter().map(|scope| scope.path.clone()));
        let kind = match kind {
            Kind::One => choices::kind(&free.all(), messages.len(), false),
            kind => kind,
        };
        free.used.extend(kind.path().cloned());
        let actor = free.take(actor(&free, messages.len(), log));
        let sums: Vec<_> =
            free.all().into_iter().filter(|field| is_sum(field, messages.len())).take(4).collect();
        let sums: Vec<_> = sums.into_iter().map(|field| field.path.clone()).collect();
        free.used.extend(sums.iter().cloned());
        let facets = facets::find(&free.all(), messages.len());
        free.used.extend(facets.iter().filter(|facet| !facet.is_part()).map(|f| f.path.clone()));
        let own = identity.iter().chain(&actor).filter_map(|path| free.of(path));
        let mut columns: Vec<_> = own.filter_map(plain_column).collect();
        columns.extend(free.all().into_iter().filter_map(column));
        columns.truncate(COLUMNS_MAX);
        Self { time, identity, actor, kind, scope, place, sums, facets, columns }
    }
}

/// The fields that have no role yet.
struct Free<'f> {
    fields: &'f [Field],
    used: BTreeSet<Path>,
}

impl<'f> Free<'f> {
    fn all(&self) -> Vec<&'f Field> {
        self.fields.iter().filter(|field| !self.used.contains(&field.path)).collect()
    }

    fn of(&self, path: &Path) -> Option<&'f Field> {
        self.fields.iter().find(|field| field.path == *path)
    }

    fn take(&mut self, field: Option<&Field>) -> Option<Path> {
        let path = field.map(|field| field.path.clone());
        self.used.extend(path.iter().cloned());
        path
    }
}

/// A field by its name: at the top of the list before others, and not deep before deep.
fn named<'f>(
    fields: &[&'f Field],
    names: &[&str],
    fits: impl Fn(&Field) -> bool,
) -> Option<&'f Field> {
    let place = |field: &Field| {
        let name = field.name().to_ascii_lowercase();
        names.iter().position(|known| *known == name)
    };
    let fitting = fields.iter().filter(|field| place(field).is_some() && fits(field));
    fitting.min_by_key(|field| (field.path.depth(), place(field))).copied()
}

/// The field whose value tells messages apart: a message with a value that an earlier one had is that
/// message again.
fn identity<'f>(free: &Free<'f>, messages: &[&Value]) -> Option<&'f Field> {
    named(&free.all(), &IDENTITIES, |field| {
        is_word(field, 256)
            && field.present == messages.len()
            && same_value_same_message(field, messages)
    })
}

fn same_value_same_message(field: &Field, messages: &[&Value]) -> bool {
    let id = Snippet::compile(&field.path.to_string());
    let ids: BTreeSet<_> =
        messages.iter().filter_map(|message| id.run(message)).map(|id| id.to_string()).collect();
    let whole: BTreeSet<_> = messages.iter().map(|message| message.to_string()).collect();
    whole.len() == ids.len()
}

fn actor<'f>(free: &Free<'f>, messages: usize, log: bool) -> Option<&'f Field> {
    let names: &[&str] = if log { &ACTORS_OF_LOGS } else { &ACTORS };
    named(&free.all(), names, |field| is_word(field, 256) && field.present * 2 > messages)
}

/// A text or whole number of moderate length.
fn is_word(field: &Field, bytes_max: usize) -> bool {
    match field.value_type {
        Type::Text => field.longest <= bytes_max,
        Type::Integer => true,
        _ => false,
    }
}

fn is_sum(field: &Field, messages: usize) -> bool {
    let name = field.name().to_ascii_lowercase();
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    let named = words.into_iter().any(|word| SUMS.contains(&word));
    let countable = field.smallest >= 0.0 && field.largest <= f64::from(u32::MAX);
    let most = field.present * 2 > messages;
    field.value_type == Type::Integer && named && countable && most
}

fn column(field: &Field) -> Option<(Path, ColumnField)> {
    let time = Time::of(field).filter(|time| time.is_certain() && time.optional().is_some());
    match time {
        Some(time) => Some((field.path.clone(), ColumnField::Time(time))),
        None => plain_column(field),
    }
}

fn plain_column(field: &Field) -> Option<(Path, ColumnField)> {
    let column = match field.value_type {
        Type::Boolean => ColumnField::Boolean,
        Type::Integer => ColumnField::Integer,
        Type::Float => ColumnField::Float,
        Type::Text if field.longest <= TEXT_BYTES_MAX => ColumnField::Text,
        Type::Texts if field.longest <= TEXT_BYTES_MAX => ColumnField::Texts,
        _ => return None,
    };
    Some((field.path.clone(), column))
}
