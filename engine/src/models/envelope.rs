//! The envelope of a model: a fixed head that says what follows, the names of its features, the payload, a checksum.
//!
//! ```text
//! offset  size  what
//!      0     8  magic: 0x89 "RSMODL" 0x0A (a text-mode copy damages the first or the last byte)
//!      8     2  format version
//!     10     2  kind of model
//!     12     4  length of the schema
//!     16     8  length of the payload
//!     24        schema: MessagePack
//!               payload: MessagePack
//!      -4    4  CRC-32C of all bytes before it
//! ```
//! Numbers are little-endian. Everything is checked before anything is allocated or decoded.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ModelError;
use crate::control::{Charge, Control, Stop, no_memory};

/// The format version that is written. Older ones stay readable: `engine/tests/artifacts` keeps one of each.
pub const FORMAT: u16 = 1;

/// The most bytes of a stored part: PostgreSQL cannot dump a `bytea` of more than about 512 MB.
pub const PART_BYTES: usize = 64 << 20;

const MAGIC: [u8; 8] = *b"\x89RSMODL\n";
const HEAD: usize = 24;
const TAIL: usize = 4;

/// Levels of nesting in a payload; ours have fewer than ten.
const DEPTH: usize = 64;

/// What kind of model the payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`crate::churn::ChurnModel`].
    Churn,
    /// [`crate::segments::SegmentModel`].
    Segments,
    /// Association rules of baskets.
    Baskets,
    /// A forecast of one series.
    Forecast,
}

impl Kind {
    fn code(self) -> u16 {
        match self {
            Kind::Churn => 1,
            Kind::Segments => 2,
            Kind::Baskets => 3,
            Kind::Forecast => 4,
        }
    }

    fn of(code: u16) -> Option<Kind> {
        [Kind::Churn, Kind::Segments, Kind::Baskets, Kind::Forecast]
            .into_iter()
            .find(|k| k.code() == code)
    }

    /// The task that models of this kind are for; of forecasts there is one for each series.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Churn => "churn",
            Kind::Segments => "segments",
            Kind::Baskets => "baskets",
            Kind::Forecast => "forecast",
        }
    }
}

/// The features that a model reads, in the order of its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Names of features.
    pub features: Vec<String>,
    /// For each of them: `number` or `text`.
    pub types: Vec<String>,
}

/// A model's bytes that have passed all checks.
#[derive(Debug)]
pub struct Opened<'a> {
    /// The kind of model.
    pub kind: Kind,
    /// What it reads.
    pub schema: Schema,
    payload: &'a [u8],
}

impl Opened<'_> {
    /// The model itself. Its own `check` comes after.
    ///
    /// # Errors
    /// [`ModelError::OtherKind`]; [`ModelError::Corrupted`] when the payload is not what `T` is written as;
    /// [`ModelError::Stopped`] when it would take too much memory.
    pub fn decode<T: DeserializeOwned>(
        &self,
        wanted: Kind,
        control: &dyn Control,
    ) -> Result<T, ModelError> {
        if self.kind != wanted {
            return Err(ModelError::OtherKind {
                found: self.kind.name(),
                wanted: wanted.name(),
            });
        }
        // A number of one byte becomes one of eight.
        control.budget("reading a model", self.payload.len() as u64 * 8)?;
        unpack(self.payload).ok_or(ModelError::Corrupted("its content cannot be decoded"))
    }
}

/// A value that fills its bytes.
fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut rest = bytes;
    let mut reader = rmp_serde::Deserializer::new(&mut rest);
    reader.set_max_depth(DEPTH);
    let value = T::deserialize(&mut reader).ok()?;
    rest.is_empty().then_some(value)
}

/// Bytes that stop growing at a limit: what is written may not take more memory than the work has.
struct Bounded<'a> {
    bytes: Vec<u8>,
    charge: Charge,
    control: &'a dyn Control,
    refused: Option<Stop>,
}

