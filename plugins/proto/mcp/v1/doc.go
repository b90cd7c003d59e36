// Package mcpv1 is the generated Go of the MCP provider contract. It imports
// none of the host and decides nothing; plugins/mcp gives it an order.
package mcpv1
