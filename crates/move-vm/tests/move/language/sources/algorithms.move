/// Longer computations, for results and for speed.
module language::algorithms;

public fun fibonacci(index: u64): u64 {
    if (index < 2) index else fibonacci(index - 1) + fibonacci(index - 2)
}

public fun count_primes(below: u64): u64 {
    let mut sieve = vector[];
    below.do!(|_| sieve.push_back(true));
    let mut count = 0;
    let mut candidate = 2;
    while (candidate < below) {
        if (sieve[candidate]) {
            count = count + 1;
            let mut multiple = candidate * candidate;
            while (multiple < below) {
                *&mut sieve[multiple] = false;
                multiple = multiple + candidate;
            }
        };
        candidate = candidate + 1;
    };
    count
}

public fun sorted(mut values: vector<u64>): vector<u64> {
    let length = values.length();
    length.do!(|round| {
        let mut index = 1;
        while (index < length - round) {
            if (values[index - 1] > values[index]) values.swap(index - 1, index);
            index = index + 1;
        }
    });
    values
}

public fun labeled(limit: u64): u64 {
    let mut outer = 0;
    let mut sum = 0;
    'rows: loop {
        outer = outer + 1;
        let mut inner = 0;
        loop {
            inner = inner + 1;
            if (inner * outer > limit) break 'rows;
            if (inner > outer) continue 'rows;
            sum = sum + inner * outer;
        }
    };
    sum
}

public fun factorial(value: u256): u256 {
    if (value == 0) 1 else value * factorial(value - 1)
}

public fun hex_of(value: u8): vector<u8> {
    let digits = b"0123456789abcdef";
    vector[digits[(value >> 4) as u64], digits[(value & 0xf) as u64]]
}

public fun string_search(): u64 {
    let text = b"the quick brown fox".to_string();
    text.index_of(&b"brown".to_string())
}
