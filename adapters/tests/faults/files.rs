//! A server without file descriptors to spare: it waits until it has some, and goes on.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use bluewire::blocking::connect;

use crate::alone;
use crate::child::{ADAPTERS, EchoServer};
use crate::fixture::{speak, upgrade, wait_until};

const FILES_MAX: usize = 48;

#[test]
fn a_server_out_of_file_descriptors_recovers() {
    let _bound = crate::watchdog::bound();
    let _turn = alone();
    for &adapter in ADAPTERS {
        let server = EchoServer::start(adapter, FILES_MAX);
        let mut good = connect(server.url()).unwrap();
        for _ in 0..3 {
            // The kernel lets them all in, the server cannot. Every other one asks for something.
            let crowd: Vec<_> = (0..2 * FILES_MAX)
                .map(|number| {
                    let mut stream = TcpStream::connect(server.addr).unwrap();
                    if number % 2 == 0 {
                        stream.write_all(upgrade("/", "").as_bytes()).unwrap();
                    }
                    stream
                })
                .collect();
            // It may have inherited one above the limit.
            let what = format!("the server on {adapter} has no more");
            wait_until(&what, || server.files() >= FILES_MAX);
            let ticks = server.ticks();
            for _ in 0..20 {
                speak(&mut good);
                thread::sleep(Duration::from_millis(50));
            }
            // It does not ask again and again meanwhile.
            let taken = server.ticks() - ticks;
            assert!(taken < 50, "{adapter}: {taken} ticks of 100");
            drop(crowd);
            // Until the server has seen that they are gone, it turns others away.
            let mut other = None;
            wait_until(&format!("the server on {adapter} serves again"), || {
                other = connect(server.url()).ok();
                other.is_some()
            });
            speak(&mut other.unwrap());
            speak(&mut good);
        }
        wait_until("the crowd is gone", || server.files() < FILES_MAX / 2);
        speak(&mut good);
    }
}
