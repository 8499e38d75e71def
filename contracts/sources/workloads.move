/// How many open requests each worker has a part in.
module daasvader::workloads;

use std::string::String;
use sui::table::{Self, Table};

public struct Workloads has store {
    /// A worker's row stays at zero: it was paid for by the host, and whoever cancels a request would get it back.
    counts: Table<String, u64>,
}

public(package) fun new(ctx: &mut TxContext): Workloads {
    Workloads { counts: table::new(ctx) }
}

public(package) fun of(self: &Workloads, node_id: String): u64 {
    if (self.counts.contains(node_id)) self.counts[node_id] else 0
}

public(package) fun add(self: &mut Workloads, node_id: String) {
    if (self.counts.contains(node_id)) {
        let count = &mut self.counts[node_id];
        *count = *count + 1;
    } else self.counts.add(node_id, 1)
}

public(package) fun subtract(self: &mut Workloads, node_id: String) {
    let count = &mut self.counts[node_id];
    *count = *count - 1;
}
