//! What is stored of a line.

use super::*;

fn options(anonymize_addresses: bool, host: Option<&str>) -> StoreOptions {
    StoreOptions { anonymize_addresses, host: host.map(str::to_owned) }
}

fn stored(line: &str, options: &StoreOptions) -> String {
    String::from_utf8(decoder().stored(line.as_bytes(), options).unwrap()).unwrap()
}

#[test]
fn the_country_is_kept_and_the_address_is_not() {
    let rest = r#"- - [17/May/2015:10:05:03 +0000] "GET /10.0.0.7 HTTP/1.1" 200 7"#;
    let check = |line: &str, expected: &str| {
        let kept = stored(line, &options(true, None));
        assert_eq!(kept, expected);
        assert_eq!(stored(&kept, &options(true, None)), kept, "once more changes nothing");
    };
    check(&format!("83.149.9.216 {rest}"), &format!("country:RU 83.149.9.0 {rest}"));
    check(
        &format!("a.example:80 83.149.9.216 {rest}"),
        &format!("country:RU a.example:80 83.149.9.0 {rest}"),
    );
    check(
        &format!("[2001:67c:2e8:22::c100:68b] {rest} \"-\" \"Opera 9.0.0.1\" \"5.6.7.8, 1.2.3.4\""),
        &format!("country:NL [2001:67c:2e8::] {rest} \"-\" \"Opera 9.0.0.1\" \"5.6.7.0, 1.2.3.0\""),
    );
    check(
        &format!("unicomp6.unicomp.net {rest}"),
        &format!("country:ZZ unicomp6.unicomp.net {rest}"),
    );
    check(
        &format!("a.example 83.149.9.216 {rest}"),
        &format!("country:RU host:a.example 83.149.9.0 {rest}"),
    );
    check(
        &format!("a.example [2001:67c:2e8::] {rest}"),
        &format!("country:NL host:a.example [2001:67c:2e8::] {rest}"),
    );
    check("83.149.9.216 - - oops 5.6.7.8", "83.149.9.0 - - oops 5.6.7.0");
    check("# 83.149.9.216", "# 83.149.9.0");
    check(
        r#"{"request":{"remote_ip":"10.0.0.1","client_ip":"83.149.9.216","host":"a.example","headers":{"X-Forwarded-For":["83.149.9.216"]}},"ts":1,"status":200}"#,
        r#"{"pulso_country":"RU","request":{"remote_ip":"10.0.0.0","client_ip":"83.149.9.0","host":"a.example","headers":{"X-Forwarded-For":["83.149.9.0"]}},"ts":1,"status":200}"#,
    );
}

#[test]
fn the_address_and_the_host_are_kept_where_that_is_asked() {
    let rest = r#"- - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 7"#;
    let kept = stored(&format!("83.149.9.216 {rest}"), &options(false, Some("a.example")));
    assert_eq!(kept, format!("country:RU host:a.example 83.149.9.216 {rest}"));
    let kept = stored(&kept, &options(true, Some("b.example")));
    assert_eq!(kept, format!("country:RU host:a.example 83.149.9.0 {rest}"));
    let named = format!("b.example:80 83.149.9.216 {rest}");
    assert_eq!(stored(&named, &options(false, Some("a.example"))), format!("country:RU {named}"));
}

proptest! {
    /// But for the address, the fact is the same.
    #[test]
    fn what_is_stored_says_the_same((line, ..) in request(), address in any::<u32>()) {
        let line = line.replace("2001:db8::1", &std::net::Ipv4Addr::from_bits(address).to_string());
        let kept = stored(&line, &options(true, None));
        let (mut before, after) = (fact(&line), fact(&kept));
        let network = std::net::Ipv4Addr::from_bits(address & !0xff).to_string();
        before.columns[0] = Value::Text(network.clone().into());
        before.scope = address::country(&std::net::Ipv4Addr::from_bits(address).to_string()).into();
        before.place = place::middle(&before.scope);
        prop_assert_eq!(&before, &after);
        prop_assert_eq!(decoder().head(kept.as_bytes()).key, Some(Key::Text(network.into())));
    }

    #[test]
    fn any_bytes_can_be_stored(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let kept = Requests.stored(&bytes, &options(true, Some("a.example"))).unwrap();
        prop_assert_eq!(Requests.stored(&kept, &options(true, Some("a.example"))).unwrap(), kept);
    }
}
