//! Dynamic fields, plain ones and those that hold objects.

use prost::Message;
use sui_rpc::{
    field::FieldMaskTree,
    proto::sui::rpc::{v2 as proto, v2::dynamic_field::DynamicFieldKind},
};
use sui_sdk_types::{Address, MoveStruct, Object, StructTag, TypeTag};
use tonic::Status;

use crate::{
    ledger::View,
    rpc::{
        Rpc, errors, masks, paging, parse,
        render::{Renderer, json::value_length},
    },
};

const FIELD_MASK: &str = "parent,field_id";

/// A field object taken apart.
struct Field<'a> {
    name_type: TypeTag,
    name: &'a [u8],
    value_type: TypeTag,
    value: &'a [u8],
    /// The object held, for fields that hold one.
    child: Option<Address>,
}

impl Rpc {
    pub(super) fn dynamic_fields(
        &self,
        request: proto::ListDynamicFieldsRequest,
    ) -> Result<proto::ListDynamicFieldsResponse, Status> {
        let mask = masks::read_mask::<proto::DynamicField>(request.read_mask, FIELD_MASK)?;
        let parent: Address = parse::required("parent", request.parent.as_deref())?;
        let limit = paging::size(
            request.page_size,
            paging::PAGE_SIZE_DEFAULT,
            paging::PAGE_SIZE_MAX,
        );
        let query = ["fields".to_owned(), parent.to_string()];
        let cursor = paging::cursor(&query, request.page_token.as_deref())?
            .map(|cursor| {
                Address::from_bytes(cursor)
                    .map_err(|_| errors::invalid_field("page_token", "invalid page_token"))
            })
            .transpose()?;
        let page = self
            .ledger()
            .dynamic_fields(&parent, cursor.as_ref(), limit)?;

        let renderer = self.renderer();
        let mut response = proto::ListDynamicFieldsResponse::default();
        let mut bytes = 0;
        let mut more = page.more;
        let mut last = None;
        for id in page.entries {
            if bytes > paging::PAGE_BYTES_MAX {
                more = true;
                break;
            }
            last = Some(id);
            if let Some(object) = self.ledger().object(&id)? {
                let rendered = self.field(&renderer, &parent, &object, &mask)?;
                bytes += rendered.encoded_len();
                response.dynamic_fields.push(rendered);
            }
        }
        if more {
            response.next_page_token = last.map(|id| paging::token(&query, id.as_bytes()));
        }
        Ok(response)
    }

    fn field(
        &self,
        renderer: &Renderer<'_>,
        parent: &Address,
        object: &Object,
        mask: &FieldMaskTree,
    ) -> Result<proto::DynamicField, Status> {
        use proto::DynamicField as F;
        let mut message = proto::DynamicField::default();
        if mask.contains(F::PARENT_FIELD) {
            message.parent = Some(parent.to_string());
        }
        if mask.contains(F::FIELD_ID_FIELD) {
            message.field_id = Some(object.object_id().to_string());
        }
        if let Some(mask) = mask.subtree(F::FIELD_OBJECT_FIELD) {
            message.field_object = Some(renderer.object(object, &mask));
        }
        let needs_parts = [
            F::KIND_FIELD,
            F::NAME_FIELD,
            F::VALUE_FIELD,
            F::VALUE_TYPE_FIELD,
            F::CHILD_ID_FIELD,
            F::CHILD_OBJECT_FIELD,
        ];
        if !needs_parts.iter().any(|field| mask.contains(field)) {
            return Ok(message);
        }
        let id = object.object_id();
        let field = object
            .as_struct()
            .and_then(|object| self.take_apart(object))
            .ok_or_else(|| errors::internal(format!("dynamic field {id} cannot be read")))?;
        let child = match field.child {
            Some(child) => self.ledger().object(&child)?,
            None => None,
        };
        if mask.contains(F::KIND_FIELD) {
            message.set_kind(match field.child {
                Some(_) => DynamicFieldKind::Object,
                None => DynamicFieldKind::Field,
            });
        }
        if mask.contains(F::NAME_FIELD) {
            message.name = Some(bcs_value(&field.name_type, field.name));
        }
        if mask.contains(F::VALUE_FIELD) {
            message.value = Some(bcs_value(&field.value_type, field.value));
        }
        if mask.contains(F::VALUE_TYPE_FIELD) {
            let held = child.as_ref().and_then(Object::as_struct);
            message.value_type = Some(match held {
                Some(held) => held.object_type().to_string(),
                None => field.value_type.to_string(),
            });
        }
        if mask.contains(F::CHILD_ID_FIELD) {
            message.child_id = field.child.map(|child| child.to_string());
        }
        if let (Some(mask), Some(child)) = (mask.subtree(F::CHILD_OBJECT_FIELD), &child) {
            message.child_object = Some(renderer.object(child, &mask));
        }
        Ok(message)
    }

    /// Splits the contents of `Field<Name, Value>` (id, name, value) where the name ends.
    fn take_apart<'a>(&self, field: &'a MoveStruct) -> Option<Field<'a>> {
        let [name_type, value_type] = field.object_type().type_params() else {
            return None;
        };
        let content = field.contents().get(Address::LENGTH..)?;
        if let Some(name_type) = wrapped_name(name_type) {
            let (name, value) = content.split_last_chunk::<{ Address::LENGTH }>()?;
            return Some(Field {
                name_type: name_type.clone(),
                name,
                value_type: value_type.clone(),
                value,
                child: Some(Address::new(*value)),
            });
        }
        let view = View::new(self.ledger());
        let layout = self.chain().engine().layout_of(&view, name_type)?;
        let (name, value) = content.split_at_checked(value_length(&layout, content)?)?;
        Some(Field {
            name_type: name_type.clone(),
            name,
            value_type: value_type.clone(),
            value,
            child: None,
        })
    }
}

/// `Name` of `0x2::dynamic_object_field::Wrapper<Name>`: the mark of a field that holds an object.
fn wrapped_name(name_type: &TypeTag) -> Option<&TypeTag> {
    let TypeTag::Struct(tag) = name_type else {
        return None;
    };
    let tag: &StructTag = tag;
    match tag.type_params() {
        [name]
            if tag.address() == &Address::TWO
                && tag.module().as_str() == "dynamic_object_field"
                && tag.name().as_str() == "Wrapper" =>
        {
            Some(name)
        }
        _ => None,
    }
}

fn bcs_value(tag: &TypeTag, bytes: &[u8]) -> proto::Bcs {
    let mut value = proto::Bcs::from(bytes.to_vec());
    value.name = Some(tag.to_string());
    value
}
