//! Large buffers: how they are allocated, and what the allocator does with memory that is free.

/// Buffers of at least this many bytes are given back to the operating system.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_BLOCK: i32 = 1 << 20;

/// Asks the allocator of the GNU C library to give large buffers back to the operating system as
/// soon as they are freed. A program that decodes large blobs calls this before anything else.
///
/// Decoding frees slivers while the blob takes their place. By default that allocator stops giving
/// buffers back once some of that size have been freed, and the process grows to twice the blob.
/// Other allocators are left as they are.
pub fn give_back_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[allow(unsafe_code)]
        // SAFETY: the call sets a number in the allocator, under its own lock, and takes no
        // pointers. It is allowed at any time from any thread; an unknown value changes nothing.
        let accepted = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BLOCK) };
        debug_assert_eq!(accepted, 1, "a threshold within the limits is accepted");
    }
}

/// Asks the allocator of the GNU C library to give the operating system back what is free between
/// smaller buffers that are in use. It looks through all its memory: for a program that has
/// nothing to do at the moment.
///
/// What it gives back is what lies between buffers that stay. Other allocators are left as they
/// are.
pub fn give_back_free_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[allow(unsafe_code)]
        // SAFETY: the call takes no pointers, and gives back only pages in which nothing is
        // allocated. It takes the locks of the allocator, and is allowed at any time from any
        // thread.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}

/// A buffer of zeros. The operating system provides the memory only when it is written to, so the
/// threads that fill the buffer share that work.
pub(crate) fn zeros(length: usize) -> Vec<u8> {
    let buffer = vec![0; length];
    prefer_huge_pages([&buffer]);
    buffer
}

/// Empty buffers with these capacities.
pub(crate) fn reserve(lengths: impl IntoIterator<Item = usize>) -> Vec<Vec<u8>> {
    let buffers: Vec<Vec<u8>> = lengths.into_iter().map(Vec::with_capacity).collect();
    prefer_huge_pages(&buffers);
    buffers
}

/// Asks the operating system for huge pages where large buffers lie, or where small buffers lie
/// side by side. (Those that are allocated one after the other usually do.)
///
/// It pays: with pages of 4 KiB, encoding a blob of 256 MiB takes 12 to 29 % more time, and
/// decoding it 27 to 44 % (docs/performance.md says how to measure that).
#[allow(unused_variables)]
fn prefer_huge_pages<'a>(buffers: impl IntoIterator<Item = &'a Vec<u8>>) {
    #[cfg(target_os = "linux")]
    linux::prefer_huge_pages(buffers);
}

/// Asks the CPU to load these bytes into its cache in the background.
pub(crate) fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[allow(unsafe_code)]
        // SAFETY: a prefetch has no effect that the program can see, whatever the address.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{ops::Range, ptr};

    /// The size of huge pages on most CPUs. Where they are larger, some of the advice has no
    /// effect.
    const HUGE_PAGE: usize = 2 << 20;

    /// Most bytes that allocators put between buffers: a header, or the rest of a page.
    const MAX_GAP: usize = 4096;

    pub(super) fn prefer_huge_pages<'a>(buffers: impl IntoIterator<Item = &'a Vec<u8>>) {
        let addresses = buffers.into_iter().map(|buffer| {
            let start = buffer.as_ptr().expose_provenance();
            start..start + buffer.capacity()
        });
        for Range { start, end } in huge_pages(addresses.collect()) {
            #[allow(unsafe_code)]
            // SAFETY: this advice changes neither the contents of memory nor which memory there is,
            // only the size of the pages in which the operating system provides it. So it may
            // include memory of others, such as the allocator's between our buffers. If it is not
            // understood, the call just fails.
            unsafe {
                let start = ptr::with_exposed_provenance_mut(start);
                libc::madvise(start, end - start.addr(), libc::MADV_HUGEPAGE);
            }
        }
    }

    /// The huge pages that lie within the spans. Spans with at most a gap between them count as
    /// one.
    fn huge_pages(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
        spans.sort_unstable_by_key(|span| span.start);
        spans
            .chunk_by(|before, next| next.start - before.end <= MAX_GAP)
            .map(|run| {
                let end = run.iter().map(|span| span.end).max().unwrap_or(0);
                run[0].start.next_multiple_of(HUGE_PAGE)..end / HUGE_PAGE * HUGE_PAGE
            })
            .filter(|pages| !pages.is_empty())
            .collect()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn buffers_side_by_side_share_huge_pages() {
            let page = |number: usize| number * HUGE_PAGE;
            let small = |start: usize| start..start + 100_000;
            assert_eq!(huge_pages(vec![]), []);
            assert_eq!(huge_pages(vec![small(page(3)), small(page(1))]), []);
            let large = Range {
                start: page(1) - 1,
                end: page(3) + 1,
            };
            assert_eq!(
                huge_pages(vec![large]),
                [Range {
                    start: page(1),
                    end: page(3)
                }]
            );
            // Eighty of them fill seven megabytes, in whatever order they come.
            let row = |start: usize| (0..80).map(move |i| small(start + i * 100_016));
            let rows: Vec<_> = row(page(9) + 4).rev().chain(row(page(1) - 50)).collect();
            assert_eq!(huge_pages(rows), [page(1)..page(4), page(10)..page(12)]);
        }
    }
}
