/// Enums: packing, matching by value and by reference, generics, guards.
module language::enums;

public enum Shape has copy, drop, store {
    Empty,
    Circle(u64),
    Rectangle { width: u64, height: u64 },
    Named { x: u16, y: vector<u8> },
}

public enum Tree<T> has copy, drop, store {
    Leaf,
    Node { value: T, children: vector<u64> },
}

public struct Holder has copy, drop, store {
    shape: Shape,
    label: u8,
}

public fun area(shape: &Shape): u64 {
    match (shape) {
        Shape::Empty => 0,
        Shape::Circle(radius) => 3 * *radius * *radius,
        Shape::Rectangle { width, height } if (*width == *height) => *width * *width + 1000,
        Shape::Rectangle { width, height } => *width * *height,
        Shape::Named { x, .. } => (*x as u64),
    }
}

public fun areas(): vector<u64> {
    let shapes = vector[
        Shape::Empty,
        Shape::Circle(2),
        Shape::Rectangle { width: 3, height: 4 },
        Shape::Rectangle { width: 5, height: 5 },
        Shape::Named { x: 258, y: b"z" },
    ];
    shapes.map_ref!(|shape| area(shape))
}

fun widen(shape: &mut Shape, by: u64) {
    match (shape) {
        Shape::Circle(radius) => *radius = *radius + by,
        Shape::Rectangle { width, height: _ } => *width = *width * by,
        _ => (),
    }
}

/// A change through a mutable match is seen by the owner, also inside a struct and a vector.
public fun changed(): (u64, u64, u64) {
    let mut lone = Shape::Circle(1);
    widen(&mut lone, 9);
    let mut holder = Holder { shape: Shape::Rectangle { width: 2, height: 7 }, label: 1 };
    widen(&mut holder.shape, 5);
    let mut list = vector[Shape::Empty, Shape::Circle(1)];
    widen(&mut list[1], 1);
    let Holder { shape, label: _ } = holder;
    (area(&lone), area(&shape), area(&list[1]))
}

public fun named(): Shape {
    Shape::Named { x: 258, y: b"z" }
}

public fun named_bcs(): vector<u8> {
    std::bcs::to_bytes(&Shape::Named { x: 258, y: b"z" })
}

public fun into_parts(shape: Shape): (u64, vector<u8>) {
    match (shape) {
        Shape::Named { x, y } => ((x as u64), y),
        Shape::Circle(radius) => (radius, vector[]),
        _ => (0, vector[]),
    }
}

public fun generic_sum(): u64 {
    let mut tree = Tree::Node { value: 5u8, children: vector[1, 2, 3] };
    match (&mut tree) {
        Tree::Leaf => (),
        Tree::Node { value, children } => {
            *value = *value * 2;
            children.push_back(4);
        },
    };
    match (tree) {
        Tree::Leaf => 0,
        Tree::Node { value, children } => {
            let mut sum = value as u64;
            children.do!(|child| sum = sum + child);
            sum
        },
    }
}

public fun equal(): (bool, bool, bool) {
    let leaf: Tree<u64> = Tree::Leaf;
    let node = Tree::Node { value: 1u64, children: vector[] };
    let same = Tree::Node { value: 1u64, children: vector[] };
    (leaf == node, node == same, &leaf == &Tree::Leaf)
}

public fun replaced(): bool {
    let mut shape = Shape::Empty;
    let reference = &mut shape;
    *reference = Shape::Circle(4);
    shape == Shape::Circle(4)
}
