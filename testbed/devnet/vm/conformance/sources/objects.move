/// Objects, their ids and their dynamic fields.
module conformance::objects;

use sui::coin;
use sui::dynamic_field as field;
use sui::dynamic_object_field as object_field;
use sui::sui::SUI;
use sui::table::{Self, Table};

public struct Item has key, store {
    id: UID,
    n: u64,
}

public struct Wrapper has key {
    id: UID,
    item: Item,
}

public struct Happened has copy, drop {
    n: u64,
}

public struct Name(u64) has copy, drop, store;

fun context(): TxContext {
    tx_context::new_from_hint(@0xa11ce, 5, 7, 1_000, 0)
}

#[test]
fun the_context_tells_the_transaction() {
    let ctx = context();
    assert!(ctx.sender() == @0xa11ce && ctx.epoch() == 7 && ctx.epoch_timestamp_ms() == 1_000);
    assert!(ctx.sponsor().is_none() && ctx.digest().length() == 32);
}

#[test]
fun ids_derive_from_the_transaction() {
    let mut ctx = context();
    let first = ctx.fresh_object_address();
    let second = ctx.fresh_object_address();
    assert!(first != second);
    assert!(first == context().fresh_object_address());
    // A value of the real VM, so that ids agree and not only differ.
    abort ((first.to_u256() & 0x7fff_ffff_ffff_ffff) as u64)
}

#[test]
fun objects_have_ids() {
    let mut ctx = context();
    let item = Item { id: object::new(&mut ctx), n: 1 };
    assert!(object::id(&item) == item.id.to_inner() && object::id_address(&item) == item.id.to_address());
    assert!(object::id_bytes(&item) == item.id.to_bytes());
    let Item { id, n: _ } = item;
    id.delete();
}

#[test]
fun objects_are_given_away() {
    let mut ctx = context();
    transfer::public_transfer(Item { id: object::new(&mut ctx), n: 1 }, @0xb0b);
    transfer::public_share_object(Item { id: object::new(&mut ctx), n: 2 });
    transfer::public_freeze_object(Item { id: object::new(&mut ctx), n: 3 });
    let item = Item { id: object::new(&mut ctx), n: 4 };
    transfer::transfer(Wrapper { id: object::new(&mut ctx), item }, @0xb0b);
}

#[test]
fun events_are_emitted() {
    sui::event::emit(Happened { n: 1 });
}

#[test]
fun fields_are_added_changed_and_removed() {
    let mut ctx = context();
    let mut id = object::new(&mut ctx);
    field::add(&mut id, b"key", 1u64);
    field::add(&mut id, Name(1), b"value");
    *field::borrow_mut(&mut id, b"key") = 5u64;
    assert!(*field::borrow(&id, b"key") == 5u64 && field::borrow<Name, vector<u8>>(&id, Name(1)) == &b"value");
    assert!(field::exists_(&id, Name(1)) && !field::exists_(&id, Name(2)));
    assert!(field::exists_with_type<vector<u8>, u64>(&id, b"key"));
    assert!(!field::exists_with_type<vector<u8>, u8>(&id, b"key"));
    assert!(field::remove<vector<u8>, u64>(&mut id, b"key") == 5 && !field::exists_(&id, b"key"));
    field::add(&mut id, b"key", true);
    assert!(field::remove(&mut id, b"key"));
    field::remove<Name, vector<u8>>(&mut id, Name(1));
    id.delete();
}

#[test]
fun a_name_is_used_once() {
    let mut ctx = context();
    let mut id = object::new(&mut ctx);
    field::add(&mut id, 1u8, 1u8);
    field::add(&mut id, 1u8, 2u8);
    id.delete();
}

#[test]
fun a_missing_field_aborts() {
    let mut ctx = context();
    let id = object::new(&mut ctx);
    let _ = field::borrow<u8, u8>(&id, 1);
    id.delete();
}

#[test]
fun a_field_of_another_type_aborts() {
    let mut ctx = context();
    let mut id = object::new(&mut ctx);
    field::add(&mut id, 1u8, 1u8);
    field::remove<u8, u16>(&mut id, 1);
    id.delete();
}

#[test]
fun the_type_of_the_name_is_part_of_it() {
    let mut ctx = context();
    let mut id = object::new(&mut ctx);
    field::add(&mut id, 1u8, b"small");
    field::add(&mut id, 1u64, b"large");
    assert!(field::remove<u64, vector<u8>>(&mut id, 1) == b"large");
    assert!(field::remove<u8, vector<u8>>(&mut id, 1) == b"small");
    id.delete();
}

