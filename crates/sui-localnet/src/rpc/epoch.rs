//! The one epoch of this chain: committee, system state, protocol configuration.

use sui_rpc::{
    field::FieldMaskTree,
    merge::Merge,
    proto::{sui::rpc::v2 as proto, timestamp_ms_to_proto},
};

use crate::{chain::validator, execution::limits, ledger::Tip};

/// Fields of GetEpoch when the client names none.
pub(super) const DEFAULT_MASK: &str = "epoch,first_checkpoint,last_checkpoint,start,end,\
                                       reference_gas_price,protocol_config.protocol_version";

/// The protocol version announced: that of the framework the chain runs. Known clients accept up to
/// 138.
const PROTOCOL_VERSION: u64 = 125;
/// Version of the system state's layout.
const SYSTEM_STATE_VERSION: u64 = 2;
/// Nominal length of an epoch; this chain stays in its first.
const EPOCH_DURATION_MS: u64 = 24 * 60 * 60 * 1000;

/// The current epoch, which began with genesis.
pub(super) fn render(tip: &Tip, mask: &FieldMaskTree) -> proto::Epoch {
    let start_ms = tip.genesis_ms;
    let summary = &tip.checkpoint.summary;
    let mut epoch = proto::Epoch::default();
    epoch.epoch = Some(summary.epoch);
    epoch.committee = Some(validator::committee(&tip.chain_id, summary.epoch).into());
    epoch.system_state = Some(Box::new(system_state(summary.epoch, start_ms)));
    epoch.first_checkpoint = Some(0);
    epoch.start = Some(timestamp_ms_to_proto(start_ms));
    epoch.reference_gas_price = Some(limits::REFERENCE_GAS_PRICE);
    epoch.protocol_config = Some(protocol_config());
    proto::Epoch::merge_from(&epoch, mask)
}

/// A system state without validators' stakes: enough for clients that show it.
fn system_state(epoch: u64, start_ms: u64) -> proto::SystemState {
    let mut parameters = proto::SystemParameters::default();
    parameters.epoch_duration_ms = Some(EPOCH_DURATION_MS);
    parameters.stake_subsidy_start_epoch = Some(0);
    parameters.min_validator_count = Some(1);
    parameters.max_validator_count = Some(1);
    parameters.min_validator_joining_stake = Some(0);
    parameters.validator_low_stake_threshold = Some(0);
    parameters.validator_very_low_stake_threshold = Some(0);
    parameters.validator_low_stake_grace_period = Some(0);
    let mut fund = proto::StorageFund::default();
    fund.total_object_storage_rebates = Some(0);
    fund.non_refundable_balance = Some(0);
    let mut subsidy = proto::StakeSubsidy::default();
    subsidy.balance = Some(0);
    subsidy.distribution_counter = Some(0);
    subsidy.current_distribution_amount = Some(0);
    subsidy.stake_subsidy_period_length = Some(1);
    subsidy.stake_subsidy_decrease_rate = Some(0);

    let mut state = proto::SystemState::default();
    state.version = Some(SYSTEM_STATE_VERSION);
    state.epoch = Some(epoch);
    state.protocol_version = Some(PROTOCOL_VERSION);
    state.storage_fund = Some(fund);
    state.parameters = Some(parameters);
    state.reference_gas_price = Some(limits::REFERENCE_GAS_PRICE);
    state.stake_subsidy = Some(subsidy);
    state.safe_mode = Some(false);
    state.safe_mode_storage_rewards = Some(0);
    state.safe_mode_computation_rewards = Some(0);
    state.safe_mode_storage_rebates = Some(0);
    state.safe_mode_non_refundable_storage_fee = Some(0);
    state.epoch_start_timestamp_ms = Some(start_ms);
    state
}

/// Limits clients read before they build transactions, under the names the protocol gives them.
fn attributes() -> [(&'static str, u64); 11] {
    [
        ("max_tx_size_bytes", limits::TRANSACTION_BYTES_MAX),
        ("max_input_objects", limits::INPUT_OBJECTS_MAX),
        ("max_gas_payment_objects", limits::GAS_OBJECTS_MAX),
        ("max_programmable_tx_commands", limits::COMMANDS_MAX),
        ("max_pure_argument_size", limits::PURE_BYTES_MAX),
        ("max_move_object_size", limits::OBJECT_BYTES_MAX),
        ("max_tx_gas", limits::GAS_BUDGET_MAX),
        ("max_gas_price", limits::GAS_PRICE_MAX),
        ("base_tx_cost_fixed", limits::BASE_UNITS_MIN),
        ("storage_gas_price", limits::STORAGE_GAS_PRICE),
        ("storage_rebate_rate", limits::STORAGE_REBATE_RATE),
    ]
}

/// Features of address balances, all absent: clients then stay on coin objects.
const FEATURES_OFF: [&str; 3] = [
    "enable_accumulators",
    "enable_address_balance_gas_payments",
    "enable_coin_reservation_obj_refs",
];

fn protocol_config() -> proto::ProtocolConfig {
    use prost_types::value::Kind;
    let mut config = proto::ProtocolConfig::default();
    config.protocol_version = Some(PROTOCOL_VERSION);
    for (name, value) in attributes() {
        let text = value.to_string();
        let rendered = prost_types::Value {
            kind: Some(Kind::StringValue(text.clone())),
        };
        config.attributes.insert(name.to_owned(), text);
        config.configs.insert(name.to_owned(), rendered);
    }
    for name in FEATURES_OFF {
        let rendered = prost_types::Value {
            kind: Some(Kind::BoolValue(false)),
        };
        config.feature_flags.insert(name.to_owned(), false);
        config.configs.insert(name.to_owned(), rendered);
    }
    config
}
