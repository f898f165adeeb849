/// The WAL coin: the whole supply is minted once, at publication; afterwards it can only shrink.
module wal::wal;

use sui::coin::{Self, Coin, TreasuryCap};
use sui::dynamic_object_field as dof;
use sui::url;

/// Decimals of WAL; the smallest unit is called FROST.
const DECIMALS: u8 = 9;
/// 5 billion WAL, in FROST.
const INITIAL_SUPPLY: u64 = 5_000_000_000 * 1_000_000_000;
const SYMBOL: vector<u8> = b"WAL";
const NAME: vector<u8> = b"WAL Token";
const DESCRIPTION: vector<u8> = b"The native token for the Walrus Protocol.";
const ICON_URL: vector<u8> = b"https://www.walrus.xyz/wal-icon.svg";

/// One-time witness, and the type of the coin.
public struct WAL has drop {}

/// Holds the treasury capability in a dynamic object field, so that nobody can mint with it.
public struct ProtectedTreasury has key {
    id: UID,
}

/// Key of the dynamic object field that holds the treasury capability.
public struct TreasuryCapKey has copy, drop, store {}

/// Creates the currency and mints the whole supply to the publisher.
#[allow(deprecated_usage)]
fun init(otw: WAL, ctx: &mut TxContext) {
    let (mut cap, metadata) = coin::create_currency(
        otw,
        DECIMALS,
        SYMBOL,
        NAME,
        DESCRIPTION,
        option::some(url::new_unsafe_from_bytes(ICON_URL)),
        ctx,
    );
    let supply = cap.mint(INITIAL_SUPPLY, ctx);
    transfer::public_freeze_object(metadata);
    transfer::public_transfer(supply, ctx.sender());

    let mut treasury = ProtectedTreasury { id: object::new(ctx) };
    dof::add(&mut treasury.id, TreasuryCapKey {}, cap);
    transfer::share_object(treasury);
}

/// The current total supply in FROST.
public fun total_supply(treasury: &ProtectedTreasury): u64 {
    let cap: &TreasuryCap<WAL> = dof::borrow(&treasury.id, TreasuryCapKey {});
    cap.total_supply()
}

/// Destroys a coin and lowers the supply by its value.
public fun burn(treasury: &mut ProtectedTreasury, coin: Coin<WAL>) {
    let cap: &mut TreasuryCap<WAL> = dof::borrow_mut(&mut treasury.id, TreasuryCapKey {});
    cap.burn(coin);
}

#[test_only]
/// Runs `init` as at publication.
public fun init_for_testing(ctx: &mut TxContext) {
    init(WAL {}, ctx);
}
