//! Commands on coins and objects: SplitCoins, MergeCoins, TransferObjects, MakeMoveVec.

use move_vm::{ElementKind, Slot, TypeTag, Value, Vector, ability::Ability};
use sui_sdk_types::{
    Argument, CommandArgumentError, ExecutionError, MakeMoveVector, MergeCoins, SplitCoins,
    TransferObjects,
};

use super::{
    Interpreter, TypeInfo,
    arguments::{GasRule, Uses},
    values::{ResultState, coin, coin_balance, coin_type, id_of, set_coin_balance},
};
use crate::execution::{
    convert::{from_move, to_move_tag},
    failure::Failure,
    runtime::{NewOwner, ObjectValue},
};

impl Interpreter<'_> {
    pub(super) fn split_coins(
        &mut self,
        index: usize,
        split: &SplitCoins,
    ) -> Result<Vec<ResultState>, Failure> {
        let mut uses = Uses::default();
        let (source, tag) = self.borrow_coin(0, split.coin, &mut uses)?;
        let info = self.type_info(&TypeTag::U64)?;
        let mut amounts = Vec::with_capacity(split.amounts.len());
        for (position, amount) in split.amounts.iter().enumerate() {
            let amount = self.take(position + 1, *amount, &info, &TypeTag::U64, &mut uses)?;
            amounts.push(amount.into_u64().map_err(Failure::from)?);
        }
        let mut results = Vec::with_capacity(amounts.len());
        for amount in amounts {
            let balance = coin_balance(&source).map_err(Failure::from)?;
            let rest = balance.checked_sub(amount).ok_or_else(|| {
                Failure::from(ExecutionError::InsufficientCoinBalance)
                    .with_detail(format!("cannot take {amount} from a balance of {balance}"))
            })?;
            set_coin_balance(&source, rest).map_err(Failure::from)?;
            let id = self.runtime.fresh_id().map_err(Failure::from)?;
            results.push(self.result(tag.clone(), coin(id, amount))?);
        }
        let group = self.groups.join(uses.places());
        self.entangle(index, group, &results);
        Ok(results)
    }

    pub(super) fn merge_coins(&mut self, merge: &MergeCoins) -> Result<Vec<ResultState>, Failure> {
        let mut uses = Uses::default();
        let (target, tag) = self.borrow_coin(0, merge.coin, &mut uses)?;
        for (position, argument) in merge.coins_to_merge.iter().enumerate() {
            let position = position + 1;
            let place = self
                .place(*argument)
                .map_err(|kind| Failure::argument(position, kind))?;
            if self.place_tag(place).as_ref() != Some(&tag) {
                return Err(Failure::argument(
                    position,
                    CommandArgumentError::TypeMismatch,
                ));
            }
            let (slot, _) = self.take_slot(position, place, GasRule::NotByValue, &mut uses)?;
            self.merge_one(&target, &slot)?;
        }
        self.groups.join(uses.places());
        Ok(Vec::new())
    }

    fn merge_one(&mut self, target: &Slot, coin: &Slot) -> Result<(), Failure> {
        let read = |slot| coin_balance(slot).map_err(Failure::from);
        let sum = read(target)?
            .checked_add(read(coin)?)
            .ok_or_else(|| Failure::from(ExecutionError::CoinBalanceOverflow))?;
        let id = id_of(coin).map_err(Failure::from)?;
        set_coin_balance(target, sum).map_err(Failure::from)?;
        self.runtime.record_deleted(id).map_err(Failure::from)
    }

    /// A coin to change in place.
    fn borrow_coin(
        &mut self,
        index: usize,
        argument: Argument,
        uses: &mut Uses,
    ) -> Result<(Slot, TypeTag), Failure> {
        let refuse = |kind| Failure::argument(index, kind);
        let place = self.place(argument).map_err(refuse)?;
        let tag = self
            .place_tag(place)
            .filter(|tag| coin_type(tag).is_some())
            .ok_or_else(|| refuse(CommandArgumentError::TypeMismatch))?;
        let info = self.type_info(&tag)?;
        let slot = self.borrow(index, argument, &info, &tag, true, uses)?;
        Ok((slot, tag))
    }

    pub(super) fn transfer_objects(
        &mut self,
        transfer: &TransferObjects,
    ) -> Result<Vec<ResultState>, Failure> {
        let mut uses = Uses::default();
        let mut objects = Vec::with_capacity(transfer.objects.len());
        for (index, argument) in transfer.objects.iter().enumerate() {
            let place = self
                .place(*argument)
                .map_err(|kind| Failure::argument(index, kind))?;
            let info = self.object_info(index, place)?;
            if !info.abilities.has(Ability::Store) {
                return Err(Failure::argument(
                    index,
                    CommandArgumentError::InvalidTransferObject,
                ));
            }
            let (value, tag) = self.take_slot(index, place, GasRule::ByValue, &mut uses)?;
            objects.push(ObjectValue {
                tag,
                layout: info.layout,
                public_transfer: true,
                value,
            });
        }
        let info = self.type_info(&TypeTag::Address)?;
        let position = transfer.objects.len();
        let recipient = self
            .take(
                position,
                transfer.address,
                &info,
                &TypeTag::Address,
                &mut uses,
            )?
            .into_address()
            .map_err(Failure::from)?;
        for object in objects {
            self.runtime
                .transfer(object, NewOwner::Address(from_move(recipient)))
                .map_err(Failure::from)?;
        }
        self.groups.join(uses.places());
        Ok(Vec::new())
    }

    /// The type of an object in a place.
    fn object_info(&mut self, index: usize, place: super::Place) -> Result<TypeInfo, Failure> {
        let refuse = |kind| Failure::argument(index, kind);
        let tag = self
            .place_tag(place)
            .ok_or_else(|| refuse(CommandArgumentError::InvalidTransferObject))?;
        let info = self.type_info(&tag)?;
        if !info.abilities.has(Ability::Key) {
            return Err(refuse(CommandArgumentError::InvalidTransferObject));
        }
        Ok(info)
    }

    pub(super) fn make_vector(
        &mut self,
        index: usize,
        make: &MakeMoveVector,
    ) -> Result<Vec<ResultState>, Failure> {
        let tag = self.element_tag(make)?;
        let info = match &make.type_ {
            Some(_) => self.named_type_info(&tag)?,
            None => self.type_info(&tag)?,
        };
        let mut uses = Uses::default();
        let mut elements = Vec::with_capacity(make.elements.len());
        for (position, argument) in make.elements.iter().enumerate() {
            elements.push(self.take(position, *argument, &info, &tag, &mut uses)?);
        }
        let vector = Vector::from_values(ElementKind::of_type(&info.type_), elements)
            .map_err(Failure::from)?;
        self.release(&uses);
        let group = self.groups.join(uses.places());
        let result = self.result(TypeTag::Vector(Box::new(tag)), Value::vector(vector))?;
        let results = vec![result];
        self.entangle(index, group, &results);
        Ok(results)
    }

    /// The element type: as named, or that of the first element, which must then be an object.
    fn element_tag(&mut self, make: &MakeMoveVector) -> Result<TypeTag, Failure> {
        if let Some(tag) = &make.type_ {
            return to_move_tag(tag).ok_or_else(missing_type);
        }
        let refuse = |kind| Failure::argument(0, kind);
        let not_an_object = CommandArgumentError::InvalidMakeMoveVecNonObjectArgument;
        let first = make
            .elements
            .first()
            .ok_or_else(|| refuse(not_an_object.clone()))?;
        let place = self.place(*first).map_err(refuse)?;
        let tag = self
            .place_tag(place)
            .ok_or_else(|| refuse(not_an_object.clone()))?;
        if !self.type_info(&tag)?.abilities.has(Ability::Key) {
            return Err(refuse(not_an_object));
        }
        Ok(tag)
    }

    /// What is known of a type that the transaction names: it may not exist.
    fn named_type_info(&mut self, tag: &TypeTag) -> Result<TypeInfo, Failure> {
        let session = self.session_for_types([tag]).ok_or_else(missing_type)?;
        session
            .load_type(tag)
            .map_err(|error| Failure::type_argument(0, &error))?;
        self.type_info(tag)
    }
}

fn missing_type() -> Failure {
    Failure::type_argument(0, &move_vm::VmError::new(move_vm::StatusCode::TypeNotFound))
}
