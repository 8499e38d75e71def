/// The transaction that is being executed.
module sui::tx_context;

#[test_only]
/// Bytes in a transaction digest.
const DIGEST_LENGTH: u64 = 32;

#[allow(unused_field)]
/// Made by the VM. Most getters ask the VM and not these fields.
public struct TxContext has drop {
    sender: address,
    tx_hash: vector<u8>,
    epoch: u64,
    epoch_timestamp_ms: u64,
    ids_created: u64,
}

public fun sender(_self: &TxContext): address {
    native_sender()
}

public fun digest(self: &TxContext): &vector<u8> {
    &self.tx_hash
}

public fun epoch(_self: &TxContext): u64 {
    native_epoch()
}

public fun epoch_timestamp_ms(_self: &TxContext): u64 {
    native_epoch_timestamp_ms()
}

/// The gas owner when it is not the sender.
public fun sponsor(_self: &TxContext): Option<address> {
    let mut sponsor = native_sponsor();
    if (sponsor.is_empty()) option::none() else option::some(sponsor.pop_back())
}

public fun fresh_object_address(_ctx: &mut TxContext): address {
    fresh_id()
}

native fun native_sender(): address;
native fun native_epoch(): u64;
native fun native_epoch_timestamp_ms(): u64;
native fun native_sponsor(): vector<address>;
native fun fresh_id(): address;

#[test_only]
/// The context of a transaction of `sender`, told apart from others by `hint`; it becomes the VM's.
public fun new_from_hint(
    sender: address,
    hint: u64,
    epoch: u64,
    epoch_timestamp_ms: u64,
    ids_created: u64,
): TxContext {
    let mut tx_hash = std::bcs::to_bytes(&hint);
    while (tx_hash.length() < DIGEST_LENGTH) tx_hash.push_back(0);
    create(sender, tx_hash, epoch, epoch_timestamp_ms, ids_created, 1000, 1000, 0, option::none())
}

#[test_only]
/// The context of any transaction; it becomes the VM's.
public fun create(
    sender: address,
    tx_hash: vector<u8>,
    epoch: u64,
    epoch_timestamp_ms: u64,
    ids_created: u64,
    rgp: u64,
    gas_price: u64,
    gas_budget: u64,
    sponsor: Option<address>,
): TxContext {
    let sponsor = if (sponsor.is_some()) vector[sponsor.destroy_some()] else vector[];
    replace(sender, tx_hash, epoch, epoch_timestamp_ms, ids_created, rgp, gas_price, gas_budget, sponsor);
    TxContext { sender: @0x0, tx_hash, epoch: 0, epoch_timestamp_ms: 0, ids_created: 0 }
}

#[test_only]
native fun replace(
    sender: address,
    tx_hash: vector<u8>,
    epoch: u64,
    epoch_timestamp_ms: u64,
    ids_created: u64,
    rgp: u64,
    gas_price: u64,
    gas_budget: u64,
    sponsor: vector<address>,
);
