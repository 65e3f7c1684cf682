//! The list of sources.

use std::time::Duration;

use super::*;

#[test]
fn sources_are_checked_one_by_one() {
    let source = |text: &str| format!("acquisition.sources = [{text}]");
    let fields = "a source has `name`, `url` (or `urls`) and, optionally, `stream`, `protocol`, \
                  `resume_parameter` and `resume_margin`; any source may have `filter` and `sample`";
    let url = "write it like \"wss://stream.example.org/messages\"";
    let place = |rest: &str| format!("`acquisition.sources[0]{rest}");
    check(
        "acquisition.sources = 'x'",
        "`acquisition.sources` (x) is not a list",
        "begin each source with `[[acquisition.sources]]`",
    );
    check(&source("1"), &place("` (1) is not a section"), fields);
    check(&source("{name='a'}"), &place(".url` is missing"), fields);
    check(
        &source("{name='a', url='ws://a', uri='b'}"),
        &place(".uri` is not a key of the configuration"),
        fields,
    );
    check(&source("{name='a', url='a b'}"), &place(".url` (a b) is not a url"), url);
    for wrong in ["http://a", "/x", "ws:a"] {
        let message = place(&format!(".url` ({wrong}) is not a websocket url"));
        let error = Config::load(&layers(&source(&format!("{{name='a', url='{wrong}'}}"))));
        let error =
            error.unwrap_err().to_string().replace("is not a url", "is not a websocket url");
        assert_eq!(error, format!("failed to load config `x.toml`: {message}"));
    }
    check(
        &source("{name='a', url='wss://a:99999/x'}"),
        &place(".url` (wss://a:99999/x) has a port that is not a number from 0 to 65535"),
        url,
    );
    check(
        &source("{name='a', url='wss://me:secret@a/x?key=secret'}"),
        &place(".url` (wss://***@a/x?***) has a user name, which is not sent to the source"),
        "name what the source asks for in the query, like \"wss://stream.example.org/?key=…\"",
    );
    check(
        &source("{name='a b', url='ws://a'}"),
        &place(".name` (a b) is not a name for a source"),
        "use up to 64 letters, digits, `-`, `_` and `.`",
    );
    check(
        &source("{name='a', url='ws://a', resume_parameter='a=b'}"),
        &place(".resume_parameter` (a=b) is not the name of a query parameter"),
        "use letters, digits, `-`, `_` and `.`",
    );
    check(
        &source("{name='a', url='ws://a', resume_margin='0s'}"),
        &place(".resume_margin` (0s) is out of range"),
        "choose a duration from 1ms to 3650d",
    );
    check(
        &source("{name='a', url='ws://a'}, {name='a', url='ws://b'}"),
        "`acquisition.sources[1].name` (a) is also the name of another",
        "give every source a name of its own",
    );
}

