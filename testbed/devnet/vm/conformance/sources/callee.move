/// What `aborts` calls.
module conformance::callee;

public(package) fun outer(n: u64) {
    if (n == 0) inner() else outer(n - 1)
}

fun inner() {
    abort 42
}
