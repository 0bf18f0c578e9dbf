//! Encodings by the names that the web, databases and Python give them.

use encoding_rs::Encoding;

use super::IngestError;
use super::options::wrong;
use crate::names::shown;

/// The encoding of a name.
pub(super) fn named(given: &str) -> Result<&'static Encoding, IngestError> {
    let label = given.trim().to_ascii_lowercase();
    let known = |label: &str| Encoding::for_label_no_replacement(label.as_bytes());
    let elsewhere = label.replace('_', "-");
    let found = known(&label)
        .or_else(|| known(&elsewhere))
        .or_else(|| known(&web_label(&elsewhere)));
    found.ok_or_else(|| {
        wrong(
            "encoding",
            format!(
                "{} is not known; some that are: utf-8, windows-1252, iso-8859-15, windows-1250, windows-1251, \
                 shift_jis, gb18030, big5, euc-kr, utf-16le",
                shown(given)
            ),
        )
    })
}

/// The web's label for a name that databases and Python use, in lower case and with hyphens.
fn web_label(name: &str) -> String {
    if let Some(page) = name.strip_prefix("win125") {
        return format!("windows-125{page}");
    }
    let label = match name {
        "latin-1" => "latin1",
        "latin-2" => "latin2",
        "latin-3" => "latin3",
        "latin-4" => "latin4",
        "latin-5" => "latin5",
        "latin-6" => "latin6",
        "cp932" | "ms932" => "windows-31j",
        "cp936" | "euc-cn" => "gbk",
        "cp949" | "uhc" => "euc-kr",
        "cp950" => "big5",
        "cp874" | "win874" => "windows-874",
        "win866" => "ibm866",
        "koi8r" => "koi8-r",
        "koi8u" => "koi8-u",
        "latin7" | "latin-7" => "iso-8859-13",
        "latin8" | "latin-8" => "iso-8859-14",
        "latin9" | "latin-9" => "iso-8859-15",
        "latin10" | "latin-10" => "iso-8859-16",
        "mac-roman" => "macintosh",
        "mac-cyrillic" => "x-mac-cyrillic",
        "utf-8-sig" => "utf-8",
        "utf-16-le" => "utf-16le",
        "utf-16-be" => "utf-16be",
        other => other,
    };
    label.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_databases_and_python_use() {
        for (names, want) in [
            (
                "latin1 latin-1 latin_1 LATIN1 ISO-8859-1 iso8859-1 iso_8859_1 cp1252 WIN1252",
                "windows-1252",
            ),
            ("WIN1250 cp1250 windows-1250", "windows-1250"),
            ("win1251 cp1251", "windows-1251"),
            ("WIN1253", "windows-1253"),
            ("WIN1254 latin5 latin-5", "windows-1254"),
            ("WIN1255", "windows-1255"),
            ("WIN1256", "windows-1256"),
            ("WIN1257", "windows-1257"),
            ("WIN1258", "windows-1258"),
            ("WIN866 cp866", "IBM866"),
            ("WIN874 cp874", "windows-874"),
            ("latin2 latin-2 latin_2 iso8859_2", "ISO-8859-2"),
            ("LATIN3", "ISO-8859-3"),
            ("latin-4", "ISO-8859-4"),
            ("ISO_8859_5", "ISO-8859-5"),
            ("latin6", "ISO-8859-10"),
            ("LATIN7", "ISO-8859-13"),
            ("latin8", "ISO-8859-14"),
            (
                "LATIN9 latin-9 l9 iso8859-15 iso8859_15 ISO-8859-15",
                "ISO-8859-15",
            ),
            ("LATIN10", "ISO-8859-16"),
            ("KOI8R koi8_r koi8-r", "KOI8-R"),
            ("KOI8U koi8-u", "KOI8-U"),
            ("mac_roman macintosh mac-roman", "macintosh"),
            ("mac_cyrillic", "x-mac-cyrillic"),
            ("utf8 UTF8 utf_8 utf-8 utf-8-sig UTF_8_SIG", "UTF-8"),
            ("utf-16 utf_16_le utf-16le", "UTF-16LE"),
            ("utf_16_be", "UTF-16BE"),
            ("UHC cp949 euc_kr EUC_KR", "EUC-KR"),
            ("EUC_CN cp936 gb2312 gbk GBK", "GBK"),
            ("GB18030 gb18030", "gb18030"),
            ("EUC_JP euc-jp", "EUC-JP"),
            ("SJIS ms_kanji shift_jis shift-jis cp932 ms932", "Shift_JIS"),
            ("BIG5 cp950", "Big5"),
        ] {
            for name in names.split(' ') {
                let found = named(name).ok().map(Encoding::name);
                assert_eq!(found, Some(want), "{name}");
            }
        }
        for name in [
            "win12", "win1259", "latin0", "latin-11", "cp437", "johab", "", "-",
        ] {
            assert!(named(name).is_err(), "{name}");
        }
    }
}
