//! Sends objects to Kibana.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::connection::{Client, Connection};
use crate::error::{Error, Operation, Refusal};
use crate::request::Request;
use crate::response::Response;

/// How long to wait for a Kibana that is still starting.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Kibana.
#[derive(Clone, Debug)]
pub struct Kibana {
    client: Client,
}

impl Kibana {
    /// With the addresses of Kibana in place of the nodes. Sends nothing yet.
    ///
    /// # Errors
    /// As for the views: the address or the certificate authority is wrong.
    pub fn new(connection: &Connection) -> Result<Self, Error> {
        Ok(Self { client: Client::kibana(connection)? })
    }

    /// Imports objects, one JSON text a line. Replaces objects of the same type and id, and no others.
    ///
    /// # Errors
    /// When Kibana cannot be had, does not let this user, or refuses an object.
    pub async fn import(&self, lines: &str) -> Result<(), Error> {
        let request = Request::post("api/saved_objects/_import").with("overwrite", "true");
        let response = self.ask(&request.file("pulso.ndjson", lines)).await?;
        match fault(&response) {
            None => Ok(()),
            Some(source) => Err(Error::Answer {
                operation: Operation::ImportDashboards,
                urls: self.client.urls(),
                source,
            }),
        }
    }

    /// Has Kibana leave out of a panel what filters on a field that its view does not have. Otherwise a
    /// choice of a scope would empty the panels that show the whole world.
    ///
    /// # Errors
    /// As for [`import`](Self::import).
    pub async fn ignore_filters_on_missing_fields(&self) -> Result<(), Error> {
        let changes = json!({ "changes": { "courier:ignoreFilterIfFieldNotInIndex": true } });
        self.ask(&Request::post("api/kibana/settings").json(&changes)).await.map(drop)
    }

    async fn ask(&self, request: &Request) -> Result<Response, Error> {
        self.client.ask(Operation::ImportDashboards, request, PATIENCE).await
    }
}

/// What Kibana did not import, of an answer that reads like success.
fn fault(response: &Response) -> Option<Refusal> {
    #[derive(Deserialize)]
    struct Answer {
        success: bool,
        #[serde(default)]
        errors: Vec<Failed>,
    }
    #[derive(Deserialize)]
    struct Failed {
        #[serde(rename = "type")]
        kind: String,
        id: String,
        #[serde(default)]
        error: Value,
    }
    let refusal = |kind: &str, reason| {
        Some(Refusal { status: response.status, kind: kind.to_owned(), reason })
    };
    match response.parse::<Answer>() {
        Ok(Answer { success: true, .. }) => None,
        Ok(Answer { errors, .. }) => {
            let failed =
                errors.iter().map(|Failed { kind, id, error }| format!("{kind} `{id}`: {error}"));
            refusal("objects were refused", failed.collect::<Vec<_>>().join("; "))
        }
        Err(error) => refusal("not an answer of Kibana", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Response {
        Response { status: 200, body: body.to_owned().into() }
    }

    #[test]
    fn only_full_success_is_success() {
        let all = r#"{"successCount":2,"success":true,"warnings":[],"successResults":[]}"#;
        assert_eq!(fault(&answer(all)), None);
        let some = r#"{"successCount":1,"success":false,"errors":[{"id":"pulso-x","type":"lens",
            "error":{"type":"missing_references"}}]}"#;
        let refusal = fault(&answer(some)).unwrap();
        assert!(refusal.reason.contains("lens `pulso-x`"), "{refusal}");
        assert!(refusal.reason.contains("missing_references"), "{refusal}");
        let page = fault(&answer("<html>log in</html>")).unwrap();
        assert_eq!(page.kind, "not an answer of Kibana");
    }
}
