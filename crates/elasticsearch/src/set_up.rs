//! Sets up the server, and checks that it is set up.

use std::collections::BTreeMap;

use pulso_model::{Layer, View, ViewKind};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::{Error, Operation};
use crate::indices::Made;
use crate::names::Place;
use crate::request::Request;
use crate::store::{READ_PATIENCE, Store, ViewStore};
use crate::templates::{TEMPLATE_VERSION, templates};

/// The supported versions: from the first one that was tested up to the last major one.
const VERSIONS: std::ops::Range<(u32, u32)> = (8, 12)..(10, 0);

impl ViewStore {
    /// Creates templates, the empty index of each view (so that its aliases exist for readers
    /// before there are documents) and the index of checkpoints. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`Error::Version`]; [`Error::Conflict`] when an index of an older install does not fit.
    pub async fn set_up(&self) -> Result<(), Error> {
        let store = &self.store;
        store.check_version().await?;
        for (name, template) in store.templates() {
            let path = format!("_index_template/{name}");
            let response = store.put_mapped(Operation::SetUp, &path, &template).await?;
            if !response.succeeded() {
                return Err(store.client.refused(Operation::SetUp, &response));
            }
        }
        for view in store.options.views.clone() {
            store.update_mappings(view).await?;
            store.make_empty(view).await?;
        }
        store.make_checkpoints(Operation::SetUp).await
    }

    /// Checks that the server can be used: it answers, knows the user, has a supported version, and
    /// is set up for this version of Pulso. Changes nothing.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn check(&self) -> Result<(), Error> {
        let store = &self.store;
        store.check_version().await?;
        let found = store.template_versions().await?;
        for (template, _) in store.templates() {
            let version = found.get(&template).copied();
            if version != Some(TEMPLATE_VERSION) {
                let found = match version {
                    Some(version) => format!("version {version}, not {TEMPLATE_VERSION}"),
                    None => "missing".to_owned(),
                };
                return Err(Error::NotSetUp { template, found });
            }
        }
        Ok(())
    }
}

impl Store {
    fn templates(&self) -> Vec<(String, Value)> {
        templates(
            self.names.prefix(),
            self.layout.shards,
            self.layout.replicas,
            &self.options.views,
        )
    }

    /// Reads the server's version from its front page or, if it is missing there, from its nodes.
    async fn check_version(&self) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Front {
            version: Number,
        }
        #[derive(Deserialize)]
        struct Number {
            number: String,
        }
        #[derive(Deserialize)]
        struct Nodes {
            nodes: BTreeMap<String, Node>,
        }
        #[derive(Deserialize)]
        struct Node {
            version: String,
        }
        let operation = Operation::Check;
        let client = &self.client;
        let front = client.send_patiently(operation, &Request::get(""), READ_PATIENCE).await?;
        let versions = if front.status == 405 {
            let request = Request::get("_nodes").with("filter_path", "nodes.*.version");
            let response = client.ask(operation, &request, READ_PATIENCE).await?;
            let Nodes { nodes } = client.parse(operation, &response)?;
            nodes.into_values().map(|node| node.version).collect()
        } else if front.succeeded() {
            vec![client.parse::<Front>(operation, &front)?.version.number]
        } else {
            return Err(client.refused(operation, &front));
        };
        match versions.into_iter().find(|version| !supported(version)) {
            Some(found) => Err(Error::Version { urls: client.urls(), found }),
            None => Ok(()),
        }
    }

    async fn template_versions(&self) -> Result<BTreeMap<String, u32>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            index_templates: Vec<Named>,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
            index_template: Template,
        }
        #[derive(Deserialize)]
        struct Template {
            #[serde(default)]
            version: Option<u32>,
        }
        let path = format!("_index_template/{}-*", self.names.prefix());
        let filter = "index_templates.name,index_templates.index_template.version";
        let request = Request::get(path).with("filter_path", filter);
        let sent = self.client.send_patiently(Operation::Check, &request, READ_PATIENCE);
        let response = sent.await?;
        if response.status == 404 {
            return Ok(BTreeMap::new());
        }
        if !response.succeeded() {
            return Err(self.client.refused(Operation::Check, &response));
        }
        let answer: Answer = self.client.parse(Operation::Check, &response)?;
        let versions = answer.index_templates.into_iter();
        Ok(versions
            .filter_map(|Named { name, index_template }| Some((name, index_template.version?)))
            .collect())
    }

    /// Adds fields that a stream declares now to the indices that are there, and refuses indices of an
    /// older version: nothing is migrated.
    async fn update_mappings(&self, view: View) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Found {
            mappings: Mappings,
        }
        #[derive(Deserialize)]
        struct Mappings {
            #[serde(rename = "_meta", default)]
            meta: Option<Meta>,
            #[serde(default)]
            properties: Value,
        }
        #[derive(Deserialize)]
        struct Meta {
            #[serde(default)]
            version: Option<u32>,
        }
        let request = Request::get(format!("{}-*/_mapping", self.names.answers(view)))
            .with("expand_wildcards", "all");
        let response = self.client.ask(Operation::SetUp, &request, self.write_patience()).await?;
        let found: BTreeMap<String, Found> = self.client.parse(Operation::SetUp, &response)?;
        for (name, Found { mappings: old }) in found {
            if self.names.parse_index(view, &name).is_none() {
                continue;
            }
            let version = old.meta.and_then(|meta| meta.version).unwrap_or_default();
            if version < TEMPLATE_VERSION {
                return Err(Error::OlderIndex { index: name, found: version });
            }
            let mappings = self.mappings(view);
            if old.properties != mappings["properties"] {
                self.update_mapping(&name, &mappings).await?;
            }
        }
        Ok(())
    }

    /// Creates the empty index that holds the aliases of its view.
    pub(crate) async fn make_empty(&self, view: View) -> Result<(), Error> {
        let name = self.names.index(view, Place::Empty);
        let mut aliases = Map::new();
        if view.kind() != ViewKind::Journal {
            for layer in [Layer::Speed, Layer::Batch] {
                aliases.insert(self.names.layer(view, layer), json!({ "is_hidden": true }));
            }
        }
        aliases.insert(self.names.answers(view), json!({}));
        let made = self.make(Operation::SetUp, &name, self.mappings(view), aliases).await?;
        debug_assert!(made != Made::DayTaken, "it answers for no day");
        Ok(())
    }
}

fn supported(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => VERSIONS.contains(&(major, minor)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_major_versions_are_supported() {
        for version in ["8.12.2", "8.19.0", "9.0.0-rc1", "9.2.0"] {
            assert!(supported(version), "{version}");
        }
        for version in ["7.17.0", "8.11.4", "10.0.0", "2.11.0", "", "x.y"] {
            assert!(!supported(version), "{version}");
        }
    }
}
