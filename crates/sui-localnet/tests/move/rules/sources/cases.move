/// What the rules of programmable transactions are tried with.
module rules::cases;

use sui::derived_object;
use sui::transfer::Receiving;

#[error]
const ETooLate: vector<u8> = b"the last train has left";

/// A shared object.
public struct Board has key { id: UID, n: u64 }

/// Something that owns others.
public struct Parent has key, store { id: UID }

/// Something that is owned.
public struct Child has key, store { id: UID, n: u64 }

/// An object of one address, for good.
public struct Badge has key { id: UID }

/// Must be used up.
public struct Loan { n: u64 }

/// Needs a type argument that can be stored.
public struct Box<T: store> has drop, store { value: T }

public fun share_board(ctx: &mut TxContext) {
    transfer::share_object(Board { id: object::new(ctx), n: 0 });
}

entry fun burn(board: Board) {
    let Board { id, n: _ } = board;
    id.delete();
}

entry fun burn_with(_first: u64, board: Board, _last: u64) { burn(board) }

entry fun private_number(_n: u64) {}

entry fun look(_first: u64, _board: &Board) {}

public fun lend(board: &mut Board): Loan {
    board.n = board.n + 1;
    Loan { n: board.n }
}

public fun repay(loan: Loan) { let Loan { n: _ } = loan; }

public fun new_parent(to: address, ctx: &mut TxContext) {
    transfer::transfer(Parent { id: object::new(ctx) }, to)
}

public fun new_child(to: address, n: u64, ctx: &mut TxContext) {
    transfer::transfer(Child { id: object::new(ctx), n }, to)
}

/// Only looks at the ticket.
public fun inspect(_parent: &mut Parent, _child: &Receiving<Child>) {}

public fun receive(parent: &mut Parent, child: Receiving<Child>): Child {
    transfer::receive(&mut parent.id, child)
}

public fun adopt(parent: &mut Parent, child: Child) {
    sui::dynamic_object_field::add(&mut parent.id, child.n, child)
}

public fun claim(parent: &mut Parent, key: u64, to: address) {
    transfer::transfer(Child { id: derived_object::claim(&mut parent.id, key), n: key }, to)
}

public fun give_badge(ctx: &mut TxContext): Badge { Badge { id: object::new(ctx) } }

public fun keep(badge: Badge, ctx: &TxContext) { transfer::transfer(badge, ctx.sender()) }

public fun too_late() { abort ETooLate }

public fun boxed<T: store>(_: &Box<T>) {}

public fun storable<T: store>() {}

public fun pairings(n: u64) {
    let g1 = sui::bls12381::g1_generator();
    let g2 = sui::bls12381::g2_generator();
    n.do!(|_| { sui::bls12381::pairing(&g1, &g2); });
}
