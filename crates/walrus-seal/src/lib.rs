//! Private data: content is encrypted once, for an *identity*, and whoever a policy on chain lets
//! in can decrypt it.
//!
//! No single party can read: the key is split among *key servers*, and a threshold of them is
//! needed. Each of them simulates the call of a policy's `seal_approve` function in the name of the
//! reader, and if it does not abort, gives out its part of the key of that identity. Compatible
//! with Seal down to the bytes.
//!
//! Nothing here does I/O or reads a clock.
//!
//! ```
//! use std::num::NonZeroU8;
//! use walrus_seal::{Check, Dem, EncryptedObject, Identity, MasterKey, Recipient, ServerSet};
//! use walrus_core::ObjectId;
//!
//! let mut rng = rand::thread_rng();
//! // Three key servers, each on its own machine.
//! let masters = [1, 2, 3].map(|id| (ObjectId([id; 32]), MasterKey::generate(&mut rng)));
//! let recipients = masters.iter().map(|(server, master)| Recipient {
//!     server: *server,
//!     public_key: master.public(),
//!     weight: NonZeroU8::MIN,
//! });
//! let servers = ServerSet::new(recipients.collect(), 2)?;
//!
//! // Encrypting needs public keys only.
//! let identity = Identity { package: ObjectId([9; 32]), inner: b"report".to_vec() };
//! let dem = Dem::Aes256Gcm;
//! let (object, _) =
//!     EncryptedObject::encrypt(identity.clone(), &servers, dem, b"secret", None, &mut rng)?;
//!
//! // Two of the servers are asked, and let the reader in.
//! let point = identity.point();
//! let keys = masters[..2].iter().map(|(server, master)| (*server, master.extract(&point)));
//! let public_keys = masters.iter().map(|(server, master)| (*server, master.public())).collect();
//! let object = EncryptedObject::from_bytes(&object.to_bytes())?;
//! let content = object.decrypt(&keys.collect(), Check::AllShares(&public_keys))?;
//! assert_eq!(content, b"secret");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod approval;
pub mod committee;
pub mod curve;
pub mod decrypt;
pub mod dem;
pub mod elgamal;
pub mod encrypt;
pub mod envelope;
pub mod ibe;
pub mod object;
pub mod refusal;
pub mod request;
pub mod session;
pub mod sharing;
mod wire;

pub use self::{
    approval::ApprovalProgram,
    curve::{InvalidEncoding, ProofOfPossession, PublicKey},
    decrypt::{Check, DecryptError, PublicKeys, UserKeys},
    dem::Dem,
    elgamal::{EphemeralKey, WrappedKey},
    encrypt::{DemKey, Recipient, ServerSet, ServerSetError},
    ibe::{Identity, IdentityPoint, MasterKey, UserSecretKey},
    object::{Ciphertext, EncryptedObject, Header, ObjectError},
    refusal::{Code, Refusal},
    request::{FetchKeyRequest, FetchKeyResponse},
    session::{Certificate, SessionKey},
    wire::WireError,
};
