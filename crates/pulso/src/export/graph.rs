//! Documents that are edges as a graph, for programs that draw and measure graphs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Write};

use anyhow::Context;
use pulso_model::Edges;
use serde_json::Value;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    /// <http://graphml.graphdrawing.org/specification.html>
    GraphMl,
    /// <https://graphviz.org/doc/info/lang.html>
    Dot,
}

/// Edges, their weights added up over all documents.
#[derive(Debug)]
pub(super) struct Graph {
    fields: Edges,
    undirected: bool,
    weights: BTreeMap<(String, String), i64>,
}

impl Graph {
    /// `undirected`: both directions of an edge are one.
    pub(super) fn new(fields: Edges, undirected: bool) -> Self {
        Self { fields, undirected, weights: BTreeMap::new() }
    }

    /// Adds a document.
    pub(super) fn add(&mut self, body: &str) -> anyhow::Result<()> {
        let body: Value = serde_json::from_str(body)?;
        let field = |name: &str| name.split('.').fold(&body, |value, part| &value[part]);
        // A document without an end is no edge.
        let end = |name| field(name).as_str().map(str::to_owned);
        let (Some(from), Some(to)) = (end(self.fields.from), end(self.fields.to)) else {
            return Ok(());
        };
        let name = self.fields.weight;
        let weight = field(name).as_i64().with_context(|| format!("`{name}` is no integer"))?;
        let edge = if self.undirected && to < from { (to, from) } else { (from, to) };
        let sum = self.weights.entry(edge).or_default();
        *sum = sum.saturating_add(weight);
        Ok(())
    }

    /// Writes the graph: nodes and edges in the order of their names.
    pub(super) fn write(&self, format: Format, output: &mut impl Write) -> io::Result<()> {
        match format {
            Format::GraphMl => self.write_graphml(output),
            Format::Dot => self.write_dot(output),
        }
    }

    fn nodes(&self) -> BTreeSet<&str> {
        self.weights.keys().flat_map(|(from, to)| [from.as_str(), to]).collect()
    }

    fn write_graphml(&self, output: &mut impl Write) -> io::Result<()> {
        let weight = self.fields.weight;
        let default = if self.undirected { "undirected" } else { "directed" };
        writeln!(
            output,
            r#"<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="label" for="node" attr.name="label" attr.type="string"/>
<key id="weight" for="edge" attr.name="weight" attr.type="long"><desc>{}</desc></key>
<graph edgedefault="{default}">"#,
            Xml(weight)
        )?;
        for node in self.nodes().into_iter().map(Xml) {
            writeln!(output, r#"<node id="{node}"><data key="label">{node}</data></node>"#)?;
        }
        for ((from, to), weight) in &self.weights {
            let (from, to) = (Xml(from), Xml(to));
            writeln!(
                output,
                r#"<edge source="{from}" target="{to}"><data key="weight">{weight}</data></edge>"#
            )?;
        }
        writeln!(output, "</graph>\n</graphml>")
    }

    fn write_dot(&self, output: &mut impl Write) -> io::Result<()> {
        let (kind, arrow) = if self.undirected { ("graph", "--") } else { ("digraph", "->") };
        writeln!(output, "{kind} {{")?;
        for ((from, to), weight) in &self.weights {
            let (from, to) = (Dot(from), Dot(to));
            writeln!(output, "  {from} {arrow} {to} [weight={weight}, label={weight}]")?;
        }
        writeln!(output, "}}")
    }
}

/// Text in XML 1.0. What no document may have, not even escaped, is shown as U+FFFD.
struct Xml<'a>(&'a str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\t' | '\n' | '\r' => write!(formatter, "&#{};", u32::from(c))?,
                '\0'..' ' | '\u{fffe}' | '\u{ffff}' => formatter.write_str("\u{fffd}")?,
                c => write!(formatter, "{c}")?,
            }
        }
        Ok(())
    }
}

/// A quoted name of DOT. Graphviz takes a backslash for the beginning of an escape.
struct Dot<'a>(&'a str);

impl fmt::Display for Dot<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => formatter.write_str("\\\"")?,
                '\\' => formatter.write_str("\\\\")?,
                '\0' => formatter.write_str("\u{fffd}")?,
                c => write!(formatter, "{c}")?,
            }
        }
        formatter.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(undirected: bool) -> Graph {
        let fields = Edges { from: "referrer", to: "target.host", weight: "clicks" };
        let mut graph = Graph::new(fields, undirected);
        for (from, to, clicks) in [("b", "a", 2), ("a", "b", 3), ("b", "a", 5), ("<\"\\", "a", 1)] {
            let document = serde_json::json!({
                "referrer": from, "target": { "host": to }, "clicks": clicks
            });
            graph.add(&document.to_string()).unwrap();
        }
        graph.add(r#"{"referrer":"a","clicks":7}"#).unwrap();
        graph
    }

    fn written(undirected: bool, format: Format) -> String {
        let mut bytes = Vec::new();
        graph(undirected).write(format, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn weights_are_added_up_in_each_direction_or_both() {
        assert_eq!(
            written(false, Format::Dot),
            "digraph {\n  \"<\\\"\\\\\" -> \"a\" [weight=1, label=1]\n  \
             \"a\" -> \"b\" [weight=3, label=3]\n  \"b\" -> \"a\" [weight=7, label=7]\n}\n"
        );
        assert_eq!(
            written(true, Format::Dot),
            "graph {\n  \"<\\\"\\\\\" -- \"a\" [weight=1, label=1]\n  \
             \"a\" -- \"b\" [weight=10, label=10]\n}\n"
        );
    }

    #[test]
    fn graphml_has_every_node_and_edge() {
        let text = written(false, Format::GraphMl);
        assert!(text.contains(r#"<graph edgedefault="directed">"#), "{text}");
        let node = r#"<node id="&lt;&quot;\"><data key="label">&lt;&quot;\</data></node>"#;
        assert!(text.contains(node), "{text}");
        let edge = r#"<edge source="b" target="a"><data key="weight">7</data></edge>"#;
        assert!(text.contains(edge) && text.matches("<node ").count() == 3, "{text}");
        assert!(written(true, Format::GraphMl).contains(r#"edgedefault="undirected""#));
    }

    #[test]
    fn what_xml_may_not_have_is_replaced() {
        assert_eq!(Xml("a\u{1}\n&").to_string(), "a\u{fffd}&#10;&amp;");
    }
}
