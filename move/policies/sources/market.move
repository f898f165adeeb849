/// Whoever has bought reads: for ever, or for a number of Sui epochs. What is paid goes to the sellers at once, each
/// with their part.
///
/// A listing is one offer: its identities share its address, so what belongs to another offer gets another listing.
///
/// Identity: address of the listing (32), anything.
module policies::market;

use policies::prefix;
use policies::release;
use std::string::String;
use sui::coin::Coin;
use sui::event;
use sui::table::{Self, Table};

// === Errors ===

/// The account has not bought, or its time is over, or the identity is of another listing.
const ENoAccess: u64 = 0;
/// The capability is of another listing.
const EWrongCap: u64 = 1;
/// The payment is not exactly the price.
const EWrongPayment: u64 = 2;
/// Parts are more than 0 and 10,000 together; there are 1 to 16 of them, one for each payee.
const EInvalidSplit: u64 = 3;
/// A term is 1 epoch at least.
const ENoTerm: u64 = 4;
/// The account reads for ever already.
const EAlreadyBought: u64 = 5;
/// The listing is closed.
const EClosed: u64 = 6;
/// A title has at most 200 bytes, a source at most 512.
const ETextTooLong: u64 = 7;

// === Constants ===

const BPS: u64 = 10_000;
const PAYEES_MAX: u64 = 16;
const TITLE_LEN_MAX: u64 = 200;
const SOURCE_LEN_MAX: u64 = 512;

// === Structs ===

/// Who gets what part of each payment.
public struct Payee has copy, drop, store {
    account: address,
    /// In hundredths of a percent.
    part_bps: u16,
}

/// An offer, shared.
public struct Listing<phantom C> has key {
    id: UID,
    version: u64,
    /// In the smallest unit of the coin.
    price: u64,
    /// For how many epochs one buys, the present one included; for ever without a value.
    term_epochs: Option<u64>,
    is_open: bool,
    payees: vector<Payee>,
    /// Buyer → first epoch in which it does not read; never without a value.
    buyers: Table<address, Option<u64>>,
}

/// Allows to change an offer.
public struct ListingCap has key, store {
    id: UID,
    listing_id: ID,
}

// === Events ===

/// There is a new offer.
public struct Listed has copy, drop {
    listing_id: ID,
    creator: address,
    title: String,
}

/// A blob belongs to an offer: who says so, and where its content is from.
public struct Published has copy, drop {
    listing_id: ID,
    publisher: address,
    blob_id: u256,
    source: String,
}

/// Somebody has bought.
public struct Bought has copy, drop {
    listing_id: ID,
    buyer: address,
    price: u64,
    ends_at_epoch: Option<u64>,
}

// === Public functions: sellers ===

/// Shares an offer. The i-th account gets the i-th part of each payment, in hundredths of a percent, rounded down;
/// the first one gets what rounding leaves.
public fun create<C>(
    title: String,
    price: u64,
    term_epochs: Option<u64>,
    accounts: vector<address>,
    parts_bps: vector<u16>,
    ctx: &mut TxContext,
): ListingCap {
    assert!(title.length() <= TITLE_LEN_MAX, ETextTooLong);
    assert_term(&term_epochs);
    let listing = Listing<C> {
        id: object::new(ctx),
        version: release::version(),
        price,
        term_epochs,
        is_open: true,
        payees: payees(accounts, parts_bps),
        buyers: table::new(ctx),
    };
    let listing_id = object::id(&listing);
    event::emit(Listed { listing_id, creator: ctx.sender(), title });
    transfer::share_object(listing);
    ListingCap { id: object::new(ctx), listing_id }
}

/// Says that a blob belongs to the offer, and where its content is from.
public fun publish<C>(
    self: &Listing<C>,
    cap: &ListingCap,
    blob_id: u256,
    source: String,
    ctx: &TxContext,
) {
    self.assert_cap(cap);
    assert!(source.length() <= SOURCE_LEN_MAX, ETextTooLong);
    let listing_id = object::id(self);
    event::emit(Published { listing_id, publisher: ctx.sender(), blob_id, source });
}

/// Changes what the next buyers pay, and for how long they read. Who has bought keeps what they have.
public fun set_terms<C>(
    self: &mut Listing<C>,
    cap: &ListingCap,
    price: u64,
    term_epochs: Option<u64>,
) {
    self.assert_cap(cap);
    assert_term(&term_epochs);
    self.price = price;
    self.term_epochs = term_epochs;
}

