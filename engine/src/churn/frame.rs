//! Training frames: the features of all customers as of some days, with what they did afterwards.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView2, s};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use twox_hash::XxHash3_128;

use crate::control::{Charge, Control, Stop, reserve};

/// The most values of a text feature that get a column of their own.
const LEVELS: usize = 8;
/// A value that fewer training rows have gets none.
const LEVEL_ROWS: usize = 30;

/// A feature as the warehouse gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Feature {
    /// A number; NaN where it is not known.
    Number(String),
    /// A text.
    Text(String),
}

impl Feature {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Feature::Number(name) | Feature::Text(name) => name,
        }
    }
}

/// A column of a model's matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Which of the features it is made from.
    pub feature: u32,
    /// The text that the feature has where the column is 1 (it is 0 elsewhere); `None` for a number.
    pub level: Option<String>,
}

/// What a frame was, to tell later whether it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameDigest {
    /// The day, since 1970: only what happened before it is known.
    pub cutoff: i32,
    /// Customers.
    pub rows: u64,
    /// Those among them that had churned at the end of the horizon.
    pub churned: u64,
    /// A hash (XXH3, 128 bits in two halves) of customers and values of each feature.
    pub features: Vec<(u64, u64)>,
    /// Of customers and labels.
    pub labels: (u64, u64),
}

impl FrameDigest {
    /// Of a day without customers.
    #[must_use]
    pub fn empty(cutoff: i32) -> FrameDigest {
        FrameDigest {
            cutoff,
            rows: 0,
            churned: 0,
            features: Vec::new(),
            labels: (0, 0),
        }
    }
}

/// Frames one after the other, in the order of their days; within a frame in the order in which rows were pushed.
#[derive(Debug)]
pub struct Frames {
    /// The features, in the order of the values of a row.
    pub features: Vec<Feature>,
    /// The columns of the matrix.
    pub columns: Vec<Column>,
    /// What each frame is.
    pub digests: Vec<FrameDigest>,
    /// Rows x columns.
    x: Array2<f64>,
    labels: Vec<bool>,
    money: Vec<f64>,
    /// Into which of [`GROUPS`] each row's customer falls.
    groups: Vec<u8>,
    /// For each frame the row after its last.
    ends: Vec<usize>,
    _charge: Charge,
}

/// Groups of customers, by a hash of their ids: a customer is in the same one in all frames.
pub const GROUPS: u8 = 3;

/// Some frames that follow each other.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Rows x columns; NaN is missing.
    pub x: ArrayView2<'a, f64>,
    /// True for churned.
    pub labels: &'a [bool],
    /// What each customer had spent before the day.
    pub money: &'a [f64],
    /// Into which of [`GROUPS`] each customer falls.
    pub groups: &'a [u8],
}

impl Part<'_> {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// True when all labels are equal: nothing can be learned from it.
    #[must_use]
    pub fn has_one_class(&self) -> bool {
        let churned = self.labels.iter().filter(|l| **l).count();
        churned == 0 || churned == self.len()
    }
}

impl Frames {
    /// Number of frames.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without frames.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The frames `from..to`.
    #[must_use]
    pub fn part(&self, from: usize, to: usize) -> Part<'_> {
        let end = |frames: usize| match frames.checked_sub(1) {
            Some(last) => self.ends.get(last).copied().unwrap_or(self.labels.len()),
            None => 0,
        };
        let (start, end) = (end(from), end(to).max(end(from)));
        Part {
            x: self.x.slice(s![start..end, ..]),
            labels: self.labels.get(start..end).unwrap_or_default(),
            money: self.money.get(start..end).unwrap_or_default(),
            groups: self.groups.get(start..end).unwrap_or_default(),
        }
    }

    /// The other label for all customers of a frame.
    #[cfg(test)]
    pub(super) fn flip_labels(&mut self, frame: usize) {
        let start = frame.checked_sub(1).map_or(0, |f| self.ends[f]);
        for label in &mut self.labels[start..self.ends[frame]] {
            *label = !*label;
        }
    }

    /// SHA-256 over the digests of the first `frames`, in hexadecimal.
    #[must_use]
    pub fn hash(&self, frames: usize) -> String {
        let mut hash = Sha256::new();
        for feature in &self.features {
            hash.update(feature.name());
            hash.update([0]);
        }
        for digest in self.digests.iter().take(frames) {
            hash.update(digest.cutoff.to_le_bytes());
            hash.update(digest.rows.to_le_bytes());
            for (high, low) in digest.features.iter().chain([&digest.labels]) {
                hash.update(high.to_le_bytes());
                hash.update(low.to_le_bytes());
            }
        }
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

const READING: &str = "reading features";

/// Takes rows, customer by customer, frame by frame.
pub struct FrameBuilder<'a> {
    control: &'a dyn Control,
    features: Vec<Feature>,
    /// Columns of a row: the numbers, then room for the levels of each text.
    width: usize,
    numbers: usize,
    values: Vec<f64>,
    /// The text values that were met, numbered, per text feature.
    texts: Vec<HashMap<String, u32>>,
    /// Which of them each row has, per text feature; `u32::MAX` for none.
    codes: Vec<Vec<u32>>,
    labels: Vec<bool>,
    money: Vec<f64>,
    groups: Vec<u8>,
    ends: Vec<usize>,
    digests: Vec<FrameDigest>,
    current: Option<Current>,
    charge: Charge,
}

