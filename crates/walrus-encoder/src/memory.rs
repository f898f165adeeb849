//! What the allocator does with freed memory.

/// Blocks of at least so many bytes are given back to the operating system.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_BLOCK: i32 = 1 << 20;

/// Asks the allocator of the GNU C library to give large blocks back to the operating system as soon
/// as they are freed. A program that decodes large blobs calls this before anything else.
///
/// Decoding frees slivers while the blob takes their place. By default that allocator stops giving
/// blocks back once some of that size have been freed, and the process grows to twice the blob.
/// Other allocators are left as they are.
pub fn give_back_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[allow(unsafe_code)]
        // SAFETY: the call sets a number in the allocator, under its own lock, and takes no pointers.
        // It can be made at any time from any thread; a value it does not know changes nothing.
        let accepted = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BLOCK) };
        debug_assert_eq!(accepted, 1, "a threshold within the limits is accepted");
    }
}
