//! Certificates, made by openssl for each run: an authority and what it certifies, and a stranger.

use std::{path::Path, process::Command};

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").current_dir(folder).args(arguments.split_whitespace()).output();
    let output = output.unwrap_or_else(|e| panic!("this test needs openssl in PATH: {e}"));
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes `server.pem` and `server.key` for a server at 127.0.0.1 (and no name), certified by `ca.pem`;
/// and `stranger.pem`, an authority that certified nothing.
pub fn certify(folder: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    for authority in ["ca", "stranger"] {
        openssl(
            folder,
            &format!("req -x509 {key} -subj /CN={authority} -keyout {authority}.key -out {authority}.pem"),
        );
    }
    openssl(folder, &format!("req {key} -subj /CN=server -keyout server.key -out server.csr"));
    let extensions = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
    std::fs::write(folder.join("san"), extensions).expect("a file can be made");
    openssl(
        folder,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.pem",
    );
}
