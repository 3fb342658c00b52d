//! Says hello to a server, prints what comes back, and closes.

use bluewire::{CloseCode, blocking};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("usage: client URL")?;
    let mut socket = blocking::connect(url)?;
    socket.send("Hello")?;
    while let Some(message) = socket.recv()? {
        println!("{message:?}");
        socket.close(CloseCode::NORMAL, "")?;
    }
    Ok(())
}
