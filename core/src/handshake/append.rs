//! Memory that follows what has arrived.

use alloc::vec::Vec;

/// Appends bytes, making room for twice as many as there are but for no more than the limit.
pub(crate) fn append(bytes: &mut Vec<u8>, more: &[u8], len_max: usize) {
    let len = bytes.len().saturating_add(more.len());
    if len > bytes.capacity() {
        let room = bytes.capacity().saturating_mul(2).min(len_max).max(len);
        bytes.reserve_exact(room.saturating_sub(bytes.len()));
    }
    bytes.extend_from_slice(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_grows_with_the_received_bytes_up_to_the_limit() {
        let mut bytes = Vec::new();
        for len in 1..=1000 {
            append(&mut bytes, b"x", 1000);
            assert_eq!(bytes.len(), len);
            assert_eq!(bytes.capacity(), len.next_power_of_two().min(1000));
        }
    }
}
