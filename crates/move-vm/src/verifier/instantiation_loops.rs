//! No recursion through generic calls may build ever larger types.
//!
//! The graph has a node for each type parameter of each function of the module. A generic call adds
//! an edge from a caller's parameter to the callee's parameter that receives it: a plain edge when
//! it is passed as it is, a growing edge when it is passed inside another type. A cycle with a
//! growing edge would need infinitely many instantiations.

use std::collections::{HashMap, HashSet};

use super::{Check, broken, view::View};
use crate::format::{FunctionDef, Instruction, SignatureToken, TableIndex};

/// A type parameter: function handle and position.
type Node = (TableIndex, u16);

struct Edge {
    from: Node,
    to: Node,
    grows: bool,
}

pub(super) fn check(view: View<'_>) -> Check {
    let mut edges = Vec::new();
    for def in &view.module.function_defs {
        collect(view, def, &mut edges);
    }
    let mut next: HashMap<Node, Vec<Node>> = HashMap::new();
    for edge in &edges {
        next.entry(edge.from).or_default().push(edge.to);
    }
    for edge in edges.iter().filter(|edge| edge.grows) {
        if reaches(&next, edge.to, edge.from) {
            let name = view.identifier(view.function(edge.from.0).name);
            return Err(broken(
                "instantiation loops",
                format_args!("function {name} needs infinitely many instantiations"),
            ));
        }
    }
    Ok(())
}

fn collect(view: View<'_>, caller: &FunctionDef, edges: &mut Vec<Edge>) {
    let code = caller.code.iter().flat_map(|unit| &unit.code);
    let instances: HashSet<TableIndex> = code
        .filter_map(|instruction| match instruction {
            Instruction::CallGeneric(index) => Some(*index),
            _ => None,
        })
        .collect();
    for index in instances {
        let instance = view.module.function_instantiations[usize::from(index)];
        if view.function(instance.target).module != view.module.self_handle {
            continue;
        }
        for (position, argument) in (0..).zip(view.signature(instance.type_arguments)) {
            let to = (instance.target, position);
            argument.visit(&mut |token| {
                if let SignatureToken::TypeParameter(parameter) = token {
                    let grows = !matches!(argument, SignatureToken::TypeParameter(_));
                    edges.push(Edge {
                        from: (caller.handle, *parameter),
                        to,
                        grows,
                    });
                }
            });
        }
    }
}

fn reaches(next: &HashMap<Node, Vec<Node>>, from: Node, to: Node) -> bool {
    let mut seen = HashSet::from([from]);
    let mut pending = vec![from];
    while let Some(node) = pending.pop() {
        if node == to {
            return true;
        }
        for target in next.get(&node).into_iter().flatten() {
            if seen.insert(*target) {
                pending.push(*target);
            }
        }
    }
    false
}
