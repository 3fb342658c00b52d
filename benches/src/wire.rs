//! The bytes that a peer would send, made without any of the engines.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::Arc;

use bluewire_core::Role;
use flate2::{Compress, Compression, FlushCompress};

use crate::case::{Action, Case, FRAGMENTS, Kind, Shape};
use crate::{payload, payloads};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A browser's opening handshake.
pub const REQUEST: &str = "GET /chat?room=12 HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Upgrade: websocket\r\n\
    Origin: https://server.example.com\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.5\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

thread_local! {
    static OFFSET: Cell<usize> = const { Cell::new(0) };
}

/// Moves the wires and payloads made from now on by this many bytes, against what they are copied
/// to: large memory is otherwise always placed alike.
pub fn set_offset(offset: usize) {
    OFFSET.set(offset);
}

/// Bytes of a wire, or of a payload to send.
#[derive(Clone, Debug)]
pub struct Wire {
    memory: Arc<[u8]>,
    start: usize,
}

impl Wire {
    /// The bytes where the offset says.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let start = OFFSET.get();
        let memory = [&vec![0; start], bytes].concat();
        Self { memory: memory.into(), start }
    }
}

impl AsRef<[u8]> for Wire {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Deref for Wire {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.memory[self.start..]
    }
}

/// The bytes of a case over and over, as reads bring them.
#[derive(Clone, Debug)]
pub struct Source {
    wire: Wire,
    /// Where in the wire the next read begins.
    at: usize,
    /// The rest of the bytes that arrived together: a read ends there.
    left: usize,
    cut: usize,
    is_stream: bool,
}

impl Source {
    /// The bytes of the case.
    #[must_use]
    pub fn new(case: &Case) -> Self {
        let (cut, is_stream) = (case.read_len(), case.is_stream());
        Self { wire: incoming(case), at: 0, left: cut, cut, is_stream }
    }

    /// The bytes that one read brings to a buffer of this length. It ends with its run at the
    /// latest.
    #[inline]
    pub fn next_read(&mut self, space: usize) -> &[u8] {
        let end = self.wire.len().min(self.at.saturating_add(self.left.min(space)));
        let start = self.at;
        self.left -= end - start;
        self.at = end;
        if self.is_at_start() {
            self.at = 0;
        }
        if self.left == 0 || (self.at == 0 && !self.is_stream) {
            self.left = self.cut;
        }
        &self.wire[start..end]
    }

    /// Whether a run begins with the next read.
    #[inline]
    #[must_use]
    pub fn is_at_start(&self) -> bool {
        self.at == 0 || self.at == self.wire.len()
    }
}

/// The bytes that one run of a case brings to an engine.
#[must_use]
pub fn incoming(case: &Case) -> Wire {
    if case.action == Action::Accept {
        return Wire::new(REQUEST.as_bytes());
    }
    let payload = payload(case.kind, case.len);
    // 5.1: a client masks all that it sends, a server nothing.
    let key = (case.role == Role::Server).then_some(KEY);
    let opcode = if case.kind == Kind::Binary { 0x2 } else { 0x1 };
    let frame = |fin, opcode, payload: &[u8]| frame(fin, opcode, payload, key);
    let bytes = match case.shape {
        Shape::Whole | Shape::Segments => frame(true, opcode, &payload),
        Shape::Batch | Shape::Stream => frame(true, opcode, &payload).repeat(case.messages()),
        Shape::Fragments | Shape::FragmentStream => {
            let len = payload.len().div_ceil(FRAGMENTS);
            let count = payload.chunks(len).count();
            let frames = payload
                .chunks(len)
                .enumerate()
                .map(|(i, piece)| frame(i + 1 == count, if i == 0 { opcode } else { 0x0 }, piece));
            frames.flatten().collect()
        }
        Shape::Compressed => {
            let mut compress = Compress::new(Compression::new(6), false);
            let payloads = payloads(case);
            let frames = payloads.iter().map(|payload| {
                let mut frame = frame(true, opcode, &compressed(&mut compress, payload));
                // RFC 7692, section 6: RSV1 marks a compressed message.
                frame[0] |= 0x40;
                frame
            });
            // The first does not look back, so that the run can be repeated.
            frames.flatten().collect()
        }
    };
    Wire::new(&bytes)
}

/// A payload compressed without looking back at others.
pub(crate) fn compressed_alone(payload: &[u8]) -> Vec<u8> {
    compressed(&mut Compress::new(Compression::new(6), false), payload)
}

/// RFC 7692, section 7.2.1.
fn compressed(compress: &mut Compress, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * payload.len() + 64);
    compress.compress_vec(payload, &mut bytes, FlushCompress::Sync).expect("room enough");
    assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]), "all of it is flushed");
    bytes.truncate(bytes.len() - 4);
    bytes
}

pub(crate) fn frame(fin: bool, opcode: u8, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = vec![if fin { 0x80 } else { 0 } | opcode];
    let mask = if key.is_some() { 0x80 } else { 0 };
    match payload.len() {
        len @ 0..=125 => bytes.push(mask | len.to_le_bytes()[0]),
        len @ 126..=0xffff => {
            bytes.push(mask | 126);
            bytes.extend_from_slice(&len.to_be_bytes()[size_of::<usize>() - 2..]);
        }
        len => {
            bytes.push(mask | 127);
            bytes.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    match key {
        Some(key) => {
            bytes.extend_from_slice(&key);
            bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        }
        None => bytes.extend_from_slice(payload),
    }
    bytes
}
