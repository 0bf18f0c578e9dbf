//! The speed of each stage of an ingest on generated sales, in lines a second: `cargo bench -p retailscope-engine`.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use retailscope_engine::clean::dedupe::{Known, Plan};
use retailscope_engine::clean::rules::{standard_aliases, standard_rules};
use retailscope_engine::clean::spill::{Spill, SpillError, Spilled};
use retailscope_engine::clean::{Cleaner, Formats, LineBatch, Rules};
use retailscope_engine::control::Free;
use retailscope_engine::ingest::sample::SampleSales;
use retailscope_engine::ingest::{Field, Mapping, Options, RawBatch, open_file};
use retailscope_engine::lake::{Keys, LakeBatch, LakeReader, LakeWriter};
use std::fs::File;
use std::hint::black_box;
use std::io::{Seek, Write};

/// Two years of a small retailer: about 140,000 lines.
fn sales() -> Vec<RawBatch> {
    let mut sales = SampleSales::new(500, 730, 42).unwrap();
    let mut all = Vec::new();
    let mut batch = RawBatch::new(0);
    while sales.next_batch(&mut batch, &Free).unwrap() {
        all.push(std::mem::take(&mut batch));
    }
    all
}

fn csv_of(batches: &[RawBatch]) -> Vec<u8> {
    let mut text = Field::ALL.map(Field::name).join(",") + "\n";
    for batch in batches {
        for row in 0..batch.rows() {
            text += &batch.raw_text(row);
            text.push('\n');
        }
    }
    text.into_bytes()
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn read(file: &File, name: &str) -> usize {
    let mut file = file.try_clone().unwrap();
    file.rewind().unwrap();
    let (mapping, options) = (Mapping::default(), Options::default());
    let mut source = open_file(file, name, &mapping, &options, &Free).unwrap();
    let (mut batch, mut lines) = (RawBatch::new(0), 0);
    while source.next_batch(&mut batch, &Free).unwrap() {
        lines += batch.rows() + batch.rejects.len();
    }
    lines
}

fn cleaner() -> Cleaner {
    let aliases = standard_aliases()
        .into_iter()
        .map(|(alias, country)| (alias.to_owned(), country.to_owned()))
        .collect();
    let rules = Rules::compile(standard_rules(), aliases).unwrap();
    Cleaner::new(rules, &Formats::default(), &[]).unwrap()
}

fn clean(batches: &[RawBatch]) -> Vec<LineBatch> {
    let mut cleaner = cleaner();
    let mut rejects = Vec::new();
    batches
        .iter()
        .map(|raw| {
            let mut lines = LineBatch::default();
            cleaner.clean(raw, &mut lines, &mut rejects, &Free).unwrap();
            lines
        })
        .collect()
}

fn spill(lines: &[LineBatch]) -> Spilled {
    let mut spill = Spill::new(tempfile::tempfile().unwrap(), None);
    for batch in lines {
        spill.push(batch, &Free).unwrap();
    }
    spill.finish().unwrap()
}

/// The lines that are not copies of another.
fn fresh(spilled: &Spilled) -> usize {
    let mut rows = 0;
    for month in spilled.months() {
        let plan = Plan::new(&month, 0, false, &Free);
        for pass in 0..plan.passes() {
            let mut known = Known::new(plan, pass, &Free).unwrap();
            known
                .fresh::<SpillError>(spilled, &month, &Free, |lines| {
                    rows += lines.rows();
                    Ok(())
                })
                .unwrap();
        }
    }
    rows
}

fn lake(lines: &[LineBatch]) -> Vec<u8> {
    let mut writer = LakeWriter::new(Vec::new(), 1).unwrap();
    let mut next = 0;
    for batch in lines {
        let rows = batch.rows();
        let sale_id: Vec<i64> = (next..).take(rows).collect();
        next += rows as i64;
        let keys: Vec<i32> = (0..rows as i32).map(|row| row % 900).collect();
        let keys = Keys {
            sale_id: &sale_id,
            customer_key: &keys,
            product_key: &keys,
        };
        writer.write(batch, &keys, &vec![1; rows], &Free).unwrap();
    }
    writer.finish().unwrap().0
}

fn read_lake(file: &File) -> usize {
    let mut reader = LakeReader::open(file.try_clone().unwrap(), &Free).unwrap();
    let (mut batch, mut rows) = (LakeBatch::default(), 0);
    while reader.next(&mut batch, &Free).unwrap() {
        rows += batch.rows();
    }
    rows
}

fn stages(criterion: &mut Criterion) {
    let raw = sales();
    let raw_lines: usize = raw.iter().map(RawBatch::rows).sum();
    let csv = csv_of(&raw);
    let cleaned = clean(&raw);
    let lines: usize = cleaned.iter().map(LineBatch::rows).sum();

    let mut group = criterion.benchmark_group("stages");
    group.sample_size(10);
    group.throughput(Throughput::Elements(raw_lines as u64));
    let plain = file_of(&csv);
    assert_eq!(read(&plain, "a.csv"), raw_lines);
    group.bench_function("read csv", |b| b.iter(|| read(black_box(&plain), "a.csv")));
    let packed = file_of(&zstd::bulk::compress(&csv, 3).unwrap());
    group.bench_function("read csv.zst", |b| {
        b.iter(|| read(black_box(&packed), "a.csv.zst"))
    });
    group.bench_function("clean", |b| b.iter(|| clean(black_box(&raw))));

    group.throughput(Throughput::Elements(lines as u64));
    group.bench_function("spill", |b| b.iter(|| spill(black_box(&cleaned))));
    let spilled = spill(&cleaned);
    let kept = fresh(&spilled);
    assert!(kept < lines && kept > lines / 2, "{kept} of {lines}");
    group.bench_function("drop duplicates", |b| b.iter(|| fresh(black_box(&spilled))));
    group.bench_function("write lake", |b| b.iter(|| lake(black_box(&cleaned))));
    let file = file_of(&lake(&cleaned));
    assert_eq!(read_lake(&file), lines);
    group.bench_function("read lake", |b| b.iter(|| read_lake(black_box(&file))));
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
