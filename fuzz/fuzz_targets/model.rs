#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| retailscope_fuzz::model(data));
