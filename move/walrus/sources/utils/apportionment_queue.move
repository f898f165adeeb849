/// A max-heap of values with a priority and a tie breaker.
module walrus::apportionment_queue;

// === Errors ===

/// The queue is empty.
const EPopFromEmptyHeap: u64 = 0;

// === Structs ===

/// The queue; every entry is at least as large as its children at `2i + 1` and `2i + 2`.
public struct ApportionmentQueue<T: drop> has drop {
    entries: vector<Entry<T>>,
}

/// A value; of two with equal priority the one with the higher tie breaker comes first.
public struct Entry<T: drop> has drop {
    priority: u128,
    tie_breaker: u64,
    value: T,
}

// === Public functions ===

/// An empty queue.
public fun new<T: drop>(): ApportionmentQueue<T> {
    ApportionmentQueue { entries: vector[] }
}

/// Adds a value.
public fun insert<T: drop>(
    self: &mut ApportionmentQueue<T>,
    priority: u128,
    tie_breaker: u64,
    value: T,
) {
    let entries = &mut self.entries;
    entries.push_back(Entry { priority, tie_breaker, value });
    let mut child = entries.length() - 1;
    while (child > 0) {
        let parent = (child - 1) / 2;
        if (!entries[child].precedes(&entries[parent])) break;
        entries.swap(child, parent);
        child = parent;
    }
}

/// Removes the largest entry and returns its priority, tie breaker and value.
public fun pop_max<T: drop>(self: &mut ApportionmentQueue<T>): (u128, u64, T) {
    let entries = &mut self.entries;
    assert!(!entries.is_empty(), EPopFromEmptyHeap);
    let Entry { priority, tie_breaker, value } = entries.swap_remove(0);
    let mut parent = 0;
    loop {
        let mut largest = parent;
        let left = 2 * parent + 1;
        let right = left + 1;
        if (left < entries.length() && entries[left].precedes(&entries[largest])) largest = left;
        if (right < entries.length() && entries[right].precedes(&entries[largest])) largest = right;
        if (largest == parent) break;
        entries.swap(parent, largest);
        parent = largest;
    };
    (priority, tie_breaker, value)
}

// === Private functions ===

fun precedes<T: drop>(self: &Entry<T>, other: &Entry<T>): bool {
    self.priority > other.priority ||
    (self.priority == other.priority && self.tie_breaker > other.tie_breaker)
}
