//! Groups by name.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use bluewire_core::SendError;

use super::join::Join;
use super::options::GroupOptions;
use super::published::Published;
use super::queue::MemberKey;
use super::{Group, Payload};
use crate::sync::{Mutex, lock};

/// Into how many parts, each with a lock of its own, the map is divided.
const PARTS: usize = 16;

/// A map of [groups](Group) by the names of topics. A topic exists while it has members. Clones are
/// the same map.
///
/// ```
/// # #[cfg(feature = "blocking")] {
/// use bluewire::blocking::{Server, connect};
/// use bluewire::group::Topics;
///
/// let server = Server::bind("127.0.0.1:0")?;
/// let url = format!("ws://{}/", server.local_addr());
/// let topics = Topics::new();
/// let subscribers = topics.clone();
/// std::thread::spawn(move || {
///     server.serve(move |mut socket| {
///         // The client sends the names of the topics that it wants.
///         while let Ok(Some(topic)) = socket.recv_owned() {
///             let Some(topic) = topic.as_text() else { return };
///             if subscribers.subscribe(topic, &mut socket).is_err() {
///                 return;
///             }
///             let _ = socket.send(topic);
///         }
///     });
/// });
///
/// let mut client = connect(&*url)?;
/// client.send("weather")?;
/// assert_eq!(client.recv()?, Some("weather".into()));
/// topics.publish("sports", "nobody hears this");
/// topics.publish("weather", "sunny");
/// assert_eq!(client.recv()?, Some("sunny".into()));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Topics(Arc<Inner>);

struct Topic {
    group: Group,
    /// How many connections are about to join: it stays for them.
    joining: usize,
}

struct Inner {
    parts: [Mutex<HashMap<Arc<str>, Topic>>; PARTS],
    hasher: RandomState,
    options: GroupOptions,
}

impl Topics {
    /// A map without topics, whose groups have the default options.
    #[must_use]
    pub fn new() -> Self {
        Self::with(GroupOptions::default())
    }

    /// A map without topics, whose groups have these options.
    #[must_use]
    pub fn with(options: GroupOptions) -> Self {
        let parts = [const { None }; PARTS].map(|_: Option<()>| Mutex::default());
        Self(Arc::new(Inner { parts, hasher: RandomState::new(), options }))
    }

    /// Lets a connection get the messages that are published on a topic; see [`Group::join`].
    ///
    /// # Errors
    ///
    /// As [`Group::join`].
    pub fn subscribe(&self, topic: &str, connection: impl Join) -> Result<MemberKey, SendError> {
        let group = self.begin_join(topic);
        // No lock is held: a connection that ends meanwhile holds its own, and wants ours.
        let joined = group.join(connection);
        self.0.end_join(topic);
        joined
    }

    fn begin_join(&self, topic: &str) -> Group {
        let mut part = lock(self.0.part(topic));
        if let Some(topic) = part.get_mut(topic) {
            topic.joining += 1;
            return topic.group.clone();
        }
        let group = Group::with(self.0.options.clone());
        let name: Arc<str> = topic.into();
        let (topics, ended) = (Arc::downgrade(&self.0), Arc::clone(&name));
        let emptied = move || topics.upgrade().into_iter().for_each(|it| it.tidy(&ended));
        group.0.members.emptied.get_or_init(|| Box::new(emptied));
        part.insert(name, Topic { group: group.clone(), joining: 1 });
        group
    }

    /// Ends a subscription. Returns whether there was one.
    pub fn unsubscribe(&self, topic: &str, key: MemberKey) -> bool {
        self.group(topic).is_some_and(|group| group.leave(key))
    }

    /// Sends a message to all subscribers of a topic; see [`Group::publish`].
    pub fn publish<'m>(&self, topic: &str, message: impl Into<Payload<'m>>) -> Published {
        self.group(topic).map_or_else(Published::new, |group| group.publish(message))
    }

    /// Sends a message to all subscribers of a topic except one; see [`Group::publish_except`].
    pub fn publish_except<'m>(
        &self,
        topic: &str,
        except: MemberKey,
        message: impl Into<Payload<'m>>,
    ) -> Published {
        let group = self.group(topic);
        group.map_or_else(Published::new, |group| group.publish_except(except, message))
    }

    /// The group of a topic that has subscribers. Once the last one has left, the topic gets
    /// another group: ask for it each time.
    #[must_use]
    pub fn group(&self, topic: &str) -> Option<Group> {
        lock(self.0.part(topic)).get(topic).map(|topic| topic.group.clone())
    }

    /// How many topics have subscribers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.parts.iter().map(|part| lock(part).len()).sum()
    }

    /// Whether no topic has subscribers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of the topics that have subscribers.
    #[must_use]
    pub fn names(&self) -> Vec<Arc<str>> {
        let names =
            |part: &Mutex<HashMap<Arc<str>, Topic>>| lock(part).keys().cloned().collect::<Vec<_>>();
        self.0.parts.iter().flat_map(names).collect()
    }
}

impl Inner {
    fn part(&self, topic: &str) -> &Mutex<HashMap<Arc<str>, Topic>> {
        let hash = self.hasher.hash_one(topic) % PARTS as u64;
        &self.parts[usize::try_from(hash).unwrap_or(0)]
    }

    fn end_join(&self, name: &str) {
        if let Some(topic) = lock(self.part(name)).get_mut(name) {
            topic.joining -= 1;
        }
        self.tidy(name);
    }

    /// Removes a topic without subscribers.
    fn tidy(&self, name: &str) {
        let mut part = lock(self.part(name));
        let removed = match part.get(name) {
            Some(topic) if topic.joining == 0 && topic.group.is_empty() => part.remove(name),
            _ => None,
        };
        drop(part);
        drop(removed);
    }
}

impl Default for Topics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topics").field("len", &self.len()).finish_non_exhaustive()
    }
}
