//! Just enough of Thrift's compact protocol to distrust a Parquet file: a walker, and what it finds in footers and in the
//! headers of pages.
//!
//! The parquet crate allocates by what the file says about itself: the lengths of lists, pages and strings. A length that is
//! a lie aborts the process, which in a database takes all sessions with it. The walks here read the same structures
//! first, allocate nothing, and refuse what does not add up. The crate takes a field by its number alone and cuts a number
//! down to its type, so a known field of another type or size is refused as well.

pub(crate) mod window;

use std::io;

use parquet::file::metadata::ColumnChunkMetaData;

/// Structures within structures: Parquet needs about six.
const DEPTH: u32 = 24;
/// Bytes that the crate's structure for a column chunk, a row group or an element of the schema takes, at most.
const LARGE: u64 = 1024;
/// Bytes that it takes for an element of a smaller list: an encoding, a name on a path, a statistic of pages.
const SMALL: u64 = 64;
/// Lists of the large structures lie this deep at most: columns in row groups in the footer.
const LARGE_DEPTH: u32 = DEPTH - 3;
/// Bytes that the lists of a page's header may take.
const PAGE_LISTS: u64 = 1_000 * SMALL;
/// Bytes of a page's header that are looked at first; few take more.
const FIRST_LOOK: usize = 1024;

const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;
const UUID: u8 = 13;

/// Why a walk stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes ended; with more of them it may go on.
    Short,
    /// The structure is wrong, and how.
    Wrong(&'static str),
    /// More elements than there may be.
    TooMany,
}

/// Who wrote the bytes, as far as they can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Any program: whatever the protocol allows may come.
    Foreign,
    /// Our own writer: fields come in rising order, each once, there are no maps, and pages have no fields but the usual.
    Own,
}

impl Origin {
    /// The largest header of a page in bytes: it may carry the smallest and largest value, which our own do not.
    fn page_header(self) -> usize {
        match self {
            Origin::Foreign => 1 << 20,
            Origin::Own => 512,
        }
    }
}

/// A field's number and type.
#[derive(Debug, Clone, Copy)]
struct FieldHead {
    id: i16,
    kind: u8,
}

/// The fields of a structure that has been entered.
#[derive(Debug, Default)]
struct Fields {
    last: i16,
}

/// A place in bytes of the compact protocol.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes that the crate would take for the elements of all lists so far, and may take.
    lists: u64,
    most: u64,
    origin: Origin,
}

impl<'a> Walk<'a> {
    /// Begins at the first byte; the crate may take `most` bytes for the elements of all lists together.
    fn new(bytes: &'a [u8], most: u64, origin: Origin) -> Self {
        Walk {
            bytes,
            at: 0,
            lists: 0,
            most,
            origin,
        }
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = *self.bytes.get(self.at).ok_or(Fault::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Fault::Wrong("a number is too long"))
    }

    fn signed(&mut self) -> Result<i64, Fault> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn pass(&mut self, bytes: u64) -> Result<(), Fault> {
        let left = self.bytes.len().saturating_sub(self.at);
        match usize::try_from(bytes) {
            Ok(n) if n <= left => self.at += n,
            Ok(n) if n <= 1 << 30 => return Err(Fault::Short),
            _ => return Err(Fault::Wrong("a string is too long")),
        }
        Ok(())
    }

    /// The next field of a structure; `None` at its end.
    fn field(&mut self, fields: &mut Fields) -> Result<Option<FieldHead>, Fault> {
        let head = self.byte()?;
        let kind = head & 15;
        if kind == STOP {
            return Ok(None);
        }
        let id = match head >> 4 {
            0 => i16::try_from(self.signed()?).ok(),
            delta => fields.last.checked_add(i16::from(delta)),
        };
        let id = id.ok_or(Fault::Wrong("a field's number is too large"))?;
        if self.origin == Origin::Own && id <= fields.last {
            return Err(Fault::Wrong("the fields are not in order"));
        }
        fields.last = id;
        Ok(Some(FieldHead { id, kind }))
    }

    /// The value of a 32-bit field.
    fn i32(&mut self, head: FieldHead) -> Result<i32, Fault> {
        of_kind(head, I32)?;
        i32::try_from(self.signed()?).map_err(|_| Fault::Wrong("a number is too large"))
    }

    /// Enters a field that is a structure.
    fn enter(&mut self, head: FieldHead) -> Result<Fields, Fault> {
        of_kind(head, STRUCT).map(|()| Fields::default())
    }

