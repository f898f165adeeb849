//! Uploads in parts. Parts wait in the spool; what is complete becomes one object.

use bytes::Bytes;
use futures::Stream;
use tokio::sync::oneshot;

use super::{
    Acknowledge, Store, blocking,
    objects::{Condition, NewObject},
    state::State,
    stopping,
};
use crate::{
    digest::{Digests, etag_of_parts},
    failure::Failure,
    journal::{Part, Upload},
    record::{Meta, Name, Version},
    spool::{Piece, Received},
};

/// Bytes of a part, the last one aside.
pub(crate) const PART_BYTES_MIN: u64 = 5 << 20;
/// Parts of an upload.
pub(crate) const PARTS_MAX: u16 = 10_000;
/// Uploads that are neither complete nor aborted.
const UPLOADS_MAX: usize = 10_000;

/// A part as a client names it in the end.
pub(crate) struct NamedPart {
    pub number: u16,
    pub etag: Option<String>,
}

impl Store {
    /// Receives bytes into the spool.
    pub(crate) async fn receive<E: std::fmt::Display>(
        &self,
        body: impl Stream<Item = Result<Bytes, E>>,
        length_max: u64,
        digests: Digests,
    ) -> Result<Received, Failure> {
        let spool = &self.shared.journal.spool;
        Ok(spool.receive(body, length_max, digests).await?)
    }

    /// Begins an upload.
    pub(crate) async fn begin_upload(&self, name: Name, meta: Meta) -> Result<Version, Failure> {
        let upload = {
            let mut state = self.lock();
            self.check_bucket(&state, &name.bucket)?;
            if self.shared.journal.uploads()?.len() >= UPLOADS_MAX {
                let text = format!("{UPLOADS_MAX} uploads are neither completed nor aborted");
                return Err(Failure::Unavailable(text));
            }
            Upload {
                name,
                version: state.next_version(),
                meta,
            }
        };
        let (store, version) = (self.clone(), upload.version);
        blocking(move || {
            let mut change = store.shared.journal.change();
            change.insert_upload(&upload);
            change.commit_durably()
        })
        .await?;
        Ok(version)
    }

    /// An upload that is under way.
    pub(crate) fn upload(&self, name: &Name, id: Version) -> Result<Upload, Failure> {
        self.upload_of(&self.lock(), name, id)
    }

    fn upload_of(&self, state: &State, name: &Name, id: Version) -> Result<Upload, Failure> {
        let upload = self.shared.journal.upload(id)?;
        let is_open = |upload: &Upload| upload.name == *name && !state.completing.contains(&id);
        upload.filter(is_open).ok_or(Failure::NoSuchUpload)
    }

    /// Uploads that are under way in a bucket, by key and time.
    pub(crate) fn uploads(&self, bucket: &str) -> Result<Vec<Upload>, Failure> {
        self.bucket(bucket)?;
        let mut uploads = self.shared.journal.uploads()?;
        let state = self.lock();
        uploads.retain(|upload| {
            upload.name.bucket == bucket && !state.completing.contains(&upload.version)
        });
        drop(state);
        uploads.sort_by(|a, b| (&a.name.key, a.version).cmp(&(&b.name.key, b.version)));
        Ok(uploads)
    }

    /// The parts of an upload that have arrived.
    pub(crate) fn parts(&self, name: &Name, id: Version) -> Result<Vec<(u16, Part)>, Failure> {
        self.upload(name, id)?;
        Ok(self.shared.journal.parts(id)?)
    }

    /// Keeps a part; it takes the place of an earlier one with the same number.
    pub(crate) async fn put_part(
        &self,
        name: Name,
        id: Version,
        number: u16,
        received: Received,
    ) -> Result<Part, Failure> {
        let store = self.clone();
        let work = async move {
            let kept = blocking(move || store.keep_part(&name, id, number, received));
            kept.await
        };
        self.detached(work).await
    }

