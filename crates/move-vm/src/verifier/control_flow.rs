//! Control never falls off the end, loops have a single entry, and do not nest too deep.

use super::{Check, cfg::ControlFlowGraph, view::FunctionView};

const PASS: &str = "control flow";
/// Most basic blocks of a function.
const BLOCKS_MAX: usize = 1024;
/// Deepest nesting of loops.
const LOOP_DEPTH_MAX: usize = 5;

pub(super) fn check(function: &FunctionView<'_>, cfg: &ControlFlowGraph) -> Check {
    let code = &function.code.code;
    let Some(last) = code.last() else {
        return Err(function.broken(PASS, 0, "function without instructions"));
    };
    if !last.is_unconditional_jump() {
        return Err(function.broken(PASS, code.len() - 1, "control falls off the end"));
    }
    if cfg.blocks.len() > BLOCKS_MAX {
        let message = format!(
            "{} basic blocks, at most {BLOCKS_MAX} are allowed",
            cfg.blocks.len()
        );
        return Err(function.broken(PASS, 0, message));
    }
    check_loops(function, cfg)
}

fn check_loops(function: &FunctionView<'_>, cfg: &ControlFlowGraph) -> Check {
    let order = cfg.traversal().order;
    let predecessors = cfg.predecessors();
    let mut rank = vec![usize::MAX; cfg.blocks.len()];
    for (position, block) in order.iter().enumerate() {
        rank[*block] = position;
    }
    let dominators = immediate_dominators(&order, &rank, &predecessors);
    let mut depth = vec![0; cfg.blocks.len()];
    for header in &order {
        let back_edges: Vec<usize> = predecessors[*header]
            .iter()
            .copied()
            .filter(|from| rank[*from] != usize::MAX && rank[*from] >= rank[*header])
            .collect();
        if back_edges.is_empty() {
            continue;
        }
        let start = cfg.blocks[*header].start;
        if !back_edges
            .iter()
            .all(|from| dominates(*header, *from, &dominators))
        {
            return Err(function.broken(PASS, start, "loop with two entries"));
        }
        for block in loop_body(*header, back_edges, &predecessors, &rank) {
            depth[block] += 1;
            if depth[block] > LOOP_DEPTH_MAX {
                return Err(function.broken(PASS, start, "loops nest too deep"));
            }
        }
    }
    Ok(())
}

/// Immediate dominators by block; the entry's is itself, that of unreachable blocks is meaningless.
fn immediate_dominators(
    order: &[usize],
    rank: &[usize],
    predecessors: &[Vec<usize>],
) -> Vec<usize> {
    let mut dominators = vec![usize::MAX; rank.len()];
    if let Some(entry) = order.first() {
        dominators[*entry] = *entry;
    }
    let intersect = |mut left: usize, mut right: usize, dominators: &[usize]| {
        while left != right {
            if rank[left] > rank[right] {
                left = dominators[left];
            } else {
                right = dominators[right];
            }
        }
        left
    };
    let mut changed = true;
    while changed {
        changed = false;
        for block in order.iter().skip(1) {
            let found = predecessors[*block]
                .iter()
                .copied()
                .filter(|from| dominators[*from] != usize::MAX)
                .reduce(|left, right| intersect(left, right, &dominators))
                .unwrap_or(usize::MAX);
            if dominators[*block] != found {
                dominators[*block] = found;
                changed = true;
            }
        }
    }
    dominators
}

fn dominates(dominator: usize, mut block: usize, dominators: &[usize]) -> bool {
    loop {
        if block == dominator {
            return true;
        }
        match dominators.get(block) {
            Some(next) if *next != block => block = *next,
            _ => return false,
        }
    }
}

/// The header and every block that reaches a back edge without passing it.
fn loop_body(
    header: usize,
    back_edges: Vec<usize>,
    predecessors: &[Vec<usize>],
    rank: &[usize],
) -> Vec<usize> {
    let mut inside = vec![false; rank.len()];
    inside[header] = true;
    let mut body = vec![header];
    let mut pending = back_edges;
    while let Some(block) = pending.pop() {
        if !inside[block] && rank[block] != usize::MAX {
            inside[block] = true;
            body.push(block);
            pending.extend(&predecessors[block]);
        }
    }
    body
}