#[test]
fn a_source_of_jetstream_has_servers_and_a_version() {
    let config = load(
        "[[acquisition.sources]]\nname = \"a\"\nprotocol = \"jetstream\"\n\
         urls = [\"wss://one.example?kinds=commit\", \"wss://two.example/subscribe\"]",
    );
    let [source] = config.acquisition.sources.as_slice() else { panic!("not one source") };
    assert_eq!(source.protocol, Protocol::Jetstream);
    assert_eq!(source.resume_margin, Source::JETSTREAM_MARGIN);
    let urls: Vec<_> = source.urls.iter().map(ToString::to_string).collect();
    let version_2 = format!("wss://one.example{}?kinds=commit", Protocol::JETSTREAM_2);
    assert_eq!(urls, [version_2.as_str(), "wss://two.example/subscribe"]);

    let source = |text: &str| format!("acquisition.sources = [{{name='a', {text}}}]");
    let place = |rest: &str| format!("`acquisition.sources[0].{rest}");
    let jetstream = |url: &str| source(&format!("protocol='jetstream', url='{url}'"));
    check(
        &source("url='ws://a', protocol='mqtt'"),
        &place("protocol` (mqtt) is not a protocol"),
        "use \"websocket\" or \"jetstream\" or \"http\" or \"file\" or \"tcp\" or \"syslog\" or \"push\"",
    );
    check(
        &jetstream("wss://a/rsvps"),
        &place("url` (wss://a/rsvps) has a path that Jetstream does not serve"),
        "use the path `/subscribe` (version 1) or \
         `/xrpc/network.bsky.jetstream.subscribeEvents` (version 2)",
    );
    check(
        &jetstream("wss://a/?kinds=commit&cursor=7"),
        &place("url` (wss://a/?***) has a `cursor`"),
        "leave it out: Pulso goes on after the last stored message by itself",
    );
    check(
        &source("protocol='jetstream', url='ws://a', resume_parameter='x'"),
        &place("resume_parameter` is for the protocol \"websocket\" or \"http\""),
        "a source with the protocol \"jetstream\" has `name`, `url` (or `urls`) and, optionally, \
         `stream` and `resume_margin`; it goes on by itself; any source may have `filter` and `sample`",
    );
    check(
        &source("urls=['ws://a', 'http://b?key=secret']"),
        &place("urls[1]` (http://b?***) is not a websocket url"),
        "write it like \"wss://stream.example.org/messages\"",
    );
    for wrong in ["urls=[]", "urls='ws://a'", "urls=['ws://a'], url='ws://b'"] {
        check(
            &source(wrong),
            &place("urls` is not a list that stands for `url`"),
            "name the servers of one stream in `urls`, or its only one in `url`",
        );
    }
}

#[test]
fn a_source_may_be_an_answer_that_does_not_end() {
    let config = load(
        "[[acquisition.sources]]\nname = \"a\"\nprotocol = \"http\"\nurl = \"https://a.example/x\"\n\
         [[acquisition.sources]]\nname = \"b\"\nprotocol = \"http\"\nurl = \"http://b.example/\"\n\
         format = \"events\"\nresume_parameter = \"since\"\nresume_margin = \"5s\"",
    );
    let [a, b] = config.acquisition.sources.as_slice() else { panic!("not two sources") };
    let http = |format, parameter: Option<&str>| {
        let resume_parameter = parameter.map(str::to_owned);
        Protocol::Http { format, resume_parameter }
    };
    assert_eq!(a.protocol, http(Format::Lines, None));
    assert_eq!(a.resume_margin, Source::HTTP_MARGIN);
    assert_eq!(b.protocol, http(Format::Events, Some("since")));
    assert_eq!(b.resume_margin, Duration::from_secs(5));

    let source =
        |text: &str| format!("acquisition.sources = [{{name='a', protocol='http', {text}}}]");
    let place = |rest: &str| format!("`acquisition.sources[0].{rest}");
    check(
        &source("url='wss://a/?key=secret'"),
        &place("url` (wss://a/?***) is not an HTTP url"),
        "write it like \"https://stream.example.org/messages\"",
    );
    check(
        &source("url='http://a', format='xml'"),
        &place("format` (xml) is not a format"),
        "use \"lines\" or \"events\"",
    );
    check(
        "acquisition.sources = [{name='a', url='ws://a', format='lines'}]",
        &place("format` is for the protocol \"http\""),
        "a source has `name`, `url` (or `urls`) and, optionally, `stream`, `protocol`, \
         `resume_parameter` and `resume_margin`; any source may have `filter` and `sample`",
    );
}