    fn keep_part(
        &self,
        name: &Name,
        id: Version,
        number: u16,
        received: Received,
    ) -> Result<Part, Failure> {
        let md5 = received.md5;
        // Held to the end, so that the upload is not completed or aborted between.
        let mut state = self.lock();
        self.upload_of(&state, name, id)?;
        let earlier = self.shared.journal.part(id, number)?;
        let part = Part {
            piece: received.keep(),
            md5,
            version: state.next_version(),
        };
        let mut change = self.shared.journal.change();
        change.insert_part(id, number, &part);
        change.commit()?;
        drop(state);
        self.shared.journal.change().commit_durably()?;
        if let Some(earlier) = earlier {
            self.shared.journal.spool.remove(&[earlier.piece]);
        }
        Ok(part)
    }

    /// Makes an object of parts. Returns its ETag.
    pub(crate) async fn complete_upload(
        &self,
        name: Name,
        id: Version,
        named: Vec<NamedPart>,
        condition: Condition,
    ) -> Result<String, CompleteError> {
        let upload = {
            // Nobody completes it twice, and no part changes from here on.
            let mut state = self.lock();
            let upload = self.upload_of(&state, &name, id);
            if upload.is_ok() {
                state.completing.insert(id);
            }
            upload
        };
        let upload = match upload {
            Ok(upload) => upload,
            Err(Failure::NoSuchUpload) => return Ok(self.completed(&name, id, &named).await?),
            Err(failure) => return Err(failure.into()),
        };
        let completed = self.complete(upload, &named, condition).await;
        self.lock().completing.remove(&id);
        completed
    }

    async fn complete(
        &self,
        upload: Upload,
        named: &[NamedPart],
        condition: Condition,
    ) -> Result<String, CompleteError> {
        let id = upload.version;
        let there = self.shared.journal.parts(id).map_err(Failure::from)?;
        let (content, mut meta) = assemble(&there, named)?;
        meta.headers = upload.meta.headers;
        meta.user = upload.meta.user;
        let etag = meta.etag.clone();
        let new = NewObject {
            name: upload.name,
            meta,
            content: content.clone(),
            condition,
            upload: Some(id),
        };
        self.put(new).await?;
        let is_left = |(_, part): &(u16, Part)| !content.contains(&part.piece);
        let left: Vec<Piece> = there
            .into_iter()
            .filter(is_left)
            .map(|(_, part)| part.piece)
            .collect();
        self.shared.journal.spool.remove(&left);
        Ok(etag)
    }

    /// The ETag of what an upload has become: whoever did not hear the answer asks again.
    async fn completed(
        &self,
        name: &Name,
        id: Version,
        named: &[NamedPart],
    ) -> Result<String, Failure> {
        let etag = etag_of_named(named).ok_or(Failure::NoSuchUpload)?;
        let wait = {
            let mut state = self.lock();
            let mut writes = state.pending.values_mut();
            let write = writes.find(|pending| {
                pending.put.upload == Some(id)
                    && pending.put.name == *name
                    && pending.put.meta.etag == etag
            });
            write
                .filter(|_| self.shared.options.acknowledge == Acknowledge::Certified)
                .map(|pending| {
                    let (waiter, wait) = oneshot::channel();
                    pending.waiters.push(waiter);
                    wait
                })
        };
        if let Some(wait) = wait {
            wait.await.map_err(|_| stopping())??;
        }
        let state = self.lock();
        let present = self.shared.index.object(name)?;
        if present.is_some_and(|present| present.version > id && present.meta.etag == etag) {
            return Ok(etag);
        }
        if state.completing.contains(&id) {
            let text = "this upload is being completed".to_owned();
            return Err(Failure::Unavailable(text));
        }
        Err(Failure::NoSuchUpload)
    }

    /// Ends an upload, and deletes its parts.
    pub(crate) fn abort_upload(&self, name: &Name, id: Version) -> Result<(), Failure> {
        let state = self.lock();
        self.upload_of(&state, name, id)?;
        let parts = self.shared.journal.parts(id)?;
        let mut change = self.shared.journal.change();
        change.remove_upload(id, &parts);
        change.commit()?;
        drop(state);
        let pieces: Vec<Piece> = parts.into_iter().map(|(_, part)| part.piece).collect();
        self.shared.journal.spool.remove(&pieces);
        Ok(())
    }

    pub(super) fn abort_uploads_of(&self, bucket: &str) -> Result<(), Failure> {
        for upload in self.uploads(bucket)? {
            self.abort_upload(&upload.name, upload.version)?;
        }
        Ok(())
    }
}

