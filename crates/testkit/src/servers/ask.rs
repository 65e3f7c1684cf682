//! A request to a server that needs no credentials, and its whole answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The status and the body of the answer to a request like `GET /_cluster/health`, with a body in JSON.
/// `None` where nobody answers, or not to the end.
pub fn ask(url: &str, request: &str, body: &str) -> Option<(u16, String)> {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = str::from_utf8(&answer[..end]).ok()?.to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = answer.split_off(end + 4);
    let body = if head.contains("transfer-encoding: chunked") { unchunked(&body)? } else { body };
    Some((status, String::from_utf8(body).ok()?))
}

/// A body whose parts come after their lengths.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'\r')?;
        let length = usize::from_str_radix(str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        let from = end + 2;
        body.extend_from_slice(rest.get(from..from + length)?);
        rest = rest.get(from + length + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::unchunked;

    #[test]
    fn a_body_in_parts_is_put_together() {
        let whole = |body: &[u8]| unchunked(body).map(|body| String::from_utf8(body).unwrap());
        assert_eq!(
            whole(b"5\r\nhello\r\nA\r\n, the rest\r\n0\r\n\r\n"),
            Some("hello, the rest".to_owned())
        );
        assert_eq!(whole(b"5\r\nhel"), None, "one that is cut off");
        assert_eq!(whole(b"5\r\nhello\r\n"), None, "one without its end");
    }
}
