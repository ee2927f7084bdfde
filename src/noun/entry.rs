//! A route together with its entry in the document, for handlers that are generic: what `#[utoipa::path]` does for the others.

use actix_web::{
    Handler, Resource, Responder,
    dev::{AppService, HttpServiceFactory},
    guard,
    http::Method,
};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        Content, HttpMethod, Ref, RefOr, Required, ResponseBuilder, Schema,
        path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, Paths, PathsBuilder},
        request_body::RequestBodyBuilder,
        schema::{ArrayItems, Object},
    },
};
use utoipa_actix_web::OpenApiFactory;

use crate::http::Page;

/// The schemas that an operation names.
type Schemas = Vec<(String, RefOr<Schema>)>;

/// A route, and what the document says of it.
pub struct Entry {
    resource: Resource,
    path: String,
    method: HttpMethod,
    operation: Operation,
    schemas: Schemas,
}

impl Entry {
    /// The operation of this method at this path, with its identifier and a sentence that says what it does.
    pub fn new<F, Args>(method: Method, path: String, id: String, summary: String, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder + 'static>,
        Args: actix_web::FromRequest + 'static,
    {
        let documented = match method {
            Method::POST => HttpMethod::Post,
            Method::PATCH => HttpMethod::Patch,
            Method::DELETE => HttpMethod::Delete,
            _ => HttpMethod::Get,
        };
        let operation = OperationBuilder::new().operation_id(Some(id)).summary(Some(summary)).build();
        let resource = Resource::new(path.as_str()).guard(guard::Method(method)).to(handler);
        Self { resource, path, method: documented, operation, schemas: Vec::new() }
    }

    /// Says more of it than its summary; nothing where there is nothing.
    pub fn about(mut self, description: &str) -> Self {
        self.operation.description = Some(description.to_owned()).filter(|text| !text.is_empty());
        self
    }

    /// Takes these parameters in its query string.
    pub fn asks<P: IntoParams>(mut self) -> Self {
        let parameters = P::into_params(|| Some(ParameterIn::Query)).into_iter().map(Into::into);
        self.operation.parameters.get_or_insert_default().extend(parameters);
        self
    }

    /// Takes the version that is meant in `If-Match`. (Of PATCH and DELETE, `openapi.rs` knows.)
    pub fn locked(mut self) -> Self {
        let header = ParameterBuilder::new().name("If-Match").parameter_in(ParameterIn::Header).build();
        self.operation.parameters.get_or_insert_default().push(header.into());
        self
    }

    /// Takes this body.
    pub fn takes<T: ToSchema>(mut self) -> Self {
        let content = Content::new(Some(self.named::<T>()));
        self.operation.request_body =
            Some(RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build().into());
        self
    }

    /// Answers with this body.
    pub fn answers<T: ToSchema>(mut self, status: &str) -> Self {
        let content = Content::new(Some(self.named::<T>()));
        let response = ResponseBuilder::new().content("application/json", content).build();
        self.operation.responses.responses.insert(status.to_owned(), response.into());
        self
    }

    /// Answers with a page of these. A page of each noun has a schema of its own.
    pub fn answers_page<T: ToSchema>(mut self) -> Self {
        let name = format!("Page_{}", T::name());
        let rows = self.named::<T>();
        let mut page = Page::<T>::schema();
        if let RefOr::T(Schema::Object(Object { properties, .. })) = &mut page
            && let Some(RefOr::T(Schema::Array(data))) = properties.get_mut("data")
        {
            data.items = ArrayItems::RefOrSchema(Box::new(rows));
        }
        Page::<T>::schemas(&mut self.schemas);
        self.schemas.push((name.clone(), page));
        let response = ResponseBuilder::new().content("application/json", Content::new(Some(Ref::from_schema_name(name)))).build();
        self.operation.responses.responses.insert("200".to_owned(), response.into());
        self
    }

    /// Answers with nothing but that it is done.
    pub fn answers_nothing(mut self) -> Self {
        self.operation.responses.responses.insert("204".to_owned(), ResponseBuilder::new().build().into());
        self
    }

    /// A reference to the schema of a type, which is added with all that it names.
    fn named<T: ToSchema>(&mut self) -> RefOr<Schema> {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
        Ref::from_schema_name(T::name()).into()
    }
}

impl HttpServiceFactory for Entry {
    fn register(self, config: &mut AppService) {
        self.resource.register(config);
    }
}

impl OpenApiFactory for Entry {
    fn paths(&self) -> Paths {
        PathsBuilder::new().path(self.path.as_str(), PathItem::new(self.method.clone(), self.operation.clone())).build()
    }

    fn schemas(&self, schemas: &mut Schemas) {
        schemas.extend(self.schemas.iter().cloned());
    }
}
