//! Certificates for one test: an authority, a server at 127.0.0.1, a client, and some that must be
//! refused.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// PEM files in one folder.
#[derive(Debug, Clone)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Creates new certificates.
    pub fn write(folder: &Path) -> Self {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "pulso test authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca = authority.self_signed(&key).unwrap().pem();
        fs::write(folder.join("ca.pem"), ca).unwrap();
        let issuer = Issuer::new(authority, key);
        let stranger = CertificateParams::default().self_signed(&KeyPair::generate().unwrap());
        fs::write(folder.join("stranger-ca.pem"), stranger.unwrap().pem()).unwrap();
        for name in ["server", "client", "expired"] {
            let mut params = CertificateParams::new(["localhost", "127.0.0.1"].map(str::to_owned));
            let params = params.as_mut().unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            if name == "expired" {
                (params.not_before, params.not_after) =
                    (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 2, 1));
            }
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap().pem();
            fs::write(folder.join(format!("{name}.pem")), &certificate).unwrap();
            fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
            // One file with both, as Kafka wants it.
            let chain = key.serialize_pem() + &certificate;
            fs::write(folder.join(format!("{name}-chain.pem")), chain).unwrap();
        }
        Self { folder: folder.to_owned() }
    }

    /// The authority that signed all of them.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// An authority that signed none of them.
    pub fn stranger_ca(&self) -> PathBuf {
        self.folder.join("stranger-ca.pem")
    }

    /// Certificate and key of a server at `localhost` and 127.0.0.1.
    pub fn server(&self) -> [PathBuf; 2] {
        self.pair("server")
    }

    /// Certificate and key of a client.
    pub fn client(&self) -> [PathBuf; 2] {
        self.pair("client")
    }

    /// A certificate and key of a server that expired years ago.
    pub fn expired(&self) -> [PathBuf; 2] {
        self.pair("expired")
    }

    fn pair(&self, name: &str) -> [PathBuf; 2] {
        ["pem", "key"].map(|ending| self.folder.join(format!("{name}.{ending}")))
    }
}
