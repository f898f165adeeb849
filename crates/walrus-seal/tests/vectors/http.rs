use walrus_seal::{
    Check, Code, EncryptedObject, FetchKeyRequest, FetchKeyResponse, MasterKey, PublicKeys,
    refusal::{Refusal, RefusalBody},
    request::ServiceResponse,
};

use super::{bytes, list, load, object_id, text};

#[test]
fn bodies_are_what_others_send_and_expect() {
    let vectors = load("seal-http.json");
    let mut answers = 0;
    for flow in list(&vectors["flows"]) {
        for exchange in list(&flow["exchanges"]) {
            let answer = &exchange["response"]["body"];
            if exchange["method"] == "GET" {
                let proof: ServiceResponse = serde_json::from_value(answer.clone()).unwrap();
                assert_eq!(serde_json::to_value(&proof).unwrap(), *answer);
                continue;
            }
            let request: FetchKeyRequest =
                serde_json::from_value(exchange["body"].clone()).unwrap();
            assert_eq!(serde_json::to_value(&request).unwrap(), exchange["body"]);
            if exchange["response"]["status"] == 200 {
                answers += 1;
                let keys: FetchKeyResponse = serde_json::from_value(answer.clone()).unwrap();
                assert_eq!(serde_json::to_value(&keys).unwrap(), *answer);
            } else {
                let body: RefusalBody = serde_json::from_value(answer.clone()).unwrap();
                let refusal = body.parse().unwrap();
                assert_eq!(
                    u64::from(refusal.code.status()),
                    exchange["response"]["status"]
                );
            }
        }
    }
    assert!(answers > 3);
}

#[test]
fn objects_of_the_exchanges_decrypt_with_the_keys_of_their_servers() {
    let vectors = load("seal-http.json");
    for flow in list(&vectors["flows"]) {
        let object = EncryptedObject::from_bytes(&bytes(&flow["encrypted_object"])).unwrap();
        let point = object.header.identity.point();
        let mut keys = walrus_seal::UserKeys::new();
        let mut public = PublicKeys::new();
        for server in list(&flow["key_servers"]) {
            let master = MasterKey::from_hex(text(&server["master_key"])).unwrap();
            let id = object_id(&server["object_id"]);
            keys.insert(id, master.extract(&point));
            public.insert(id, master.public());
        }
        let plaintext = object.decrypt(&keys, Check::AllShares(&public)).unwrap();
        assert_eq!(plaintext, bytes(&flow["plaintext"]));
    }
}

#[test]
fn refusals_have_the_codes_texts_and_statuses_of_the_protocol() {
    for case in list(&load("seal-http.json")["errors"]) {
        let body: RefusalBody = serde_json::from_value(case["body"].clone()).unwrap();
        let refusal = body.clone().parse().unwrap();
        assert_eq!(u64::from(refusal.code.status()), case["status"]);
        let detail = case["detail"].as_str().unwrap_or_default();
        assert_eq!(Refusal::new(refusal.code, detail).body(), body);
    }
    let unknown = RefusalBody {
        error: "Nonsense".to_owned(),
        message: String::new(),
    };
    assert_eq!(unknown.parse(), None);
    assert!(Code::Failure.is_transient() && !Code::NoAccess.is_transient());
}