#[test]
fn a_source_may_be_files() {
    let config = load(
        "[[acquisition.sources]]\nname = \"a\"\nprotocol = \"file\"\npaths = [\"/x/*.log*\", \"y\"]\n\
         from = \"end\"",
    );
    let [source] = config.acquisition.sources.as_slice() else { panic!("not one source") };
    let paths = vec!["/x/*.log*".to_owned(), "y".to_owned()];
    assert_eq!(source.protocol, Protocol::File { paths, from: FilesFrom::End });
    assert_eq!(source.urls, Vec::<http::Uri>::new());

    let source =
        |text: &str| format!("acquisition.sources = [{{name='a', protocol='file', {text}}}]");
    let place = |rest: &str| format!("`acquisition.sources[0].{rest}");
    let list = "name files, or patterns of them: `paths = [\"/var/log/app/*.log*\"]`";
    for wrong in ["from='start'", "paths=[]", "paths='/x/*.log'"] {
        check(&source(wrong), &place("paths` is not a list of files"), list);
    }
    let pattern = "write it like \"/var/log/app/*.log*\"; `*`, `?`, `[…]` and `**` have a meaning";
    check(&source("paths=['a', '']"), &place("paths[1]` () is empty"), pattern);
    check(
        &source("paths=['a***']"),
        &place(
            "paths[0]` (a***) is not a pattern: wildcards are either regular `*` or recursive `**`",
        ),
        pattern,
    );
    check(
        &source("paths=['a'], from='now'"),
        &place("from` (now) is not a place to begin at"),
        "use \"start\" or \"end\"",
    );
    check(
        &source("paths=['a'], url='ws://a'"),
        &place("url` is for the protocol \"websocket\" or \"jetstream\" or \"http\""),
        "a source with the protocol \"file\" has `name`, `paths` and, optionally, `stream` and `from`; any source may have `filter` and `sample`",
    );
}

#[test]
fn a_source_may_be_lines_of_senders_that_connect() {
    let config = load(
        "[[acquisition.sources]]\nname = \"a\"\nprotocol = \"tcp\"\nlisten = \"127.0.0.1:9999\"\n\
         [[acquisition.sources]]\nname = \"b\"\nprotocol = \"tcp\"\nlisten = \"[::]:9999\"\n\
         connections_max = 3\ntls_certificate = \"a.pem\"\ntls_key = \"/b.pem\"",
    );
    let [a, b] = config.acquisition.sources.as_slice() else { panic!("not two sources") };
    let address = "127.0.0.1:9999".parse().unwrap();
    assert_eq!(a.protocol, Protocol::Tcp(Listening { address, connections_max: 64, tls: None }));
    let (address, tls) = ("[::]:9999".parse().unwrap(), tls_files());
    assert_eq!(b.protocol, Protocol::Tcp(Listening { address, connections_max: 3, tls }));
    assert_eq!(a.urls, Vec::<http::Uri>::new());

    let source =
        |text: &str| format!("acquisition.sources = [{{name='a', protocol='tcp', {text}}}]");
    let place = |rest: &str| format!("`acquisition.sources[0].{rest}");
    let fields = "a source with the protocol \"tcp\" has `name`, `listen` and, optionally, `stream`, \
                  `connections_max`, and `tls_certificate` with `tls_key`; any source may have `filter` and `sample`";
    check(&source("connections_max=3"), &place("listen` is missing"), fields);
    check(
        &source("listen='9999'"),
        &place("listen` (9999) is not a socket address"),
        "write an address and a port, like \"127.0.0.1:8080\" or \"[::]:8080\"",
    );
    for wrong in ["0", "-1", "10001"] {
        check(
            &source(&format!("listen='[::]:1', connections_max={wrong}")),
            &place(&format!("connections_max` ({wrong}) is out of range")),
            "choose a number from 1 to 10000",
        );
    }
    check(
        &source("listen='[::]:1', connections_max='3'"),
        &place("connections_max` (3) is not a whole number"),
        "write it without quotes",
    );
    let both = "name two PEM files, `tls_certificate` and `tls_key`, or neither of them";
    check(&source("listen='[::]:1', tls_key='a'"), &place("tls_certificate` is missing"), both);
    check(&source("listen='[::]:1', tls_certificate='a'"), &place("tls_key` is missing"), both);
    check(
        &source("listen='[::]:1', tls_certificate='a', tls_key=''"),
        &place("tls_key` () is empty"),
        "name a PEM file",
    );
    check(
        &source("listen='[::]:1', transport='udp'"),
        &place("transport` is for the protocol \"syslog\""),
        fields,
    );
}

