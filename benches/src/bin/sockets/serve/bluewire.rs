//! Bluewire, on each of its adapters.

use std::error::Error;
use std::fs;

use bluewire::tls::ServerTls;
use bluewire::{AcceptOptions, Deflate, ServerOptions};

use super::{Setup, announce};

const LISTEN: &str = "127.0.0.1:0";

pub(crate) fn blocking(setup: &Setup) -> Result<(), Box<dyn Error>> {
    let server = bluewire::blocking::Server::bind_with(LISTEN, options(setup)?)?;
    announce(server.local_addr())?;
    server.serve(|mut socket| {
        drop(socket.take_request());
        while let Ok(Some((message, mut sender))) = socket.recv_with_sender() {
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    Ok(())
}

pub(crate) fn smol(setup: &Setup) -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let server = bluewire::smol::Server::bind_with(LISTEN, options(setup)?).await?;
        announce(server.local_addr())?;
        server
            .serve(async |mut socket| {
                // The head of the request is not needed any more.
                drop(socket.take_request());
                while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
                    if sender.send(message).await.is_err() {
                        break;
                    }
                }
            })
            .await;
        Ok(())
    })
}

pub(crate) fn tokio(setup: &Setup) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = bluewire::tokio::Server::bind_with(LISTEN, options(setup)?).await?;
        announce(server.local_addr())?;
        server
            .serve(async |mut socket| {
                drop(socket.take_request());
                while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
                    if sender.send(message).await.is_err() {
                        break;
                    }
                }
            })
            .await;
        Ok(())
    })
}

/// The defaults, for as many connections as come. On smol, a thread of its own serves them.
fn options(setup: &Setup) -> Result<ServerOptions, Box<dyn Error>> {
    let mut accept = AcceptOptions::default();
    if setup.deflate {
        accept = accept.deflate(Deflate::default());
    }
    let options = ServerOptions::default().accept(accept).connections_max(100_000).threads(1);
    let Some((chain, key)) = &setup.tls else { return Ok(options) };
    Ok(options.tls(ServerTls::new(fs::read(chain)?, fs::read(key)?)?))
}