/// Why an upload was not completed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompleteError {
    /// There are no parts in the list.
    #[error("an upload has at least one part")]
    NoParts,
    /// The numbers do not rise.
    #[error("parts are listed in the order of their numbers")]
    Order,
    /// A part is not there, or has another ETag.
    #[error("part {0} was not uploaded, or has another ETag")]
    Part(u16),
    /// A part that is not the last one is too small.
    #[error("part {0} is too small: all but the last one have at least {PART_BYTES_MIN} bytes")]
    Small(u16),
    /// Something else.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The ETag of an object that consists of these parts; `None` if that of a part is not said.
fn etag_of_named(named: &[NamedPart]) -> Option<String> {
    let md5s = named.iter().map(|part| {
        let etag = part.etag.as_deref()?.trim_matches('"');
        let mut md5 = [0; 16];
        hex::decode_to_slice(etag, &mut md5).ok()?;
        Some(md5)
    });
    let md5s: Vec<[u8; 16]> = md5s.collect::<Option<_>>()?;
    Some(etag_of_parts(md5s.iter()))
}

/// The content and what is known of an object that consists of the named parts.
fn assemble(
    there: &[(u16, Part)],
    named: &[NamedPart],
) -> Result<(Vec<Piece>, Meta), CompleteError> {
    let last = named.last().ok_or(CompleteError::NoParts)?.number;
    if !named.is_sorted_by(|one, next| one.number < next.number) {
        return Err(CompleteError::Order);
    }
    let mut parts = Vec::with_capacity(named.len());
    for NamedPart { number, etag } in named {
        let found = there.iter().find(|(there, _)| there == number);
        let found = found.map(|(_, part)| part);
        let is_same = |part: &&Part| {
            let etag = etag.as_ref().map(|etag| etag.trim_matches('"'));
            etag.is_none_or(|etag| etag == hex::encode(part.md5))
        };
        let part = found.filter(is_same).ok_or(CompleteError::Part(*number))?;
        if *number != last && part.piece.length < PART_BYTES_MIN {
            return Err(CompleteError::Small(*number));
        }
        parts.push(part);
    }
    let meta = Meta {
        size: parts.iter().map(|part| part.piece.length).sum(),
        etag: etag_of_parts(parts.iter().map(|part| &part.md5)),
        ..Meta::default()
    };
    Ok((parts.into_iter().map(|part| part.piece).collect(), meta))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_become_one_object_or_it_is_said_why_not() {
        let part = |file, length| Part {
            piece: Piece { file, length },
            md5: [u8::try_from(file).unwrap(); 16],
            version: Version(1),
        };
        let there = [
            (1, part(1, PART_BYTES_MIN)),
            (3, part(3, PART_BYTES_MIN - 1)),
            (7, part(7, 9)),
        ];
        let named = |numbers: &[u16]| {
            let named = numbers.iter().map(|number| NamedPart {
                number: *number,
                etag: None,
            });
            named.collect::<Vec<_>>()
        };
        let outcome = |numbers: &[u16]| match assemble(&there, &named(numbers)) {
            Ok((content, meta)) => format!("{} {}", content.len(), meta.size),
            Err(error) => error.to_string(),
        };
        assert_eq!(outcome(&[1, 7]), "2 5242889");
        assert_eq!(outcome(&[7]), "1 9");
        assert!(outcome(&[]).contains("at least one part"));
        assert!(outcome(&[7, 1]).contains("in the order"));
        assert!(outcome(&[1, 1]).contains("in the order"));
        assert!(outcome(&[1, 2]).contains("part 2 was not uploaded"));
        assert!(outcome(&[1, 3, 7]).contains("part 3 is too small"));
        let mut wrong = named(&[1]);
        wrong[0].etag = Some(format!("\"{}\"", hex::encode([2; 16])));
        assert!(assemble(&there, &wrong).is_err());
        wrong[0].etag = Some(format!("\"{}\"", hex::encode([1; 16])));
        let (_, meta) = assemble(&there, &wrong).unwrap();
        assert_eq!(etag_of_named(&wrong), Some(meta.etag));
        assert_eq!(etag_of_named(&named(&[1])), None);
    }
}
