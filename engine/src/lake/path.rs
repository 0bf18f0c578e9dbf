//! Names of the files in a lake, all relative to its folder and made of ASCII letters, digits and `=-_./`.

/// Folder of the manifests: its underscore makes Spark and pyarrow skip it, and it holds no `.parquet` file.
const META: &str = "_retailscope";

/// Says which warehouse the lake belongs to.
pub const IDENTITY_PATH: &str = "_retailscope/lake.json";

/// The data file of a month, a batch and a part: `year=2010/month=01/batch-00000007-0.parquet`.
#[must_use]
pub fn data_path(year: i32, month: u32, batch_id: i64, part: u32) -> String {
    format!("year={year:04}/month={month:02}/batch-{batch_id:08}-{part}.parquet")
}

/// The manifest of a batch: `_retailscope/batch-00000007.json`.
#[must_use]
pub fn manifest_path(batch_id: i64) -> String {
    format!("{META}/batch-{batch_id:08}.json")
}

/// The rejected lines of a batch: `_retailscope/batch-00000007.rejects.jsonl.zst`.
#[must_use]
pub fn rejects_path(batch_id: i64) -> String {
    format!("{META}/batch-{batch_id:08}.rejects.jsonl.zst")
}

/// Whether this is a name that the functions above make: relative, without `..`, without odd characters.
#[must_use]
pub fn is_safe_relative(path: &str) -> bool {
    path == IDENTITY_PATH || parse_data_path(path).is_some() || parse_meta(path).is_some()
}

/// Year, month, batch and part of a data file's name; `None` for any other name.
#[must_use]
pub fn parse_data_path(path: &str) -> Option<(i32, u32, i64, u32)> {
    let (year, rest) = path.strip_prefix("year=")?.split_once("/month=")?;
    let (month, rest) = rest.split_once("/batch-")?;
    let (batch, part) = rest.strip_suffix(".parquet")?.split_once('-')?;
    let (year, month, batch, part) = (
        year.parse().ok()?,
        month.parse().ok()?,
        batch.parse().ok()?,
        part.parse().ok()?,
    );
    // Made again and compared: numbers can be written in many ways, a name only in one.
    let safe = year >= 0
        && (1..=12).contains(&month)
        && batch >= 0
        && data_path(year, month, batch, part) == path;
    safe.then_some((year, month, batch, part))
}

fn parse_meta(path: &str) -> Option<i64> {
    let name = path.strip_prefix(META)?.strip_prefix("/batch-")?;
    let batch: i64 = name.split_once('.')?.0.parse().ok()?;
    (batch >= 0 && (manifest_path(batch) == path || rejects_path(batch) == path)).then_some(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_documented() {
        assert_eq!(
            data_path(2010, 1, 7, 0),
            "year=2010/month=01/batch-00000007-0.parquet"
        );
        assert_eq!(manifest_path(7), "_retailscope/batch-00000007.json");
        assert_eq!(
            rejects_path(7),
            "_retailscope/batch-00000007.rejects.jsonl.zst"
        );
        assert_eq!(
            parse_data_path("year=2010/month=01/batch-00000007-0.parquet"),
            Some((2010, 1, 7, 0))
        );
        assert_eq!(
            parse_data_path(&data_path(12010, 12, i64::MAX, u32::MAX)),
            Some((12010, 12, i64::MAX, u32::MAX))
        );
    }

    #[test]
    fn only_our_own_names_are_safe() {
        for good in [
            data_path(2010, 12, 123_456_789, 3),
            manifest_path(0),
            rejects_path(1),
        ] {
            assert!(is_safe_relative(&good), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "year=2010/month=01/../batch-00000007-0.parquet",
            "year=2010/month=01/batch-00000007-0.parquet\0",
            "/year=2010/month=01/batch-00000007-0.parquet",
            "./year=2010/month=01/batch-00000007-0.parquet",
            "year=2010//month=01/batch-00000007-0.parquet",
            "year=+2010/month=01/batch-00000007-0.parquet",
            "year=2010/month=1/batch-00000007-0.parquet",
            "year=2010/month=13/batch-00000007-0.parquet",
            "year=2010/month=00/batch-00000007-0.parquet",
            "year=-001/month=01/batch-00000007-0.parquet",
            "year=2010/month=01/batch--0000007-0.parquet",
            "year=2010/month=01/batch-7-0.parquet",
            "year=2010/month=01/batch-00000007-00.parquet",
            "year=2010/month=01/batch-00000007-0.parquet.tmp",
            "_retailscope/batch-7.json",
            "_retailscope/batch-00000007.json/..",
            "_retailscope/../batch-00000007.json",
            "_retailscope/batch-00000007",
        ] {
            assert!(!is_safe_relative(bad), "{bad}");
        }
    }
}
