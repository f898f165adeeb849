//! What the fuzz targets of private data do with their input. Nothing may panic, and nothing that
//! is accepted may contradict itself.

use std::num::NonZeroU8;

use rand::{SeedableRng as _, rngs::StdRng};
use walrus_core::ObjectId;
use walrus_seal::{
    ApprovalProgram, Check, DemKey, EncryptedObject, EphemeralKey, FetchKeyRequest,
    FetchKeyResponse, Identity, MasterKey, PublicKeys, Recipient, ServerSet, SessionKey, UserKeys,
    committee::{
        Approval, CeremonyPlan, Complaint, Deal, MemberCard, MemberSecret, Transcript, agreed,
    },
    envelope::{ChunkPosition, EnvelopeHeader},
    refusal::RefusalBody,
    request::ServiceResponse,
    session::ExportedSessionKey,
};

/// Keys for every key server that an object names, none of which it was encrypted for.
fn strangers(object: &EncryptedObject) -> (UserKeys, PublicKeys) {
    let mut rng = StdRng::seed_from_u64(1);
    let point = object.header.identity.point();
    let mut keys = UserKeys::new();
    let mut public = PublicKeys::new();
    for (server, _) in object.header.servers() {
        let master = MasterKey::generate(&mut rng);
        keys.insert(server, master.extract(&point));
        public.insert(server, master.public());
    }
    (keys, public)
}

/// Encrypted objects.
pub(crate) fn seal_object(bytes: &[u8]) {
    let Ok(object) = EncryptedObject::from_bytes(bytes) else {
        return;
    };
    assert_eq!(object.to_bytes(), bytes, "one form for each value");
    let (keys, public) = strangers(&object);
    for check in [
        Check::AllShares(&public),
        Check::OwnShares,
        Check::OwnSharesOrLegacy,
    ] {
        assert!(
            object.decrypt(&keys, check).is_err(),
            "an object was decrypted with keys of others"
        );
    }
}

/// Envelopes.
pub(crate) fn seal_envelope(bytes: &[u8]) {
    let Ok((header, length)) = EnvelopeHeader::from_bytes(bytes) else {
        return;
    };
    let encoded = header.to_bytes().expect("it was decoded");
    assert_eq!(encoded, bytes[..length], "one form for each value");
    let chunks = header.chunks(&DemKey::from_bytes([7; 32].into()));
    let position = ChunkPosition {
        index: 0,
        is_last: true,
    };
    let mut chunk = bytes[length..].to_vec();
    assert!(
        chunks.decrypt(position, &mut chunk).is_err(),
        "a chunk was decrypted with another key"
    );
}

/// Programs for key servers.
pub(crate) fn seal_program(bytes: &[u8]) {
    let _ = ApprovalProgram::from_base64(&String::from_utf8_lossy(bytes));
    let Ok(program) = ApprovalProgram::from_bytes(bytes) else {
        return;
    };
    assert_eq!(program.to_bytes(), bytes, "one form for each value");
    assert!(!program.inner_ids().is_empty());
}

/// Requests to key servers, and their answers.
pub(crate) fn seal_message(bytes: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<FetchKeyRequest>(bytes) {
        let package = ObjectId([1; 32]);
        let _ = request.certificate.verify(package);
        let _ = request.certificate.is_current(1, 1);
        let _ = request.is_signed(bytes);
        let _ = request.enc_key.matches(&request.enc_verification_key);
    }
    if let Ok(response) = serde_json::from_slice::<FetchKeyResponse>(bytes) {
        let mut rng = StdRng::seed_from_u64(2);
        let key = EphemeralKey::generate(&mut rng);
        let public = MasterKey::generate(&mut rng).public();
        for answer in response.decryption_keys {
            let Some(identity) = Identity::from_full(&answer.id) else {
                continue;
            };
            if let Ok(user_key) = key.unwrap_key(&answer.encrypted_key) {
                assert!(
                    !user_key.verify(&identity.point(), &public),
                    "a forged key was accepted"
                );
            }
        }
    }
    if let Ok(service) = serde_json::from_slice::<ServiceResponse>(bytes) {
        let public = MasterKey::generate(&mut StdRng::seed_from_u64(3)).public();
        assert!(!public.verify_possession(service.service_id, &service.pop));
    }
    if let Ok(exported) = serde_json::from_slice::<ExportedSessionKey>(bytes) {
        let _ = SessionKey::import(&exported, 0);
    }
    if let Ok(body) = serde_json::from_slice::<RefusalBody>(bytes) {
        let _ = body.parse();
    }
}

