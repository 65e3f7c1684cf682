//! By what facts can be filtered and grouped in a report: the kind, the scope, the terms of each facet, and columns of
//! few values. All of it follows from the stream's descriptor.

use std::borrow::Cow;

use pulso_model::{ColumnType, Fact, Part, Stream, Value};
use rustc_hash::FxHashMap;

/// A column with more values than these is no dimension: nobody reads it as a table, and it would keep rows apart.
const COLUMN_VALUES_MAX: usize = 100;

/// What a fact has in a dimension: by place in [`Dimension::sets`].
pub(super) type SetId = u32;

/// What all facts have of one thing, each value once.
#[derive(Debug)]
pub(super) struct Dimension {
    /// As the stream calls one of its values.
    pub(super) name: &'static str,
    part: Part,
    ids: FxHashMap<Box<str>, u32>,
    pub(super) values: Vec<Term>,
    set_ids: FxHashMap<Box<[u32]>, SetId>,
    /// What facts have together, as values by place. The first is empty.
    pub(super) sets: Vec<Box<[u32]>>,
    /// It has too many values to be one.
    pub(super) dropped: bool,
    set: Vec<u32>,
}

#[derive(Debug)]
pub(super) struct Term {
    pub(super) key: Box<str>,
    /// The smallest of its names, where that is not the key.
    pub(super) name: Option<Box<str>>,
}

/// What a stream's facts can be told apart by, and the names of what is left out because it says who a person is.
pub(super) fn dimensions(stream: &Stream) -> (Vec<Dimension>, Vec<&'static str>) {
    let mut all = vec![Dimension::new(stream.kind.name, Part::Kind)];
    all.extend(stream.scope.map(|scope| Dimension::new(scope.name, Part::Scope)));
    let facets = stream.facets.iter().enumerate();
    all.extend(facets.map(|(at, facet)| Dimension::new(facet.term.one, Part::TermKeys(at))));
    let taken: Vec<_> = all.iter().map(|dimension| dimension.name).collect();
    for (at, column) in stream.columns.iter().enumerate() {
        let kept = matches!(
            column.column_type,
            ColumnType::Boolean | ColumnType::Integer | ColumnType::Text | ColumnType::Texts
        );
        // What a facet counts too, it counts under the same name.
        if kept && !taken.contains(&column.name) {
            all.push(Dimension::new(column.name, Part::Column(at)));
        }
    }
    let personal = |dimension: &Dimension| {
        let part = dimension.part;
        stream.personal.contains(&part)
            || matches!(part, Part::TermKeys(at) if stream.personal.contains(&Part::TermNames(at)))
            || matches!(part, Part::Column(at) if stream.actor == Some(at) || stream.visitor.contains(&at))
    };
    let (left_out, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(personal);
    (kept, left_out.iter().map(|dimension| dimension.name).collect())
}

impl Dimension {
    fn new(name: &'static str, part: Part) -> Self {
        let empty: Box<[u32]> = Box::default();
        Self {
            name,
            part,
            ids: FxHashMap::default(),
            values: Vec::new(),
            set_ids: [(empty.clone(), 0)].into_iter().collect(),
            sets: vec![empty],
            dropped: false,
            set: Vec::new(),
        }
    }

    pub(super) fn is_facet(&self) -> bool {
        matches!(self.part, Part::TermKeys(_))
    }

    pub(super) fn is_column(&self) -> bool {
        matches!(self.part, Part::Column(_))
    }

    /// What a fact has of it.
    pub(super) fn of(&mut self, stream: &Stream, fact: &Fact<'_>) -> SetId {
        if self.dropped {
            return 0;
        }
        self.set.clear();
        match self.part {
            Part::Kind => self.add(stream.kind.values[usize::from(fact.kind)], None),
            Part::Scope => self.add(&fact.scope, None),
            Part::TermKeys(at) => {
                fact.terms[at].iter().for_each(|term| self.add(&term.key, Some(&term.name)));
            }
            Part::Column(at) => self.add_value(&fact.columns[at]),
            _ => {}
        }
        if self.is_column() && self.values.len() > COLUMN_VALUES_MAX {
            self.dropped = true;
            return 0;
        }
        self.set.sort_unstable();
        self.set.dedup();
        if let Some(id) = self.set_ids.get(self.set.as_slice()) {
            return *id;
        }
        let id = number(self.sets.len());
        let set: Box<[u32]> = self.set.as_slice().into();
        self.sets.push(set.clone());
        self.set_ids.insert(set, id);
        id
    }

    fn add_value(&mut self, value: &Value<'_>) {
        let text: Cow<'_, str> = match value {
            Value::Boolean(boolean) => boolean.to_string().into(),
            Value::Integer(number) => number.to_string().into(),
            Value::Text(text) => Cow::Borrowed(text),
            Value::Texts(texts) => return texts.iter().for_each(|text| self.add(text, None)),
            Value::Null | Value::Float(_) | Value::Time(_) => return,
        };
        self.add(&text, None);
    }

    fn add(&mut self, key: &str, name: Option<&str>) {
        let name = name.filter(|name| *name != key);
        let id = self.ids.get(key).copied().unwrap_or_else(|| {
            let id = number(self.values.len());
            self.ids.insert(key.into(), id);
            self.values.push(Term { key: key.into(), name: name.map(Into::into) });
            id
        });
        let known = &mut self.values[id as usize].name;
        let shown = known.as_deref().unwrap_or(key);
        let smaller = name.unwrap_or(key);
        if smaller < shown {
            *known = (smaller != key).then(|| smaller.into());
        }
        self.set.push(id);
    }
}

/// Places in lists that memory bounds long before.
pub(super) fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
