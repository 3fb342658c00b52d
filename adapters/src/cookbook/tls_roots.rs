//! Trust a certificate authority of your own.
//!
//! ```
//! use bluewire::tls::{ServerTls, Tls};
//! use bluewire::{ConnectOptions, ServerOptions, blocking};
//!
//! # let key = rcgen::KeyPair::generate()?;
//! # let mut params = rcgen::CertificateParams::new([])?;
//! # params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
//! # let root_pem = params.self_signed(&key)?.pem();
//! # let issuer = rcgen::Issuer::new(params, key);
//! # let key = rcgen::KeyPair::generate()?;
//! # let params = rcgen::CertificateParams::new(["localhost".to_owned()])?;
//! # let chain_pem = params.signed_by(&key, &issuer)?.pem();
//! # let key_pem = key.serialize_pem();
//! // The server has its certificate, the intermediate certificates, and its key.
//! let options = ServerOptions::default().tls(ServerTls::new(chain_pem, key_pem)?);
//! let server = blocking::Server::bind_with("127.0.0.1:0", options)?;
//! let url = format!("wss://localhost:{}/", server.local_addr().port());
//! # let handle = server.handle();
//! # let serving = std::thread::spawn(move || {
//! server.serve(|mut socket| drop(socket.send("nobody else hears this")));
//! # });
//!
//! // The client trusts that root, beside those that browsers trust.
//! let options = ConnectOptions::new(url).tls(Tls::default().root_pem(root_pem)?);
//! let mut socket = blocking::connect(options)?;
//! assert_eq!(socket.recv()?, Some("nobody else hears this".into()));
//! # handle.shutdown(std::time::Duration::from_secs(5));
//! # serving.join().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Tls`](crate::tls::Tls) has a line each for a pinned certificate, for a client's certificate, for
//! the operating system's roots, and for no check at all.
