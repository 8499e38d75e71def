/// Enums and `match`.
module conformance::enums;

public enum Shape has copy, drop, store {
    Nothing,
    Circle(u64),
    Rectangle { width: u64, height: u64 },
}

public enum Tree<T> has copy, drop {
    Leaf(T),
    Branch(vector<T>),
}

fun area(shape: &Shape): u64 {
    match (shape) {
        Shape::Nothing => 0,
        Shape::Circle(radius) => *radius * *radius * 3,
        Shape::Rectangle { width, height } => *width * *height,
    }
}

#[test]
fun match_selects_the_variant() {
    let shapes = vector[Shape::Nothing, Shape::Circle(2), Shape::Rectangle { width: 3, height: 4 }];
    assert!(area(&shapes[0]) == 0 && area(&shapes[1]) == 12 && area(&shapes[2]) == 12);
}

#[test]
fun variants_of_equal_content_differ() {
    assert!(Shape::Circle(0) != Shape::Nothing);
    assert!(Shape::Circle(1) == Shape::Circle(1) && Shape::Circle(1) != Shape::Circle(2));
}

#[test]
fun match_takes_a_value_apart() {
    let sum = match (Shape::Rectangle { width: 30, height: 4 }) {
        Shape::Rectangle { width, height } => width + height,
        _ => 0,
    };
    abort sum
}

#[test]
fun fields_of_a_variant_are_changed_in_place() {
    let mut shape = Shape::Rectangle { width: 3, height: 4 };
    grow(&mut shape);
    assert!(area(&shape) == 16);
}

#[test]
fun a_variant_replaces_another() {
    let mut shape = Shape::Circle(1);
    let copied = shape;
    *&mut shape = Shape::Nothing;
    assert!(shape == Shape::Nothing && copied == Shape::Circle(1));
}

#[test]
fun guards_and_literals_select() {
    let kinds = vector[kind(Shape::Circle(0)), kind(Shape::Circle(5)), kind(Shape::Circle(50))];
    assert!(kinds == vector[1, 2, 3]);
}

#[test]
fun a_generic_variant_is_taken_apart() {
    let sum = match (Tree::Branch(vector[7u64, 8])) {
        Tree::Leaf(one) => one,
        Tree::Branch(many) => many[0] + many[1],
    };
    abort sum
}

#[test]
fun generic_variants_hold_any_type() {
    assert!(count(&Tree::Leaf(true)) == 1);
    assert!(count(&Tree::Branch(vector[b"a", b"b"])) == 2);
    let mut tree = Tree::Branch(vector[1u16]);
    match (&mut tree) {
        Tree::Branch(items) => items.push_back(2),
        Tree::Leaf(item) => *item = 0,
    };
    assert!(count(&tree) == 2);
}

#[test]
fun enums_are_encoded_by_position() {
    assert!(std::bcs::to_bytes(&Shape::Nothing) == x"00");
    assert!(std::bcs::to_bytes(&Shape::Circle(1)) == x"010100000000000000");
}

fun grow(shape: &mut Shape) {
    match (shape) {
        Shape::Rectangle { width, height: _ } => *width = *width + 1,
        Shape::Circle(radius) => *radius = *radius + 1,
        Shape::Nothing => abort 1,
    }
}

fun kind(shape: Shape): u64 {
    match (shape) {
        Shape::Circle(0) => 1,
        Shape::Circle(radius) if (*radius < 10) => 2,
        Shape::Circle(_) => 3,
        _ => 4,
    }
}

fun count<T>(tree: &Tree<T>): u64 {
    match (tree) {
        Tree::Leaf(_) => 1,
        Tree::Branch(items) => items.length(),
    }
}
