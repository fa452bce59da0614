//! `/me`: what a customer's own page says.

use std::sync::Arc;

use poem::Request;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    api::{
        api_error::ApiError,
        auth::{Attempt, Customer},
        body::{Body, Fields, FromFields},
        catalogue::Code,
        document::{
            BODY, OperationDoc, SIGNED_IN, Tag, sample,
            samples::{self, CUSTOMER},
        },
        envelope::Answer,
        scalars::{AnyText, ApiTimestamp, NewPassword},
    },
    identity::{DisplayName, Language, Password, Profile, ProfileChange, Users},
};

/// What is changed; what is left out stays.
#[derive(Object)]
pub struct ProfileRequest {
    /// The name that others see beside a payment.
    name: Option<DisplayName>,
    language: Option<Language>,
    /// The next password; needs `old_password`.
    password: Option<NewPassword>,
    old_password: Option<AnyText>,
}

impl FromFields for ProfileRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (name, language) = (fields.optional("name"), fields.optional("language"));
        let password = fields.optional("password");
        let old_password = if password.is_some() {
            Some(fields.required("old_password")?)
        } else {
            fields.optional("old_password")
        };
        Some(Self { name, language, password, old_password })
    }
}

/// A customer, as he sees himself. One who does not sign in has no address, name and language.
#[derive(Object, Serialize)]
struct OwnProfile {
    customer_xid: Uuid,
    #[oai(nullable)]
    email: Option<String>,
    email_verified: bool,
    #[oai(nullable)]
    name: Option<String>,
    #[oai(nullable)]
    language: Option<String>,
    #[oai(nullable)]
    signed_up_at: Option<ApiTimestamp>,
}

/// The customer.
#[derive(Object, Serialize)]
pub struct OwnProfileData {
    me: OwnProfile,
}

impl From<Profile> for OwnProfileData {
    fn from(Profile { xid, user }: Profile) -> Self {
        let mut me = OwnProfile {
            customer_xid: xid.0,
            email: None,
            email_verified: false,
            name: None,
            language: None,
            signed_up_at: None,
        };
        if let Some(user) = user {
            me.email_verified = user.is_email_verified;
            me.signed_up_at = Some(ApiTimestamp(user.signed_up_at));
            (me.email, me.name, me.language) = (Some(user.email), user.name, user.language);
        }
        Self { me }
    }
}

/// The operations.
pub struct MeApi {
    pub users: Arc<dyn Users>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::People")]
impl MeApi {
    /// Who the token is of
    ///
    /// A customer who does not sign in has no address, name and language.
    #[oai(path = "/me", method = "get", operation_id = "get_me")]
    async fn get_me(&self, customer: Customer) -> Result<Answer<200, OwnProfileData>, ApiError> {
        Ok(Answer(self.users.profile(customer.xid).await?.into()))
    }

    /// Change name, language or password
    ///
    /// With another password every session ends, this one too, and every token that was issued before is refused: sign in again.
    #[oai(path = "/me", method = "patch", operation_id = "change_me")]
    async fn change_me(
        &self,
        customer: Customer,
        request: &Request,
        body: Body<ProfileRequest>,
    ) -> Result<Answer<200, OwnProfileData>, ApiError> {
        let ProfileRequest { name, language, password, old_password } = body.0;
        let attempt = if password.is_some() { Attempt::to_sign_in(request)? } else { Attempt::of(request)? };
        let old = old_password.and_then(|text| Password::typed(&text.0));
        let password = password.map(|new| (old, new.0));
        let change = ProfileChange { name, language, password };
        Ok(Answer(attempt.settle(self.users.change(customer.xid, change).await)?.into()))
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    let me = |name: &str| OwnProfileData {
        me: OwnProfile {
            customer_xid: samples::id(CUSTOMER),
            email: Some("ada@example.com".to_owned()),
            email_verified: true,
            name: Some(name.to_owned()),
            language: Some("en".to_owned()),
            signed_up_at: Some(samples::timestamp()),
        },
    };
    vec![
        OperationDoc {
            id: "get_me",
            codes: &[SIGNED_IN, &[Code::Unavailable]],
            request: None,
            answer: sample(&me("Ada Obi")),
        },
        OperationDoc {
            id: "change_me",
            codes: &[
                SIGNED_IN,
                BODY,
                &[Code::NotFound, Code::Overloaded, Code::Unavailable, Code::OutcomeUnknown],
            ],
            request: Some(json!({"name": "Ada O."})),
            answer: sample(&me("Ada O.")),
        },
    ]
}
