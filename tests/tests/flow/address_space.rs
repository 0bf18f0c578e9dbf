//! A process that gets no more memory from the system: an error or a smaller load, never the end of the server.

use crate::support::*;
use retailscope_system_tests::{Cluster, error_text, sqlstate};

/// Megabytes that the process may take beyond what it has when it starts.
const ROOM: [u64; 5] = [24, 48, 96, 160, 256];

#[test]
fn a_load_that_the_system_has_no_memory_for_is_an_error() {
    let _turn = alone();
    let cluster = Cluster::start(&["shared_buffers = 16MB", "restart_after_crash = on"]);
    drop(cluster.fresh("narrow"));
    let mut witness = Witness::new(&cluster, "narrow");
    let long = "x".repeat(990);
    let all: Vec<String> = (0..120_000)
        .map(|n| format!("{n},10002,A THING,1,2020-01-15 10:00,1.00,{long}{n:010},France"))
        .collect();
    let path = csv(&cluster, "narrow.csv", &all);
    let mut refused = 0;
    for room in ROOM {
        let mut client = cluster.connect("narrow");
        // The limit of the system, not ours, is the one to meet.
        client
            .batch_execute("LOAD 'retailscope'; SET retailscope.max_memory = '1TB'; BEGIN")
            .unwrap();
        let victim = pid(&mut client);
        let bytes = (memory_kb(victim, "VmSize") << 10) + (room << 20);
        cluster.must_run(
            "/usr/bin/prlimit",
            &["--pid", &victim.to_string(), &format!("--as={bytes}")],
        );
        match try_ingest(&mut client, &file(&path, "{}")) {
            Ok(counted) => assert_eq!(counted.read, 120_000),
            Err(error) => {
                refused += 1;
                let code = sqlstate(&error);
                assert!(
                    matches!(code.as_str(), "53200" | "53000"),
                    "{room} MB: {code} {}\n{}",
                    error_text(&error),
                    cluster.log()
                );
            }
        }
        client.batch_execute("ROLLBACK").unwrap();
        witness.assert_alive();
        assert_eq!(settled_threads(victim), 1, "{room} MB");
    }
    assert!(refused > 0, "all of it fits into {} MB", ROOM[0]);
}
