//! What an owner does with blob objects: attributes, sharing, giving away, destroying.

use walrus_core::{Frost, ObjectId, SuiAddress};

use super::call::Call;

impl Call {
    /// Sets attributes of an own blob object; those of the same names are replaced, others stay.
    pub fn set_attributes(blob: ObjectId, attributes: Vec<(String, String)>) -> Self {
        Self::free(move |ptb| {
            for (key, value) in &attributes {
                let arguments = vec![ptb.owned(blob), ptb.pure(key), ptb.pure(value)];
                ptb.call("blob", "insert_or_update_metadata_pair", arguments);
            }
        })
    }

    /// Makes shared blobs of own certified blob objects: everybody may extend them, nobody owns them.
    pub fn share_blobs(blobs: Vec<ObjectId>) -> Self {
        Self::free(move |ptb| {
            for blob in &blobs {
                let arguments = vec![ptb.owned(*blob)];
                ptb.call("shared_blob", "new", arguments);
            }
        })
    }

    /// Gives own objects to another account.
    pub fn transfer(objects: Vec<ObjectId>, to: SuiAddress) -> Self {
        Self::new(move |ptb, _, _| {
            let arguments = objects.iter().map(|id| ptb.owned(*id)).collect();
            ptb.transfer(arguments, to);
            Ok(Frost(0))
        })
    }

    /// Destroys own blob objects. The data stays with the nodes until its storage ends.
    pub fn burn_blobs(blobs: Vec<ObjectId>) -> Self {
        Self::free(move |ptb| {
            for blob in &blobs {
                let arguments = vec![ptb.owned(*blob)];
                ptb.call("blob", "burn", arguments);
            }
        })
    }
}
