//! What nodes ask each other for: symbols, and attestations of inconsistency.

use reqwest::Method;
use walrus_core::{
    BlobId, SliverType,
    inconsistency::InconsistencyProof,
    messages::{InvalidBlobId, SignedMessage},
    node_api::{
        ColumnsRequest, ColumnsResponse, DecodingSymbolsQuery, DecodingSymbolsResponse,
        OCTET_STREAM, RecoverySymbolsQuery, Success, paths,
    },
    symbol::GeneralRecoverySymbol,
};

use super::{JSON_LENGTH_MAX, NodeClient, NodeError, invalid_bcs};

impl NodeClient {
    /// Symbols with proofs, not yet verified; an answer of more than `length_max` bytes is refused.
    pub async fn recovery_symbols(
        &self,
        blob_id: &BlobId,
        query: &RecoverySymbolsQuery,
        length_max: usize,
    ) -> Result<Vec<GeneralRecoverySymbol>, NodeError> {
        let path = paths::recovery_symbols(blob_id);
        self.get_bcs_with(&path, &query.to_pairs(), length_max)
            .await
    }

    /// Symbols without proofs, by sliver; an answer of more than `length_max` bytes is refused.
    pub async fn decoding_symbols(
        &self,
        blob_id: &BlobId,
        query: &DecodingSymbolsQuery,
        length_max: usize,
    ) -> Result<DecodingSymbolsResponse, NodeError> {
        let path = paths::decoding_symbols(blob_id);
        self.get_bcs_with(&path, &query.to_pairs(), length_max)
            .await
    }

    /// Columns of many small blobs, not yet verified; an answer of more than `length_max` bytes is
    /// refused. Other implementations do not know the request and answer that there is nothing.
    pub async fn columns(
        &self,
        request: &ColumnsRequest,
        length_max: usize,
    ) -> Result<ColumnsResponse, NodeError> {
        let body = bcs::to_bytes(request).expect("the request is plain data");
        let request = self
            .http
            .request(Method::POST, paths::COLUMNS)
            .header(reqwest::header::CONTENT_TYPE, OCTET_STREAM)
            .body(body);
        let answer = self.http.ask(request, length_max).await?;
        bcs::from_bytes(&answer).map_err(|error| invalid_bcs(&error))
    }

    /// Shows the node that a blob was encoded inconsistently. Returns its signed attestation, not
    /// yet verified.
    pub async fn attest_inconsistency(
        &self,
        blob_id: &BlobId,
        proof: &InconsistencyProof,
    ) -> Result<SignedMessage<InvalidBlobId>, NodeError> {
        // The axis is in the path, not in the body.
        let (axis, body) = match proof {
            InconsistencyProof::Primary(proof) => (SliverType::Primary, bcs::to_bytes(proof)),
            InconsistencyProof::Secondary(proof) => (SliverType::Secondary, bcs::to_bytes(proof)),
        };
        let body = body.expect("proofs are short sequences of plain data");
        let request = self
            .http
            .request(Method::POST, &paths::inconsistency_proof(blob_id, axis))
            .body(body);
        let body = self.http.ask_slowly(request, JSON_LENGTH_MAX).await?;
        let envelope: Success<SignedMessage<InvalidBlobId>> = serde_json::from_slice(&body)
            .map_err(|error| NodeError::InvalidAnswer(error.to_string()))?;
        Ok(envelope.success.data)
    }
}
