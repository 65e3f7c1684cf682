//! Reads where senders connect, or send to.

use std::path::PathBuf;

use toml::{Table, Value};

use super::{KEY, field, value_field};
use crate::config::reader::{Reader, Wrong};
use crate::config::sections::{Listening, Protocol, ServerTls, SyslogTransport};
use crate::config::values::socket_address;
use crate::config::{ByteSize, Secret};

/// For more, the open files of most systems do not suffice.
const CONNECTIONS_MAX: usize = 10_000;

/// Of a source by POST that names none.
const BODY_BYTES_MAX: ByteSize = ByteSize(16 << 20);

/// What only connections have.
const OF_CONNECTIONS: [&str; 3] = ["connections_max", "tls_certificate", "tls_key"];

pub(super) fn tcp(reader: &mut Reader, key: &str, table: &Table) -> Option<Listening> {
    let address = field(reader, key, table, "listen", socket_address);
    let connections_max = match table.get("connections_max") {
        None => Some(Listening::CONNECTIONS_MAX),
        Some(_) => value_field(reader, key, table, "connections_max", connections_max),
    };
    let tls = tls(reader, key, table);
    Some(Listening { address: address?, connections_max: connections_max?, tls: tls? })
}

pub(super) fn syslog(reader: &mut Reader, key: &str, table: &Table) -> Option<SyslogTransport> {
    let is_tcp = match table.get("transport") {
        None => false,
        Some(_) => field(reader, key, table, "transport", is_tcp)?,
    };
    if is_tcp {
        return tcp(reader, key, table).map(SyslogTransport::Tcp);
    }
    for name in OF_CONNECTIONS.into_iter().filter(|name| table.contains_key(*name)) {
        let (place, origin) = (format!("{key}.{name}"), reader.origin(KEY));
        let message = format!("`{place}`{origin} is for the transport \"tcp\"");
        let hint = "add `transport = \"tcp\"`, or leave it out: datagrams have no connection";
        reader.problem(&place, message, hint.to_owned());
    }
    field(reader, key, table, "listen", socket_address).map(SyslogTransport::Udp)
}

pub(super) fn push(reader: &mut Reader, key: &str, table: &Table) -> Option<Protocol> {
    let listen = field(reader, key, table, "listen", socket_address);
    let place = format!("{key}.token_file");
    let token = match table.get("token_file") {
        None => Some(None),
        Some(_) => field(reader, key, table, "token_file", |path| token(&place, path)).map(Some),
    };
    let body_bytes_max = match table.get("body_bytes_max") {
        None => Some(BODY_BYTES_MAX),
        Some(_) => field(reader, key, table, "body_bytes_max", body_bytes_max),
    };
    let (listen, token, body_bytes_max) = (listen?, token?, body_bytes_max?);
    if token.is_none() && !listen.ip().to_canonical().is_loopback() {
        let message = format!("`{key}.listen` ({listen}) is open to others, and there is no token");
        let hint = "name a file with a secret of your own in `token_file`, or listen on 127.0.0.1";
        reader.problem(&format!("{key}.listen"), message, hint.to_owned());
        return None;
    }
    Some(Protocol::Push { listen, token, body_bytes_max })
}

/// `None` after noting a problem.
fn tls(reader: &mut Reader, key: &str, table: &Table) -> Option<Option<ServerTls>> {
    let names = ["tls_certificate", "tls_key"];
    let missing: Vec<_> = names.into_iter().filter(|name| !table.contains_key(*name)).collect();
    match missing.as_slice() {
        [] => {
            let [certificate, key] = names.map(|name| field(reader, key, table, name, path));
            Some(Some(ServerTls { certificate: certificate?, key: key? }))
        }
        [missing] => {
            let (place, origin) = (format!("{key}.{missing}"), reader.origin(KEY));
            let hint = "name two PEM files, `tls_certificate` and `tls_key`, or neither of them";
            reader.problem(&place, format!("`{place}`{origin} is missing"), hint.to_owned());
            None
        }
        _ => Some(None),
    }
}

fn is_tcp(text: &str) -> Result<bool, Wrong> {
    match text {
        "tcp" => Ok(true),
        "udp" => Ok(false),
        _ => Err(Wrong::new(
            "is not a transport",
            "use \"udp\" or \"tcp\"; TLS is \"tcp\" with `tls_certificate` and `tls_key`",
        )),
    }
}

fn connections_max(value: &Value) -> Result<usize, Wrong> {
    let number = value.as_integer();
    let number =
        number.ok_or_else(|| Wrong::new("is not a whole number", "write it without quotes"))?;
    let within = usize::try_from(number).ok();
    within.filter(|number| (1..=CONNECTIONS_MAX).contains(number)).ok_or_else(|| {
        let hint = format!("choose a number from 1 to {CONNECTIONS_MAX}");
        Wrong::new("is out of range", hint)
    })
}

fn path(text: &str) -> Result<PathBuf, Wrong> {
    match text {
        "" => Err(Wrong::new("is empty", "name a PEM file")),
        path => Ok(PathBuf::from(path)),
    }
}

fn token(key: &str, text: &str) -> Result<Secret, Wrong> {
    let hint = "name a file that holds nothing but the secret";
    if text.is_empty() {
        return Err(Wrong::new("is empty", hint));
    }
    Ok(Secret::file(key, text.into()))
}

fn body_bytes_max(text: &str) -> Result<ByteSize, Wrong> {
    let wrong = || {
        let hint = "choose a size from \"1KiB\" to \"256MiB\"";
        Wrong::new("is not the size of a body", hint)
    };
    let size: ByteSize = text.parse().map_err(|_| wrong())?;
    (ByteSize(1 << 10)..=ByteSize(256 << 20)).contains(&size).then_some(size).ok_or_else(wrong)
}
