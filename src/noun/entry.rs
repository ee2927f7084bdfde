//! A route together with its entry in the document, for generic handlers. `#[utoipa::path]` does the same for the others.

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

/// The schemas that an operation refers to, by their names.
type Schemas = Vec<(String, RefOr<Schema>)>;

/// A route, and its entry in the document.
pub struct Entry {
    resource: Resource,
    path: String,
    method: HttpMethod,
    operation: Operation,
    schemas: Schemas,
}

impl Entry {
    /// An operation with this method at this path, with its identifier and its summary.
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

    /// Adds a description; nothing if it is empty.
    pub fn about(mut self, description: &str) -> Self {
        self.operation.description = Some(description.to_owned()).filter(|text| !text.is_empty());
        self
    }

    /// Adds these parameters of the query string.
    pub fn asks<P: IntoParams>(mut self) -> Self {
        let parameters = P::into_params(|| Some(ParameterIn::Query)).into_iter().map(Into::into);
        self.operation.parameters.get_or_insert_default().extend(parameters);
        self
    }

    /// Adds the `If-Match` header. (`openapi.rs` adds it to every PATCH and DELETE.)
    pub fn locked(mut self) -> Self {
        let header = ParameterBuilder::new().name("If-Match").parameter_in(ParameterIn::Header).build();
        self.operation.parameters.get_or_insert_default().push(header.into());
        self
    }

    /// Adds this body of the request.
    pub fn takes<T: ToSchema>(mut self) -> Self {
        let content = Content::new(Some(self.named::<T>()));
        self.operation.request_body =
            Some(RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build().into());
        self
    }

    /// Adds an answer with this body.
    pub fn answers<T: ToSchema>(mut self, status: &str) -> Self {
        let content = Content::new(Some(self.named::<T>()));
        let response = ResponseBuilder::new().content("application/json", content).build();
        self.operation.responses.responses.insert(status.to_owned(), response.into());
        self
    }

    /// Adds an answer with a page of these. The page of each noun has a schema of its own.
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

    /// Adds an answer without content (204).
    pub fn answers_nothing(mut self) -> Self {
        self.operation.responses.responses.insert("204".to_owned(), ResponseBuilder::new().build().into());
        self
    }

    /// A reference to the schema of a type. The schema is added to the document, with all schemas that it refers to.
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
