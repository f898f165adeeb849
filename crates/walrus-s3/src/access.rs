//! Who may do what: whoever has an access key everything, others at most read.

use s3s::{
    S3Error, S3ErrorCode, S3Result,
    access::{S3Access, S3AccessContext},
};

/// Operations that everybody may do, if anybody may read without a key.
const ANONYMOUS: [&str; 2] = ["GetObject", "HeadObject"];

/// The rule of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access {
    /// Objects may be read without a key.
    pub anonymous_read: bool,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let is_allowed = context.credentials().is_some()
            || (self.anonymous_read && ANONYMOUS.contains(&context.s3_op().name()));
        if is_allowed {
            return Ok(());
        }
        let text = "this request has to be signed";
        Err(S3Error::with_message(S3ErrorCode::AccessDenied, text))
    }
}
