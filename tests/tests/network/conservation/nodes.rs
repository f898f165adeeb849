//! Operators, and the life of epochs.

use rand::{Rng as _, seq::SliceRandom as _};
use walrus_contracts::types::{StorageNodeCap, U256};
use walrus_core::ObjectId;
use walrus_tests::{
    chain::{EPOCH_MS, NodeSpec},
    keys::{DenyListUpdate, admin, operator, pauper, protocol_key},
    model::{Phase, Refused, is_quorum},
};

use crate::conservation::world::{SHARDS, WAL, World};

/// Most nodes: enough that none may have more than a tenth of the shards.
const NODES_MAX: usize = 26;

const NOT_ENOUGH_VOTES: Refused = Refused("slashing", 4);

/// Operators.
impl World {
    pub(crate) fn register_node(&mut self) {
        if self.walrus.nodes.len() >= NODES_MAX {
            return;
        }
        let key = u8::try_from(self.walrus.nodes.len()).unwrap();
        let pair = protocol_key(key);
        let proof = pair.proof_of_possession(self.model.epoch, operator(key).address());
        let mut spec = NodeSpec::new(pair.public(), proof.signature);
        spec.commission_rate = self.rng.gen_range(0..=10_050);
        (spec.storage_price, spec.write_price, spec.node_capacity) = self.votes();
        let votes = (spec.storage_price, spec.write_price, spec.node_capacity);
        let mut model = self.model.clone();
        let found = self.walrus.register_as(key, &spec);
        // The model wants to know the id, which is there only if the node is.
        let id = found.as_ref().map_or(ObjectId::default(), |node| node.id);
        let expected = model.register(id, spec.commission_rate, votes);
        if self.agreed("register", expected, found).is_some() {
            self.model = model;
        }
    }

    fn votes(&mut self) -> (u64, u64, u64) {
        let storage = self.rng.gen_range(1..WAL / 50);
        let write = self.rng.gen_range(1..WAL / 50);
        (storage, write, self.rng.gen_range(1 << 26..1 << 30))
    }

    pub(crate) fn vote(&mut self) {
        let (node, staking) = (self.node(), self.walrus.ids.staking);
        let (storage, write, capacity) = self.votes();
        let pool = self.model.pool(node.id);
        (pool.storage_price, pool.write_price, pool.capacity) = (storage, write, capacity);
        self.agree("vote", Ok(()), node.operator, |ptb| {
            for (function, vote) in [
                ("storage_price", storage),
                ("write_price", write),
                ("node_capacity", capacity),
            ] {
                let arguments = [ptb.object(staking), ptb.object(node.cap), ptb.pure(&vote)];
                ptb.call(&format!("walrus::staking::set_{function}_vote"), &arguments);
            }
        });
    }

    pub(crate) fn update_prices(&mut self) {
        self.model.update_prices();
        let (staking, system) = (self.walrus.ids.staking, self.walrus.ids.system);
        self.agree("prices", Ok(()), pauper().address(), |ptb| {
            let arguments = [ptb.object(staking), ptb.object(system)];
            ptb.call("walrus::staking::update_prices", &arguments);
        });
    }

    pub(crate) fn set_commission(&mut self) {
        let (node, staking) = (self.node(), self.walrus.ids.staking);
        let rate = self.rng.gen_range(0..=10_500u16);
        let epoch = self.model.epoch;
        let expected = self.model.pool(node.id).set_next_commission(epoch, rate);
        self.agree("commission rate", expected, node.operator, |ptb| {
            let arguments = [ptb.object(staking), ptb.object(node.cap), ptb.pure(&rate)];
            ptb.call("walrus::staking::set_next_commission", &arguments);
        });
    }

    /// The node's commission goes to an account that spends nothing.
    pub(crate) fn collect_commission(&mut self) {
        let (node, staking) = (self.node(), self.walrus.ids.staking);
        let cap_type = self.walrus.struct_tag("storage_node", "StorageNodeCap");
        let collected = self.model.pool(node.id).collect_commission();
        self.earn(pauper().address(), collected);
        self.agree("collect", Ok(()), node.operator, |ptb| {
            let cap = ptb.object(node.cap);
            let auth = "walrus::auth::authenticate_with_object";
            let auth = ptb.call_generic(auth, &[cap_type.into()], &[cap]);
            let arguments = [ptb.object(staking), ptb.pure(&node.id), auth];
            let coin = ptb.call("walrus::staking::collect_commission", &arguments);
            ptb.transfer(&[coin], pauper().address());
        });
    }

    pub(crate) fn add_commission(&mut self) {
        let (first, second) = (self.node().id, self.node().id);
        let account = self.user();
        let amounts = [self.amount(WAL), self.amount(WAL)];
        let given = [(first, amounts[0]), (second, amounts[1])];
        self.model.add_commission(&given);
        self.spend(account, amounts.iter().sum());
        let (staking, coin) = (self.walrus.ids.staking, self.walrus.wal_coin(account));
        let wal = self.wal_type();
        self.agree("add commission", Ok(()), account, |ptb| {
            let balances = balances(ptb, coin, &amounts, &wal);
            let nodes = ptb.pure(&vec![first, second]);
            let arguments = [ptb.object(staking), nodes, balances];
            ptb.call("walrus::staking::add_commission_to_pools", &arguments);
        });
    }

    pub(crate) fn rejoin(&mut self) {
        let (node, staking) = (self.node(), self.walrus.ids.staking);
        self.model.refresh(node.id);
        self.agree("rejoin", Ok(()), node.operator, |ptb| {
            let arguments = [ptb.object(staking), ptb.object(node.cap)];
            ptb.call("walrus::staking::try_join_active_set", &arguments);
        });
    }

