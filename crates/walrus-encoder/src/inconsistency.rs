//! Checking proofs that a blob was encoded wrongly.

use walrus_core::{
    VerifiedMetadata,
    inconsistency::{InconsistencyProof, SliverInconsistencyProof},
    sliver::Axis,
};

use crate::{Encoder, InconsistencyVerificationError, SliverVerificationError};

impl Encoder {
    /// Checks that the proof shows that the commitments of the metadata contradict each other.
    pub fn verify_inconsistency_proof(
        &self,
        metadata: &VerifiedMetadata,
        proof: &InconsistencyProof,
    ) -> Result<(), InconsistencyVerificationError> {
        match proof {
            InconsistencyProof::Primary(proof) => self.verify_inconsistency(metadata, proof),
            InconsistencyProof::Secondary(proof) => self.verify_inconsistency(metadata, proof),
        }
    }

    fn verify_inconsistency<A: Axis>(
        &self,
        metadata: &VerifiedMetadata,
        proof: &SliverInconsistencyProof<A>,
    ) -> Result<(), InconsistencyVerificationError> {
        self.check_shard_count(metadata)
            .map_err(SliverVerificationError::from)?;
        let (actual, expected) = (proof.recovery_symbols.len(), self.symbols_to_recover::<A>());
        if actual != expected {
            return Err(InconsistencyVerificationError::SymbolCount { actual, expected });
        }
        let target = proof.target_sliver_index;
        for symbol in &proof.recovery_symbols {
            symbol.verify(metadata, target)?;
        }
        let symbols = proof.recovery_symbols.iter().map(|symbol| &symbol.symbol);
        let sliver = self.decode_sliver(metadata, target, symbols)?;
        match self.verify_sliver(&sliver, metadata) {
            Ok(()) => Err(InconsistencyVerificationError::SliverNotInconsistent),
            Err(SliverVerificationError::MerkleRootMismatch) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
