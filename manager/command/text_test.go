package command

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		data string
		cut  bool
		want string
	}{
		{"", false, ""},
		{"plain", true, "plain"},
		{"h\xc3\xa9", false, "hé"},
		{"\xffx", false, "ÿx"},
		{"h\xc3\xa9 \x93q\x94 \x80", false, "hé “q” €"},
		{"h\xc3", false, "hÃ"},
		{"h\xc3", true, "h"},
		{"\xf0\x9f\x98", true, ""},
		{"\xf0\x9f\x98\x80", true, "😀"},
		{"a\xff", true, "aÿ"},
		{"\x80\x80", true, "€€"},
		{"a\xef\xbf\xbdb", false, "a\uFFFDb"},
		{"nul\x00", false, "nul\x00"},
	} {
		if got := (Kept{[]byte(c.data), c.cut}).Text(); got != c.want {
			t.Errorf("%q, cut %v: %q, want %q", c.data, c.cut, got, c.want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("h\xc3\xa9 \xff\x93"), true)
	f.Fuzz(func(t *testing.T, data []byte, cut bool) {
		text := Kept{data, cut}.Text()
		if !utf8.ValidString(text) {
			t.Fatalf("%q is not UTF-8", text)
		}
		if utf8.Valid(data) && text != string(data) {
			t.Fatalf("%q became %q", data, text)
		}
		if !cut && utf8.RuneCountInString(text) != utf8.RuneCount(data) || strings.Contains(text, "\uFFFD") && !strings.Contains(string(data), "\uFFFD") {
			t.Fatalf("%q became %q", data, text)
		}
	})
}
