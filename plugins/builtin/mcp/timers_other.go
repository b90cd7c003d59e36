//go:build !linux

package mcp

func exactTimers() {}
