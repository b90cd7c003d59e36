package rpc

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

var errPadding = errors.New("Invalid padding")

// decodeBase64 decodes standard base64, strictly. Its errors are in the words
// that clients know.
func decodeBase64(s string) ([]byte, error) {
	// The decoder passes over line breaks, strict or not.
	data, err := base64.StdEncoding.Strict().DecodeString(s)
	if err == nil && !strings.ContainsAny(s, "\r\n") {
		return data, nil
	}
	return nil, base64Fault(s)
}

// base64Fault says what is wrong with a text that is not base64.
func base64Fault(s string) error {
	pad := -1 // where padding begins
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '=' && pad < 0 && i%4 >= 2:
			pad = i
		case c == '=' && (pad < 0 || i%4 == 0), c != '=' && pad >= 0 && base64Digit(c):
			return badSymbol(c, i, pad)
		case c != '=' && !base64Digit(c):
			return badSymbol(c, i, -1)
		}
	}
	digits := len(s)
	if pad >= 0 {
		digits = pad
	}
	switch {
	case digits%4 == 1:
		return fmt.Errorf("Invalid input length: %d", len(s))
	case len(s)%4 != 0:
		return errPadding
	}
	return fmt.Errorf("Invalid last symbol %d, offset %d.", s[digits-1], digits-1)
}

// badSymbol blames the padding for a digit that comes after it.
func badSymbol(c byte, at, pad int) error {
	if pad >= 0 {
		c, at = '=', pad
	}
	return fmt.Errorf("Invalid symbol %d, offset %d.", c, at)
}

func base64Digit(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}
