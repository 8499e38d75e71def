/// The active workers as a table of slots 0 to n-1, so that adding, removing and picking cost the same for any number.
module daasvader::active_workers;

use std::string::String;
use sui::table::{Self, Table};

public struct ActiveWorkers has store {
    /// Slot → node id, without holes.
    slots: Table<u64, String>,
    /// Node id → slot.
    positions: Table<String, u64>,
}

public(package) fun new(ctx: &mut TxContext): ActiveWorkers {
    ActiveWorkers { slots: table::new(ctx), positions: table::new(ctx) }
}

public(package) fun length(self: &ActiveWorkers): u64 {
    self.slots.length()
}

/// The node id in a slot below `length`.
public(package) fun at(self: &ActiveWorkers, slot: u64): String {
    self.slots[slot]
}

public(package) fun contains(self: &ActiveWorkers, node_id: String): bool {
    self.positions.contains(node_id)
}

/// Adds a worker; one that is there stays where it is.
public(package) fun add(self: &mut ActiveWorkers, node_id: String) {
    if (self.contains(node_id)) return;
    let slot = self.length();
    self.slots.add(slot, node_id);
    self.positions.add(node_id, slot);
}

/// Removes a worker if it is there; the last slot moves into the hole.
public(package) fun remove(self: &mut ActiveWorkers, node_id: String) {
    if (!self.contains(node_id)) return;
    let hole = self.positions.remove(node_id);
    let last_slot = self.length() - 1;
    let last = self.slots.remove(last_slot);
    if (hole == last_slot) return;
    *(&mut self.slots[hole]) = last;
    *(&mut self.positions[last]) = hole;
}
