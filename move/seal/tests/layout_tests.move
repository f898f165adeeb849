/// The layouts that clients read, against objects that the reference client reads.
module seal::layout_tests;

use seal::key_server::{Self, PartialKeyServer};
use std::bcs;
use std::unit_test::{assert_eq, destroy};

const ALPHA_PK: vector<u8> =
    x"95064c0822862c7bdc7c910230fccb21c4adb51ac5a92b3d0ce5c7f1680ef926de30ddd9d7c2966353dae2d44ad794dc1018c401c572e567d72a6a3f10d2ed0906c70396819789ca601b29ed77d833d793681b54a5821c9f22c028ddb88ccbeb";
const ALPHA: vector<u8> =
    x"05616c7068611a68747470733a2f2f616c7068612e6578616d706c652f7365616c006095064c0822862c7bdc7c910230fccb21c4adb51ac5a92b3d0ce5c7f1680ef926de30ddd9d7c2966353dae2d44ad794dc1018c401c572e567d72a6a3f10d2ed0906c70396819789ca601b29ed77d833d793681b54a5821c9f22c028ddb88ccbeb";
const BETA_PK: vector<u8> =
    x"9550505be1a9a48be52161a574efa0fdeee11cad3e7a3ec7de4d7539689103a8d5c84c2bd8e44098e9708fa2267d67e3183bc2e7304b740a07d8bca4a04ef77345c29d04310018feef078bb35fa37959de85aeb584a7f8516207aabe112255c1";
const BETA: vector<u8> =
    x"046265746100609550505be1a9a48be52161a574efa0fdeee11cad3e7a3ec7de4d7539689103a8d5c84c2bd8e44098e9708fa2267d67e3183bc2e7304b740a07d8bca4a04ef77345c29d04310018feef078bb35fa37959de85aeb584a7f8516207aabe112255c1001468747470733a2f2f626574612e6578616d706c65";
const GAMMA_PK: vector<u8> =
    x"953f54c4085f0dea8498d87d45a7fdee4659a0ac0bf8d0ec6d6d038faf7061d356d8b2f7391b73b01f1246c8b074fa250f198dab89e8e5bd739244aaab875877d74add91f3d09d5bb49da5a394a7bc8d855c0aee7bb36a0430d495359b7a8973";
const MEMBER_0_PK: vector<u8> =
    x"b79b234aa35d5c668be51ed3ffdf0090872b0a22f5c8d71e1b229359cff13bfc120ed584995b5043727f1d77542562530b9ec8c895ac8246518888f1788d9855542dcf32993c1f557e6ebe9d603133c9a106d738474b0d69c6e3dc26b24332a7";
const MEMBER_1_PK: vector<u8> =
    x"87671368a6fb2fbfe84a0aaa66860596787ce566109fb2afa020155b5e9def7193a03ed79e855bf7a96714ad44353ffe10cae7a1a21cd1b5a187e7efe8fadf21366baa35e2849fb588b1e02214706876c161331acbace54a5abbc9cabfc18443";
const MEMBER_2_PK: vector<u8> =
    x"97dc6c5abf8535c3b0ec95ee924c407f024ca8169c97dd523912f4ca6948aba16a7a385163894c9a749a503fca7e10b216d58bcd7c039ad26066018c94ae5cc604ad3585c8fb0c75179b2f229d9a63ebc776b8f368e9aa42702b414f479b7a7e";
const GAMMA: vector<u8> =
    x"0567616d6d610060953f54c4085f0dea8498d87d45a7fdee4659a0ac0bf8d0ec6d6d038faf7061d356d8b2f7391b73b01f1246c8b074fa250f198dab89e8e5bd739244aaab875877d74add91f3d09d5bb49da5a394a7bc8d855c0aee7bb36a0430d495359b7a89730103000000020003086d656d6265722d301268747470733a2f2f6d302e6578616d706c6560b79b234aa35d5c668be51ed3ffdf0090872b0a22f5c8d71e1b229359cff13bfc120ed584995b5043727f1d77542562530b9ec8c895ac8246518888f1788d9855542dcf32993c1f557e6ebe9d603133c9a106d738474b0d69c6e3dc26b24332a70000086d656d6265722d311268747470733a2f2f6d312e6578616d706c656087671368a6fb2fbfe84a0aaa66860596787ce566109fb2afa020155b5e9def7193a03ed79e855bf7a96714ad44353ffe10cae7a1a21cd1b5a187e7efe8fadf21366baa35e2849fb588b1e02214706876c161331acbace54a5abbc9cabfc184430100086d656d6265722d321268747470733a2f2f6d322e6578616d706c656097dc6c5abf8535c3b0ec95ee924c407f024ca8169c97dd523912f4ca6948aba16a7a385163894c9a749a503fca7e10b216d58bcd7c039ad26066018c94ae5cc604ad3585c8fb0c75179b2f229d9a63ebc776b8f368e9aa42702b414f479b7a7e0200";

fun member(name: vector<u8>, url: vector<u8>, pk: vector<u8>, party_id: u16): PartialKeyServer {
    key_server::create_partial_key_server(name.to_string(), url.to_string(), pk, party_id)
}

fun members(): vector<PartialKeyServer> {
    vector[
        member(b"member-0", b"https://m0.example", MEMBER_0_PK, 0),
        member(b"member-1", b"https://m1.example", MEMBER_1_PK, 1),
        member(b"member-2", b"https://m2.example", MEMBER_2_PK, 2),
    ]
}

#[test]
fun version_1_of_a_server_on_its_own() {
    let ctx = &mut tx_context::dummy();
    let (name, url) = (b"alpha".to_string(), b"https://alpha.example/seal".to_string());
    let server = key_server::create_v1_for_testing(name, url, ALPHA_PK, ctx);
    assert_eq!(bcs::to_bytes(server.v1()), ALPHA);
    // The object itself: its ID, and the first and the last version.
    let mut object = object::id_bytes(&server);
    object.append(bcs::to_bytes(&1u64));
    object.append(bcs::to_bytes(&1u64));
    assert_eq!(bcs::to_bytes(&server), object);
    destroy(server);
}

#[test]
fun version_2_of_a_server_on_its_own() {
    let ctx = &mut tx_context::dummy();
    let (name, url) = (b"beta".to_string(), b"https://beta.example".to_string());
    let mut server = key_server::create_v1_for_testing(name, url, BETA_PK, ctx);
    server.upgrade_for_testing();
    assert_eq!(bcs::to_bytes(server.v2()), BETA);
    let mut object = object::id_bytes(&server);
    object.append(bcs::to_bytes(&1u64));
    object.append(bcs::to_bytes(&2u64));
    assert_eq!(bcs::to_bytes(&server), object);
    destroy(server);
}

#[test]
fun version_2_of_a_committee() {
    let ctx = &mut tx_context::dummy();
    let name = b"gamma".to_string();
    let mut server = key_server::create_committee_v2(name, 2, GAMMA_PK, members(), ctx);
    // Its members have changed three times.
    3u64.do!(|_| server.update_partial_key_servers(2, members()));
    assert_eq!(bcs::to_bytes(server.v2()), GAMMA);
    destroy(server);
}
