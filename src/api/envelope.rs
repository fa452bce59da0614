//! The JSend envelope of what went well: `{"status":"success","data":{…}}`.

use poem::{IntoResponse, Response, http::StatusCode};
use poem_openapi::{
    ApiResponse, Enum, Object,
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::{ParseFromJSON, ToJSON, Type},
};
use serde::Serialize;

use super::{
    api_error::ApiError,
    headers::{REPLAYED, WALLET_VERSION, YES},
};

/// The only status of a success.
#[derive(Enum)]
#[oai(rename_all = "lowercase")]
enum SuccessStatus {
    Success,
}

// The envelope in the OpenAPI document; `Envelope` is what is written.
/// JSend `success`.
#[derive(Object)]
struct Success<T: ParseFromJSON + ToJSON + Type> {
    status: SuccessStatus,
    data: T,
}

/// The envelope itself.
#[derive(Serialize)]
struct Envelope<'a, T> {
    status: &'static str,
    data: &'a T,
}

/// A success that is not about a wallet.
pub struct Answer<const STATUS: u16, T>(pub T);

/// A success about a wallet at a version, which `Wallet-Version` names.
pub struct WalletAnswer<const STATUS: u16, T> {
    pub data: T,
    pub version: i64,
}

/// A command was executed, or previewed; `Wallet-Version` is the version after it.
pub struct PostedAnswer<const STATUS: u16, T> {
    pub data: T,
    pub version: i64,
    /// It is the stored response to an earlier request with the same key.
    pub replayed: bool,
    /// Nothing was booked: 200, whatever `STATUS` says.
    pub is_dry_run: bool,
}

impl<const STATUS: u16, T: Serialize> IntoResponse for PostedAnswer<STATUS, T>
where
    T: Send,
{
    fn into_response(self) -> Response {
        let mut response = success(if self.is_dry_run { 200 } else { STATUS }, &self.data);
        response.headers_mut().insert(WALLET_VERSION, self.version.into());
        if self.replayed {
            response.headers_mut().insert(REPLAYED, YES);
        }
        response
    }
}

impl<const STATUS: u16, T: ParseFromJSON + ToJSON> ApiResponse for PostedAnswer<STATUS, T> {
    fn meta() -> MetaResponses {
        let replayed = MetaHeader {
            name: "Idempotency-Replayed".to_owned(),
            description: Some(
                "`true`: the stored response to an earlier request with this Idempotency-Key.".to_owned(),
            ),
            required: false,
            deprecated: false,
            schema: bool::schema_ref(),
        };
        described::<T>(STATUS, vec![wallet_version(), replayed])
    }

    fn register(registry: &mut Registry) {
        Success::<T>::register(registry);
    }
}

impl<const STATUS: u16, T: Serialize> IntoResponse for Answer<STATUS, T>
where
    T: Send,
{
    fn into_response(self) -> Response {
        success(STATUS, &self.0)
    }
}

impl<const STATUS: u16, T: Serialize> IntoResponse for WalletAnswer<STATUS, T>
where
    T: Send,
{
    fn into_response(self) -> Response {
        let mut response = success(STATUS, &self.data);
        response.headers_mut().insert(WALLET_VERSION, self.version.into());
        response
    }
}

impl<const STATUS: u16, T: ParseFromJSON + ToJSON> ApiResponse for Answer<STATUS, T> {
    fn meta() -> MetaResponses {
        described::<T>(STATUS, vec![])
    }

    fn register(registry: &mut Registry) {
        Success::<T>::register(registry);
    }
}

impl<const STATUS: u16, T: ParseFromJSON + ToJSON> ApiResponse for WalletAnswer<STATUS, T> {
    fn meta() -> MetaResponses {
        described::<T>(STATUS, vec![wallet_version()])
    }

    fn register(registry: &mut Registry) {
        Success::<T>::register(registry);
    }
}

fn wallet_version() -> MetaHeader {
    MetaHeader {
        name: "Wallet-Version".to_owned(),
        description: Some("The wallet's version that this answer shows.".to_owned()),
        required: true,
        deprecated: false,
        schema: i64::schema_ref(),
    }
}

fn success<T: Serialize>(status: u16, data: &T) -> Response {
    let mut body = Vec::with_capacity(512);
    if let Err(error) = serde_json::to_writer(&mut body, &Envelope { status: "success", data }) {
        return poem::Error::from(ApiError::internal(error.to_string())).into_response();
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    Response::builder().status(status).content_type("application/json").body(body)
}

fn described<T: ParseFromJSON + ToJSON>(status: u16, headers: Vec<MetaHeader>) -> MetaResponses {
    let content =
        vec![MetaMediaType { content_type: "application/json", schema: Success::<T>::schema_ref() }];
    let description = if status == 201 { "Done" } else { "Success" };
    MetaResponses {
        responses: vec![MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content,
            headers,
        }],
    }
}
