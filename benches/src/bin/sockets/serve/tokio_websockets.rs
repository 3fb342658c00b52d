//! tokio-websockets.

use std::io;

use tokio::task::unconstrained;
use tokio_websockets::{Config, Error, Limits, ServerBuilder};

use super::on_tokio::{Io, Serve, run};
use super::{Setup, echo};

#[derive(Clone, Copy)]
struct Echo {
    batched: bool,
}

pub(crate) fn serve(setup: &Setup, batched: bool) -> io::Result<()> {
    run(setup, Echo { batched })
}

impl Serve for Echo {
    async fn connection(self, stream: impl Io) {
        // As the server of its benchmark; a connection that ends has ended.
        let _ = unconstrained(self.echo(stream)).await;
    }
}

impl Echo {
    async fn echo(self, stream: impl Io) -> Result<(), Error> {
        let (_, socket) = ServerBuilder::new()
            .config(Config::default().frame_size(usize::MAX))
            .limits(Limits::unlimited())
            .accept(stream)
            .await?;
        echo(socket, self.batched, |message| message.is_text() || message.is_binary()).await
    }
}