    /// Enters a field of the footer that is a list of structures.
    fn structs(&mut self, head: FieldHead) -> Result<u64, Fault> {
        of_kind(head, LIST)?;
        let (size, kind) = self.list(DEPTH)?;
        of_kind(FieldHead { kind, ..head }, STRUCT).map(|()| size)
    }

    fn list(&mut self, depth: u32) -> Result<(u64, u8), Fault> {
        let head = self.byte()?;
        let size = match head >> 4 {
            15 => self.varint()?,
            n => u64::from(n),
        };
        let large = head & 15 == STRUCT && depth >= LARGE_DEPTH;
        self.take(size, if large { LARGE } else { SMALL })?;
        Ok((size, head & 15))
    }

    fn take(&mut self, elements: u64, bytes: u64) -> Result<(), Fault> {
        self.lists = self.lists.saturating_add(elements.saturating_mul(bytes));
        if self.lists > self.most {
            return Err(Fault::TooMany);
        }
        Ok(())
    }

    /// Passes over a field.
    fn skip(&mut self, head: FieldHead) -> Result<(), Fault> {
        self.skip_kind(head.kind, DEPTH, false)
    }

    fn skip_kind(&mut self, kind: u8, depth: u32, in_list: bool) -> Result<(), Fault> {
        let depth = depth
            .checked_sub(1)
            .ok_or(Fault::Wrong("structures are nested too deeply"))?;
        match kind {
            // A flag is in its field's head and takes a byte in a list, where the crate passes over none: it would go on
            // elsewhere. Parquet has no such lists here.
            TRUE | FALSE if in_list => Err(Fault::Wrong("a list of flags")),
            TRUE | FALSE => Ok(()),
            BYTE => self.pass(1),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.pass(8),
            BINARY => self.varint().and_then(|n| self.pass(n)),
            LIST | SET => {
                let (size, kind) = self.list(depth)?;
                (0..size).try_for_each(|_| self.skip_kind(kind, depth, true))
            }
            STRUCT => {
                let mut fields = Fields::default();
                while let Some(head) = self.field(&mut fields)? {
                    self.skip_kind(head.kind, depth, false)?;
                }
                Ok(())
            }
            MAP if self.origin == Origin::Foreign => {
                let size = self.varint()?;
                self.take(size, 2 * SMALL)?;
                let kinds = if size == 0 { 0 } else { self.byte()? };
                (0..size).try_for_each(|_| {
                    self.skip_kind(kinds >> 4, depth, true)?;
                    self.skip_kind(kinds & 15, depth, true)
                })
            }
            UUID if self.origin == Origin::Foreign => self.pass(16),
            _ => Err(Fault::Wrong("a type that does not exist")),
        }
    }
}

fn of_kind(head: FieldHead, kind: u8) -> Result<(), Fault> {
    if head.kind == kind {
        return Ok(());
    }
    Err(Fault::Wrong("a field is of another type"))
}

/// Walks a whole footer, and gives `element` the number of children that each element of the schema claims. Returns the bytes
/// that the crate will take for the elements of its lists, about; all of them are there, so that none is a mere claim.
pub(crate) fn footer(
    bytes: &[u8],
    origin: Origin,
    mut element: impl FnMut(i32) -> Result<(), Fault>,
) -> Result<u64, Fault> {
    let mut walk = Walk::new(bytes, u64::MAX, origin);
    let mut fields = Fields::default();
    while let Some(head) = walk.field(&mut fields)? {
        if head.id != 2 {
            walk.skip(head)?;
            continue;
        }
        for _ in 0..walk.structs(head)? {
            let (mut inner, mut children) = (Fields::default(), 0);
            while let Some(head) = walk.field(&mut inner)? {
                match head.id {
                    5 => children = walk.i32(head)?,
                    _ => walk.skip(head)?,
                }
            }
            element(children)?;
        }
    }
    Ok(walk.lists)
}

/// What a page says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageHeader {
    /// Bytes of the header itself.
    pub length: usize,
    /// The kind of page, by its number in the format: 0 data, 2 dictionary, 3 data of version 2.
    pub kind: i32,
    /// Bytes of the page, unpacked and as stored.
    pub uncompressed: i32,
    pub compressed: i32,
    /// What the header says for each kind; of these only the one of its kind should be there.
    pub data: Option<Values>,
    pub dictionary: Option<Values>,
    pub data_v2: Option<Values>,
}

/// The values of a page: how many, and their encoding by its number in the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Values {
    pub count: i32,
    pub encoding: i32,
}

