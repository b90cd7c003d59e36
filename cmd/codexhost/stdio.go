package main

import (
	"os"
)

// shieldStdio takes stdin and stdout away from everybody else: what a library
// prints goes to stderr, and what reads stdin gets nothing, so that the frames of
// the protocol are alone on both.
func shieldStdio() (in, out *os.File) {
	in, out = os.Stdin, os.Stdout
	os.Stdout = os.Stderr
	null, err := os.Open(os.DevNull)
	if err != nil {
		null = nil // reading it then fails, which is as good
	}
	os.Stdin = null
	return in, out
}
