//! The client on tokio with callbacks, as in a browser.

use bluewire::tokio::websocketfactory;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("usage: tokio_callbacks URL")?;
    let socket = websocketfactory::create(url)?;
    let (sender, closer) = (socket.clone(), socket.clone());
    let (closed, mut wait) = tokio::sync::mpsc::unbounded_channel();

    socket.on_open(move || sender.send("Hello"));
    socket.on_message(move |message| {
        println!("{message:?}");
        closer.close(1000);
    });
    socket.on_error(|error| eprintln!("{}", error.data));
    socket.on_close(move |close| {
        let _ = closed.send(close.code);
    });
    println!("closed with {}", wait.recv().await.ok_or("no close event")?);
    Ok(())
}
