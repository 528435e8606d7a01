//! Attempts to use the network.

use crate::all_are_refused;
use crate::alone::{alone, open_files};
use crate::common::{persistent, prints, reset};

#[test]
fn every_use_of_the_network_fails() {
    all_are_refused(&[
        "__import__('socket').create_connection(('127.0.0.1', 80))",
        "__import__('socket').create_connection(('::1', 80))",
        "__import__('socket').create_server(('', 8080))",
        "__import__('socket').getaddrinfo('localhost', 80)",
        "__import__('socket').gethostbyname('localhost')",
        "__import__('socket').socket().bind(('127.0.0.1', 0))",
        "__import__('socket').socket().connect(('127.0.0.1', 80))",
        "__import__('socket').socket().connect_ex(('127.0.0.1', 80)) or 1",
        "__import__('socket').socket(type=2).sendto(b'x', ('127.0.0.1', 53))",
        "__import__('socket').socketpair()",
        "__import__('socket').socket(fileno=3).getpeername()",
        "__import__('urllib.request').request.urlopen('http://127.0.0.1/')",
        "__import__('urllib.request').request.urlopen('file:///etc/passwd')",
        "__import__('http.client').client.HTTPConnection('127.0.0.1').connect()",
        "__import__('smtplib').SMTP('127.0.0.1')",
        "__import__('ftplib').FTP('127.0.0.1')",
    ]);
}

#[test]
fn sockets_open_nothing_on_the_host() {
    if !alone("network::sockets_open_nothing_on_the_host") {
        return;
    }
    let code = "
import socket
kept = []
for family in (socket.AF_INET, socket.AF_INET6):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        for _ in range(500):
            try: kept.append(socket.socket(family, kind))
            except OSError: pass
print('tried')";
    // The host itself may open files at the first step.
    assert_eq!(prints(&mut reset(), code), "tried\n");
    let before = open_files();
    let mut python = persistent();
    assert_eq!(prints(&mut python, code), "tried\n");
    assert_eq!(open_files(), before);
}