#[test]
fun object_fields_are_added_changed_and_removed() {
    let mut ctx = context();
    let mut parent = Item { id: object::new(&mut ctx), n: 0 };
    let child = Item { id: object::new(&mut ctx), n: 5 };
    let child_id = object::id(&child);
    object_field::add(&mut parent.id, Name(1), child);
    assert!(object_field::exists_(&parent.id, Name(1)) && !object_field::exists_(&parent.id, Name(2)));
    assert!(object_field::exists_with_type<Name, Item>(&parent.id, Name(1)));
    assert!(!object_field::exists_with_type<Name, coin::Coin<SUI>>(&parent.id, Name(1)));
    assert!(object_field::id(&parent.id, Name(1)) == option::some(child_id));
    assert!(object_field::id(&parent.id, Name(2)).is_none());
    let changed: &mut Item = object_field::borrow_mut(&mut parent.id, Name(1));
    changed.n = changed.n + 1;
    assert!(object_field::borrow<Name, Item>(&parent.id, Name(1)).n == 6);
    let Item { id, n } = object_field::remove(&mut parent.id, Name(1));
    assert!(n == 6 && id.to_inner() == child_id && !object_field::exists_(&parent.id, Name(1)));
    id.delete();
    let Item { id, .. } = parent;
    id.delete();
}

#[test]
fun an_object_field_is_no_field_of_the_same_name() {
    let mut ctx = context();
    let mut id = object::new(&mut ctx);
    field::add(&mut id, Name(1), true);
    object_field::add(&mut id, Name(1), Item { id: object::new(&mut ctx), n: 7 });
    assert!(*field::borrow<Name, bool>(&id, Name(1)));
    abort object_field::borrow<Name, Item>(&id, Name(1)).n
}

#[test]
fun a_name_of_an_object_field_is_used_once() {
    let mut ctx = context();
    let mut id = object::new(&mut ctx);
    object_field::add(&mut id, Name(1), Item { id: object::new(&mut ctx), n: 1 });
    object_field::add(&mut id, Name(1), Item { id: object::new(&mut ctx), n: 2 });
    abort
}

#[test]
fun a_missing_object_field_aborts() {
    let mut ctx = context();
    let id = object::new(&mut ctx);
    abort object_field::borrow<Name, Item>(&id, Name(1)).n
}

#[test]
fun an_object_field_of_another_type_aborts() {
    let mut ctx = context();
    let mut id = object::new(&mut ctx);
    object_field::add(&mut id, Name(1), Item { id: object::new(&mut ctx), n: 1 });
    let wrong: coin::Coin<SUI> = object_field::remove(&mut id, Name(1));
    abort wrong.value()
}

#[test]
fun tables_hold_entries() {
    let mut ctx = context();
    let mut table: Table<address, Item> = table::new(&mut ctx);
    let mut i = 0;
    while (i < 20) {
        table.add(sui::address::from_u256(i as u256), Item { id: object::new(&mut ctx), n: i });
        i = i + 1;
    };
    table[@0x5].n = 100;
    assert!(table.length() == 20 && table[@0x5].n + table[@0x6].n == 106);
    while (i > 0) {
        i = i - 1;
        let Item { id, n: _ } = table.remove(sui::address::from_u256(i as u256));
        id.delete();
    };
    table.destroy_empty();
}

#[test]
fun a_table_with_entries_is_not_destroyed() {
    let mut ctx = context();
    let mut table = table::new(&mut ctx);
    table.add(1u8, 1u8);
    table.destroy_empty();
}

#[test]
fun tables_in_tables_are_apart() {
    let mut ctx = context();
    let mut outer: Table<u8, Table<u8, u8>> = table::new(&mut ctx);
    outer.add(1, table::new(&mut ctx));
    outer.add(2, table::new(&mut ctx));
    outer[1].add(7, 70);
    outer[2].add(7, 71);
    assert!(outer[1][7] == 70 && outer[2][7] == 71);
    outer.drop_all();
}

#[test]
fun coins_split_and_join() {
    let mut ctx = context();
    let mut coin = coin::mint_for_testing<SUI>(100, &mut ctx);
    let part = coin.split(30, &mut ctx);
    assert!(coin.value() == 70 && part.value() == 30);
    coin.join(part);
    abort coin.burn_for_testing()
}

#[test]
fun a_coin_does_not_split_beyond_its_value() {
    let mut ctx = context();
    let mut coin = coin::mint_for_testing<SUI>(100, &mut ctx);
    let part = coin.split(101, &mut ctx);
    coin.join(part);
    coin.burn_for_testing();
}

#[test]
fun balances_do_not_overflow() {
    let mut ctx = context();
    let mut coin = coin::mint_for_testing<SUI>(0xffff_ffff_ffff_ffff, &mut ctx);
    coin.join(coin::mint_for_testing(1, &mut ctx));
    coin.burn_for_testing();
}

use fun drop_all as Table.drop_all;

fun drop_all(mut outer: Table<u8, Table<u8, u8>>) {
    outer.remove(1).drop();
    outer.remove(2).drop();
    outer.destroy_empty();
}