impl std::io::Write for Bounded<'_> {
    fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
        let wanted = self.bytes.len() + more.len();
        if wanted > self.bytes.capacity() {
            let room = wanted.max(self.bytes.len() * 2).max(4096);
            let grown = self
                .charge
                .set((self.bytes.len() + room) as u64, PACKING, self.control)
                .and_then(|()| {
                    self.bytes
                        .try_reserve_exact(room - self.bytes.len())
                        .map_err(no_memory(PACKING, room as u64))
                })
                .and_then(|()| self.charge.set(room as u64, PACKING, self.control))
                .and_then(|()| self.control.check());
            if let Err(stop) = grown {
                self.refused = Some(stop);
                return Err(std::io::ErrorKind::OutOfMemory.into());
            }
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const PACKING: &str = "packing a model";

/// The bytes of a model.
///
/// # Errors
/// [`ModelError::Stopped`] when they would take too much memory, [`ModelError::Unstorable`] for a model that the format
/// has no room for.
pub fn seal<T: Serialize>(
    kind: Kind,
    schema: &Schema,
    model: &T,
    control: &dyn Control,
) -> Result<Vec<u8>, ModelError> {
    let mut out = Bounded {
        bytes: Vec::new(),
        charge: Charge::default(),
        control,
        refused: None,
    };
    let pack = |out: &mut Bounded<'_>, head: bool| {
        let mut writer = rmp_serde::Serializer::new(&mut *out).with_struct_map();
        let written = if head {
            schema.serialize(&mut writer)
        } else {
            model.serialize(&mut writer)
        };
        match (written, out.refused) {
            (Ok(()), _) => Ok(out.bytes.len()),
            (Err(_), Some(stop)) => Err(ModelError::Stopped(stop)),
            (Err(_), None) => Err(ModelError::Unstorable("a value has no form in MessagePack")),
        }
    };
    let reserved = [0u8; HEAD];
    std::io::Write::write_all(&mut out, &reserved)
        .map_err(|_| ModelError::Unstorable("no memory"))?;
    let schema_end = pack(&mut out, true)?;
    let payload_end = pack(&mut out, false)?;
    let schema_length = u32::try_from(schema_end - HEAD)
        .map_err(|_| ModelError::Unstorable("its schema is too long"))?;
    let mut head = Vec::with_capacity(HEAD);
    head.extend_from_slice(&MAGIC);
    head.extend_from_slice(&FORMAT.to_le_bytes());
    head.extend_from_slice(&kind.code().to_le_bytes());
    head.extend_from_slice(&schema_length.to_le_bytes());
    head.extend_from_slice(&((payload_end - schema_end) as u64).to_le_bytes());
    if let Some(start) = out.bytes.get_mut(..HEAD) {
        start.copy_from_slice(&head);
    }
    let crc = crc32c::crc32c(&out.bytes);
    std::io::Write::write_all(&mut out, &crc.to_le_bytes())
        .map_err(|_| ModelError::Unstorable("no memory"))?;
    Ok(out.bytes)
}

/// Checks the bytes of a model: magic, version, kind, lengths, checksum, schema.
///
/// # Errors
/// [`ModelError::Corrupted`], [`ModelError::NewerFormat`].
pub fn open(bytes: &[u8]) -> Result<Opened<'_>, ModelError> {
    let corrupted = ModelError::Corrupted;
    let magic: [u8; 8] = field(bytes, 0).ok_or(corrupted("it is too short"))?;
    if magic != MAGIC {
        return Err(corrupted("it does not begin as a model does"));
    }
    let format = u16::from_le_bytes(field(bytes, 8).ok_or(corrupted("it is too short"))?);
    if format > FORMAT {
        return Err(ModelError::NewerFormat {
            found: format,
            known: FORMAT,
        });
    }
    if format == 0 {
        return Err(corrupted("its format version is 0"));
    }
    let kind = u16::from_le_bytes(field(bytes, 10).ok_or(corrupted("it is too short"))?);
    let schema = u32::from_le_bytes(field(bytes, 12).ok_or(corrupted("it is too short"))?);
    let payload = u64::from_le_bytes(field(bytes, 16).ok_or(corrupted("it is too short"))?);
    let wanted = payload
        .checked_add(u64::from(schema))
        .and_then(|n| n.checked_add((HEAD + TAIL) as u64));
    if wanted != Some(bytes.len() as u64) {
        return Err(corrupted("its length is not the one that it states"));
    }
    let body = bytes.len() - TAIL;
    let crc = field(bytes, body).map(u32::from_le_bytes);
    if crc != Some(checksum(bytes)) {
        return Err(corrupted("its checksum does not match"));
    }
    let kind = Kind::of(kind).ok_or(corrupted("its kind is not known"))?;
    let schema_end = HEAD + schema as usize;
    let schema: Schema = bytes
        .get(HEAD..schema_end)
        .and_then(unpack)
        .ok_or(corrupted("its schema cannot be decoded"))?;
    if schema.features.len() != schema.types.len() {
        return Err(corrupted("its schema has features without a type"));
    }
    Ok(Opened {
        kind,
        schema,
        payload: bytes.get(schema_end..body).unwrap_or_default(),
    })
}

/// `N` bytes at an offset.
fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// What the registry and the caches tell a model's bytes by: the CRC-32C of all but the last four, which hold it. Of all
/// bytes it would be the same number for every model: a message with its own CRC behind it has a constant remainder.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u32 {
    let body = bytes.len().saturating_sub(TAIL);
    crc32c::crc32c(bytes.get(..body).unwrap_or_default())
}

