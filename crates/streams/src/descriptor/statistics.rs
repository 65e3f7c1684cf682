//! Reads `[[statistics]]`: of which numbers statistics are made.

use pulso_model::{
    By, ColumnType, FieldType, Number, NumberPlace, Part, QUANTILES, STATISTICS_MAX, Statistic,
    View, ViewDescriptor, ViewKind,
};

use super::RawFact;
use super::parts::Parts;
use super::table::{Placed, Table};
use super::views::by_day;
use super::words::{capitalised, check_name, leak, view_name};

/// So that a number of units still has more than a million in front of the point.
const SCALE_MAX: u32 = 1_000_000;

pub(super) fn read(
    tables: Vec<Table<'_, '_>>,
    stream: &'static str,
    fact: &RawFact,
    parts: &Parts,
    personal: &[Part],
) -> Vec<Statistic> {
    if let Some(over) = tables.get(STATISTICS_MAX) {
        let message = format!("{} statistics; there may be {STATISTICS_MAX}", tables.len());
        over.problem(over.span(), message);
    }
    let reader = Reader { stream, fact, parts, personal };
    tables.into_iter().filter_map(|table| reader.statistic(table)).collect()
}

/// What the statistics of a stream have in common.
struct Reader<'a> {
    stream: &'static str,
    fact: &'a RawFact,
    parts: &'a Parts,
    personal: &'a [Part],
}

impl Reader<'_> {
    fn statistic(&self, mut table: Table<'_, '_>) -> Option<Statistic> {
        let field = table.required_text("field");
        let by = self.by(&mut table);
        let scale = table.integer("scale", 1..=SCALE_MAX);
        let named = table.text("view");
        if let Some(name) = &named {
            check_name(&table, name);
        }
        let number = field.as_ref().and_then(|field| self.number(&table, field, scale.as_ref()));
        table.finish();
        let field = leak(field?.value);
        let usual = || format!("{}-{field}-statistics", self.fact.names.one);
        let base = named.map_or_else(|| view_name(&usual()), |name| name.value.to_owned());
        let number = number?;
        let view = |per_day| self.view(&base, by, number.scale, per_day);
        Some(Statistic { field, number, by, view: view(false), days_view: view(true) })
    }

    fn by(&self, table: &mut Table<'_, '_>) -> By {
        match table.text("by") {
            None => By::Nothing,
            Some(Placed { value: "kind", .. }) => By::Kind,
            Some(Placed { value: "scope", span }) => {
                if self.fact.scope.is_none() {
                    table.problem(&span, "`by` scope needs a `scope` in `[fact]`");
                    return By::Nothing;
                }
                By::Scope
            }
            Some(other) => {
                let message = format!("`by` is `{}`; it can be `scope` or `kind`", other.value);
                table.problem(&other.span, message);
                By::Nothing
            }
        }
    }

    fn number(
        &self,
        table: &Table<'_, '_>,
        field: &Placed<&str>,
        scale: Option<&Placed<u32>>,
    ) -> Option<Number> {
        let (part, column_type) = self.parts.named(table, field)?;
        let place = match part {
            Part::Sum(at) => Some(NumberPlace::Sum(at)),
            Part::Column(at) => Some(NumberPlace::Column(at)),
            _ => None,
        };
        let is_number = matches!(column_type, ColumnType::Integer | ColumnType::Float);
        let Some(place) = place.filter(|_| is_number) else {
            let message = format!(
                "`{}` is no number: statistics are of `sums`, and of columns of integers or floats",
                field.value
            );
            table.problem(&field.span, message);
            return None;
        };
        if self.personal.contains(&part) {
            let message = format!(
                "`{}` says who a person is: its smallest and its largest are somebody's",
                field.value
            );
            table.problem(&field.span, message);
        }
        if let Some(scale) = scale.filter(|_| column_type == ColumnType::Integer) {
            table.problem(&scale.span, "`scale` is for floats: integers are counted as they are");
        }
        Some(Number { place, scale: scale.map_or(1, |scale| scale.value) })
    }

    fn view(&self, base: &str, by: By, scale: u32, per_day: bool) -> View {
        use FieldType::{Day, Float, Histogram, Integer, Text, TextList, Time};
        let scope = self.fact.scope.map(|scope| scope.name);
        let by_field = match by {
            By::Nothing => None,
            By::Scope => scope,
            By::Kind => Some(self.fact.kind.name),
        };
        let number = if scale == 1 { Integer } else { Float };
        let mut list = vec![("@timestamp", Time)];
        list.extend(per_day.then_some(("day", Day)));
        list.extend(by_field.map(|field| (field, Text)));
        list.extend([("count", Integer), ("min", number), ("max", number), ("sum", number)]);
        list.extend(["mean", "variance", "skewness", "kurtosis"].map(|name| (name, Float)));
        list.extend(QUANTILES.map(|(name, _)| (name, Float)));
        list.extend([("power_sums", TextList), ("histogram", Histogram)]);
        let time = if per_day { "day" } else { "@timestamp" };
        let key: Vec<_> = [time].into_iter().chain(by_field).collect();
        let name = if per_day { format!("{base}-days") } else { base.to_owned() };
        let title =
            if per_day { format!("{} by day", capitalised(base)) } else { capitalised(base) };
        let scope_field = scope.filter(|_| by == By::Scope);
        let view = by_day(self.stream, leak(&name), leak(&title), &list, &key, scope_field);
        let kind = if per_day { ViewKind::BatchDay } else { ViewKind::Day };
        View::new(ViewDescriptor { kind, ..view })
    }
}