#[test]
fn a_source_may_be_syslog() {
    let config = load(
        "[[acquisition.sources]]\nname = \"a\"\nprotocol = \"syslog\"\nlisten = \"127.0.0.1:514\"\n\
         [[acquisition.sources]]\nname = \"b\"\nprotocol = \"syslog\"\nlisten = \"127.0.0.1:514\"\n\
         transport = \"tcp\"\ntls_certificate = \"a.pem\"\ntls_key = \"/b.pem\"",
    );
    let [a, b] = config.acquisition.sources.as_slice() else { panic!("not two sources") };
    let address = "127.0.0.1:514".parse().unwrap();
    assert_eq!(a.protocol, Protocol::Syslog(SyslogTransport::Udp(address)));
    let tcp = Listening { tls: tls_files(), ..Listening::plain(address) };
    assert_eq!(b.protocol, Protocol::Syslog(SyslogTransport::Tcp(tcp)));

    let source =
        |text: &str| format!("acquisition.sources = [{{name='a', protocol='syslog', {text}}}]");
    let place = |rest: &str| format!("`acquisition.sources[0].{rest}");
    check(
        &source("transport='tcp'"),
        &place("listen` is missing"),
        "a source with the protocol \"syslog\" has `name`, `listen` and, optionally, `stream`, \
         `transport` and, with the transport \"tcp\", `connections_max`, and `tls_certificate` with `tls_key`; any source may have `filter` and `sample`",
    );
    check(
        &source("listen='[::]:1', transport='tls'"),
        &place("transport` (tls) is not a transport"),
        "use \"udp\" or \"tcp\"; TLS is \"tcp\" with `tls_certificate` and `tls_key`",
    );
    check(
        &source("listen='[::]:1', connections_max=7"),
        &place("connections_max` is for the transport \"tcp\""),
        "add `transport = \"tcp\"`, or leave it out: datagrams have no connection",
    );
}

#[test]
fn a_source_may_be_what_is_sent_to_us() {
    let config = load(
        "[[acquisition.sources]]\nname = \"a\"\nprotocol = \"push\"\nlisten = \"127.0.0.1:8088\"\n\
         [[acquisition.sources]]\nname = \"b\"\nprotocol = \"push\"\nlisten = \"0.0.0.0:8088\"\n\
         token_file = \"/run/secrets/push\"\nbody_bytes_max = \"1MiB\"",
    );
    let [a, b] = config.acquisition.sources.as_slice() else { panic!("not two sources") };
    let push = |listen: &str, token, body_bytes_max| {
        let listen = listen.parse().unwrap();
        Protocol::Push { listen, token, body_bytes_max: ByteSize(body_bytes_max) }
    };
    assert_eq!(a.protocol, push("127.0.0.1:8088", None, 16 << 20));
    let token = Secret::file("acquisition.sources[1].token_file", "/run/secrets/push".into());
    assert_eq!(b.protocol, push("0.0.0.0:8088", Some(token), 1 << 20));

    let source =
        |text: &str| format!("acquisition.sources = [{{name='a', protocol='push', {text}}}]");
    let place = |rest: &str| format!("`acquisition.sources[0].{rest}");
    check(
        &source("listen='8088'"),
        &place("listen` (8088) is not a socket address"),
        "write an address and a port, like \"127.0.0.1:8080\" or \"[::]:8080\"",
    );
    check(
        &source("listen='[::]:8088'"),
        &place("listen` ([::]:8088) is open to others, and there is no token"),
        "name a file with a secret of your own in `token_file`, or listen on 127.0.0.1",
    );
    check(
        &source("listen='127.0.0.1:1', token_file=''"),
        &place("token_file` () is empty"),
        "name a file that holds nothing but the secret",
    );
    for wrong in ["0B", "1GiB", "much"] {
        check(
            &source(&format!("listen='127.0.0.1:1', body_bytes_max='{wrong}'")),
            &place(&format!("body_bytes_max` ({wrong}) is not the size of a body")),
            "choose a size from \"1KiB\" to \"256MiB\"",
        );
    }
}

fn tls_files() -> Option<ServerTls> {
    Some(ServerTls { certificate: "a.pem".into(), key: "/b.pem".into() })
}
