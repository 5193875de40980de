//! One object on its way to S3: full parts go out while others fill, and what is small goes in one piece at the end.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::super::names::Key;
use super::super::wait::wait;
use super::super::{ObjectUpload, Rest};
use super::Service;
use super::failure::Deed;
use crate::cloud;
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

/// An object under way.
pub(super) struct S3Upload {
    service: Arc<Service>,
    key: Key,
    /// The part that fills.
    part: Vec<u8>,
    state: State,
    under_way: VecDeque<JoinHandle<Result<Part, ObjectError>>>,
    parts: Vec<Part>,
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
            under_way: VecDeque::new(),
            parts: Vec::new(),
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
        while self.under_way.len() >= UNDER_WAY {
            self.await_part()?;
        }
        let id = self.upload()?;
        self.number += 1;
        let (service, key, number) = (Arc::clone(&self.service), self.key.real.clone(), self.number);
        let body = Bytes::from(std::mem::take(&mut self.part));
        self.under_way.push_back(cloud::spawn(async move {
            service.s3.put_part(service.bucket(), &key, &id, number, body).await
        }));
        Ok(())
    }

    /// Waits for the oldest part under way.
    fn await_part(&mut self) -> Result<(), TransferError> {
        let Some(oldest) = self.under_way.front_mut() else { return Ok(()) };
        let sent = wait(&self.service.context.cancel, oldest)?;
        self.under_way.pop_front();
        let part = sent.map_err(|error| {
            TransferError::new(ErrorKind::Internal, "the upload of a part was lost").caused_by(&error)
        })?;
        self.parts.push(part.map_err(|error| self.failed(&error))?);
        Ok(())
    }

    fn await_parts(&mut self) -> Result<(), TransferError> {
        while !self.under_way.is_empty() {
            self.await_part()?;
        }
        Ok(())
    }

    fn put(&mut self) -> Result<(), TransferError> {
        let service = &self.service;
        let body = Bytes::from(std::mem::take(&mut self.part));
        let call = service.s3.put_object(service.bucket(), &self.key.real, &service.traits, body);
        wait(&service.context.cancel, call)?.map_err(|error| self.failed(&error))
    }

    fn complete(&mut self, id: &str) -> Result<(), TransferError> {
        let service = &self.service;
        let call = service.s3.complete_parts(service.bucket(), &self.key.real, id, &self.parts);
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
            let room = (PART_BYTES - self.part.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.part.extend_from_slice(now);
            bytes = later;
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
        for part in self.under_way.drain(..) {
            part.abort();
        }
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
