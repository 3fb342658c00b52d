//! The client on tokio: says hello to a server, prints what comes back, and closes.

use bluewire::CloseCode;
use bluewire::tokio::connect;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("usage: tokio_client URL")?;
    let mut socket = connect(url).await?;
    socket.send("Hello").await?;
    while let Some(message) = socket.recv().await? {
        println!("{message:?}");
        socket.close(CloseCode::NORMAL, "").await?;
    }
    Ok(())
}
