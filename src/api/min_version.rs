//! `Min-Wallet-Version`: the oldest version that a reader accepts.

use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef},
};

use super::{
    api_error::{ApiError, Detail},
    catalogue::Code,
    headers::MIN_WALLET_VERSION,
};

/// `Min-Wallet-Version`: a read is never answered from an older state.
pub struct MinWalletVersion(pub Option<i64>);

impl MinWalletVersion {
    fn read(request: &Request) -> Result<Self, ApiError> {
        let mut values = request.headers().get_all(MIN_WALLET_VERSION).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let version = value.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let version = version.and_then(|text| text.parse().ok()).filter(|_| values.next().is_none());
        version.map(|version| Self(Some(version))).ok_or_else(|| {
            let rule = "Min-Wallet-Version must be one integer, 0 or more";
            ApiError::new(Code::InvalidHeader, Detail::Message(rule))
        })
    }
}

impl<'a> ApiExtractor<'a> for MinWalletVersion {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    type ParamType = i64;
    type ParamRawType = i64;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let schema = MetaSchema { minimum: Some(0.0), ..MetaSchema::new_with_format("integer", "int64") };
        Some(MetaSchemaRef::Inline(Box::new(schema)))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<i64>,
    ) -> poem::Result<Self> {
        Ok(Self::read(request)?)
    }
}
