//! Speaks `wss` as client and as server on two adapters, and installs nothing for the process: what
//! a program does that knows nothing of providers. It ends with an error if anything fails.
#![forbid(unsafe_code)]

use std::error::Error;
use std::panic;
use std::process;
use std::thread;
use std::time::Duration;

use bluewire::tls::{Provider, ServerTls, Tls};
use bluewire::{CloseCode, ConnectOptions, ServerOptions, blocking};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::CryptoProvider;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The whole program takes a moment.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    thread::spawn(|| {
        thread::sleep(PATIENCE);
        eprintln!("it hangs");
        process::exit(1);
    });
    nothing_is_installed()?;
    let (server, client) = settings()?;
    over_blocking(server.clone(), client.clone())?;
    over_smol(server, client)?;
    for (name, provider) in built_in() {
        let (server, client) = settings_with(&provider)?;
        over_blocking(server, client)?;
        println!("wss with {name}, as asked");
    }
    nothing_is_installed()?;
    println!("wss with the usual provider, both ways, on both adapters");
    if cfg!(any(all(feature = "ring", feature = "aws-lc-rs"), feature = "others-bring-both")) {
        rustls_alone_would_panic()?;
    }
    Ok(())
}

fn nothing_is_installed() -> Result<()> {
    match CryptoProvider::get_default() {
        None => Ok(()),
        Some(_) => Err("a provider was installed for the whole process".into()),
    }
}

/// Otherwise this program would show nothing.
fn rustls_alone_would_panic() -> Result<()> {
    panic::set_hook(Box::new(|_| {}));
    match panic::catch_unwind(rustls::ClientConfig::builder) {
        Err(_) => Ok(()),
        Ok(_) => Err("rustls has chosen between two providers, so this shows nothing".into()),
    }
}

fn built_in() -> Vec<(&'static str, Provider)> {
    vec![
        #[cfg(feature = "ring")]
        ("ring", Provider::ring()),
        #[cfg(feature = "aws-lc-rs")]
        ("aws-lc-rs", Provider::aws_lc_rs()),
    ]
}

fn certificate() -> Result<(String, String)> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["localhost".to_owned()])?.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn settings() -> Result<(ServerTls, Tls)> {
    let (certificate, key) = certificate()?;
    Ok((ServerTls::new(&certificate, key)?, Tls::default().root_pem(certificate)?))
}

fn settings_with(provider: &Provider) -> Result<(ServerTls, Tls)> {
    let (certificate, key) = certificate()?;
    let server = ServerTls::with_provider(provider.clone(), &certificate, key)?;
    Ok((server, Tls::default().root_pem(certificate)?.provider(provider.clone())))
}

fn over_blocking(server: ServerTls, client: Tls) -> Result<()> {
    let options = ServerOptions::default().tls(server);
    let server = blocking::Server::bind_with("127.0.0.1:0", options)?;
    let url = format!("wss://localhost:{}/", server.local_addr().port());
    thread::scope(|scope| {
        let served = scope.spawn(|| {
            let mut socket = server.accept().ok_or("the server was shut down")?;
            while let Some((message, mut sender)) =
                socket.recv_with_sender().map_err(|error| error.to_string())?
            {
                sender.send(message).map_err(|error| error.to_string())?;
            }
            Ok::<(), String>(())
        });
        let mut socket = blocking::connect(ConnectOptions::new(url).tls(client))?;
        socket.send("there and back")?;
        if socket.recv()? != Some("there and back".into()) {
            return Err("the echo is another".into());
        }
        socket.close(CloseCode::NORMAL, "")?;
        served.join().map_err(|_| "the server panicked")??;
        Ok(())
    })
}

fn over_smol(server: ServerTls, client: Tls) -> Result<()> {
    smol::block_on(async {
        let options = ServerOptions::default().tls(server);
        let server = bluewire::smol::Server::bind_with("127.0.0.1:0", options).await?;
        let url = format!("wss://localhost:{}/", server.local_addr().port());
        let serve = async {
            let mut socket = server.accept().await.ok_or("the server was shut down")?;
            while let Some((message, mut sender)) = socket.recv_with_sender().await? {
                sender.send(message).await?;
            }
            Ok::<(), Box<dyn Error>>(())
        };
        let ask = async {
            let mut socket = bluewire::smol::connect(ConnectOptions::new(url).tls(client)).await?;
            socket.send("there and back").await?;
            if socket.recv().await? != Some("there and back".into()) {
                return Err("the echo is another".into());
            }
            socket.close(CloseCode::NORMAL, "").await?;
            Ok::<(), Box<dyn Error>>(())
        };
        smol::future::try_zip(serve, ask).await?;
        Ok(())
    })
}
