// Package mcp is the provider that ships inside the binary: it runs the MCP
// servers of the configuration, over stdio or streamable HTTP, on the official
// SDK, in a plugin process of its own.
//
// It owns the servers' processes. Each leads a process group; on Linux it dies
// with this process, whose end in turn follows from that of the host. It must
// not know threads, approvals or names for models, and it looks nothing up in
// its own environment: a server gets what its settings say.
//
// What the SDK cannot do for us it does not do. It drops members that it does
// not know, refuses results with a content type that it does not know, and ends
// the session at the first line that is no message; servers do all three. So a
// connection of ours stands between it and the pipe: the SDK shakes hands and
// keeps the session, calls and what they bring pass beside it, untouched.
//
// A slow or deaf server delays its own calls only. Whatever a server writes is
// bounded: a line by the contract's payload, its stderr and its noise by what
// is kept of them.
package mcp
