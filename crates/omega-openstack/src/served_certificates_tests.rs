use std::{net::TcpListener, thread, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::sim::{Authority, Signer};

fn limits() -> Limits {
    Limits { connect: Duration::from_secs(5), ask: Duration::from_secs(5) }
}

fn in_days(days: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(24 * days)
}

async fn read(trusted: &Authority, url: &Url) -> Result<ServedCertificates, Error> {
    let pem = trusted.pem().as_bytes().to_vec();
    CertificateReader::trusting(Some(pem), "the test", limits()).unwrap().read(url).await
}

async fn refused(trusted: &Authority, url: &Url) -> String {
    read(trusted, url).await.unwrap().refused.unwrap()
}

#[tokio::test]
async fn what_the_ca_signed_for_the_name_is_accepted() {
    let authority = Authority::new("cloud").unwrap();
    let url = authority.serve(&["localhost", "127.0.0.1"], in_days(90), Signer::Authority).unwrap();
    let served = read(&authority, &url).await.unwrap();
    assert_eq!(served.refused, None);
    let own = served.own().unwrap();
    assert_eq!(own.names, ["localhost", "127.0.0.1"]);
    assert!(!own.self_signed && own.issuer.contains("CN=cloud"), "{own:?}");
}

#[tokio::test]
async fn what_is_not_accepted_is_shown_all_the_same() {
    let authority = Authority::new("cloud").unwrap();
    let url = authority.serve(&["localhost"], in_days(90), Signer::Authority).unwrap();
    let by_address = url.as_str().replace("localhost", "127.0.0.1").parse().unwrap();
    let words = "its certificate covers localhost and not this address";
    assert_eq!(refused(&authority, &by_address).await, words);
    let other = Authority::new("other").unwrap();
    assert_eq!(refused(&other, &url).await, "its certificate is not signed by a trusted CA");
    let own = authority.serve(&["localhost"], in_days(90), Signer::Itself).unwrap();
    let served = read(&authority, &own).await.unwrap();
    assert!(served.own().unwrap().self_signed && served.refused.is_some(), "{served:?}");
    let ended = authority.serve(&["localhost"], in_days(-2), Signer::Authority).unwrap();
    let served = read(&authority, &ended).await.unwrap();
    assert_eq!(served.refused.as_deref(), Some("its certificate has expired"));
    assert!(served.own().unwrap().not_after < Timestamp::now());
}

#[tokio::test]
async fn without_tls_there_is_an_error_with_its_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            std::io::Write::write_all(&mut stream.unwrap(), b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .unwrap();
        }
    });
    let authority = Authority::new("cloud").unwrap();
    let cause = async |url: &str| match read(&authority, &url.parse().unwrap()).await {
        Err(Error::Unreachable { cause, .. }) => cause,
        other => panic!("{other:?}"),
    };
    assert_eq!(cause(&format!("https://127.0.0.1:{port}")).await, TransportCause::Tls);
    assert_eq!(cause("https://127.0.0.1:1").await, TransportCause::Refused);
}
