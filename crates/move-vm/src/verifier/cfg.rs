//! Control-flow graphs.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::{Instruction, JumpTable};

/// A straight run of instructions.
#[derive(Debug)]
pub(super) struct Block {
    /// First instruction.
    pub(super) start: usize,
    /// One past the last instruction.
    pub(super) end: usize,
    /// Blocks that may follow, by position in [`ControlFlowGraph::blocks`].
    pub(super) successors: Vec<usize>,
}

/// The basic blocks of a function in code order; the first is the entry. Bounds must be verified. A
/// block that could run past the end of the code has no successor for that.
#[derive(Debug)]
pub(super) struct ControlFlowGraph {
    pub(super) blocks: Vec<Block>,
}

impl ControlFlowGraph {
    pub(super) fn new(code: &[Instruction], jump_tables: &[JumpTable]) -> Self {
        let mut starts = BTreeSet::from([0]);
        for (pc, instruction) in code.iter().enumerate() {
            let targets = targets(instruction, jump_tables);
            if !targets.is_empty() || instruction.is_unconditional_jump() {
                starts.insert(pc + 1);
            }
            starts.extend(targets);
        }
        starts.retain(|start| *start < code.len());
        let index: BTreeMap<usize, usize> = starts.iter().copied().zip(0..).collect();
        let ends = starts.iter().copied().skip(1).chain([code.len()]);
        let blocks = starts.iter().copied().zip(ends).map(|(start, end)| {
            let mut successors = BTreeSet::new();
            if let Some(last) = code.get(end - 1) {
                successors.extend(targets(last, jump_tables));
                if !last.is_unconditional_jump() && end < code.len() {
                    successors.insert(end);
                }
            }
            let successors = successors
                .iter()
                .filter_map(|start| index.get(start).copied());
            Block {
                start,
                end,
                successors: successors.collect(),
            }
        });
        Self {
            blocks: if code.is_empty() {
                Vec::new()
            } else {
                blocks.collect()
            },
        }
    }

    /// The order in which the verifier of the protocol visits blocks, which some of its verdicts
    /// depend on.
    pub(super) fn traversal(&self) -> Traversal {
        let mut states = vec![Exploration::Unknown; self.blocks.len()];
        let mut order = Vec::new();
        let mut back_edges = BTreeSet::new();
        let mut pending = Vec::new();
        if !self.blocks.is_empty() {
            states[0] = Exploration::InProgress;
            pending.push((0, self.blocks[0].successors.iter().rev()));
        }
        while let Some((block, successors)) = pending.last_mut() {
            let block = *block;
            let Some(successor) = successors.next().copied() else {
                states[block] = Exploration::Done;
                order.push(block);
                pending.pop();
                continue;
            };
            match states[successor] {
                Exploration::Unknown => {
                    states[successor] = Exploration::InProgress;
                    pending.push((successor, self.blocks[successor].successors.iter().rev()));
                }
                Exploration::InProgress => {
                    back_edges.insert((block, successor));
                }
                Exploration::Done => {}
            }
        }
        order.reverse();
        Traversal { order, back_edges }
    }

    /// Predecessors of every block.
    pub(super) fn predecessors(&self) -> Vec<Vec<usize>> {
        let mut predecessors = vec![Vec::new(); self.blocks.len()];
        for (block, successors) in self
            .blocks
            .iter()
            .map(|block| &block.successors)
            .enumerate()
        {
            for successor in successors {
                predecessors[*successor].push(block);
            }
        }
        predecessors
    }
}

/// See [`ControlFlowGraph::traversal`].
#[derive(Debug)]
pub(super) struct Traversal {
    /// Blocks that the entry reaches, each after those that lead to it except along back edges.
    /// Where code branches, the block that stands first in the code comes first.
    pub(super) order: Vec<usize>,
    /// Edges from a block to itself or to one that comes before it: from the end of a loop to its
    /// head.
    pub(super) back_edges: BTreeSet<(usize, usize)>,
}

/// How far a depth-first search has got with a block.
#[derive(Clone, Copy, Debug)]
enum Exploration {
    Unknown,
    InProgress,
    Done,
}

fn targets(instruction: &Instruction, jump_tables: &[JumpTable]) -> Vec<usize> {
    match instruction {
        Instruction::VariantSwitch(table) => jump_tables
            .get(usize::from(*table))
            .map(|table| table.targets.iter().copied().map(usize::from).collect())
            .unwrap_or_default(),
        other => other.branch_target().map(usize::from).into_iter().collect(),
    }
}
