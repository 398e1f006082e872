//! Endpoints that no search can please: it must end all the same, and say why.
