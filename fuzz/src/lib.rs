//! What the fuzzer runs on bytes from outside, and what must hold whatever they are.
//!
//! The engine's tests include this file and replay the corpus, so that a find stays found.

use std::fs::File;
use std::io::{Cursor, Seek, Write};
use std::sync::OnceLock;

use retailscope_engine::baskets::RuleModel;
use retailscope_engine::churn::{ChurnModel, expression};
use retailscope_engine::clean::datetime::DateParser;
use retailscope_engine::clean::decimal::{format_decimal, parse_decimal};
use retailscope_engine::clean::rules::{standard_aliases, standard_rules};
use retailscope_engine::clean::spill::{Spill, SpillError};
use retailscope_engine::clean::{Cleaner, Formats, LineBatch, Rules};
use retailscope_engine::control::Control;
use retailscope_engine::forecasts::{ForecastModel, Frequency, Observed};
use retailscope_engine::ingest::{ABSENT, FIELDS, Mapping, Options, RawBatch, open_file};
use retailscope_engine::lake::{LakeBatch, LakeReader, Manifest, RejectReader};
use retailscope_engine::models::{self, Kind};
use retailscope_engine::segments::SegmentModel;
use serde_json::{Value, json};

/// Never stops anything, and allows 256 MB.
struct Limited;

impl Control for Limited {
    fn should_stop(&self) -> bool {
        false
    }

    fn progress(&self, _phase: &'static str, _done: u64, _total: u64) {}

    fn memory_limit(&self) -> u64 {
        256 << 20
    }
}

fn file_of(data: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(data).expect("room for it");
    file.rewind().expect("a file can be rewound");
    file
}

fn rules() -> Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES
        .get_or_init(|| {
            let aliases = standard_aliases()
                .into_iter()
                .map(|(alias, country)| (alias.to_owned(), country.to_owned()))
                .collect();
            Rules::compile(standard_rules(), aliases).expect("our own rules")
        })
        .clone()
}

/// Reads and cleans a file, and checks what the rest relies on: spans lie inside the text, rows are whole, every line comes
/// out of the spill as it went in.
fn read(data: &[u8], name: &str, mapping: &Value, options: &Value) {
    let mapping = Mapping::parse(mapping).expect("a valid mapping");
    let options = Options::parse(options).expect("valid options");
    let Ok(mut source) = open_file(file_of(data), name, &mapping, &options, &Limited) else {
        return;
    };
    let formats = Formats {
        date_formats: options.date_formats.clone(),
        decimal_comma: options.decimal_comma,
    };
    let mut cleaner =
        Cleaner::new(rules(), &formats, source.extra_columns()).expect("valid formats");
    let mut spill = Spill::new(file_of(&[]), None);
    let (mut raw, mut lines, mut rejects) = (RawBatch::new(0), LineBatch::default(), Vec::new());
    let (mut last_line, mut pushed, mut sum) = (0, 0, 0i128);
    while let Ok(true) = source.next_batch(&mut raw, &Limited) {
        let rows = raw.rows();
        assert!(
            rows + raw.rejects.len() > 0,
            "an empty batch that is not the last"
        );
        assert_eq!(raw.fields.len(), rows * FIELDS);
        assert_eq!(raw.extra_fields.len(), rows * raw.extras);
        assert_eq!(raw.extras, source.extra_columns().len());
        let text = std::str::from_utf8(&raw.bytes).expect("batches are UTF-8");
        for &(start, end) in raw.fields.iter().chain(&raw.extra_fields).chain(&raw.raw) {
            if (start, end) != ABSENT {
                assert!(
                    text.get(start as usize..end as usize).is_some(),
                    "span {start}..{end}"
                );
            }
        }
        for &line in &raw.line_no {
            assert!(line > last_line, "line {line} after {last_line}");
            last_line = line;
        }
        lines.clear();
        rejects.clear();
        if cleaner
            .clean(&raw, &mut lines, &mut rejects, &Limited)
            .is_err()
        {
            return;
        }
        assert_eq!(
            lines.rows() + rejects.len(),
            rows,
            "every line is clean or refused"
        );
        for reject in rejects.iter().chain(&raw.rejects) {
            assert!(!reject.raw.contains('\0') && !reject.reason.is_empty());
        }
        spill.push(&lines, &Limited).expect("room in the spill");
        pushed += lines.rows();
        sum += money(&lines);
    }
    assert!(source.position().0 <= source.position().1.max(data.len() as u64));
    let spilled = spill.finish().expect("room in the spill");
    let (mut seen, mut amount) = (0, 0i128);
    for month in spilled.months() {
        spilled
            .read::<SpillError>(month.month, &Limited, |lines| {
                seen += lines.rows();
                amount += money(lines);
                Ok(())
            })
            .expect("what was spilled can be read");
    }
    assert_eq!(
        (seen, amount),
        (pushed, sum),
        "the spill gives back what it took"
    );
}

