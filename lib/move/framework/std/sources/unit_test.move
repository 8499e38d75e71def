#[test_only]
/// What unit tests use.
module std::unit_test;

/// Compiled into every module with tests, so that no chain accepts one.
public native fun poison();

/// Ends a value that nothing else can end.
public native fun destroy<T>(x: T);

public macro fun assert_eq<$T: drop>($t1: $T, $t2: $T) {
    let t1 = $t1;
    let t2 = $t2;
    assert!(t1 == t2);
}