#[cfg(test)]
mod tests {
    use pulso_model::{By, NumberPlace, Stream};

    use crate::descriptor::read;

    fn stream(statistics: &str) -> Result<Stream, Vec<String>> {
        let text = format!(
            "name = \"visits\"\n[fact]\none = \"visit\"\nmany = \"visits\"\nkinds = [\"new\"]\n\
             sums = [\"bytes\"]\nscope = {{ name = \"country\" }}\n[columns]\nspeed_mps = \"float\"\n\
             age = \"integer\"\nname = \"text\"\n{statistics}"
        );
        let read = read(&text.replace("[fact]", "personal = [\"age\"]\n[fact]"), &|_| None);
        let said = |problems: Vec<_>| problems.iter().map(ToString::to_string).collect();
        read.map(|read| read.stream).map_err(said)
    }

    #[test]
    fn each_has_a_view_of_panes_and_one_of_days() {
        let stream = stream(
            "[[statistics]]\nfield = \"bytes\"\nby = \"scope\"\n\
             [[statistics]]\nfield = \"speed_mps\"\nscale = 1000\nview = \"speeds\"\n",
        );
        let stream = stream.unwrap();
        let [bytes, speed] = stream.statistics[..] else { panic!("two") };
        assert_eq!((bytes.by, bytes.number.place), (By::Scope, NumberPlace::Sum(0)));
        assert_eq!((speed.by, speed.number.place), (By::Nothing, NumberPlace::Column(0)));
        assert_eq!((bytes.number.scale, speed.number.scale), (1, 1000));
        let told = |view: pulso_model::View| {
            let fields = view.fields().iter();
            let fields = fields.map(|field| format!("{}:{}", field.name, field.field_type.name()));
            let key: Vec<_> = view.key().iter().map(|key| key.name()).collect();
            let fields: Vec<_> = fields.collect();
            format!("{} ({}) {} [{}]", view.name(), view.title(), fields.join(" "), key.join(" "))
        };
        let floats = "mean:float variance:float skewness:float kurtosis:float p50:float p90:float \
                      p95:float p99:float power_sums:texts histogram:histogram";
        assert_eq!(
            told(bytes.view),
            format!(
                "visit-bytes-statistics (Visit bytes statistics) @timestamp:time country:text \
                 count:integer min:integer max:integer sum:integer {floats} [@timestamp country]"
            )
        );
        assert_eq!(
            told(speed.days_view),
            format!(
                "speeds-days (Speeds by day) @timestamp:time day:day count:integer min:float \
                 max:float sum:float {floats} [day]"
            )
        );
        assert_eq!(bytes.days_view.scope_field(), Some("country"));
        let views: Vec<_> = stream.views().iter().map(|view| view.name()).collect();
        assert_eq!(views[2..4], ["visit-bytes-statistics", "speeds"]);
    }

    #[test]
    fn what_cannot_be_is_told() {
        let problem = |statistics: &str| stream(statistics).unwrap_err().join("; ");
        let with = |rest: &str| problem(&format!("[[statistics]]\n{rest}"));
        let check = |rest: &str, expected: &str| {
            let found = with(rest);
            assert!(found.contains(expected), "{found}");
        };
        check("by = \"kind\"", "`field` is missing in `[[statistics]]`");
        check("field = \"name\"", "line 14: `name` is no number");
        check("field = \"weight\"", "there is no column `weight`");
        check("field = \"age\"", "`age` says who a person is");
        check("field = \"bytes\"\nscale = 10", "`scale` is for floats");
        check(
            "field = \"speed_mps\"\nscale = 0",
            "`scale` is not a whole number from 1 to 1000000",
        );
        check("field = \"bytes\"\nby = \"day\"", "`by` is `day`; it can be `scope` or `kind`");
        let twice = "[[statistics]]\nfield = \"bytes\"\n".repeat(2);
        let found = problem(&twice);
        assert!(found.contains("two views `visit-bytes-statistics`"), "{found}");
    }
}
