package rpc

import (
	strict "encoding/base64"
	"fmt"

	"github.com/segmentio/asm/base64"
)

// A notBase64 says what is wrong with a text, in the words that clients know.
type notBase64 string

func (f notBase64) Error() string { return string(f) }

// decodeBase64 decodes standard base64, strictly. Its error is a notBase64.
func decodeBase64(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	if len(s)%4 != 0 {
		return nil, notBase64(base64Fault(s))
	}
	// Only the last digits may be padding, or too many bits. The decoders pass over
	// line breaks, but not in silence: they make less of the text then.
	bulk, last := s[:len(s)-4], s[len(s)-4:]
	data, err := base64.RawStdEncoding.DecodeString(bulk)
	if err != nil || len(data) != len(bulk)/4*3 {
		return nil, notBase64(base64Fault(s))
	}
	end, err := strict.StdEncoding.Strict().DecodeString(last)
	if err != nil || len(end) == 0 {
		return nil, notBase64(base64Fault(s))
	}
	return append(data, end...), nil
}

// base64Fault says what is wrong with a text that is not base64.
func base64Fault(s string) string {
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
		return fmt.Sprintf("Invalid input length: %d", len(s))
	case len(s)%4 != 0:
		return "Invalid padding"
	}
	return fmt.Sprintf("Invalid last symbol %d, offset %d.", s[digits-1], digits-1)
}

// badSymbol blames the padding for a digit that comes after it.
func badSymbol(c byte, at, pad int) string {
	if pad >= 0 {
		c, at = '=', pad
	}
	return fmt.Sprintf("Invalid symbol %d, offset %d.", c, at)
}

func base64Digit(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}