fn money(lines: &LineBatch) -> i128 {
    (0..lines.rows())
        .filter_map(|row| lines.line(row))
        .map(|line| line.amount())
        .sum()
}

/// Text, packed or not: the first byte chooses name and options.
pub fn csv(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else {
        return;
    };
    let name = ["a.csv", "a.csv.gz", "a.csv.zst", "a.txt"][usize::from(choice & 3)];
    let options = match choice >> 2 & 7 {
        0 | 1 => json!({}),
        2 => json!({"delimiter": ";", "decimal_comma": true, "date_format": "%d.%m.%Y %H:%M"}),
        3 => json!({"encoding": "windows-1252", "max_line_bytes": 64}),
        4 => json!({"encoding": "utf-16le"}),
        5 => json!({"encoding": "gb18030", "date_format": ["%Y%m%d", "%d/%m/%y %I:%M %p"]}),
        6 => json!({"encoding": "shift_jis", "delimiter": "\t"}),
        _ => json!({"max_line_bytes": 64}),
    };
    let mapping = if choice >> 5 & 1 == 0 {
        json!({})
    } else {
        json!({"invoice_no": "a", "stock_code": "b", "quantity": "c", "sold_at": "d", "unit_price": {"value": "1.5"}})
    };
    read(data, name, &mapping, &options);
}

/// Parquet of anyone's making.
pub fn parquet_in(data: &[u8]) {
    read(data, "a.parquet", &json!({}), &json!({}));
}

/// A file that claims to be of our lake.
pub fn lake_reader(data: &[u8]) {
    let Ok(mut reader) = LakeReader::open(file_of(data), &Limited) else {
        return;
    };
    let mut batch = LakeBatch::default();
    let mut rows = 0;
    loop {
        match reader.next(&mut batch, &Limited) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => return,
        }
        assert!(batch.rows() > 0, "an empty batch that is not the last");
        assert_eq!(batch.sale_id.len(), batch.rows());
        assert!(batch.lines.line(batch.rows() - 1).is_some());
        rows += batch.rows() as u64;
    }
    assert_eq!(
        rows,
        reader.rows(),
        "a file that is read to its end has the rows that it claims"
    );
}

/// A manifest, and the refused lines beside it.
pub fn manifest(data: &[u8]) {
    if let Ok(manifest) = Manifest::parse(data) {
        let again = Manifest::parse(&manifest.to_json()).expect("what we write we read");
        assert_eq!(again.to_json(), manifest.to_json());
    }
    if let Ok(mut reader) = RejectReader::new(Cursor::new(data), 1 << 20, &Limited) {
        while let Ok(Some(reject)) = reader.next(&Limited) {
            assert!(reject.raw.len() <= 1 << 20);
        }
    }
}