/// What members of a committee send each other, in lines: a plan, then anything.
pub(crate) fn seal_committee(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    if let Ok(card) = serde_json::from_str::<MemberCard>(first) {
        let _ = card.is_valid();
    }
    let Ok(plan) = serde_json::from_str::<CeremonyPlan>(first) else {
        return;
    };
    let again: CeremonyPlan =
        serde_json::from_str(&serde_json::to_string(&plan).expect("it was read"))
            .expect("what is written is read");
    assert_eq!(again.id(), plan.id(), "one name for each plan");
    let stranger = MemberSecret::generate(&mut StdRng::seed_from_u64(5));
    assert_eq!(plan.number_of(&stranger), None);
    let (mut deals, mut approvals) = (Vec::new(), Vec::new());
    for line in lines {
        if let Ok(deal) = serde_json::from_str::<Deal>(line) {
            deals.push(deal);
        } else if let Ok(approval) = serde_json::from_str::<Approval>(line) {
            approvals.push(approval);
        } else if let Ok(complaint) = serde_json::from_str::<Complaint>(line) {
            for deal in &deals {
                assert!(
                    complaint.check(&plan, deal).is_err(),
                    "an honest dealer is to blame"
                );
            }
        }
    }
    if let Ok(transcript) = Transcript::new(&plan, deals) {
        assert!(
            transcript.share(&stranger).is_err(),
            "a stranger got a share"
        );
        if let Ok(outcome) = agreed(&plan, approvals) {
            assert_eq!(
                &outcome,
                transcript.outcome(),
                "an invented outcome was approved"
            );
        }
    }
}

/// A ceremony of two members as they send it.
#[allow(dead_code)]
pub(crate) fn sample_ceremony() -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(6);
    let secrets = [0, 1].map(|_| MemberSecret::generate(&mut rng));
    let cards = secrets.iter().zip(["a", "b"]);
    let cards = cards.map(|(secret, name)| MemberCard::new(name, "http://a", secret));
    let plan = CeremonyPlan::new(2, cards.collect(), None, &mut rng).expect("two of two");
    let deals = secrets
        .each_ref()
        .map(|secret| Deal::new(&plan, secret, None, &mut rng).expect("a member deals"));
    let transcript = Transcript::new(&plan, deals.to_vec()).expect("all have dealt");
    let approvals = secrets
        .each_ref()
        .map(|secret| transcript.approve(secret).expect("a member"));
    let mut lines = vec![serde_json::to_string(&plan).expect("it can be written")];
    lines.extend(
        deals
            .iter()
            .map(|deal| serde_json::to_string(deal).expect("it can be written")),
    );
    let complaint = Complaint {
        ceremony: plan.id(),
        dealer: 0,
        member: 1,
        shared: deals[0].ephemeral,
    };
    lines.push(serde_json::to_string(&complaint).expect("it can be written"));
    let approvals = approvals.iter().map(serde_json::to_string);
    lines.extend(approvals.map(|line| line.expect("it can be written")));
    lines.join("\n").into_bytes()
}

/// Seeds that are not bytes of the vectors.
#[allow(dead_code)]
pub(crate) fn sample_envelope() -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(4);
    let recipient = Recipient {
        server: ObjectId([1; 32]),
        public_key: MasterKey::generate(&mut rng).public(),
        weight: NonZeroU8::MIN,
    };
    let servers = ServerSet::new(vec![recipient], 1).expect("one server is enough");
    let identity = Identity {
        package: ObjectId([2; 32]),
        inner: vec![3; 48],
    };
    let (object, key) = EncryptedObject::of_key(identity, &servers, &mut rng);
    let header = EnvelopeHeader::new(object, 64).expect("it has no content");
    let mut chunk = b"content".to_vec();
    let position = ChunkPosition {
        index: 0,
        is_last: true,
    };
    let chunks = header.chunks(&key);
    chunks.encrypt(position, &mut chunk).expect("it is short");
    [header.to_bytes().expect("it is short"), chunk].concat()
}
