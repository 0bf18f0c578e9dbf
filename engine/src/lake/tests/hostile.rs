//! Damaged and hostile files: an error or the same rows, never a panic, never much memory.

use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Int32Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::metadata::KeyValue;

use super::sample::{Dice, file, read, realistic, write};
use crate::control::Free;
use crate::error::{Class, Classified};
use crate::lake::columns::record_batch;
use crate::lake::schema::{KEY_CONTENT, properties, write_schema};
use crate::lake::{LakeBatch, LakeError, LakeReader, checksum};

#[test]
fn every_truncation_is_an_error() {
    let (bytes, _) = write(&[realistic(40)]);
    for n in 0..bytes.len() {
        let error = read(&bytes[..n]).unwrap_err();
        assert!(
            matches!(error.class(), Class::Corrupted | Class::BadData),
            "{n}: {error}"
        );
        assert!(error.hint().is_some());
    }
}

#[test]
fn flipped_bytes_are_an_error_or_make_no_difference() {
    let rows = realistic(200);
    let (bytes, written) = write(std::slice::from_ref(&rows));
    let mut dice = Dice(1);
    let mut unnoticed = 0;
    for _ in 0..2_000 {
        let at = dice.roll(bytes.len() as u64) as usize;
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 + dice.roll(255) as u8;
        match read(&damaged) {
            Ok(found) => {
                assert!(found == rows, "byte {at} changed the rows");
                unnoticed += 1;
            }
            Err(e) => assert!(
                matches!(
                    e.class(),
                    Class::Corrupted | Class::BadData | Class::OutOfMemory
                ),
                "{at}: {e}"
            ),
        }
        assert_ne!(
            checksum(&damaged[..], &Free).unwrap(),
            (written.bytes, written.crc32c)
        );
    }
    // Statistics, created_by and the like; most of the file matters.
    assert!(unnoticed < 400, "{unnoticed}");
    assert_eq!(
        checksum(&bytes[..], &Free).unwrap(),
        (written.bytes, written.crc32c)
    );
}

/// Flips in the footer reach the counts and places that memory is reserved for.
#[test]
fn every_byte_of_a_footer_may_be_anything() {
    let rows = realistic(20);
    let (bytes, _) = write(std::slice::from_ref(&rows));
    let size =
        u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
    for at in bytes.len() - 8 - size..bytes.len() {
        for value in [0x00, 0x7f, 0x80, 0xff, bytes[at] ^ 1] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            if let Ok(found) = read(&damaged) {
                assert!(found == rows, "byte {at} changed the rows");
            }
        }
    }
}

#[test]
fn noise_is_not_a_lake_file() {
    for noise in [
        &b""[..],
        b"PAR1",
        b"invoice,code\n1,2\n, a CSV file",
        b"PAR1PAR1",
        b"PAR1\0\0\0\0PAR1",
    ] {
        assert!(read(noise).is_err());
    }
    let error = read(b"Invoice,StockCode\n489434,85048\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a lake file: it is not a Parquet file"
    );
    assert!(error.hint().unwrap().contains("rs_ingest_file"));
}

/// A file with all the marks of a lake file, but with the given content.
fn forged(
    rows: &LakeBatch,
    change: impl Fn(&mut Vec<ArrayRef>),
    pairs: &[(&str, &str)],
) -> Vec<u8> {
    let schema = write_schema();
    let batch = record_batch(&schema, &rows.lines, &rows.keys(), &rows.batch_id).unwrap();
    let mut columns = batch.columns().to_vec();
    change(&mut columns);
    let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
    let options = ArrowWriterOptions::new()
        .with_properties(properties(7).unwrap())
        .with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options).unwrap();
    writer.write(&batch).unwrap();
    for (key, value) in pairs {
        writer.append_key_value_metadata(KeyValue::new((*key).into(), (*value).to_owned()));
    }
    writer.into_inner().unwrap()
}

#[test]
fn each_row_is_checked() {
    let rows = realistic(50);
    let other = realistic(60);
    let schema = write_schema();
    let strange = record_batch(&schema, &other.lines, &other.keys(), &other.batch_id)
        .unwrap()
        .slice(10, 50);
    let column = |name: &str| schema.index_of(name).unwrap();
    let swap = |name: &str| {
        let at = column(name);
        forged(
            &rows,
            |columns| columns[at] = strange.column(at).clone(),
            &[(KEY_CONTENT, "")],
        )
    };
    let error = read(&swap("amount")).unwrap_err().to_string();
    assert!(
        error.contains("amount is not quantity times unit price in the row of sale_id 1"),
        "{error}"
    );
    let dates = forged(
        &rows,
        |columns| columns[column("date")] = Arc::new(Date32Array::from(vec![14_000; 50])),
        &[(KEY_CONTENT, "")],
    );
    assert!(
        read(&dates)
            .unwrap_err()
            .to_string()
            .contains("date and sold_at differ in the row of sale_id 1")
    );
    let kinds = forged(
        &rows,
        |columns| columns[column("line_kind")] = Arc::new(StringArray::from(vec!["gift"; 50])),
        &[(KEY_CONTENT, "")],
    );
    assert!(
        read(&kinds)
            .unwrap_err()
            .to_string()
            .contains("line_kind \"gift\" is none in the row of sale_id 1")
    );
    // Nothing wrong with any row, but the checksum over the values is not theirs.
    let error = read(&forged(&rows, |_| (), &[(KEY_CONTENT, "00")])).unwrap_err();
    assert!(error.to_string().contains("checksum"), "{error}");
    assert!(matches!(
        read(&forged(&rows, |_| (), &[])),
        Err(LakeError::Corrupted(_))
    ));
}

#[test]
fn other_parquet_and_other_versions_are_told_apart() {
    let rows = realistic(5);
    let schema = write_schema();
    let batch = record_batch(&schema, &rows.lines, &rows.keys(), &rows.batch_id).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    let plain = writer.into_inner().unwrap();
    assert!(matches!(read(&plain), Err(LakeError::NotALakeFile(_))));

    let (bytes, _) = write(&[rows]);
    let key = b"retailscope.lake_format";
    let at = memchr::memmem::find(&bytes, key).unwrap() + key.len() + 2;
    assert_eq!(bytes[at], b'1');
    let mut later = bytes;
    later[at] = b'9';
    let error = read(&later).unwrap_err();
    assert_eq!(
        error.to_string(),
        "lake format version 9 is not known, only version 1 is"
    );

    let two = RecordBatch::try_from_iter([("a", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]);
    let mut writer =
        ArrowWriter::try_new(Vec::new(), two.as_ref().unwrap().schema(), None).unwrap();
    writer.write(&two.unwrap()).unwrap();
    assert!(matches!(
        read(&writer.into_inner().unwrap()),
        Err(LakeError::NotALakeFile(_))
    ));
}

#[test]
fn a_folder_is_an_io_error() {
    let folder = std::fs::File::open(std::env::temp_dir()).unwrap();
    assert!(LakeReader::open(folder, &Free).is_err());
    assert!(LakeReader::open(file(b"PAR1"), &Free).is_err());
}
