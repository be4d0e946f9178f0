//! Tests of the memory limit, and of the reuse of buffers.

use std::time::Duration;

use futures_util::FutureExt as _;

use super::*;
use crate::upload::frame::framed_len;

const MIB: u64 = 1024 * 1024;

fn memory() -> Arc<Memory> {
    Arc::new(Memory::new(DEFAULT_LIMIT))
}

/// Room for a layer of this size in parts of 10 MiB.
async fn room_for(memory: &Arc<Memory>, size: u64) -> Room {
    let part_size = 10 * MIB;
    memory.reserve(framed_len(part_size.min(size)), part_size, 1).await
}

/// Returns how many layers of `size` bytes get room at once, for the given number of
/// repositories.
async fn at_once(memory: &Arc<Memory>, size: u64, part_size: u64, repositories: usize) -> usize {
    let mut rooms = Vec::new();
    let wait = Duration::from_secs(1);
    let body = framed_len(part_size.min(size));
    let reserve = || memory.reserve(body, part_size, repositories);
    while let Ok(room) = tokio::time::timeout(wait, reserve()).await {
        rooms.push(room);
    }
    rooms.len()
}

#[tokio::test(start_paused = true)]
async fn large_parts_are_bounded_in_bytes_and_small_layers_in_number() {
    assert_eq!(at_once(&memory(), 100 * MIB, 10 * MIB, 1).await, 6);
    assert_eq!(at_once(&memory(), 100 * MIB, 20 * MIB, 1).await, 3);
    assert_eq!(at_once(&memory(), 100 * MIB, 10 * MIB, 3).await, 2);
    assert_eq!(at_once(&memory(), MIB, 10 * MIB, 1).await, UPLOADS);
    assert_eq!(at_once(&memory(), 100 * MIB, 1000 * MIB, 1).await, 1);
}

#[tokio::test(start_paused = true)]
async fn room_is_given_back() {
    let memory = memory();
    assert_eq!(at_once(&memory, 100 * MIB, 10 * MIB, 1).await, 6);
    assert_eq!(at_once(&memory, 100 * MIB, 10 * MIB, 1).await, 6);
}

#[tokio::test(start_paused = true)]
async fn room_ahead_is_what_is_left() {
    let memory = Arc::new(Memory::new(45 * MIB));
    let first = room_for(&memory, 100 * MIB).await;
    let ahead = first.buffer_ahead().unwrap();
    let second = room_for(&memory, 100 * MIB).await;
    assert!(second.buffer_ahead().is_none());
    drop((first, ahead));
    let ahead = [second.buffer_ahead().unwrap(), second.buffer_ahead().unwrap()];
    assert!(second.buffer_ahead().is_none());
    drop((second, ahead));
    assert_eq!(memory.permits.available_permits(), 45 * 1024);
}

/// A layer of many parts doesn't keep its read-ahead memory until it ends.
#[tokio::test(start_paused = true)]
async fn whoever_waits_comes_before_a_part_ahead() {
    let memory = Arc::new(Memory::new(28 * MIB));
    let first = room_for(&memory, 100 * MIB).await;
    let mut ahead = first.buffer_ahead().unwrap();
    let mut second = Box::pin(room_for(&memory, 100 * MIB));
    assert!(second.as_mut().now_or_never().is_none());
    ahead.moves_up();
    assert!(first.buffer_ahead().is_none());
    assert!(second.as_mut().now_or_never().is_some());
}

#[tokio::test]
async fn buffers_are_used_again_and_never_more_than_there_is_room_for() {
    let memory = Arc::new(Memory::new(30 * MIB));
    let room = room_for(&memory, 100 * MIB).await;
    let at = room.buffer().content.as_ptr();
    assert_eq!(room.buffer().content.as_ptr(), at);
    let one = capacity(framed_len(10 * MIB));
    assert_eq!(memory.peak(), one as u64);

    let other = room_for(&memory, MIB).await;
    drop(other.buffer());
    assert_eq!(memory.peak(), one as u64, "the idle buffer was freed");
    drop(other);
    assert_eq!(memory.lock().idle.len(), 1);
    let late = room.buffer();
    drop(room);
    assert!(memory.permits.available_permits() < 30 * 1024, "the buffer is still in use");
    drop(late);
    assert_eq!(memory.lock().idle.len(), 0);
    assert_eq!(memory.permits.available_permits(), 30 * 1024);
}

/// Under any order of layers, the buffers stay within the permits.
#[tokio::test(start_paused = true)]
async fn the_peak_stays_within_the_limit() {
    let limit = 40 * MIB;
    let memory = Arc::new(Memory::new(limit));
    let mut layers = tokio::task::JoinSet::new();
    for layer in 0..200_u64 {
        let memory = memory.clone();
        layers.spawn(async move {
            let size = (layer * 7919 * 1024) % (25 * MIB) + 1;
            let room = room_for(&memory, size).await;
            let sending = room.buffer();
            let ahead = [room.buffer_ahead(), room.buffer_ahead()];
            tokio::time::sleep(Duration::from_millis(layer % 13)).await;
            drop((sending, ahead));
        });
    }
    layers.join_all().await;
    let peak = memory.peak();
    assert!(peak <= limit, "{peak}");
    assert!(peak > limit / 2, "{peak}: the limit was never approached");
}
