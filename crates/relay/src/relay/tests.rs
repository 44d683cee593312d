//! Clients that are connected while another generation takes over.
