//! Work on many files that do not need each other, on all processors.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

/// Fewer items than this for each thread are not worth one.
const WORTH_A_THREAD: usize = 128;
/// More threads than this add little: the files have to be read first.
const MOST_THREADS: usize = 8;
/// The stack of a thread, in bytes; as much as the workers of `serve` have, for the deepest template.
const STACK: usize = 8 << 20;

/// What `work` makes of each item, in the order of the items.
pub(super) fn together<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = processors.min(MOST_THREADS).min(items.len() / WORTH_A_THREAD).max(1);
    let mut parts = items.chunks(items.len().div_ceil(threads).max(1));
    let Some(own) = parts.next() else {
        return Vec::new();
    };
    let work = &work;
    thread::scope(|scope| {
        let others: Vec<_> = parts
            .map(|part| {
                let builder = thread::Builder::new().stack_size(STACK);
                let started = builder.spawn_scoped(scope, move || part.iter().map(work).collect::<Vec<R>>());
                (part, started)
            })
            .collect();
        let mut made: Vec<R> = own.iter().map(work).collect();
        for (part, started) in others {
            match started {
                Ok(thread) => made.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic))),
                // There is no thread to be had: then later, on this one.
                Err(_) => made.extend(part.iter().map(work)),
            }
        }
        made
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_there_are_the_order_is_kept() {
        for count in [0, 1, 127, 128, 1_000, 4_097] {
            let numbers: Vec<usize> = (0..count).collect();
            let doubled: Vec<usize> = numbers.iter().map(|number| number * 2).collect();
            assert_eq!(together(&numbers, |number| number * 2), doubled);
        }
    }
}
