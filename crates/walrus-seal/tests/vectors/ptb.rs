use walrus_seal::{ApprovalProgram, Code, Refusal};

use super::{bytes, list, load, object_id, text};

#[test]
fn programs_are_accepted_and_refused_with_their_text() {
    for case in list(&load("seal-ptb.json")["vectors"]) {
        let name = text(&case["name"]);
        let parsed = ApprovalProgram::from_base64(text(&case["ptb_b64"]));
        if case["expected"] == "valid" {
            let (program, wire) = parsed.expect(name);
            assert_eq!(program.to_bytes(), wire);
            assert_eq!(program.package(), object_id(&case["package"]));
            let ids: Vec<_> = list(&case["inner_ids"]).iter().map(bytes).collect();
            assert_eq!(program.inner_ids(), ids);
            continue;
        }
        let refusal = Refusal::from(parsed.expect_err(name));
        assert_eq!(refusal.code, Code::InvalidPTB);
        match case.get("message") {
            Some(message) => assert_eq!(refusal.message, text(message), "{name}"),
            None => assert!(refusal.message.starts_with(text(&case["message_prefix"]))),
        }
    }
}
