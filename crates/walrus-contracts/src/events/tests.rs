use super::*;

/// Bytes written down by hand from the field list of the event.
#[test]
fn golden_blob_registered() {
    let mut bytes = vec![7, 0, 0, 0];
    bytes.extend([0x11; 32]);
    bytes.extend([0x00, 0x10, 0, 0, 0, 0, 0, 0]);
    bytes.push(1);
    bytes.extend([60, 0, 0, 0]);
    bytes.push(1);
    bytes.extend([0x22; 32]);
    let expected = BlobRegistered {
        epoch: 7,
        blob_id: BlobId([0x11; 32]),
        size: 4096,
        encoding_type: 1,
        end_epoch: 60,
        deletable: true,
        object_id: ObjectId([0x22; 32]),
    };
    assert_eq!(bcs::to_bytes(&expected).unwrap(), bytes);
    assert_eq!(
        WalrusEvent::from_bcs("events", "BlobRegistered", &bytes),
        Ok(expected.into())
    );
}

#[test]
fn golden_shards_received() {
    let bytes = [2, 0, 0, 0, 2, 5, 0, 0x2C, 0x01];
    let expected = ShardsReceived {
        epoch: 2,
        shards: vec![ShardIndex(5), ShardIndex(300)],
    };
    assert_eq!(
        WalrusEvent::from_bcs("events", "ShardsReceived", &bytes),
        Ok(expected.into())
    );
}

#[test]
fn golden_prices_updated() {
    let bytes = [
        1, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    ];
    let expected = PricesUpdated {
        epoch: 1,
        storage_price: 100,
        write_price: u64::MAX,
    };
    assert_eq!(
        WalrusEvent::from_bcs("events", "PricesUpdated", &bytes),
        Ok(expected.into())
    );
}

#[test]
fn the_list_is_complete() {
    assert_eq!(NAMES.len(), 22);
}

#[test]
fn unknown_types_are_told_apart_from_malformed_content() {
    let unknown = WalrusEvent::from_bcs("events", "Nonsense", &[]);
    assert!(matches!(unknown, Err(EventError::Unknown { .. })));
    let foreign = WalrusEvent::from_bcs("blob", "BlobRegistered", &[]);
    assert!(matches!(foreign, Err(EventError::Unknown { .. })));
    let short = WalrusEvent::from_bcs("events", "EpochChangeDone", &[1, 0, 0]);
    assert!(matches!(
        short,
        Err(EventError::Malformed {
            name: "EpochChangeDone",
            ..
        })
    ));
    let long = WalrusEvent::from_bcs("events", "EpochChangeDone", &[1, 0, 0, 0, 0]);
    assert!(matches!(long, Err(EventError::Malformed { .. })));
}

/// The Move source declares exactly these events. Their fields are compared in `types::mirror`.
#[test]
fn the_move_module_declares_the_same_events() {
    let declared: Vec<_> = crate::move_source::declarations()
        .into_iter()
        .filter(|declaration| declaration.package == "walrus" && declaration.module == MODULE)
        .map(|declaration| declaration.name)
        .collect();
    assert_eq!(declared, NAMES);
}
