use super::*;

/// A key without a passphrase signs, and who has the public key can verify.
#[tokio::test]
#[ignore = "needs ssh-keygen"]
async fn ssh_keygen_signs_and_verifies() {
    let home = tempfile::tempdir().unwrap();
    let (key, file) = (home.path().join("key"), home.path().join("report.json"));
    let sh = async |script: &str| {
        let program = Program::new("sh").args(["-ec", script, "sh"]).args([&key, &file]);
        program.output(SIGNING).await.unwrap().status
    };
    assert_eq!(sh("ssh-keygen -q -t ed25519 -N '' -f \"$1\"").await, Some(0));
    fs::write(&file, "{}").unwrap();
    let signature = sign(&file, &key).await.unwrap();
    assert_eq!(signature, home.path().join("report.json.sig"));
    // As docs/acceptance.md says it.
    let verify = "printf 'operator %s\\n' \"$(cut -d' ' -f1,2 \"$1.pub\")\" >\"$1.signers\"
        ssh-keygen -Y verify -f \"$1.signers\" -I operator -n omega-acceptance -s \"$2.sig\" <\"$2\"";
    assert_eq!(sh(verify).await, Some(0));
    fs::write(&file, "{ }").unwrap();
    assert_ne!(sh(verify).await, Some(0), "it was edited");
}

#[tokio::test]
async fn a_key_that_cannot_sign_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("report.json");
    fs::write(&file, "{}").unwrap();
    let failure = sign(&file, &home.path().join("none")).await.unwrap_err();
    assert!(failure.message.starts_with("could not sign "), "{failure:?}");
    assert!(!failure.causes.is_empty());
    assert!(failure.next.unwrap().contains("SSH agent"));
}
