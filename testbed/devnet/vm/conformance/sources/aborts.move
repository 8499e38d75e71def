/// Where execution stops, and with which code.
module conformance::aborts;

const EOwn: u64 = 7;
#[error]
const EClever: vector<u8> = b"a message instead of a code";

#[test]
fun runs_to_its_end() {}

#[test]
fun aborts_with_a_code() {
    abort EOwn
}

#[test]
fun aborts_with_the_largest_plain_code() {
    abort 0x7fff_ffff_ffff_ffff
}

#[test]
fun assert_without_a_code_aborts() {
    assert!(is_odd(2));
}

#[test]
fun assert_with_a_message_aborts() {
    assert!(is_odd(2), EClever);
}

#[test]
fun a_true_assertion_does_not_evaluate_its_code() {
    assert!(is_odd(3), fail(1));
}

#[test]
fun the_abort_of_a_callee_is_located_in_the_callee() {
    conformance::callee::outer(3);
}

#[test]
fun the_abort_of_the_framework_is_located_there() {
    option::none<u64>().destroy_some();
}

#[test]
fun the_abort_of_a_native_is_located_in_its_module() {
    sui::address::from_bytes(b"short");
}

#[test]
fun operands_are_evaluated_from_the_left() {
    let _ = fail(1) + fail(2);
}

#[test]
fun and_stops_at_the_first_false() {
    assert!(!(is_odd(2) && fail(1) == 0));
}

#[test]
fun or_stops_at_the_first_true() {
    assert!(is_odd(1) || fail(1) == 0);
}

#[test]
fun calls_nest_to_a_limit() {
    descend(2000);
}

#[test]
fun calls_nest_below_the_limit() {
    assert!(descend(1000) == 1000);
}

#[test]
fun a_loop_runs_until_it_breaks() {
    let mut i = 0;
    let last = loop {
        i = i + 1;
        if (i % 2 == 0) continue;
        if (i > 10) break i;
    };
    abort last
}

#[test]
fun labels_leave_outer_loops() {
    let mut i = 0;
    'outer: while (true) {
        while (true) {
            i = i + 1;
            if (i == 5) break 'outer;
        }
    };
    abort i
}

fun is_odd(n: u64): bool {
    n % 2 == 1
}

fun fail(code: u64): u64 {
    abort code
}

fun descend(depth: u64): u64 {
    if (depth == 0) 0 else descend(depth - 1) + 1
}
