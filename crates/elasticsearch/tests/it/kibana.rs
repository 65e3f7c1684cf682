//! What goes to Kibana over the wire, and what becomes of its answers. No Kibana comes without an image,
//! so a socket takes the request here.

use std::time::Duration;

use pulso_elasticsearch::{Connection, Credentials, Error, Kibana};
use pulso_pipeline::{AdapterError, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Takes one request, answers it, and returns both the request and what the call made of the answer.
async fn import(status: &str, body: &str) -> (String, Result<(), Error>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/base", listener.local_addr().unwrap());
    let kibana = Kibana::new(&Connection {
        urls: vec![url],
        certificate_authority: None,
        credentials: Credentials::Basic { username: "u".into(), password: Secret::new("p") },
        request_timeout: Duration::from_secs(30),
        gzip: true,
    })
    .unwrap();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let serve = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !complete(&request) {
            assert_ne!(socket.read_buf(&mut request).await.unwrap(), 0, "the request is whole");
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    };
    tokio::join!(serve, kibana.import("{\"id\":\"a\"}\n{\"id\":\"b\"}\n"))
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| body.len() >= length.parse().unwrap())
}

#[tokio::test]
async fn objects_go_as_a_file_that_replaces_what_was_brought_before() {
    let (request, imported) = import("200 OK", r#"{"success":true,"successCount":2}"#).await;
    imported.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /base/api/saved_objects/_import?overwrite=true "), "{head}");
    assert!(head.contains("\r\nkbn-xsrf: "), "{head}");
    assert!(head.contains("\r\nauthorization: Basic dTpw"), "{head}");
    let boundary = head.split_once("multipart/form-data; boundary=").unwrap().1;
    let boundary = boundary.lines().next().unwrap();
    let parts: Vec<_> = body.split(&format!("--{boundary}")).collect();
    assert_eq!((parts.len(), parts[0], parts[2]), (3, "", "--\r\n"));
    assert!(parts[1].contains("name=\"file\"; filename=\"pulso.ndjson\"\r\n"), "{body}");
    assert!(parts[1].ends_with("\r\n\r\n{\"id\":\"a\"}\n{\"id\":\"b\"}\n\r\n"), "{body}");
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    for (status, body, reason, hint) in [
        (
            "403 Forbidden",
            r#"{"statusCode":403,"message":"not you"}"#,
            "not you",
            Some("elasticsearch.username"),
        ),
        ("404 Not Found", "", "404", Some("kibana.url")),
        ("200 OK", r#"{"success":false,"errors":[{"type":"lens","id":"x"}]}"#, "lens `x`", None),
    ] {
        let error = import(status, body).await.1.unwrap_err();
        assert!(
            error.to_string().starts_with("failed to import dashboards into Kibana"),
            "{error}"
        );
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains(reason), "{source}");
        match hint {
            Some(hint) => assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint()),
            None => assert_eq!(error.hint(), None),
        }
    }
}