/// The bytes in pieces that a table can hold.
pub fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(PART_BYTES)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::control::Free;
    use crate::control::testing::Probe;
    use crate::error::Classified;

    fn schema() -> Schema {
        Schema {
            features: vec!["recency_days".into(), "country".into()],
            types: vec!["number".into(), "text".into()],
        }
    }

    fn sealed() -> Vec<u8> {
        seal(
            Kind::Churn,
            &schema(),
            &vec![1.5f64, -2.25, f64::MAX],
            &Free,
        )
        .unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened() {
        let bytes = sealed();
        let opened = open(&bytes).unwrap();
        assert_eq!((opened.kind, &opened.schema), (Kind::Churn, &schema()));
        let values: Vec<f64> = opened.decode(Kind::Churn, &Free).unwrap();
        assert_eq!(values, [1.5, -2.25, f64::MAX]);
        let other = opened
            .decode::<Vec<f64>>(Kind::Segments, &Free)
            .unwrap_err();
        assert_eq!(
            other.to_string(),
            "the stored model is one of churn, not of segments"
        );
        // another type than was written
        assert!(opened.decode::<Vec<String>>(Kind::Churn, &Free).is_err());
        assert!(
            opened
                .decode::<Vec<f32>>(Kind::Churn, &Probe::patient().granting(10))
                .is_err()
        );
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let bytes = sealed();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(open(&damaged).is_err(), "bit {bit} of byte {at}");
            }
            assert!(open(&bytes[..at]).is_err(), "cut at {at}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(open(&longer).is_err());
    }

    #[test]
    fn a_newer_format_is_named_whatever_follows() {
        let mut bytes = sealed();
        bytes[8] = 2;
        let error = open(&bytes).unwrap_err();
        assert_eq!(error, ModelError::NewerFormat { found: 2, known: 1 });
        assert!(error.hint().is_some());
    }

    /// Bytes that are right in all but their content: what a stranger could write into the table.
    fn forged(schema_bytes: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&1u16.to_le_bytes());
        bytes.extend_from_slice(&1u16.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(schema_bytes.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
        bytes.extend_from_slice(schema_bytes);
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(&[0; TAIL]);
        let crc = checksum(&bytes).to_le_bytes();
        let body = bytes.len() - TAIL;
        bytes[body..].copy_from_slice(&crc);
        bytes
    }

    #[test]
    fn models_of_one_length_have_different_checksums() {
        let of = |value: f64| seal(Kind::Churn, &schema(), &vec![value], &Free).unwrap();
        let (one, other) = (of(1.5), of(2.5));
        assert_eq!(one.len(), other.len());
        assert_ne!(checksum(&one), checksum(&other));
        assert_eq!(checksum(&one).to_le_bytes(), one[one.len() - TAIL..]);
    }

    #[test]
    fn lengths_in_the_content_are_not_believed() {
        let schema_bytes = rmp_serde::to_vec_named(&schema()).unwrap();
        // an array of 4 billion numbers, a deep nest, and bytes after the end
        let nest = vec![0x91u8; 100_000];
        for payload in [
            &[0xdd, 0xff, 0xff, 0xff, 0xff][..],
            &nest,
            &[0x90, 0x00],
            &[],
        ] {
            let bytes = forged(&schema_bytes, payload);
            let opened = open(&bytes).unwrap();
            assert!(opened.decode::<Vec<Vec<f64>>>(Kind::Churn, &Free).is_err());
        }
        assert!(open(&forged(&[0xdd, 0xff, 0xff, 0xff, 0xff], &[])).is_err());
    }

    #[test]
    fn packing_stays_within_the_memory_limit() {
        let model = vec![0.1f64; 100_000];
        let control = Probe::patient().granting(500_000);
        let error = seal(Kind::Churn, &schema(), &model, &control).unwrap_err();
        assert!(
            matches!(error, ModelError::Stopped(Stop::Memory { .. })),
            "{error}"
        );
        assert_eq!(control.held_bytes(), 0);
        let control = Probe::stopping_after(3);
        let error = seal(Kind::Churn, &schema(), &model, &control).unwrap_err();
        assert_eq!(error, ModelError::Stopped(Stop::Cancelled));
    }

    #[test]
    fn large_models_are_stored_in_parts() {
        let bytes = vec![7u8; PART_BYTES * 2 + 1];
        let sizes: Vec<usize> = parts(&bytes).map(<[u8]>::len).collect();
        assert_eq!(sizes, [PART_BYTES, PART_BYTES, 1]);
    }
}
