/// What can be asked about types.
module sui::types;

/// Whether `T` is the witness that exists once, for its module's `init`.
public native fun is_one_time_witness<T: drop>(_: &T): bool;
