use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "a secret of at least thirty-two bytes";
const TTL: u64 = 3_600;
const ACCESS_TTL: u64 = 900;
const START: i64 = 1_800_000_000;

/// A clock that stands until it is moved.
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(self.0.load(Ordering::Relaxed), 0).unwrap()
    }

    fn since_boot(&self) -> Duration {
        Duration::ZERO
    }
}

fn tokens() -> (Arc<Hands>, JwtTokens) {
    let clock = Arc::new(Hands(AtomicI64::new(START)));
    let keys = JwtKeys::new(&Secret::new(SECRET.to_owned()), TTL, ACCESS_TTL);
    (clock.clone(), JwtTokens { clock, keys })
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]));
        }
    }
    text
}

/// A token made by hand: any header, any claims, signed with `algorithm` and `secret`.
fn forged(header: &Value, claims: &Value, algorithm: hmac::Algorithm, secret: &str) -> String {
    let body =
        format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let signature = hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), body.as_bytes());
    format!("{body}.{}", base64url(signature.as_ref()))
}

fn hs256() -> Value {
    json!({"typ": "JWT", "alg": "HS256"})
}

fn claims() -> Value {
    let xid = Uuid::from_u128(7).to_string();
    json!({
        "iss": "wallet", "aud": "wallet-api", "sub": xid, "xid": xid, "wallet": Uuid::from_u128(8).to_string(),
        "scope": "wallet", "iat": START, "exp": START + 60, "jti": Uuid::from_u128(9).to_string(),
    })
}

fn verified(claims: &Value) -> Result<Principal, Unauthorized> {
    tokens().1.verify(&forged(&hs256(), claims, hmac::HMAC_SHA256, SECRET))
}

#[test]
fn an_issued_token_says_who_carries_it() {
    let (_, tokens) = tokens();
    let (xid, wallet) = (CustomerXid(Uuid::now_v7()), WalletId::generate());
    let token = tokens.issue(xid, wallet).unwrap();
    let at = |seconds| Timestamp::from_timestamp(START + seconds, 0).unwrap();
    let of = |token: Uuid, ttl, session| Principal {
        subject: Subject::Customer { xid, wallet },
        scopes: vec![Scope::Wallet],
        issued_at: at(0),
        expires_at: at(ttl),
        token,
        session,
    };
    let expected = of(tokens.verify(&token).unwrap().token, 3_600, None);
    let session = SessionId::generate();
    let access = tokens.issue_session(xid, wallet, session).unwrap();
    let read = tokens.verify(&access.text).unwrap();
    assert_eq!(access.expires_at, at(900));
    assert_eq!(read, of(read.token, 900, Some(session)));
    assert_eq!(tokens.verify(&token), Ok(expected.clone()));
    assert_eq!(tokens.verify(&token), Ok(expected), "the second time it is remembered");
    assert_ne!(tokens.issue(xid, wallet).unwrap(), token, "each token has an id of its own");
}

#[test]
fn a_token_ends_to_the_second_whether_remembered_or_not() {
    let (clock, tokens) = tokens();
    let token = tokens.issue(CustomerXid(Uuid::nil()), WalletId::generate()).unwrap();
    let unused = tokens.issue(CustomerXid(Uuid::nil()), WalletId::generate()).unwrap();
    clock.0.store(START + 3_599, Ordering::Relaxed);
    assert!(tokens.verify(&token).is_ok());
    clock.0.store(START + 3_600, Ordering::Relaxed);
    assert_eq!(tokens.verify(&token), Err(Unauthorized));
    assert_eq!(tokens.verify(&token), Err(Unauthorized), "and it stays so");
    assert_eq!(tokens.verify(&unused), Err(Unauthorized));
}

#[test]
fn the_hand_made_token_of_these_tests_is_right_when_nothing_is_wrong_with_it() {
    let principal = verified(&claims()).unwrap();
    let subject =
        Subject::Customer { xid: CustomerXid(Uuid::from_u128(7)), wallet: WalletId(Uuid::from_u128(8)) };
    assert_eq!(principal.subject, subject);
}

#[test]
fn another_algorithm_is_refused_even_with_the_right_secret() {
    let (_, tokens) = tokens();
    let hs512 = json!({"typ": "JWT", "alg": "HS512"});
    assert_eq!(tokens.verify(&forged(&hs512, &claims(), hmac::HMAC_SHA512, SECRET)), Err(Unauthorized));
    for alg in ["none", "None", "NONE", "RS256", "ES256", "EdDSA", "hs256", ""] {
        let header = json!({"typ": "JWT", "alg": alg});
        let signed = forged(&header, &claims(), hmac::HMAC_SHA256, SECRET);
        assert_eq!(tokens.verify(&signed), Err(Unauthorized), "{alg}, signed");
        let unsigned = format!("{}.", signed.rsplit_once('.').unwrap().0);
        assert_eq!(tokens.verify(&unsigned), Err(Unauthorized), "{alg}, unsigned");
    }
    let without_algorithm = forged(&json!({"typ": "JWT"}), &claims(), hmac::HMAC_SHA256, SECRET);
    assert_eq!(tokens.verify(&without_algorithm), Err(Unauthorized));
}

