//! Which proxy is taken for which server.

use std::io::Write;
use std::net::Ipv4Addr;

use bluewire::ConnectOptions;

use crate::client::{Client, closed, live, scripted, url};
use crate::common::PATIENCE;
use crate::fake::relay;

#[test]
fn servers_that_are_excepted_are_reached_without_the_proxy() {
    let _bound = crate::watchdog::bound();
    let (server, closed) = (live(Ipv4Addr::LOCALHOST).expect("there is a port"), closed());
    let proxy: bluewire::Proxy = closed.address.to_string().parse().expect("it is a proxy");
    for &client in Client::ALL {
        let options = ConnectOptions::new(url(server)).proxy(proxy.clone());
        let direct = client.connect(options.clone().no_proxy("x.example, 127.0.0.0/8"));
        direct.unwrap_or_else(|error| panic!("{client:?}: {error}"));
        client.connect(options.no_proxy("127.0.0.0/8:1")).expect_err("its port is another");
    }
}

#[test]
fn there_is_none_by_default_and_the_last_one_counts() {
    let _bound = crate::watchdog::bound();
    let server = live(Ipv4Addr::LOCALHOST).expect("there is a port");
    let (proxy, told) = relay(server);
    for &client in Client::ALL {
        client.connect(url(server).into()).expect("nothing is between");
        assert!(told.try_recv().is_err());
        let first = "http://127.0.0.1:1".parse().expect("it is a proxy");
        let last = proxy.to_string().parse().expect("it is a proxy");
        let options = ConnectOptions::new(url(server)).proxy(first).proxy(last);
        client.connect(options).expect("the last one counts");
        told.recv_timeout(PATIENCE).expect("it was asked");
    }
}

#[test]
fn it_is_chosen_anew_where_a_redirect_leads() {
    let _bound = crate::watchdog::bound();
    let there = live(Ipv4Addr::LOCALHOST).expect("there is a port");
    let here = scripted(move |stream| {
        write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: http://{there}/\r\nContent-Length: 0\r\n\r\n"
        )
    });
    let (proxy, told) = relay(here);
    let proxy: bluewire::Proxy = proxy.to_string().parse().expect("it is a proxy");
    for &client in Client::ALL {
        let options = ConnectOptions::new("ws://server.invalid/").proxy(proxy.clone()).redirects(1);
        client.connect(options.no_proxy(&there.to_string())).expect("nothing is between");
        let asked = told.recv_timeout(PATIENCE).expect("it was asked");
        assert!(asked.starts_with("CONNECT server.invalid:80 "), "{asked}");
        assert!(told.try_recv().is_err(), "{client:?}");
    }
}
