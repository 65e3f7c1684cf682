//! Reads who may use the serving layer.

use super::deployment::places;
use super::{TICK, file};
use crate::config::reader::{Reader, Wrong};
use crate::config::sections::{Guard, LoginMode};

/// The most requests that a limit can be set to; as good as none.
const REQUESTS_MAX: u32 = 1_000_000;

pub(super) fn guard(reader: &mut Reader) -> Guard {
    let modes = [("auto", LoginMode::Auto), ("off", LoginMode::Off)];
    let guard = Guard {
        login: reader.choice("guard.login", "a way to log in", &modes),
        accounts_file: reader.read("guard.accounts_file", file),
        session_idle: reader.duration("guard.session_idle", TICK),
        session_max: reader.duration("guard.session_max", TICK),
        open_probes: reader.flag("guard.open_probes"),
        hosts: places::list(reader, "guard.hosts", |text| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
            let wrong = || Wrong::new("is not a host name", "write it like \"pulso.example.org\"");
            let named = !text.is_empty() && text.chars().all(plain);
            named.then(|| text.to_ascii_lowercase()).ok_or_else(wrong)
        }),
        trusted_proxies: places::list(reader, "guard.trusted_proxies", |text| {
            let hint = "write it like \"10.0.0.7\" or \"10.0.0.0/8\"";
            text.parse().map_err(|_| Wrong::new("is not an address or a network", hint))
        }),
        requests_per_second: reader.number("guard.requests_per_second", 1..=REQUESTS_MAX),
        requests_burst: reader.number("guard.requests_burst", 1..=REQUESTS_MAX),
        limit_loopback: reader.flag("guard.limit_loopback"),
        audit_file: reader.read("guard.audit_file", file),
    };
    reader.check_pair(
        guard.session_idle <= guard.session_max,
        ("guard.session_idle", "guard.session_max"),
        "is longer than",
        || "a login ends after `session_max`, however often it is used".to_owned(),
    );
    let off = guard.login == LoginMode::Off;
    reader.check(!off || guard.accounts_file.is_none(), "guard.login", || {
        let hint = "use \"auto\" to have people log in, or take `guard.accounts_file` away";
        Wrong::new("leaves the accounts in `guard.accounts_file` without use", hint)
    });
    guard
}