/// The frame whose rows are coming.
struct Current {
    cutoff: i32,
    features: Vec<XxHash3_128>,
    labels: XxHash3_128,
}

/// The most distinct texts that are kept apart; later ones count as unknown.
const TEXTS: usize = 10_000;

impl<'a> FrameBuilder<'a> {
    /// A builder for rows of these features.
    #[must_use]
    pub fn new(features: Vec<Feature>, control: &'a dyn Control) -> FrameBuilder<'a> {
        let numbers = features
            .iter()
            .filter(|f| matches!(f, Feature::Number(_)))
            .count();
        let texts = features.len() - numbers;
        FrameBuilder {
            control,
            width: numbers + texts * LEVELS,
            numbers,
            texts: vec![HashMap::new(); texts],
            codes: vec![Vec::new(); texts],
            features,
            values: Vec::new(),
            labels: Vec::new(),
            money: Vec::new(),
            groups: Vec::new(),
            ends: Vec::new(),
            digests: Vec::new(),
            current: None,
            charge: Charge::default(),
        }
    }

    /// Takes a customer of the frame of `cutoff`; a row of a frame follows the rows of the same and earlier ones. Infinite
    /// numbers count as missing, and -0 as 0.
    ///
    /// # Errors
    /// [`Stop`] when the rows take too much memory.
    pub fn push(
        &mut self,
        cutoff: i32,
        customer: &[u8],
        numbers: &[f64],
        texts: &[Option<&str>],
        money: f64,
        churned: bool,
    ) -> Result<(), Stop> {
        if self.current.as_ref().is_none_or(|c| c.cutoff != cutoff) {
            self.end_frame();
            self.current = Some(Current {
                cutoff,
                features: vec![XxHash3_128::new(); self.features.len()],
                labels: XxHash3_128::new(),
            });
        }
        self.make_room()?;
        let start = self.values.len();
        for at in 0..self.numbers {
            let given = numbers.get(at).copied().unwrap_or(f64::NAN);
            self.values.push(if given.is_finite() {
                given + 0.0
            } else {
                f64::NAN
            });
        }
        self.values.resize(start + self.width, 0.0);
        for (at, (known, codes)) in self.texts.iter_mut().zip(&mut self.codes).enumerate() {
            let text = texts.get(at).copied().flatten();
            codes.push(text.map_or(u32::MAX, |t| code_of(known, t)));
        }
        self.labels.push(churned);
        self.money.push(if money.is_finite() { money } else { 0.0 });
        let group = XxHash3_128::oneshot(customer) % u128::from(GROUPS);
        self.groups.push(group as u8);
        if let Some(current) = &mut self.current {
            let row = self.values.get(start..).unwrap_or_default();
            let (mut number, mut text) = (row.iter(), texts.iter());
            for (hash, feature) in current.features.iter_mut().zip(&self.features) {
                write_text(hash, customer);
                match feature {
                    Feature::Number(_) => {
                        // All that is missing is alike, whatever its bits.
                        let value = number.next().copied().unwrap_or(f64::NAN);
                        hash.write(&[u8::from(value.is_nan())]);
                        let bits = if value.is_nan() { 0 } else { value.to_bits() };
                        hash.write(&bits.to_le_bytes());
                    }
                    Feature::Text(_) => match text.next().copied().flatten() {
                        Some(t) => write_text(hash, t.as_bytes()),
                        None => hash.write(&u64::MAX.to_le_bytes()),
                    },
                }
            }
            write_text(&mut current.labels, customer);
            current.labels.write(&[u8::from(churned)]);
        }
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), Stop> {
        if self.labels.len() < self.labels.capacity() {
            return Ok(());
        }
        // By half of what there is, so that memory is at most half idle.
        let more = (self.labels.len() / 2).max(1024);
        let row = self.width * 8 + self.codes.len() * 4 + 10;
        let old = self.charge.bytes();
        let new = ((self.labels.len() + more) * row) as u64;
        // While a buffer moves both are there.
        self.charge.set(old + new, READING, self.control)?;
        reserve(&mut self.values, more * self.width, READING)?;
        for codes in &mut self.codes {
            reserve(codes, more, READING)?;
        }
        reserve(&mut self.money, more, READING)?;
        reserve(&mut self.groups, more, READING)?;
        reserve(&mut self.labels, more, READING)?;
        self.charge.set(new, READING, self.control)?;
        self.control.check()
    }

    fn end_frame(&mut self) {
        let Some(current) = self.current.take() else {
            return;
        };
        let start = self.ends.last().copied().unwrap_or(0);
        let labels = self.labels.get(start..).unwrap_or_default();
        self.digests.push(FrameDigest {
            cutoff: current.cutoff,
            rows: labels.len() as u64,
            churned: labels.iter().filter(|l| **l).count() as u64,
            features: current.features.iter().map(halves).collect(),
            labels: halves(&current.labels),
        });
        self.ends.push(self.labels.len());
    }

    /// The frames; texts become columns for their most frequent values in the first `training` frames.
    ///
    /// # Errors
    /// [`Stop::Cancelled`].
    pub fn finish(mut self, training: usize) -> Result<Frames, Stop> {
        self.end_frame();
        let known = match training.checked_sub(1) {
            Some(last) => self.ends.get(last).copied().unwrap_or(self.labels.len()),
            None => 0,
        };
        let chosen: Vec<Vec<(u32, String)>> = self
            .texts
            .iter()
            .zip(&self.codes)
            .map(|(texts, codes)| frequent(texts, codes.get(..known).unwrap_or_default()))
            .collect();
        let columns = self.columns(&chosen);
        let rows = self.labels.len();
        // Rows move up in place to the width that is used.
        for row in 0..rows {
            if row % 4096 == 0 {
                self.control.check()?;
            }
            let (from, to) = (row * self.width, row * columns.len());
            self.values.copy_within(from..from + self.numbers, to);
            let mut at = to + self.numbers;
            for (codes, levels) in self.codes.iter().zip(&chosen) {
                for (level, _) in levels {
                    if let Some(cell) = self.values.get_mut(at) {
                        *cell = f64::from(u8::from(codes.get(row) == Some(level)));
                    }
                    at += 1;
                }
            }
        }
        self.values.truncate(rows * columns.len());
        let x = Array2::from_shape_vec((rows, columns.len()), self.values).unwrap_or_default();
        Ok(Frames {
            features: self.features,
            columns,
            digests: self.digests,
            x,
            labels: self.labels,
            money: self.money,
            groups: self.groups,
            ends: self.ends,
            _charge: self.charge,
        })
    }

    /// The numbers first, as their values are stored, then the chosen levels of each text.
    fn columns(&self, chosen: &[Vec<(u32, String)>]) -> Vec<Column> {
        let numbered = || (0u32..).zip(&self.features);
        let numbers = numbered()
            .filter(|(_, f)| matches!(f, Feature::Number(_)))
            .map(|(feature, _)| Column {
                feature,
                level: None,
            });
        let levels = numbered()
            .filter(|(_, f)| matches!(f, Feature::Text(_)))
            .zip(chosen)
            .flat_map(|((feature, _), levels)| {
                levels.iter().map(move |(_, text)| Column {
                    feature,
                    level: Some(text.clone()),
                })
            });
        numbers.chain(levels).collect()
    }
}

fn code_of(known: &mut HashMap<String, u32>, text: &str) -> u32 {
    if let Some(code) = known.get(text) {
        return *code;
    }
    if known.len() >= TEXTS {
        return u32::MAX;
    }
    let code = u32::try_from(known.len()).unwrap_or(u32::MAX);
    known.insert(text.to_owned(), code);
    code
}

/// The codes of the most frequent values, by frequency, then by text; ascending by text, so that the order of rows does not
/// show.
fn frequent(texts: &HashMap<String, u32>, codes: &[u32]) -> Vec<(u32, String)> {
    let mut counts = vec![0usize; texts.len()];
    for code in codes {
        if let Some(count) = counts.get_mut(*code as usize) {
            *count += 1;
        }
    }
    let mut all: Vec<(usize, &String, u32)> = texts
        .iter()
        .map(|(text, code)| {
            (
                counts.get(*code as usize).copied().unwrap_or(0),
                text,
                *code,
            )
        })
        .filter(|(count, _, _)| *count >= LEVEL_ROWS)
        .collect();
    all.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    all.truncate(LEVELS);
    all.sort_by(|a, b| a.1.cmp(b.1));
    all.into_iter()
        .map(|(_, text, code)| (code, text.clone()))
        .collect()
}

fn write_text(hash: &mut XxHash3_128, text: &[u8]) {
    hash.write(&(text.len() as u64).to_le_bytes());
    hash.write(text);
}

fn halves(hash: &XxHash3_128) -> (u64, u64) {
    let value = hash.finish_128();
    ((value >> 64) as u64, value as u64)
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