#[test]
fn a_wrong_signature_is_refused() {
    let (_, tokens) = tokens();
    let other = forged(&hs256(), &claims(), hmac::HMAC_SHA256, "another secret of thirty-two bytes");
    assert_eq!(tokens.verify(&other), Err(Unauthorized));
    let good = forged(&hs256(), &claims(), hmac::HMAC_SHA256, SECRET);
    let (body, signature) = good.rsplit_once('.').unwrap();
    for wrong in
        [format!("{body}."), body.to_owned(), format!("{good}A"), format!("{good}."), format!(" {good}")]
    {
        assert_eq!(tokens.verify(&wrong), Err(Unauthorized), "{wrong}");
    }
    let richer = json!({"xid": Uuid::from_u128(10).to_string()});
    let swapped = format!(
        "{}.{}.{signature}",
        base64url(hs256().to_string().as_bytes()),
        base64url(richer.to_string().as_bytes())
    );
    assert_eq!(tokens.verify(&swapped), Err(Unauthorized));
}

#[test]
fn every_claim_is_needed_and_of_its_type() {
    for name in ["iss", "aud", "sub", "xid", "wallet", "scope", "iat", "exp", "jti"] {
        let mut without = claims();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(verified(&without), Err(Unauthorized), "without {name}");
        for odd in [Value::Null, json!([]), json!({}), json!(true)] {
            let mut wrong = claims();
            wrong[name] = odd.clone();
            assert_eq!(verified(&wrong), Err(Unauthorized), "{name} = {odd}");
        }
    }
}

#[test]
fn a_claim_with_another_value_is_refused() {
    let wrong = [
        ("iss", json!("wallets")),
        ("iss", json!("")),
        ("aud", json!("wallet")),
        ("aud", json!(["somebody-else"])),
        ("sub", json!(Uuid::from_u128(70).to_string())),
        ("xid", json!(Uuid::from_u128(70).to_string())),
        ("xid", json!("me")),
        ("wallet", json!("mine")),
        ("exp", json!(START)),
        ("exp", json!(START - 1)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!(i64::MAX)),
        ("exp", json!("9999999999")),
    ];
    for (name, value) in wrong {
        let mut claims = claims();
        claims[name] = value.clone();
        assert_eq!(verified(&claims), Err(Unauthorized), "{name} = {value}");
    }
}

#[test]
fn an_unknown_scope_allows_nothing() {
    for (words, expected) in [
        ("", vec![]),
        ("wallets", vec![]),
        ("WALLET", vec![]),
        ("admin wallet", vec![Scope::Wallet]),
        ("wallet wallet", vec![Scope::Wallet]),
        ("service", vec![]),
        ("service wallet", vec![Scope::Wallet]),
    ] {
        let mut claims = claims();
        claims["scope"] = json!(words);
        assert_eq!(verified(&claims).unwrap().scopes, expected, "{words}");
    }
}

#[test]
fn a_back_end_has_a_name_and_no_wallet() {
    let (_, tokens) = tokens();
    let principal = tokens.verify(&tokens.issue_service("shop").unwrap()).unwrap();
    assert_eq!(principal.subject, Subject::Service { name: "shop".to_owned() });
    assert_eq!(principal.scopes, [Scope::Service]);

    let service = |change: fn(&mut Value)| {
        let mut claims = claims();
        for name in ["xid", "wallet"] {
            claims.as_object_mut().unwrap().remove(name);
        }
        (claims["sub"], claims["scope"]) = (json!("service:shop"), json!("service"));
        change(&mut claims);
        verified(&claims)
    };
    assert_eq!(service(|_| {}).unwrap().scopes, [Scope::Service]);
    assert_eq!(service(|claims| claims["scope"] = json!("wallet")).unwrap().scopes, []);
    let wrong: [fn(&mut Value); 6] = [
        |claims| claims["sub"] = json!("service:"),
        |claims| claims["sub"] = json!("shop"),
        |claims| claims["sub"] = json!("services:shop"),
        |claims| claims["sub"] = json!(Uuid::from_u128(7).to_string()),
        |claims| claims["wallet"] = json!(Uuid::from_u128(8).to_string()),
        |claims| claims["xid"] = json!(Uuid::from_u128(7).to_string()),
    ];
    for change in wrong {
        assert_eq!(service(change), Err(Unauthorized));
    }
}

#[test]
fn what_is_no_token_at_all_is_refused() {
    let (_, tokens) = tokens();
    for text in ["", ".", "..", "...", "a.b.c", "null", "\u{0}", "ümlaut.ü.ü"] {
        assert_eq!(tokens.verify(text), Err(Unauthorized), "{text}");
    }
}

#[test]
fn a_token_that_names_an_extension_is_refused_and_so_is_one_that_does_not_hold_yet() {
    let with = |header: &Value, claims: &Value| {
        tokens().1.verify(&forged(header, claims, hmac::HMAC_SHA256, SECRET)).is_ok()
    };
    for crit in [json!(["exp"]), json!(["b64"]), json!([])] {
        let header = json!({"typ": "JWT", "alg": "HS256", "crit": crit});
        assert!(!with(&header, &claims()), "{header}");
    }
    for (nbf, holds) in [(START - 1, true), (START, true), (START + 1, false)] {
        let mut claims = claims();
        claims["nbf"] = json!(nbf);
        assert_eq!(with(&hs256(), &claims), holds, "{nbf}");
    }
}