    pub(crate) fn update_deny_list(&mut self) {
        let members = self.walrus.members();
        let Some(node) = members.choose(&mut self.rng).copied() else {
            return;
        };
        let cap: StorageNodeCap = self.walrus.chain.read(node.cap);
        let used = self.model.accounting.account(self.model.epoch).used;
        let size = self.rng.gen_range(0..=used / 2 * 3 + 1);
        let certificate = self.walrus.certify(DenyListUpdate {
            node_id: node.id,
            sequence_number: cap.deny_list_sequence + 1,
            size,
            root: U256([1; 32]),
        });
        self.model.deny_list_sizes.insert(node.id, size);
        let system = self.walrus.ids.system;
        self.agree("deny list", Ok(()), node.operator, |ptb| {
            let mut arguments = vec![ptb.object(system), ptb.object(node.cap)];
            arguments.extend(certificate.arguments(ptb));
            ptb.call("walrus::system::update_deny_list", &arguments);
        });
    }

    /// Members vote until there is a quorum; before, nothing can be executed.
    pub(crate) fn slash(&mut self) {
        let candidate = self.node().id;
        let ids = self.walrus.ids;
        let mut weight = 0;
        for voter in self.walrus.members() {
            weight += u16::try_from(self.model.current[&voter.id].len()).unwrap();
            self.agree("vote for slashing", Ok(()), voter.operator, |ptb| {
                let auth = ptb.call("walrus::auth::authenticate_sender", &[]);
                let arguments = [
                    ptb.object(ids.slashing_manager),
                    ptb.object(ids.staking),
                    auth,
                    ptb.pure(&voter.id),
                    ptb.pure(&candidate),
                ];
                ptb.call("walrus::slashing::vote_for_slashing", &arguments);
            });
            let is_enough = is_quorum(weight, SHARDS);
            let expected = if is_enough {
                Ok(())
            } else {
                Err(NOT_ENOUGH_VOTES)
            };
            self.agree("slash", expected, pauper().address(), |ptb| {
                let arguments = [
                    ptb.object(ids.slashing_manager),
                    ptb.object(ids.staking),
                    ptb.object(ids.treasury),
                    ptb.pure(&candidate),
                ];
                ptb.call("walrus::slashing::execute_slashing", &arguments);
            });
            if is_enough {
                self.model.slash(candidate);
                return;
            }
        }
    }
}

/// The life of epochs.
impl World {
    /// All members attest, in a random order.
    pub(crate) fn attest_all(&mut self) {
        let mut members = self.walrus.members();
        members.shuffle(&mut self.rng);
        for node in members {
            let later = self.rng.gen_range(0..60_000);
            self.advance_clock(later);
            let now = self.walrus.chain.now_ms();
            let expected = self.model.attest(node.id, now);
            let found = self.walrus.attest(node);
            self.agreed("attest", expected, found);
        }
        let outsider = self.node();
        let now = self.walrus.chain.now_ms();
        let expected = self.model.attest(outsider.id, now);
        let found = self.walrus.attest(outsider);
        self.agreed("attest", expected, found);
    }

    pub(crate) fn too_early_to_end_the_votes(&mut self) {
        let Phase::Done(since) = self.model.phase else {
            panic!("all members have attested")
        };
        let now = self.walrus.chain.now_ms();
        if now < since + EPOCH_MS / 2 {
            let failure = self.walrus.voting_end().unwrap_err();
            assert!(failure.is_abort("staking_inner", 0), "{failure}");
            self.model.voting_end(now).unwrap_err();
        }
        let failure = self.walrus.initiate_epoch_change().unwrap_err();
        assert!(failure.is_abort("staking_inner", 6), "{failure}");
    }

    pub(crate) fn voting_end(&mut self) {
        let now = self.walrus.chain.now_ms();
        let expected = self.model.voting_end(now);
        let found = self.walrus.voting_end();
        self.agreed("end of votes", expected, found);
    }

    pub(crate) fn change_epoch(&mut self) {
        let now = self.walrus.chain.now_ms();
        let expected = self.model.change_epoch(now);
        let found = self.walrus.initiate_epoch_change();
        self.agreed("change of epoch", expected, found);
        assert_eq!(self.walrus.epoch(), self.model.epoch);
        let admin = admin().address();
        assert!(self.wallets[&admin] > 0, "the admin never spends it all");
    }
}

/// A vector of balances, split off a coin.
pub(crate) fn balances(
    ptb: &mut walrus_tests::chain::Ptb,
    coin: walrus_core::ObjectId,
    amounts: &[u64],
    wal: &sui_sdk_types::TypeTag,
) -> walrus_tests::chain::Argument {
    let coin = ptb.object(coin);
    let parts = ptb.split(coin, amounts);
    let balances: Vec<_> = (0..u16::try_from(amounts.len()).unwrap())
        .map(|index| {
            let part = walrus_tests::chain::result(parts, index);
            ptb.call_generic(
                "sui::coin::into_balance",
                std::slice::from_ref(wal),
                &[part],
            )
        })
        .collect();
    let balance = sui_sdk_types::StructTag::new(
        sui_sdk_types::Address::TWO,
        sui_sdk_types::Identifier::from_static("balance"),
        sui_sdk_types::Identifier::from_static("Balance"),
        vec![wal.clone()],
    );
    ptb.vector(balance.into(), &balances)
}
