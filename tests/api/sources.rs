//! The facts of the five documents, asked as questions over HTTP.
