/// Policies that cost more than a key server pays for.
module dear::dear;

/// Never decides.
entry fun seal_approve(_: vector<u8>) {
    loop {}
}

/// Decides after a while: after as many steps as the second argument says.
entry fun seal_approve_slowly(_: vector<u8>, steps: u64) {
    let mut done = 0;
    while (done < steps) done = done + 1;
}

/// Fills memory without end.
entry fun seal_approve_with_memory(id: vector<u8>) {
    let mut memory = vector[id];
    loop {
        let last = memory[memory.length() - 1];
        memory.push_back(last);
    }
}
