/// References: what they point to, and that copies are apart.
module conformance::borrows;

public struct Point has copy, drop, store {
    x: u64,
    y: u64,
}

public struct Line has copy, drop {
    from: Point,
    to: Point,
}

public struct Boxed<T> has copy, drop {
    value: T,
}

fun line(): Line {
    Line { from: Point { x: 1, y: 2 }, to: Point { x: 3, y: 4 } }
}

#[test]
fun a_field_is_written_through_its_reference() {
    let mut line = line();
    let x = &mut line.to.x;
    *x = *x + 10;
    assert!(line.to.x == 13 && line.from.x == 1);
}

#[test]
fun a_whole_struct_is_written_through_a_reference() {
    let mut line = line();
    let from = &mut line.from;
    *from = Point { x: 8, y: 9 };
    assert!(line.from.y == 9);
    line.from.y = 5;
    assert!(line == Line { from: Point { x: 8, y: 5 }, to: Point { x: 3, y: 4 } });
}

#[test]
fun a_copy_does_not_follow_the_original() {
    let mut line = line();
    let copied = line;
    line.from.x = 100;
    assert!(copied.from.x == 1);
}

#[test]
fun reading_a_reference_copies() {
    let mut line = line();
    let mut from = *&line.from;
    from.x = 50;
    line.to.x = 60;
    assert!(line.from.x == 1 && from.x == 50);
}

#[test]
fun references_compare_what_they_point_to() {
    let (left, right) = (line(), line());
    assert!(&left == &right && &left.from != &left.to);
}

#[test]
fun a_reference_passes_through_calls() {
    let mut line = line();
    *choose(&mut line, true) = 77;
    *choose(&mut line, false) = 88;
    assert!(line.from.x == 77 && line.to.x == 88);
}

#[test]
fun a_local_is_changed_by_a_callee() {
    let mut n = 1;
    increment(&mut n);
    increment(&mut n);
    abort n
}

#[test]
fun two_fields_are_borrowed_at_once() {
    let mut line = line();
    swap(&mut line.from, &mut line.to);
    assert!(line.from.x == 3 && line.to.x == 1);
}

#[test]
fun vector_elements_are_borrowed() {
    let mut points = vector[Point { x: 1, y: 1 }, Point { x: 2, y: 2 }];
    points[1].x = 20;
    *&mut points[0] = Point { x: 9, y: 9 };
    assert!(points[0].y == 9 && points[1].x == 20 && points[1].y == 2);
}

#[test]
fun a_pushed_value_is_a_copy() {
    let mut point = Point { x: 1, y: 1 };
    let mut points = vector[point];
    points.push_back(point);
    point.x = 5;
    points[0].y = 6;
    assert!(points[0].x == 1 && points[1].y == 1 && point.y == 1);
}

#[test]
fun nested_vectors_are_borrowed() {
    let mut grid = vector[vector[1u8, 2], vector[3, 4]];
    *&mut grid[1][0] = 30;
    grid[0].push_back(9);
    assert!(grid == vector[vector[1, 2, 9], vector[30, 4]]);
}

#[test]
fun generic_fields_are_borrowed() {
    let mut boxed = Boxed { value: Boxed { value: 5u128 } };
    let inner = &mut boxed.value.value;
    *inner = *inner * 3;
    assert!(boxed.value.value == 15);
}

#[test]
fun a_variable_is_assigned_again_after_a_move() {
    let mut point = Point { x: 1, y: 1 };
    let moved = point;
    point = Point { x: moved.y + 1, y: 0 };
    assert!(point.x == 2 && moved.x == 1);
}

#[test]
fun each_turn_of_a_loop_has_fresh_values() {
    let mut points = vector[];
    let mut i = 0;
    while (i < 3) {
        let point = Point { x: i, y: 0 };
        points.push_back(point);
        i = i + 1;
    };
    points[0].x = 9;
    assert!(points[1].x == 1 && points[2].x == 2);
}

fun choose(line: &mut Line, first: bool): &mut u64 {
    if (first) &mut line.from.x else &mut line.to.x
}

fun increment(n: &mut u64) {
    *n = *n + 1;
}

fun swap(left: &mut Point, right: &mut Point) {
    let kept = *left;
    *left = *right;
    *right = kept;
}
