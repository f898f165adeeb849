//! Gas: what a transaction costs.

use std::sync::{Arc, atomic::AtomicBool};

use move_vm::{Meter, VmError};
use stdx::SaturatingFrom as _;
use sui_sdk_types::{MovePackage, MoveStruct, Object, ObjectData};

use super::limits::{
    BASE_UNITS_MIN, BASIS_POINTS, COMPUTATION_UNITS_MAX, OBJECT_METADATA_BYTES, STORAGE_GAS_PRICE,
    STORAGE_REBATE_RATE, STORAGE_UNITS_PER_BYTE,
};

/// Units of the virtual machine per computation unit.
const METER_UNITS_PER_UNIT: u64 = 1_000;
/// Bytes of the version counter and type flag that every stored object carries.
const OBJECT_FIXED_BYTES: usize = 1 + 8;
/// Bytes of a type origin besides its names.
const TYPE_ORIGIN_BYTES: usize = 32;
/// Bytes of a linkage entry: two ids and a version.
const LINKAGE_ENTRY_BYTES: usize = 72;
/// Bytes of a package's version counter.
const PACKAGE_FIXED_BYTES: usize = 8;

/// Counts the work of one transaction against its budget.
#[derive(Debug)]
pub(crate) struct GasMeter {
    pub(crate) meter: Meter,
}

impl GasMeter {
    /// A meter that stops where `budget` (in MIST) is used up at `price` (in MIST per unit), or at
    /// the protocol's limit.
    pub(crate) fn new(budget: u64, price: u64) -> Self {
        let units = (budget / price.max(1)).min(COMPUTATION_UNITS_MAX);
        Self {
            meter: Meter::new(units.saturating_mul(METER_UNITS_PER_UNIT)),
        }
    }

    /// The same meter, which runs out once `stop` is set.
    pub(crate) fn stopped_by(mut self, stop: Option<Arc<AtomicBool>>) -> Self {
        if let Some(stop) = stop {
            self.meter = self.meter.stopped_by(stop);
        }
        self
    }

    /// Charges for bytes at so many units of the virtual machine per byte.
    pub(crate) fn charge_bytes(&mut self, bytes: u64, units_per_byte: u64) -> Result<(), VmError> {
        self.meter.charge(bytes.saturating_mul(units_per_byte))
    }

    /// Computation units used, rounded as they are charged.
    pub(crate) fn units(&self) -> u64 {
        round_units(self.meter.used().div_ceil(METER_UNITS_PER_UNIT)).min(COMPUTATION_UNITS_MAX)
    }
}

/// Rounds computation units up: at least the base, then to a multiple of a power of ten with half
/// as many digits.
pub(crate) fn round_units(units: u64) -> u64 {
    if units <= BASE_UNITS_MIN {
        return BASE_UNITS_MIN;
    }
    let step = 10u64.pow(units.ilog10() / 2);
    units.div_ceil(step).saturating_mul(step)
}

/// Storage cost of an object in MIST: what its storage rebate becomes when it is written.
pub(crate) fn storage_cost(data: &ObjectData) -> u64 {
    let size = match data {
        ObjectData::Struct(object) => struct_size(object),
        ObjectData::Package(package) => package_size(package),
    };
    to_u64(size)
        .saturating_add(OBJECT_METADATA_BYTES)
        .saturating_mul(STORAGE_UNITS_PER_BYTE * STORAGE_GAS_PRICE)
}

fn struct_size(object: &MoveStruct) -> usize {
    // The serialized object is type, flag, version, contents with their length: take away the rest
    // to get the type.
    let serialized = bcs::serialized_size(object).unwrap_or(usize::MAX);
    let contents = object.contents().len();
    let type_size = serialized
        .saturating_sub(contents + uleb_size(contents))
        .saturating_sub(OBJECT_FIXED_BYTES);
    contents + type_size + OBJECT_FIXED_BYTES
}

/// Size of a package by the protocol's measure; also what the limit on packages is about.
pub(crate) fn package_size(package: &MovePackage) -> usize {
    let modules = package
        .modules
        .iter()
        .map(|(name, bytes)| name.as_str().len() + bytes.len());
    let origins = package.type_origin_table.iter().map(|origin| {
        origin.module_name.as_str().len() + origin.struct_name.as_str().len() + TYPE_ORIGIN_BYTES
    });
    PACKAGE_FIXED_BYTES
        + modules.sum::<usize>()
        + origins.sum::<usize>()
        + package.linkage_table.len() * LINKAGE_ENTRY_BYTES
}

fn uleb_size(mut value: usize) -> usize {
    let mut size = 1;
    while value >= 0x80 {
        value >>= 7;
        size += 1;
    }
    size
}

/// The part of `rebates` (the sum over objects) that the payer gets back.
pub(crate) fn paid_back(rebates: u64) -> u64 {
    let scaled = u128::from(rebates) * u128::from(STORAGE_REBATE_RATE);
    let rounded = (scaled + u128::from(BASIS_POINTS / 2)) / u128::from(BASIS_POINTS);
    u64::try_from(rounded).expect("a part of a u64 is a u64")
}

/// Bytes that reading an object is charged for.
pub(crate) fn read_size(object: &Object) -> u64 {
    match object.data() {
        ObjectData::Struct(object) => to_u64(object.contents().len()),
        ObjectData::Package(package) => to_u64(package_size(package)),
    }
}

fn to_u64(size: usize) -> u64 {
    u64::saturating_from(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_rounded_as_the_protocol_does() {
        let cases = [
            (0, 1_000),
            (999, 1_000),
            (1_000, 1_000),
            (1_001, 1_010),
            (20_001, 20_100),
            (305_501, 305_600),
            (1_000_001, 1_001_000),
        ];
        for (units, rounded) in cases {
            assert_eq!(round_units(units), rounded, "{units}");
        }
    }

    #[test]
    fn rebates_lose_one_percent() {
        assert_eq!(paid_back(988_000), 978_120);
        assert_eq!(paid_back(0), 0);
        assert_eq!(paid_back(50), 50);
        assert_eq!(paid_back(u64::MAX), 18_262_276_632_972_456_099);
    }

    #[test]
    fn a_sui_coin_costs_what_it_costs_on_chain() {
        let coin = MoveStruct::new(sui_sdk_types::StructTag::gas_coin(), true, 7, vec![1; 40]);
        let data = ObjectData::Struct(coin.expect("a coin has an id"));
        assert_eq!(storage_cost(&data), 988_000);
    }

    #[test]
    fn the_meter_stops_at_the_budget() {
        let mut gas = GasMeter::new(2_000_000, 1_000);
        assert!(gas.charge_bytes(100_000, 15).is_ok());
        assert_eq!(gas.units(), 1_500);
        assert!(gas.charge_bytes(100_000, 15).is_err());
        assert_eq!(gas.units(), 2_000);
    }
}
