//! One measurement of mining a file of baskets (one a line, items separated by blanks), as a line of JSON;
//! `benches/baskets.py` runs it and, on the same file, `benches/miners.py`.
//!
//!     baskets FILE ALGORITHM MIN_COUNT THREADS [MAX_ITEMSETS]
#![allow(clippy::unwrap_used)]

mod measure;

use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader};

use retailscope_engine::baskets::{
    About, Algorithm, Baskets, BasketsBuilder, Database, LONGEST, Limits, Mined, mine,
};
use retailscope_engine::control::Control;
use serde_json::json;

use crate::measure::measure;

/// Never stops, and allows 16 GiB.
struct Open;

impl Control for Open {
    fn should_stop(&self) -> bool {
        false
    }

    fn progress(&self, _phase: &'static str, _done: u64, _total: u64) {}

    fn memory_limit(&self) -> u64 {
        1 << 34
    }
}

fn read(path: &str) -> Baskets {
    let about = About {
        day: 0,
        in_group: true,
    };
    let mut builder = BasketsBuilder::default();
    let file = BufReader::new(fs::File::open(path).unwrap());
    for (basket, line) in file.split(b'\n').enumerate() {
        let basket = (basket as u64).to_le_bytes();
        for item in line.unwrap().split(|byte| *byte == b' ') {
            let item = (!item.is_empty()).then_some(item);
            builder.push(&basket, item, 0.0, about, &Open).unwrap();
        }
    }
    builder.finish(&Open).unwrap()
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [file, algorithm, min_count, threads, rest @ ..] = given.as_slice() else {
        eprintln!("baskets FILE ALGORITHM MIN_COUNT THREADS [MAX_ITEMSETS]");
        std::process::exit(2);
    };
    let algorithm = Algorithm::parse(algorithm).unwrap();
    let min_count = min_count.parse().unwrap();
    let limits = Limits {
        max_len: LONGEST,
        max_itemsets: rest.first().map_or(u64::MAX, |most| most.parse().unwrap()),
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.parse().unwrap())
        .build()
        .unwrap();
    let baskets = read(file);
    // From here on the peak is that of mining (`man proc`, clear_refs).
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let (measured, mined) = measure(|| -> Mined {
        pool.install(|| {
            let database = Database::new(&baskets, None, None, min_count, &Open).unwrap();
            black_box(mine(database, algorithm, limits, &|| 0.0, &Open).unwrap())
        })
    });
    let mut figures = json!({
        "baskets": baskets.len(),
        "itemsets": mined.itemsets.len(),
        "by_size": mined.itemsets.by_size(),
        "algorithm": mined.algorithm.name(),
        "longest": mined.longest,
        "caps": format!("{:?}", mined.caps),
    });
    let (all, own) = (
        figures.as_object_mut().unwrap(),
        measured.as_object().unwrap(),
    );
    all.extend(own.clone());
    println!("{figures}");
}
