//! The server on tokio: sends every message back.

use bluewire::tokio::Server;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8088".to_owned());
    let server = Server::bind(address).await?;
    println!("listening on {}", server.local_addr());
    server
        .serve(async |mut socket| {
            while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
                if sender.send(message).await.is_err() {
                    break;
                }
            }
        })
        .await;
    Ok(())
}
