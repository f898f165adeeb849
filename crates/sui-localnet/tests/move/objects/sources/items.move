/// Objects in all their states.
module objects::items;

use sui::dynamic_field;
use sui::dynamic_object_field;
use sui::event;
use sui::transfer::Receiving;

const ENotEven: u64 = 7;

/// An object that everybody may transfer.
public struct Item has key, store {
    id: UID,
    value: u64,
}

/// An object with a custom transfer rule.
public struct Badge has key {
    id: UID,
}

/// Holds at most one item.
public struct Box has key, store {
    id: UID,
    item: Option<Item>,
}

/// An object that everybody may count with.
public struct Counter has key {
    id: UID,
    count: u64,
}

/// Must be returned in the transaction that took it.
public struct Loan {
    amount: u64,
}

public struct Counted has copy, drop {
    counter: ID,
    count: u64,
}

fun init(ctx: &mut TxContext) {
    transfer::share_object(Counter { id: object::new(ctx), count: 0 });
    event::emit(Counted { counter: @0x0.to_id(), count: 0 });
}

public fun new(value: u64, ctx: &mut TxContext): Item {
    Item { id: object::new(ctx), value }
}

public fun value(item: &Item): u64 {
    item.value
}

public fun set(item: &mut Item, value: u64) {
    item.value = value;
}

public fun delete(item: Item) {
    let Item { id, value: _ } = item;
    id.delete();
}

public fun freeze_item(item: Item) {
    transfer::public_freeze_object(item);
}

public fun share(item: Item) {
    transfer::public_share_object(item);
}

public entry fun give_badge(to: address, ctx: &mut TxContext) {
    transfer::transfer(Badge { id: object::new(ctx) }, to);
}

public fun new_box(ctx: &mut TxContext): Box {
    Box { id: object::new(ctx), item: option::none() }
}

public fun wrap(box: &mut Box, item: Item) {
    box.item.fill(item);
}

public fun unwrap(box: &mut Box): Item {
    box.item.extract()
}

/// Deletes the box with what is in it.
public fun burn(box: Box) {
    let Box { id, item } = box;
    id.delete();
    item.destroy!(|item| delete(item));
}

public fun count(counter: &mut Counter): u64 {
    counter.count = counter.count + 1;
    event::emit(Counted { counter: object::id(counter), count: counter.count });
    counter.count
}

public fun read(counter: &Counter): u64 {
    counter.count
}

public fun delete_counter(counter: Counter) {
    let Counter { id, count: _ } = counter;
    id.delete();
}

public fun keep_counter(counter: Counter) {
    transfer::share_object(counter);
}

public fun steal_counter(counter: Counter, ctx: &TxContext) {
    transfer::transfer(counter, ctx.sender());
}

/// Aborts on odd numbers.
public fun check_even(value: u64) {
    assert!(value % 2 == 0, ENotEven);
}

public fun divide(a: u64, b: u64): u64 {
    a / b
}

public fun spin() {
    loop {}
}

public fun add_field(item: &mut Item, name: u64, value: u64) {
    dynamic_field::add(&mut item.id, name, value);
}

public fun set_field(item: &mut Item, name: u64, value: u64) {
    *dynamic_field::borrow_mut(&mut item.id, name) = value;
}

public fun field(item: &Item, name: u64): u64 {
    *dynamic_field::borrow(&item.id, name)
}

public fun field_as_bool(item: &Item, name: u64): bool {
    *dynamic_field::borrow(&item.id, name)
}

public fun remove_field(item: &mut Item, name: u64): u64 {
    dynamic_field::remove(&mut item.id, name)
}

/// Takes a field out and puts it back.
public fun touch_field(item: &mut Item, name: u64) {
    let value: u64 = dynamic_field::remove(&mut item.id, name);
    dynamic_field::add(&mut item.id, name, value);
}

public fun add_child(item: &mut Item, name: vector<u8>, child: Item) {
    dynamic_object_field::add(&mut item.id, name, child);
}

public fun take_child(item: &mut Item, name: vector<u8>): Item {
    dynamic_object_field::remove(&mut item.id, name)
}

public fun set_child(item: &mut Item, name: vector<u8>, value: u64) {
    let child: &mut Item = dynamic_object_field::borrow_mut(&mut item.id, name);
    child.value = value;
}

public fun receive(item: &mut Item, sent: Receiving<Item>): Item {
    transfer::public_receive(&mut item.id, sent)
}

public fun borrow_money(amount: u64): Loan {
    Loan { amount }
}

public fun borrow_with(amount: u64, item: &Item): (Loan, u64) {
    (Loan { amount }, item.value)
}

public fun repay(loan: Loan) {
    let Loan { amount: _ } = loan;
}

entry fun private_entry(_value: u64) {}

#[allow(unused_function)]
fun secret(): u64 {
    42
}

public(package) fun friends_only(): u64 {
    43
}

public fun borrow_value(item: &Item): &u64 {
    &item.value
}

public fun sum(items: vector<u64>): u64 {
    let mut total = 0;
    items.do!(|item| total = total + item);
    total
}

public fun count_items(items: vector<Item>): u64 {
    let count = items.length();
    items.do!(|item| delete(item));
    count
}

public fun text(text: std::string::String, ascii: std::ascii::String, maybe: Option<u64>): u64 {
    text.length() + ascii.length() + maybe.destroy_with_default(0)
}

public fun who(ctx: &TxContext): (address, u64, u64) {
    (ctx.sender(), ctx.epoch(), ctx.epoch_timestamp_ms())
}

public fun now(clock: &sui::clock::Clock): u64 {
    clock.timestamp_ms()
}

public fun digest(ctx: &TxContext): vector<u8> {
    *ctx.digest()
}

public fun increment(value: &mut u64) {
    *value = *value + 1;
}

public fun both(_a: &mut Item, _b: &Item) {}

public fun identity<T>(value: T): T {
    value
}
