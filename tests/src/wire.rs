//! A bare connection: its socket can be dropped in the middle of a query, as a client that dies does it.

use crate::Cluster;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

/// A session of the superuser that speaks just enough of the protocol to send statements. Dropping it closes the socket
/// without a word of farewell.
#[derive(Debug)]
pub struct Wire {
    stream: UnixStream,
    pid: u32,
}

impl Wire {
    /// Connects with `options` as in PGOPTIONS (`-c name=value`).
    pub fn connect(cluster: &Cluster, db: &str, options: &str) -> Wire {
        let path = cluster.dir().join(".s.PGSQL.5432");
        let stream = UnixStream::connect(&path)
            .unwrap_or_else(|e| panic!("connect to {}: {e}", path.display()));
        let mut wire = Wire { stream, pid: 0 };
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for word in ["user", "postgres", "database", db, "options", options, ""] {
            body.extend_from_slice(word.as_bytes());
            body.push(0);
        }
        wire.write(None, &body);
        wire.until_ready();
        wire
    }

    /// The process id of its backend.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Runs statements that must succeed.
    pub fn run(&mut self, sql: &str) {
        self.send(sql);
        self.until_ready();
    }

    /// Sends statements and does not wait for what comes of them.
    pub fn send(&mut self, sql: &str) {
        let mut body = sql.as_bytes().to_vec();
        body.push(0);
        self.write(Some(b'Q'), &body);
    }

    /// True while the server has answered nothing to what was sent.
    pub fn is_silent(&mut self) -> bool {
        self.stream.set_nonblocking(true).expect("a socket");
        let read = self.stream.read(&mut [0]);
        self.stream.set_nonblocking(false).expect("a socket");
        matches!(read, Err(e) if e.kind() == ErrorKind::WouldBlock)
    }

    fn write(&mut self, kind: Option<u8>, body: &[u8]) {
        let length = u32::try_from(body.len() + 4).expect("a short message");
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(body);
        self.stream.write_all(&message).expect("the server listens");
    }

    fn until_ready(&mut self) {
        loop {
            let mut head = [0; 5];
            self.stream.read_exact(&mut head).expect("an answer");
            let [kind, length @ ..] = head;
            let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
            self.stream.read_exact(&mut body).expect("an answer");
            match (kind, body.first_chunk::<4>()) {
                (b'E', _) => panic!("{}", String::from_utf8_lossy(&body)),
                (b'K', Some(pid)) => self.pid = u32::from_be_bytes(*pid),
                (b'Z', _) => return,
                _ => {}
            }
        }
    }
}
