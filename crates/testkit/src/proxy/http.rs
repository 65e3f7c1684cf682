//! One request and its response.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy};

use super::{Fault, State, tcp};

const HEAD_BYTES_MAX: usize = 64 << 10;

pub(super) async fn serve(
    state: &State,
    mut client: impl AsyncRead + AsyncWrite + Unpin,
) -> io::Result<()> {
    let Some((head, body_start)) = read_head(&mut client).await? else { return Ok(()) };
    let mut lasting = state.lasting.subscribe();
    let fault = state.fault();
    match fault {
        Fault::Refuse => return Ok(()),
        Fault::Stall => return tcp::changed(&mut lasting).await,
        _ => {}
    }
    if header(&head, "expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let body = read_body(&mut client, &head, body_start).await?;
    let known = &state.options.authorizations;
    if !known.is_empty() && !header(&head, "authorization").is_some_and(|one| known.contains(&one))
    {
        let body =
            r#"{"error":{"type":"security_exception","reason":"unauthorized"},"status":401}"#;
        let headers = "WWW-Authenticate: Basic realm=\"security\"\r\n";
        return answer(&mut client, 401, headers, body).await;
    }
    if let Fault::Answer { status, headers, body } = &fault {
        return answer(&mut client, *status, headers, body).await;
    }
    let request = [forwarded(&head).into_bytes(), body].concat();
    let mut server = state.connect().await?;
    if let Fault::CutRequest(bytes) = fault {
        let part = usize::try_from(bytes).unwrap().min(request.len());
        server.write_all(&request[..part]).await?;
        return server.flush().await;
    }
    server.write_all(&request).await?;
    let bytes_max = if let Fault::CutResponse(bytes) = fault { bytes } else { u64::MAX };
    let mut response = server.take(bytes_max);
    tokio::select! {
        copied = copy(&mut response, &mut client) => copied.map(drop)?,
        () = tcp::broken(&mut lasting) => tcp::stall(&mut lasting).await?,
    }
    client.shutdown().await
}

/// Reads the head without its empty line, and whatever followed it. Returns nothing if the client
/// goes away.
async fn read_head(client: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    while bytes.len() < HEAD_BYTES_MAX {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok(Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), rest)));
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    Err(io::Error::other("a head without end"))
}

/// Reads the body as it comes: with a length, in chunks, or none.
async fn read_body(
    client: &mut (impl AsyncRead + Unpin),
    head: &str,
    mut body: Vec<u8>,
) -> io::Result<Vec<u8>> {
    let length = header(head, "content-length").and_then(|length| length.parse().ok());
    let chunked = header(head, "transfer-encoding").is_some();
    loop {
        let complete = match length {
            Some(length) => body.len() >= length,
            // No test sends what looks like an end inside of a chunk.
            None => !chunked || body.ends_with(b"\r\n0\r\n\r\n") || body == b"0\r\n\r\n",
        };
        if complete {
            return Ok(body);
        }
        if client.read_buf(&mut body).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The head for the server, which asks it to close the connection after its response.
fn forwarded(head: &str) -> String {
    let mut forwarded = String::new();
    for line in head.split("\r\n") {
        let name = line.split(':').next().unwrap_or_default();
        // The server behind knows nothing of credentials, nor of who waits for its permission.
        let own = ["connection", "authorization", "expect"];
        if !own.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            forwarded += line;
            forwarded += "\r\n";
        }
    }
    forwarded + "Connection: close\r\n\r\n"
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

async fn answer(
    client: &mut (impl AsyncWrite + Unpin),
    status: u16,
    headers: &str,
    body: &str,
) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Test\r\nContent-Type: application/json\r\nX-Elastic-Product: Elasticsearch\r\n\
         {headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(body.as_bytes()).await?;
    client.shutdown().await
}
