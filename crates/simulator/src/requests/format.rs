//! How a request is written.

use chrono::DateTime;

use super::world::HOST;

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Apache's, and nginx's default: with referrer and user agent.
    Combined,
    /// Without these.
    Common,
    /// Combined, behind the virtual host and its port.
    VirtualHost,
    /// Common, behind the virtual host and its port.
    CommonVirtualHost,
    /// JSON as the server Caddy writes it.
    Caddy,
    /// JSON as the proxy Traefik writes it, with referrer and user agent.
    Traefik,
    /// Not as a server logs it, but as a browser asks: the head of HTTP/1.1, after which the server closes. The address
    /// of the visitor is in `X-Forwarded-For`, as that of a server's proxy.
    Asked,
}

/// What a line says.
pub(super) struct Said<'a> {
    pub(super) address: &'a str,
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) bytes: u64,
    pub(super) referrer: Option<&'a str>,
    pub(super) agent: &'a str,
}

impl Format {
    /// The line of a request at this time, in milliseconds since the epoch.
    pub(super) fn write(self, time_ms: i64, said: &Said<'_>) -> String {
        let common = || {
            let Said { address, method, path, status, bytes, .. } = said;
            let time = text(time_ms, "%d/%b/%Y:%H:%M:%S +0000");
            format!("{address} - - [{time}] \"{method} {path} HTTP/1.1\" {status} {bytes}")
        };
        let combined = || {
            let from = said.referrer.unwrap_or("-");
            format!("{} \"{from}\" \"{}\"", common(), said.agent)
        };
        match self {
            Self::Common => common(),
            Self::Combined => combined(),
            Self::VirtualHost => format!("{HOST}:443 {}", combined()),
            Self::CommonVirtualHost => format!("{HOST}:443 {}", common()),
            Self::Caddy => caddy(time_ms, said),
            Self::Traefik => traefik(time_ms, said),
            Self::Asked => asked(said),
        }
    }
}

fn text(time_ms: i64, format: &str) -> String {
    let time = DateTime::from_timestamp_millis(time_ms).unwrap_or_default();
    time.format(format).to_string()
}

fn caddy(time_ms: i64, said: &Said<'_>) -> String {
    let Said { address, method, path, status, bytes, referrer, agent } = said;
    let seconds = time_ms as f64 / 1000.0;
    let referrer = referrer.map(|from| format!(",\"Referer\":[\"{from}\"]"));
    format!(
        "{{\"level\":\"info\",\"ts\":{seconds:.3},\"logger\":\"http.log.access\",\
         \"msg\":\"handled request\",\"request\":{{\"remote_ip\":\"{address}\",\
         \"client_ip\":\"{address}\",\"proto\":\"HTTP/2.0\",\"method\":\"{method}\",\
         \"host\":\"{HOST}\",\"uri\":\"{path}\",\"headers\":{{\"User-Agent\":[\"{agent}\"]{}}}}},\
         \"status\":{status},\"size\":{bytes},\"duration\":0.004}}",
        referrer.unwrap_or_default()
    )
}

fn traefik(time_ms: i64, said: &Said<'_>) -> String {
    let Said { address, method, path, status, bytes, referrer, agent } = said;
    let time = text(time_ms, "%Y-%m-%dT%H:%M:%S%.3fZ");
    let referrer = referrer.map(|from| format!("\"request_Referer\":\"{from}\","));
    format!(
        "{{\"ClientHost\":\"{address}\",\"ClientUsername\":\"-\",\"DownstreamContentSize\":{bytes},\
         \"DownstreamStatus\":{status},\"Duration\":4000000,\"RequestHost\":\"{HOST}\",\
         \"RequestMethod\":\"{method}\",\"RequestPath\":\"{path}\",\"RequestProtocol\":\"HTTP/2.0\",\
         \"StartUTC\":\"{time}\",\"level\":\"info\",\"msg\":\"\",{}\"request_User-Agent\":\"{agent}\",\
         \"time\":\"{time}\"}}",
        referrer.unwrap_or_default()
    )
}

fn asked(said: &Said<'_>) -> String {
    let Said { address, method, path, referrer, agent, .. } = said;
    let referrer = referrer.map(|from| format!("Referer: {from}\r\n"));
    let length = if *method == "POST" { "Content-Length: 0\r\n" } else { "" };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: {agent}\r\n{}\
         X-Forwarded-For: {address}\r\n{length}Connection: close\r\n\r\n",
        referrer.unwrap_or_default()
    )
}
