/// A coin with a one-time witness.
module objects::gem;

use sui::coin;

public struct GEM has drop {}

#[allow(deprecated_usage)]
fun init(witness: GEM, ctx: &mut TxContext) {
    assert!(sui::types::is_one_time_witness(&witness));
    let (treasury, metadata) = coin::create_currency(
        witness,
        2,
        b"GEM",
        b"Gem",
        b"Shiny",
        option::none(),
        ctx,
    );
    transfer::public_freeze_object(metadata);
    transfer::public_transfer(treasury, ctx.sender());
}
