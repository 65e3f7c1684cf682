//! Over sockets of this machine.

use pulso_runtime::config::{Acquisition, Protocol, Source, SyslogTransport};
use tokio::time::timeout;

use super::*;
use crate::Input;
use crate::testing::{Running, options, source};

/// As of Linux 6.8, with `net.core.rmem_max` of 212992.
const TABLE: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  406: 0100007F:158A 00000000:0000 07 00000000:00034100 00:00000000 00000000  1000        0 41237 2 0000000000000000 1893
 2451: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 17029 2 0000000000000000 0
";

#[test]
fn a_table_says_how_many_datagrams_of_a_socket_were_dropped() {
    assert_eq!(dropped(TABLE, 41237), Some(1893));
    assert_eq!(dropped(TABLE, 17029), Some(0));
    assert_eq!(dropped(TABLE, 1893), None);
    assert_eq!(dropped("", 1), None);
    assert_eq!(dropped("a b c\n1 2 3 4 5 6 7 8 9 7 11 12 x", 7), None);
}

fn local() -> UdpSocket {
    bind("127.0.0.1:0".parse().unwrap()).unwrap()
}

async fn free() -> SocketAddr {
    local().local_addr().unwrap()
}

async fn start(options: Acquisition) -> (Running, UdpSocket) {
    let address = free().await;
    let protocol = Protocol::Syslog(SyslogTransport::Udp(address));
    let input = Input::Source(Source { urls: Vec::new(), protocol, ..source("a") });
    let mut running = Running::start(vec![input], options);
    let sender = local();
    sender.connect(address).await.unwrap();
    // Until somebody listens, datagrams are lost; a connected socket may also hear of that.
    loop {
        sender.send(b"<13>hello").await.ok();
        if timeout(Duration::from_millis(50), running.stored(1)).await.is_ok() {
            return (running, sender);
        }
    }
}

/// What comes after the greetings.
async fn stored(running: &mut Running, count: usize) -> Vec<Bytes> {
    let mut stored = Vec::new();
    while stored.len() < count {
        stored.extend(running.stored(1).await.into_iter().filter(|message| message != "hello"));
    }
    stored
}

#[tokio::test]
async fn each_datagram_is_a_message() {
    let (mut running, sender) = start(options()).await;
    let long = "x".repeat(60_000);
    let longest = format!("<13>{long}");
    for datagram in [
        "<190>Nov 27 21:00:00 web nginx: line",
        "<14>1 2026-11-27T21:00:00Z web app - - - of\ntwo lines\n",
        "<14>from Python\0",
        "",
        "\0",
        "17 no length here",
        &longest,
    ] {
        sender.send(datagram.as_bytes()).await.unwrap();
    }
    let stored = stored(&mut running, 5).await;
    let lines = ["line", "of\ntwo lines", "from Python", "17 no length here", &long];
    assert!(stored == lines, "{:?}", &stored[..4]);
    running.shutdown.cancel();
    running.end().await.unwrap();
}

#[tokio::test]
async fn what_waits_is_read_at_the_stop() {
    let (mut running, sender) =
        start(Acquisition { buffer_messages: 3, batch_messages: 3, ..options() }).await;
    running.log.block();
    for number in 0..50 {
        sender.send(format!("<13>{number}").as_bytes()).await.unwrap();
    }
    running.shutdown.cancel();
    running.log.unblock();
    let expected: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!(stored(&mut running, 50).await, expected);
    running.end().await.unwrap();
}

#[tokio::test]
async fn the_system_says_how_many_datagrams_it_dropped() {
    let receiver = local();
    SockRef::from(&receiver).set_recv_buffer_size(1).unwrap();
    let drops = Drops::of(&receiver);
    let inode = drops.inode.expect("a socket has a number");
    let Some(0) = dropped(&std::fs::read_to_string(TABLES[0]).unwrap(), inode) else {
        eprintln!("skipped: this system does not tell of its sockets");
        return;
    };
    let sender = local();
    for _ in 0..100 {
        sender.send_to(&[7; 1000], receiver.local_addr().unwrap()).await.unwrap();
    }
    let mut received = 0;
    receiver.readable().await.unwrap();
    while receiver.try_recv(&mut [0; 1000]).is_ok() {
        received += 1;
    }
    let table = std::fs::read_to_string(TABLES[0]).unwrap();
    assert_eq!(dropped(&table, inode), Some(100 - received));
}
