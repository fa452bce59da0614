//! Certificates of a test's own, by the openssl command.

use std::{path::PathBuf, process::Command};

use super::directory::Directory;

/// An authority, and a server's certificate from it that is valid for 127.0.0.1 and for no name. All files are PEM.
pub struct Certificates {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    /// The server's key.
    pub key: PathBuf,
    /// Key and certificate in one file, as Kafka requires them.
    pub both: PathBuf,
    _directory: Directory,
}

impl Certificates {
    pub fn make() -> Self {
        let directory = Directory::new();
        let [ca, ca_key, key, request, certificate, both] =
            ["ca.pem", "ca.key", "server.key", "server.csr", "server.pem", "both.pem"]
                .map(|name| directory.path().join(name));
        let extensions =
            directory.write("extensions", "basicConstraints=CA:FALSE\nsubjectAltName=IP:127.0.0.1\n");
        let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let days = ["-days", "2"];
        openssl(|command| {
            command.args(["req", "-x509", "-subj", "/CN=An authority of the tests"]).args(new_key).args(days);
            command.arg("-keyout").arg(&ca_key).arg("-out").arg(&ca);
        });
        openssl(|command| {
            command.args(["req", "-subj", "/CN=A server of the tests"]).args(new_key);
            command.arg("-keyout").arg(&key).arg("-out").arg(&request);
        });
        openssl(|command| {
            command.args(["x509", "-req", "-CAcreateserial"]).args(days).arg("-in").arg(&request);
            command.arg("-CA").arg(&ca).arg("-CAkey").arg(&ca_key).arg("-extfile").arg(&extensions);
            command.arg("-out").arg(&certificate);
        });
        let read = |file: &PathBuf| std::fs::read_to_string(file).expect("a file of openssl's");
        std::fs::write(&both, read(&key) + &read(&certificate)).expect("a file");
        Self { ca, certificate, key, both, _directory: directory }
    }
}

fn openssl(arguments: impl Fn(&mut Command)) {
    let mut command = Command::new("openssl");
    arguments(&mut command);
    let output = command.output().expect("openssl is needed: apt-get install openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