/// Changes who is paid from now on.
public fun set_split<C>(
    self: &mut Listing<C>,
    cap: &ListingCap,
    accounts: vector<address>,
    parts_bps: vector<u16>,
) {
    self.assert_cap(cap);
    self.payees = payees(accounts, parts_bps);
}

/// Opens the offer, or closes it: nobody buys then, and who has bought reads on.
public fun set_open<C>(self: &mut Listing<C>, cap: &ListingCap, is_open: bool) {
    self.assert_cap(cap);
    self.is_open = is_open;
}

/// Moves the offer to this version of the package; anybody may.
public fun migrate<C>(self: &mut Listing<C>) {
    self.version = release::migrated(self.version);
}

// === Public functions: buyers ===

/// Buys for the sender. Time that is left is added to, so that buying again early loses nothing.
public fun buy<C>(self: &mut Listing<C>, mut payment: Coin<C>, ctx: &mut TxContext) {
    release::assert_current(self.version);
    assert!(self.is_open, EClosed);
    let price = payment.value();
    assert!(price == self.price, EWrongPayment);
    let buyer = ctx.sender();
    let from_epoch = self.bought_until(buyer, ctx.epoch());
    let ends_at_epoch = self.term_epochs.map!(|term| from_epoch + term);
    self.buyers.add(buyer, ends_at_epoch);
    // The first payee gets the rest.
    let mut i = self.payees.length() - 1;
    while (i > 0) {
        let Payee { account, part_bps } = self.payees[i];
        let part = ((price as u128) * (part_bps as u128) / (BPS as u128)) as u64;
        transfer::public_transfer(payment.split(part, ctx), account);
        i = i - 1;
    };
    transfer::public_transfer(payment, self.payees[0].account);
    event::emit(Bought { listing_id: object::id(self), buyer, price, ends_at_epoch });
}

// === Public functions: accessors ===

/// What buying costs, in the smallest unit of the coin.
public fun price<C>(self: &Listing<C>): u64 {
    self.price
}

/// For how many epochs one buys; for ever without a value.
public fun term_epochs<C>(self: &Listing<C>): Option<u64> {
    self.term_epochs
}

/// Whether an account reads in an epoch.
public fun may_read<C>(self: &Listing<C>, account: address, epoch: u64): bool {
    self.buyers.contains(account) && !self.buyers[account].is_some_and!(|end| epoch >= *end)
}

// === Entry functions ===

/// Lets those read who have bought from the listing with whose address the identity begins.
entry fun seal_approve<C>(id: vector<u8>, listing: &Listing<C>, ctx: &TxContext) {
    release::assert_current(listing.version);
    assert!(prefix::matches(&id, object::id_address(listing)), ENoAccess);
    assert!(listing.may_read(ctx.sender(), ctx.epoch()), ENoAccess);
}

// === Private functions ===

/// From when on a buyer needs more time; forgets what they have. Aborts if they need none.
fun bought_until<C>(self: &mut Listing<C>, buyer: address, epoch: u64): u64 {
    if (!self.buyers.contains(buyer)) return epoch;
    let ends_at_epoch = self.buyers.remove(buyer);
    assert!(ends_at_epoch.is_some(), EAlreadyBought);
    ends_at_epoch.destroy_some().max(epoch)
}

fun payees(accounts: vector<address>, parts_bps: vector<u16>): vector<Payee> {
    let count = accounts.length();
    assert!(count > 0 && count <= PAYEES_MAX && parts_bps.length() == count, EInvalidSplit);
    let sum = parts_bps.fold!(0, |sum, part| {
        assert!(part > 0, EInvalidSplit);
        sum + (part as u64)
    });
    assert!(sum == BPS, EInvalidSplit);
    accounts.zip_map!(parts_bps, |account, part_bps| Payee { account, part_bps })
}

fun assert_term(term_epochs: &Option<u64>) {
    assert!(!term_epochs.is_some_and!(|term| *term == 0), ENoTerm);
}

fun assert_cap<C>(self: &Listing<C>, cap: &ListingCap) {
    release::assert_current(self.version);
    assert!(cap.listing_id == object::id(self), EWrongCap);
}

// === Test functions ===

#[test_only]
public(package) fun approve_for_testing<C>(id: vector<u8>, listing: &Listing<C>, ctx: &TxContext) {
    seal_approve(id, listing, ctx);
}

#[test_only]
public(package) fun set_version_for_testing<C>(self: &mut Listing<C>, version: u64) {
    self.version = version;
}
