//! The channel through which the nodes of a cluster share their messages.

use std::future::Future;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, Client, RedisError};
use smol::stream::{Stream, StreamExt as _};

/// A channel that all nodes share: what one sends, each of them receives once, the sender included,
/// all in the same order. Another one than Redis needs no more than these two functions.
pub(crate) trait Bridge: Clone + Send + Sync + 'static {
    /// Why the channel cannot be used.
    type Error: std::error::Error + 'static;

    /// Hands a message to the channel. `Ok` does not say that any node has it.
    fn send(&self, message: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Receives the messages from now on. The stream ends when messages may have been lost.
    fn receive(
        self,
    ) -> impl Future<Output = Result<impl Stream<Item = String> + Send, Self::Error>> + Send;
}

/// The channel's name in Redis.
const CHANNEL: &str = "chat";

/// Redis's publish and subscribe. It keeps nothing: a message reaches the nodes that are subscribed
/// when it arrives.
#[derive(Clone)]
pub(crate) struct Redis {
    client: Client,
    publisher: MultiplexedConnection,
}

impl Redis {
    pub(crate) async fn connect(url: &str) -> Result<Self, RedisError> {
        let client = Client::open(url)?;
        let publisher = client.get_multiplexed_async_connection().await?;
        Ok(Self { client, publisher })
    }
}

impl Bridge for Redis {
    type Error = RedisError;

    async fn send(&self, message: &str) -> Result<(), RedisError> {
        self.publisher.clone().publish(CHANNEL, message).await
    }

    async fn receive(self) -> Result<impl Stream<Item = String> + Send, RedisError> {
        let mut subscription = self.client.get_async_pubsub().await?;
        subscription.subscribe(CHANNEL).await?;
        let text =
            |message: redis::Msg| String::from_utf8_lossy(message.get_payload_bytes()).into_owned();
        Ok(subscription.into_on_message().map(text))
    }
}