/// Single values: the first byte chooses among mapping, options, date and number.
pub fn values(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match choice & 3 {
        0 => {
            if let Ok(json) = serde_json::from_str::<Value>(text)
                && let Ok(mapping) = Mapping::parse(&json)
            {
                let header: Vec<String> = [
                    "Invoice",
                    "StockCode",
                    "Quantity",
                    "InvoiceDate",
                    "Price",
                    "a",
                    "",
                ]
                .map(String::from)
                .to_vec();
                drop(mapping.resolve(&header));
            }
        }
        1 => {
            if let Ok(json) = serde_json::from_str::<Value>(text) {
                drop(Options::parse(&json));
            }
        }
        2 => {
            let (format, value) = text.split_once('\0').unwrap_or(("%d/%m/%Y", text));
            if let Ok(parser) = DateParser::new(&[format.to_owned()]) {
                // Years 1 to 9999.
                if let Some(micros) = parser.parse(value) {
                    assert!((-62_135_596_800_000_000..253_402_300_800_000_000).contains(&micros));
                }
                let _other = parser.is_other_form(value);
            }
        }
        _ => {
            for (comma, scale) in [(false, 4), (true, 6), (false, 6)] {
                if let Ok(number) = parse_decimal(text, comma, scale) {
                    let shown = format_decimal(i128::from(number), scale);
                    assert_eq!(parse_decimal(&shown, false, scale), Ok(number), "{shown}");
                }
            }
        }
    }
}

/// A stored model whose checksum and lengths are set right, as somebody would who writes into the registry by hand: what
/// passes its checks predicts, explains and is exported without a panic.
pub fn model(data: &[u8]) {
    if models::open(data).is_err() {
        use_model(&repaired(data));
    }
    use_model(data);
}

/// The head's lengths and the checksum fit what is there.
fn repaired(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    if bytes.len() < 28 {
        return bytes;
    }
    bytes.truncate(bytes.len() - 4);
    let body = bytes.len() - 24;
    let schema =
        u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) as usize % (body + 1);
    bytes[12..16].copy_from_slice(&(schema as u32).to_le_bytes());
    bytes[16..24].copy_from_slice(&((body - schema) as u64).to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    let crc = models::checksum(&bytes);
    let body = bytes.len() - 4;
    bytes[body..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn use_model(data: &[u8]) {
    let Ok(opened) = models::open(data) else {
        return;
    };
    if let Ok(model) = opened.decode::<ChurnModel>(Kind::Churn, &Limited)
        && model.check().is_ok()
    {
        let encoder = model.encoder();
        for numbers in [&[1.0, -2.0, 1e300][..], &[f64::NAN; 3], &[]] {
            let mut row = Vec::new();
            encoder.encode(numbers, &[Some("France")], &mut row);
            let probability = model.probability_of_row(&row);
            assert!((0.0..=1.0).contains(&probability), "{probability}");
            assert_eq!(
                model.explain(&row).contributions.len(),
                model.features.len()
            );
        }
        drop(expression::of(&model));
    }
    if let Ok(model) = opened.decode::<SegmentModel>(Kind::Segments, &Limited)
        && model.check().is_ok()
    {
        let row = vec![1.0; model.features.len()];
        drop(model.assign_row(&row));
    }
    if let Ok(mut model) = opened.decode::<ForecastModel>(Kind::Forecast, &Limited)
        && model.check().is_ok()
    {
        drop(model.forecast(40, 0.9, &Limited));
        drop(model.explain(40, &Limited));
        let newer = Observed::new(
            Frequency::DAY,
            model.end().saturating_add(86_400_000_000),
            vec![1.0, f64::NAN, 0.0],
        );
        drop(model.append(&newer, &Limited));
        drop(model.forecast(3, 0.5, &Limited));
    }
    if let Ok(model) = opened.decode::<RuleModel>(Kind::Baskets, &Limited)
        && model.check().is_ok()
    {
        assert_eq!(model.rows().count(), model.len());
        let codes: Vec<&str> = model.rows().flat_map(|row| row.antecedent).collect();
        for basket in [&[][..], &["100"], &codes] {
            for advice in model.recommend(basket, 9) {
                assert!((0.0..=1.0).contains(&advice.score), "{}", advice.score);
                assert!(!basket.contains(&advice.item));
            }
        }
    }
}
