//! One object on its way to S3: full parts go out while others fill, and what is small goes in one piece at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinError;

use super::super::names::Key;
use super::super::wait::wait;
use super::super::{ObjectUpload, Rest};
use super::Service;
use super::failure::Deed;
use super::under_way::UnderWay;
use crate::cloud::part::fill;
use crate::cloud::s3::objects::{ObjectError, ObjectErrorKind, Part};
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::error::{ErrorKind, TransferError};

/// Bytes of a part. S3 wants 5 MiB at least, but for the last.
const PART_BYTES: usize = 8 << 20;
/// Parts under way at once.
const UNDER_WAY: usize = 2;
/// Parts that S3 takes for one object.
const MOST_PARTS: i32 = 10_000;

/// Bytes that an upload holds at most: the part that fills, and those under way.
pub(in crate::transfer::output::object) const MEMORY_BYTES: usize = PART_BYTES * (UNDER_WAY + 1);

/// A part with its number, or why S3 did not take it.
type SentPart = (i32, Result<Part, ObjectError>);

/// An object under way.
pub(super) struct S3Upload {
    service: Arc<Service>,
    key: Key,
    /// The part that fills.
    part: Vec<u8>,
    state: State,
    under_way: UnderWay<SentPart>,
    /// Those that S3 has, by their numbers.
    parts: BTreeMap<i32, Part>,
    /// Number of the last part that was sent.
    number: i32,
    bytes: u64,
}

/// What S3 knows of the object.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Nothing: what there is lies in the part that fills.
    Unknown,
    /// Perhaps an upload of parts: its beginning was recorded as intended.
    Intended,
    /// An upload of parts with this id.
    Begun(String),
    /// It is visible, or was removed.
    Ended,
}

impl S3Upload {
    pub(super) fn new(service: &Arc<Service>, key: &Key) -> Self {
        Self {
            service: Arc::clone(service),
            key: key.clone(),
            part: Vec::new(),
            state: State::Unknown,
            under_way: UnderWay::new(UNDER_WAY),
            parts: BTreeMap::new(),
            number: 0,
            bytes: 0,
        }
    }

    fn failed(&self, error: &ObjectError) -> TransferError {
        self.service.failed(Deed::Writing(&self.key), error)
    }

    /// The id of the upload, which is begun with the first part.
    fn upload(&mut self) -> Result<String, TransferError> {
        if let State::Begun(id) = &self.state {
            return Ok(id.clone());
        }
        let service = &self.service;
        let ledger = &service.context.ledger;
        let intent = service.parts(&self.key, None);
        ledger.intend(&intent)?;
        self.state = State::Intended;
        let call = service.s3.begin_parts(service.bucket(), &self.key.real, &service.traits);
        let id = wait(&service.context.cancel, call)?.map_err(|error| self.failed(&error))?;
        self.state = State::Begun(id.clone());
        ledger.intend(&service.parts(&self.key, Some(&id)))?;
        // From here on the record with the id stands for it.
        ledger.settle(&intent, &EffectOutcome::Done)?;
        Ok(id)
    }

    /// Sends the part that filled.
    fn send_part(&mut self) -> Result<(), TransferError> {
        if self.number == MOST_PARTS {
            let address = self.service.names.address(&self.key);
            let most = MOST_PARTS as usize * (PART_BYTES >> 20) / 1024;
            let message = format!("object `{address}` would be larger than {most} GiB");
            return Err(TransferError::new(ErrorKind::Config, message)
                .hint("let the rows go to several objects: `max_file_bytes`"));
        }
        while let Some(sent) = wait(&self.service.context.cancel, self.under_way.room())? {
            self.take_note(sent)?;
        }
        let id = self.upload()?;
        self.number += 1;
        let (service, key, number) = (Arc::clone(&self.service), self.key.real.clone(), self.number);
        let body = Bytes::from(std::mem::take(&mut self.part));
        self.under_way.start(async move {
            (number, service.s3.put_part(service.bucket(), &key, &id, number, body).await)
        });
        Ok(())
    }

    /// A part has arrived, or has not.
    fn take_note(&mut self, sent: Result<SentPart, JoinError>) -> Result<(), TransferError> {
        let (number, part) = sent.map_err(|error| {
            TransferError::new(ErrorKind::Internal, "the upload of a part was lost").caused_by(&error)
        })?;
        self.parts.insert(number, part.map_err(|error| self.failed(&error))?);
        Ok(())
    }

    fn await_parts(&mut self) -> Result<(), TransferError> {
        while let Some(sent) = wait(&self.service.context.cancel, self.under_way.next())? {
            self.take_note(sent)?;
        }
        Ok(())
    }

    fn put(&mut self) -> Result<(), TransferError> {
        let service = &self.service;
        let body = Bytes::from(std::mem::take(&mut self.part));
        let call = service.s3.put_object(service.bucket(), &self.key.real, &service.traits, body);
        wait(&service.context.cancel, call)?.map(drop).map_err(|error| self.failed(&error))
    }

    fn complete(&mut self, id: &str) -> Result<(), TransferError> {
        let service = &self.service;
        let parts: Vec<Part> = self.parts.values().cloned().collect();
        let call = service.s3.complete_parts(service.bucket(), &self.key.real, id, &parts);
        match wait(&service.context.cancel, call)? {
            Err(error)
                if error.kind == ObjectErrorKind::NoUpload
                    && service.is_complete(&self.key, self.bytes, self.parts.len()) => {}
            done => done.map_err(|error| self.failed(&error))?,
        }
        let parts = service.parts(&self.key, Some(id));
        Ok(service.context.ledger.settle(&parts, &EffectOutcome::Done)?)
    }
}

impl ObjectUpload for S3Upload {
    fn write(&mut self, mut bytes: &[u8]) -> Result<(), TransferError> {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            // Only when more comes: the last part goes out by another way.
            if self.part.len() == PART_BYTES {
                self.send_part()?;
            }
            bytes = fill(&mut self.part, PART_BYTES, bytes);
        }
        Ok(())
    }

    fn seal(&mut self, rest: Rest) -> Result<(), TransferError> {
        if self.state == State::Unknown && rest == Rest::Kept {
            return Ok(());
        }
        self.send_part()?;
        self.await_parts()
    }

    fn publish(&mut self) -> Result<(), TransferError> {
        let object = Effect::WriteObject {
            bucket: self.service.names.bucket().shown().to_owned(),
            object: self.key.shown.clone(),
        };
        self.service.context.ledger.intend(&object)?;
        match self.state.clone() {
            State::Begun(id) => self.complete(&id)?,
            _ => self.put()?,
        }
        self.state = State::Ended;
        Ok(self.service.context.ledger.settle(&object, &EffectOutcome::Done)?)
    }

    fn cancel(&mut self) {
        self.under_way.stop();
        let removed = match std::mem::replace(&mut self.state, State::Ended) {
            State::Unknown | State::Ended => Ok(()),
            State::Intended => self.service.remove(&self.key, None),
            State::Begun(id) => self.service.remove(&self.key, Some(&id)),
        };
        if let Err(error) = removed {
            self.service.warn(&error);
        }
    }
}