/// Reads a page's header at the beginning of `bytes`.
pub(crate) fn page_header(bytes: &[u8], origin: Origin) -> Result<PageHeader, Fault> {
    let mut walk = Walk::new(bytes, PAGE_LISTS, origin);
    let (mut kind, mut uncompressed, mut compressed) = (None, None, None);
    let (mut data, mut dictionary, mut data_v2) = (None, None, None);
    let mut fields = Fields::default();
    while let Some(head) = walk.field(&mut fields)? {
        match head.id {
            1 => kind = Some(walk.i32(head)?),
            2 => uncompressed = Some(walk.i32(head)?),
            3 => compressed = Some(walk.i32(head)?),
            5 => data = Some(values(&mut walk, head, 2)?),
            7 => dictionary = Some(values(&mut walk, head, 2)?),
            8 => data_v2 = Some(values(&mut walk, head, 4)?),
            // the checksum
            4 => walk.skip(head)?,
            _ if origin == Origin::Own => return Err(Fault::Wrong("a page with unusual fields")),
            _ => walk.skip(head)?,
        }
    }
    Ok(PageHeader {
        length: walk.at,
        kind: kind.ok_or(INCOMPLETE)?,
        uncompressed: uncompressed.ok_or(INCOMPLETE)?,
        compressed: compressed.ok_or(INCOMPLETE)?,
        data,
        dictionary,
        data_v2,
    })
}

const INCOMPLETE: Fault = Fault::Wrong("a field that must be there is not");

/// Reads the header of one kind of page, whose encoding is in the field `encoding_id`.
fn values(walk: &mut Walk<'_>, head: FieldHead, encoding_id: i16) -> Result<Values, Fault> {
    let (mut count, mut encoding) = (None, None);
    let mut fields = walk.enter(head)?;
    while let Some(head) = walk.field(&mut fields)? {
        match head.id {
            1 => count = Some(walk.i32(head)?),
            id if id == encoding_id => encoding = Some(walk.i32(head)?),
            _ => walk.skip(head)?,
        }
    }
    Ok(Values {
        count: count.ok_or(INCOMPLETE)?,
        encoding: encoding.ok_or(INCOMPLETE)?,
    })
}

/// The pages of a column chunk, header by header: each lies within the chunk, and the chunk within the file's data.
pub(crate) struct Pages {
    at: u64,
    end: u64,
    origin: Origin,
}

/// Why there is no next page.
#[derive(Debug)]
pub(crate) enum PageFault {
    /// Reading failed.
    Io(io::Error),
    /// What is wrong, as a sentence of which the column is the subject.
    Wrong(&'static str),
}

impl Pages {
    /// The pages of a chunk in a file whose data end at `data_end`; the error says what is wrong, as in [`PageFault::Wrong`].
    pub(crate) fn new(
        chunk: &ColumnChunkMetaData,
        data_end: u64,
        origin: Origin,
    ) -> Result<Pages, &'static str> {
        let start = chunk
            .dictionary_page_offset()
            .unwrap_or(chunk.data_page_offset());
        let (Ok(at), Ok(stored)) = (u64::try_from(start), u64::try_from(chunk.compressed_size()))
        else {
            return Err("has a negative size");
        };
        let end = at.checked_add(stored).filter(|end| *end <= data_end);
        let end = end.ok_or("lies beyond the end of the file")?;
        Ok(Pages { at, end, origin })
    }

    /// The next page; `None` at the chunk's end. `read` gives the bytes at a position, fewer than asked for at the end.
    pub(crate) fn next(
        &mut self,
        read: impl Fn(u64, usize) -> io::Result<Vec<u8>>,
    ) -> Result<Option<PageHeader>, PageFault> {
        if self.at >= self.end {
            return Ok(None);
        }
        let most = usize::try_from(self.end - self.at)
            .unwrap_or(usize::MAX)
            .min(self.origin.page_header());
        let mut bytes = most.min(FIRST_LOOK);
        let page = loop {
            let head = read(self.at, bytes).map_err(PageFault::Io)?;
            match page_header(&head, self.origin) {
                Ok(page) => break page,
                Err(Fault::Short) if bytes < most => bytes = (bytes * 32).min(most),
                Err(_) => return Err(PageFault::Wrong("has a page header that makes no sense")),
            }
        };
        let body = u64::try_from(page.compressed)
            .map_err(|_| PageFault::Wrong("has a page of negative size"))?;
        self.at += page.length as u64 + body;
        if self.at > self.end {
            return Err(PageFault::Wrong("has a page that runs over its end"));
        }
        Ok(Some(page))
    }
}

#[cfg(test)]
mod tests;
