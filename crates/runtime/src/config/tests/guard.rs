//! The section that says who may use the serving layer.

use super::*;

#[test]
fn nobody_logs_in_unless_there_are_accounts() {
    let guard = Config::default().guard;
    assert_eq!((guard.login, guard.accounts_file), (LoginMode::Auto, None));
    assert!(guard.open_probes && !guard.limit_loopback);
    assert!(guard.hosts.is_empty() && guard.trusted_proxies.is_empty());
}

#[test]
fn a_guard_is_read() {
    let guard = load(
        "[guard]\naccounts_file = '/etc/pulso/accounts'\nhosts = ['Pulso.example.org']\n\
         trusted_proxies = ['10.0.0.7', 'fd00::/8']\nsession_idle = '1h'\naudit_file = 'a.jsonl'",
    )
    .guard;
    assert_eq!(guard.accounts_file, Some("/etc/pulso/accounts".into()));
    assert_eq!(guard.hosts, ["pulso.example.org"]);
    assert!(guard.trusted_proxies[1].contains("fd00::1".parse().unwrap()));
    assert_eq!((guard.session_idle.as_secs(), guard.audit_file), (3600, Some("a.jsonl".into())));
}

#[test]
fn what_cannot_guard_is_refused() {
    check(
        "[guard]\nlogin = 'never'",
        "`guard.login` (never) is not a way to log in",
        "use \"auto\" or \"off\"",
    );
    check(
        "[guard]\nlogin = 'off'\naccounts_file = 'accounts'",
        "`guard.login` (off) leaves the accounts in `guard.accounts_file` without use",
        "use \"auto\" to have people log in, or take `guard.accounts_file` away",
    );
    check(
        "[guard]\nhosts = ['https://pulso.example.org']",
        "`guard.hosts[0]` (https://pulso.example.org) is not a host name",
        "write it like \"pulso.example.org\"",
    );
    check(
        "[guard]\ntrusted_proxies = ['10.0.0.7', 'proxy']",
        "`guard.trusted_proxies[1]` (proxy) is not an address or a network",
        "write it like \"10.0.0.7\" or \"10.0.0.0/8\"",
    );
    check(
        "[guard]\nsession_idle = '8d'",
        "`guard.session_idle` (8d) is longer than `guard.session_max` (7d)",
        "a login ends after `session_max`, however often it is used",
    );
    check(
        "[guard]\nrequests_burst = 0",
        "`guard.requests_burst` (0) is out of range",
        "choose a number from 1 to 1000000",
    );
}
